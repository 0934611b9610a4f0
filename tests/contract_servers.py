"""What Dicot makes of the bodies of new servers: the real virt-api takes all of it, or Dicot has refused the body.

The bodies are made by chance from a seed (tests/compute/bodies), and each object is offered as a dry run, which goes
through the whole of admission. 300 of them, with ``DICOT_LONG`` 10,000 on the real programs; ``DICOT_SEED`` makes the
same ones again.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from twisted.internet.defer import Deferred

from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE
from dicot.cloud.kinds.storage import DATA_SOURCE
from dicot.cloud.plan import Create, Plan
from dicot.compute.server.wish import CREATES, NewServer
from dicot.faults import Fault
from dicot.names import IMAGES_NAMESPACE
from tests.chance import SEED
from tests.cluster.control import UNREACHABLE, Answer
from tests.cluster.objects import Document, named
from tests.cluster.shared import is_sandbox
from tests.compute.bodies.asked import MINORS
from tests.compute.bodies.bodies import Maker
from tests.compute.bodies.compared import shorter
from tests.compute.bodies.ours import THINGS, decoded, flavors, planned
from tests.compute.server.objects import NAMESPACE
from tests.compute.server.world import ADMIN, MEMBER
from tests.length import IS_LONG, TIMEOUT
from tests.live.seen.stage import SeenTestCase
from tests.live.wire import side_by_side

WANTED = 10_000 if IS_LONG and not is_sandbox() else 300
FLAVORS = "/apis/instancetype.kubevirt.io/v1beta1/virtualmachineclusterinstancetypes"
DRY = "?dryRun=All&fieldValidation=Strict"
AT_ONCE = 4
TRIES = 3
Body = tuple[int, Any, bool]


def bodies() -> Iterator[Body]:
    """New servers without end, at any version: of all kinds in turn."""
    makers = {minor: Maker("create", minor, f"{SEED}/admitted") for minor in MINORS}
    chance = random.Random(f"{SEED}/minors")
    while True:
        minor = chance.choice(MINORS)
        for make in (makers[minor].modest, makers[minor].with_devices, makers[minor].fitting):
            yield minor, make(), chance.random() < 0.5


def accepted_of(asked: Iterable[Body], counts: Counter[str], wrong: list[str]) -> Iterator[tuple[Plan, Body]]:
    """The plans of as many bodies as are wanted, each made when it is asked for; refusals are counted."""
    for minor, body, is_admin in asked:
        try:
            wanted: NewServer = decoded(CREATES, minor, body)
            plans = planned(wanted, ADMIN if is_admin else MEMBER)
        except Fault as fault:
            counts["refused"] += 1
            if not 400 <= fault.code < 500:
                wrong.append(f"{fault.code} {fault.message}: {shorter(body)}")
            continue
        counts["accepted"] += 1
        yield plans[-1], (minor, body, is_admin)
        if counts["accepted"] == WANTED:
            return


class NewServerTests(SeenTestCase):
    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        for flavor in flavors():
            name, notes = flavor["metadata"]["name"], flavor["metadata"]["annotations"]
            self.addCleanup(self.removed, name)
            kind = {"apiVersion": CLUSTER_INSTANCETYPE.api_version, "kind": CLUSTER_INSTANCETYPE.singular}
            await self.control.apply(FLAVORS, {**kind, **flavor, "metadata": {"name": name, "annotations": notes}})
        for id in THINGS["images"]:
            # CDI looks for the image of a volume at once.
            source = {"source": {"pvc": {"name": f"image-{id}", "namespace": self.namespace}}}
            await self.make(named("DataSource", f"image-{id}", None, DATA_SOURCE.api_version, spec=source))

    def removed(self, flavor: str) -> Deferred[Answer]:
        return Deferred.fromCoroutine(self.control.ask("DELETE", f"{FLAVORS}/{flavor}"))

    async def test_all_that_dicot_accepts_is_admitted(self) -> None:
        counts, wrong = Counter[str](), list[str]()
        accepted = accepted_of(bodies(), counts, wrong)

        async def work() -> None:
            for plan, asked in accepted:
                await self.tried(plan, asked, wrong)

        await side_by_side(*(work() for _ in range(AT_ONCE)))
        print(f"\n{dict(counts)} of seed {SEED}, {len(wrong)} wrong", flush=True)
        self.assertEqual(len(wrong), 0, "\n".join((f"{len(wrong)} of {counts}, DICOT_SEED={SEED}", *wrong[:3])))
        self.assertGreater(counts["refused"], WANTED // 10, counts)

    async def tried(self, plan: Plan, asked: Body, wrong: list[str]) -> None:
        """Offers all objects of a plan."""
        assert isinstance(plan.commit, Create)
        for step in (*plan.pending, plan.commit):
            answer = await self.answered(moved(step.body, self.namespace))
            if answer is None or answer.status != 201 or answer.warnings:
                wrong.append(f"{answer}: {shorter(asked)}")

    async def answered(self, document: Document) -> Answer | None:
        """What admission says, at the third try at the latest: a webhook that was not reached has not answered."""
        for _ in range(TRIES):
            try:
                answer = await self.offer(document, DRY)
            except UNREACHABLE:
                continue
            if not answer.is_unheard:
                return answer
        return None


def moved(document: Document, namespace: str) -> Document:
    """The same object in another namespace, with all that it refers to."""
    text = json.dumps(document)
    for old in (IMAGES_NAMESPACE, NAMESPACE):
        text = text.replace(f'"namespace": "{old}"', f'"namespace": "{namespace}"')
    found: Document = json.loads(text)
    return found
