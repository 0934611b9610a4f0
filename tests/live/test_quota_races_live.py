"""Three replicas that are asked for more than a project may have, all at the same moment."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from dicot.names import SYSTEM_NAMESPACE
from tests.cluster.control import SOON
from tests.length import TIMEOUT
from tests.live.case import Spoken, image_id, kubernetes, new_server
from tests.live.daemon import DAEMON, Daemon
from tests.live.estate import LEDGERS, survey
from tests.live.wire import Heard, Person, logged_in, side_by_side

SERVERS = "/compute/v2.1/servers"
GROUPS = "/compute/v2.1/os-server-groups"
KEYS = "/compute/v2.1/os-keypairs"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8tN0Q1Zyl3VvJkSTjDbJ4OeyDcQTIRY8zJj0ZnS0lY somebody"
QUOTAS = "/api/v1/namespaces/demo/resourcequotas"
LATEST = {"OpenStack-API-Version": "compute 2.64"}
REPLICAS = 3
ROUNDS = 3
ASKED = 5
"""Requests to each replica in a round."""
CORES = {"1": 1, "3": 2, "4": 4}
"""Processors of m1.tiny, m1.medium and m1.large, by id."""


class QuotaRaceTests(TestCase):
    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        ground = await DAEMON.ground(reactor)
        self.cluster = kubernetes(self, ground.access)
        self.mark = uuid4().hex[:6]
        daemons = [await self.replica() for _ in range(REPLICAS)]
        demo = await logged_in(reactor, daemons[0].url, "demo", ground.passwords["demo"])
        self.people = [demo.at(daemon.url) for daemon in daemons]
        self.project = demo.project
        self.image = await image_id(demo, "cirros-live")
        self.addCleanup(lambda: Deferred.fromCoroutine(self.grant()))

    async def replica(self) -> Daemon:
        daemon = await DAEMON.own(reactor, self)
        spoken = Spoken(daemon.log)
        self.addCleanup(lambda: self.assertEqual(spoken.tracebacks(), []))
        return daemon

    async def grant(self, **amounts: int) -> None:
        """Gives the project amounts of its own, and waits until every replica knows them; without any takes them."""
        if not amounts:
            await self.cluster.change("DELETE", f"{QUOTAS}/dicot", also=(404,))
            return
        meta = {"name": "dicot", "annotations": {"dicot.io/quota": json.dumps(amounts)}}
        await self.cluster.apply(QUOTAS, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {}})

        async def known() -> bool:
            shown = [(await self.detail(person)) for person in self.people]
            return all(found[name]["limit"] == amount for found in shown for name, amount in amounts.items())

        await self.cluster.until(SOON, "all replicas to know the amounts", known)

    async def detail(self, person: Person) -> dict[str, Any]:
        answer = await person.ask("GET", f"/compute/v2.1/os-quota-sets/{self.project}/detail")
        found: dict[str, Any] = answer.document["quota_set"]
        return found

    async def used(self, name: str) -> int:
        """What all replicas say is used, once they agree and the Ledger names nothing that is gone.

        The replicas are new: what came and went before them they know of only by the Ledger.
        """
        agreed: set[int] = set()

        async def settled() -> bool:
            nonlocal agreed
            estate = await survey(self.cluster, "demo")
            agreed = {(await self.detail(person))[name]["in_use"] for person in self.people}
            return len(agreed) == 1 and estate.entries.keys() <= estate.machines.keys()

        await self.cluster.until(90, f"replicas to agree on {name}", settled)
        [found] = agreed
        return found

    async def forgotten(self, namespace: str) -> None:
        """Wait until the Ledger names nothing there: what came and went under others counts for a minute."""

        async def seen() -> bool:
            ledgers = (await self.cluster.get(LEDGERS))["items"]
            entries = [entry for ledger in ledgers for entry in ledger["spec"].get("entries", ())]
            return all(entry["commit"].get("namespace") != namespace for entry in entries)

        await self.cluster.until(SOON, f"the Ledger to forget what was in {namespace}", seen)

    async def fire(self, flavors: list[str], round: int) -> list[tuple[str, Heard]]:
        """One request for each of the flavors to each replica, all at once: the flavor and the answer."""
        asked = [(person, flavor) for flavor in flavors for person in self.people]
        answers = await side_by_side(
            *(
                person.ask("POST", SERVERS, new_server(f"q{self.mark}r{round}n{place}", self.image, flavorRef=flavor))
                for place, (person, flavor) in enumerate(asked)
            )
        )
        return [(flavor, answer) for (_, flavor), answer in zip(asked, answers, strict=True)]

    async def remove(self, fired: list[tuple[str, Heard]]) -> None:
        """Deletes what was made, at one replica after the other; nothing of it stays."""
        made = [answer.document["server"]["id"] for _, answer in fired if answer.code == 202]
        for place, id in enumerate(made):
            answer = await self.people[place % REPLICAS].ask("DELETE", f"{SERVERS}/{id}")
            self.assertEqual(answer.code, 204, str(answer))

        async def gone() -> bool:
            estate = await survey(self.cluster, "demo")
            return not any(id in estate.machines or estate.of(id) for id in made)

        await self.cluster.until(SOON, "nothing to be left", gone)

    async def test_as_many_servers_as_fit_and_none_more(self) -> None:
        for round in range(ROUNDS):
            room = 1 + 2 * round
            await self.grant(instances=await self.used("instances") + room, cores=-1, ram=-1)
            fired = await self.fire(["1"] * ASKED, round)
            codes = sorted(answer.code for _, answer in fired)
            self.assertEqual(codes, [202] * room + [403] * (REPLICAS * ASKED - room), str(fired))
            refused = {answer.document["forbidden"]["message"] for _, answer in fired if answer.code == 403}
            self.assertTrue(all(text.startswith("Quota exceeded for instances: ") for text in refused), str(refused))
            await self.remove(fired)

    async def test_no_server_is_refused_that_fits(self) -> None:
        """Of servers of several sizes: what remains at the end is too little for the smallest that was refused."""
        before = await self.used("cores")
        await self.grant(cores=before + 11, instances=-1, ram=-1)
        fired = await self.fire(["4", "1", "3", "1", "4"], 9)
        taken = sum(CORES[flavor] for flavor, answer in fired if answer.code == 202)
        refused = [CORES[flavor] for flavor, answer in fired if answer.code == 403]
        self.assertEqual({answer.code for _, answer in fired}, {202, 403}, str(fired))
        self.assertLessEqual(taken, 11, str(fired))
        self.assertGreater(taken + min(refused), 11, str(fired))
        self.assertEqual(await self.used("cores"), before + taken)
        await self.remove(fired)

    async def test_as_many_groups_as_fit(self) -> None:
        await self.grant(server_groups=await self.used("server_groups") + 2)
        body = {"server_group": {"name": f"q{self.mark}", "policy": "affinity"}}
        answers = await side_by_side(
            *(person.ask("POST", GROUPS, body, LATEST) for person in self.people for _ in range(ASKED))
        )
        codes = sorted(answer.code for answer in answers)
        self.assertEqual(codes, [200] * 2 + [403] * (REPLICAS * ASKED - 2), str(answers))
        refused = {answer.document["forbidden"]["message"] for answer in answers if answer.code == 403}
        self.assertEqual(refused, {"Quota exceeded, too many server groups."})
        for answer in answers:
            if answer.code == 200:
                id = answer.document["server_group"]["id"]
                self.assertEqual((await self.people[0].ask("DELETE", f"{GROUPS}/{id}")).code, 204)
        self.assertEqual(await self.used("server_groups"), 0)

    async def test_as_many_keypairs_as_fit(self) -> None:
        """They are counted by user, and lie in nobody's project."""
        await self.forgotten(SYSTEM_NAMESPACE)
        mine = (await self.people[0].ask("GET", KEYS)).document["keypairs"]
        await self.grant(key_pairs=len(mine) + 2)
        asked = [(person, f"q{self.mark}n{number}") for number in range(ASKED) for person in self.people]
        bodies = [{"keypair": {"name": f"{name}{person.url[-5:]}", "public_key": KEY}} for person, name in asked]
        answers = await side_by_side(
            *(person.ask("POST", KEYS, body) for (person, _), body in zip(asked, bodies, strict=True))
        )
        codes = sorted(answer.code for answer in answers)
        self.assertEqual(codes, [201] * 2 + [403] * (REPLICAS * ASKED - 2), str(answers))
        refused = {answer.document["forbidden"]["message"] for answer in answers if answer.code == 403}
        self.assertEqual(refused, {"Quota exceeded, too many key pairs."})
        for answer in answers:
            if answer.code == 201:
                name = answer.document["keypair"]["name"]
                self.assertEqual((await self.people[0].ask("DELETE", f"{KEYS}/{name}")).code, 204)
