"""Writes while replicas and the sandbox are killed with -9 and nodes fail: none lost, none twice, nothing left over.

A minute later servers that failed say so, and only those run that are said to.

``DICOT_LONG=1`` makes it 2,000 acknowledged writes; ``DICOT_SEED`` repeats a storm's moments.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.chance import SEED
from tests.length import IS_LONG, TIMEOUT
from tests.sandbox.arena import Arena
from tests.sandbox.storms import Storm
from tests.sandbox.verdicts import Verdict

ONLY_ON = "sandbox"
WRITES = 2000 if IS_LONG else 80
SETTLED = 60.0
"""Seconds after the storm in which everything must be as it is to stay."""
LOOK_AGAIN = 2.0


class StormTests(TestCase):
    timeout = TIMEOUT if IS_LONG else 600.0

    async def test_what_was_acknowledged_is_there_once_or_gone(self) -> None:
        seed = int(SEED)
        print(f"\nthe storm's seed is {seed}", flush=True)
        arena = await Arena.of(reactor, self, 2)
        storm = Storm(reactor, arena, seed)
        began = reactor.seconds()
        await storm.rage(WRITES)
        raged = reactor.seconds() - began
        # A minute of the API server's time, in which nobody writes.
        await arena.put_forward(SETTLED)
        verdict = await storm.judged()
        until = reactor.seconds() + SETTLED
        while not verdict.is_clean and reactor.seconds() < until:
            await deferLater(reactor, LOOK_AGAIN)
            verdict = await storm.judged()
        history, settled = storm.history, reactor.seconds() - began - raged
        print(
            f"{history.writes} acknowledged in {raged:.0f} s, {sum(history.doubtful.values())} not, "
            f"kills {dict(history.kills)}, troubles {dict(storm.met())}; {len(verdict.lost)} lost, "
            f"{len(verdict.doubled)} twice, {len(verdict.left)} left over, {len(verdict.untrue)} untrue "
            f"after {settled:.0f} s",
            flush=True,
        )
        self.assertGreaterEqual(history.writes, WRITES)
        self.assertGreater(history.kills["replica"], 0)
        self.assertGreater(history.kills["sandbox"], 0)
        self.assertEqual(history.odd, [])
        self.assertGreater(storm.met().total(), 0)
        self.assertEqual(verdict, Verdict(), str(verdict))
