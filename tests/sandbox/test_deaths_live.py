"""Every write, and a replica killed with -9 before and after each of its steps: it is done or it is not, once.

Some of these deaths, drawn by chance, on every day, and all of them in a long run.

What a crash leaves is cleared away within a minute of the API server's time, which is put forward.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.chance import SEED
from tests.sandbox.arena import Arena
from tests.sandbox.deaths import SETTLED, WRITES, Death, Deaths, registered
from tests.sandbox.verdicts import SERVERS, judged

ONLY_ON = "sandbox"


class CaseTests(SynchronousTestCase):
    def test_every_write_has_its_case(self) -> None:
        self.assertEqual(registered(), {key[:3] for key in WRITES})


class DeathTests(TestCase):
    timeout = 1200.0

    async def test_a_write_is_done_or_not_wherever_its_replica_dies(self) -> None:
        arena = await Arena.of(reactor, self, 1)
        deaths = Deaths(reactor, self, arena)
        await deaths.happen()
        for key, write in WRITES.items():
            met = [point for point in deaths.points[key] if write.commit and f"after {write.commit}" in point]
            self.assertEqual(len(met), write.count if write.commit else 0, f"{key}: {deaths.points[key]}")
        things = [death.subject.thing for death in deaths.happened if death.subject.thing.kind != "token"]
        began = reactor.seconds()
        while True:
            verdict = await judged(arena.control, deaths.demo, things)
            wrong = [*verdict.lost, *verdict.doubled, *verdict.left]
            if not wrong or reactor.seconds() > began + SETTLED:
                break
            await deferLater(reactor, 1.0)
        print(
            f"\n{len(deaths.happened)} deaths in {len({each.key for each in deaths.happened})} writes (seed {SEED}): "
            f"{len(wrong)} wrong after {reactor.seconds() - began:.0f} s",
            flush=True,
        )
        self.assertEqual(wrong, [])
        for death in deaths.happened:
            self.assertTrue(death.code < 300 and (death.done or not death.code), str(death))
            if death.subject.thing.kind == "token":
                await self.check_token(deaths, death)

    async def check_token(self, deaths: Deaths, death: Death) -> None:
        person = deaths.demo.at(deaths.demo.url)
        person.token = death.subject.token
        answer = await person.ask("GET", SERVERS)
        self.assertEqual(answer.code, 200 if death.subject.thing.exists else 401, str(death))
