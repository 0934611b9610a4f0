"""What fails for a while, again and again, set by a test: nodes that fall silent and are back, Pods that are refused
for a quota.

It runs on the real programs and on the sandbox.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from dicot.sandbox.marks import BACK, FAULT, LOST
from dicot.sandbox.nodes.machines import TWO
from dicot.sandbox.nodes.odds import NODES_AT
from tests.cluster.control import SOON
from tests.cluster.history import history
from tests.cluster.objects import Document, named
from tests.contract_odds import Case, phase
from tests.live.seen.objects import machine

NODES = "/api/v1/nodes"
OFTEN = 3


def is_lost(node: Document) -> bool:
    notes: Document = node["metadata"].get("annotations", {})
    return bool(notes.get(FAULT) == LOST)


def falls(states: Iterable[Document]) -> int:
    """How often a node was lost, of all that it has been."""
    return sum(is_lost(new) and not is_lost(old) for old, new in pairwise(states))


def pod(name: str, **spec: object) -> Document:
    containers = [{"name": "c", "image": "none"}]
    return named("Pod", name, None, spec={"containers": containers, "automountServiceAccountToken": False, **spec})


class LostTests(Case):
    async def test_nodes_are_lost_and_back_by_chance(self) -> None:
        there = await self.control.get(NODES)
        data = {"mark": LOST, "chance": "0.5", "seed": "8", "every": "1", "lasts": "2", "times": str(OFTEN)}
        path = await self.odds(f"falls-{self.namespace}", NODES_AT, **data)
        await self.counted(path, OFTEN)

        async def all_back() -> bool:
            states = defaultdict(list)
            for found in (*there["items"], *await self.since(there)):
                states[found["metadata"]["name"]].append(found)
            lost = [name for name, each in states.items() if is_lost(each[-1])]
            return not lost and sum(map(falls, states.values())) == OFTEN

        await self.control.until(SOON, f"{OFTEN} falls, and all nodes back", all_back)

    async def since(self, there: Document) -> list[Document]:
        """What nodes have been since then."""
        return [each.object for each in await history(self.control, NODES, there["metadata"]["resourceVersion"])]

    async def test_nothing_starts_on_a_node_until_it_is_back(self) -> None:
        node = TWO[1].name
        data = {"mark": LOST, "every": "1", "lasts": "4", "name": node}
        await self.odds(f"silence-{self.namespace}", NODES_AT, **data)
        lost = await self.becomes(f"{NODES}/{node}", "lost", is_lost)
        await self.make(pod("late", nodeName=node))
        self.addCleanup(self.removed, f"{self.core}/pods/late?gracePeriodSeconds=0")
        late = await self.becomes(f"{self.core}/pods/late", "Running", lambda found: phase(found) == "Running")
        started = datetime.fromisoformat(late["status"]["startTime"])
        back = datetime.fromisoformat(lost["metadata"]["annotations"][BACK])
        self.assertGreaterEqual(started, back.replace(microsecond=0))

    async def test_odds_of_nodes_are_not_everybodys(self) -> None:
        path = await self.odds("silence", mark=LOST, every="1", lasts="1")
        await self.counted(path, f"nodes are lost by odds in namespace {NODES_AT}")


class QuotaTests(Case):
    async def tried(self, is_accepted: bool) -> str:
        """Try to make Pods until one is accepted, or refused: what is said then."""
        said: list[str] = []

        async def seen() -> bool:
            answer = await self.offer(pod(f"p{self.count}"))
            self.count += 1
            said[:] = [answer.document.get("message", "")]
            return answer.ok is is_accepted

        await self.control.until(SOON, "accepted" if is_accepted else "refused", seen)
        return said[0]

    async def test_pods_are_refused_for_a_while(self) -> None:
        self.count = 0
        path = await self.odds("full", mark="quota", every="3", lasts="5")
        await self.make(machine("m"))
        for _ in range(2):
            self.assertRegex(
                await self.tried(is_accepted=False),
                r'^pods "p[0-9]+" is forbidden: exceeded quota: odds-full, requested: pods=1, '
                r"used: pods=[0-9]+, limited: pods=0$",
            )
            await self.tried(is_accepted=True)
        await self.removed(path)
        await self.vanishes(f"{self.core}/resourcequotas/odds-full")
        await self.tried(is_accepted=True)
        await self.shows("m", "Running")
