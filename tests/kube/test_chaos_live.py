"""A reflector behind a proxy that cuts, stalls and halves its connections at any byte: the store is what there is.

Some twenty faults by default, a thousand with ``DICOT_LONG``; ``DICOT_SEED`` repeats others than usual.
"""

from __future__ import annotations

import os
import random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall

from dicot.kube.agent import watch_agent
from dicot.kube.source import Origin
from dicot.kube.trust import Pem, Tls
from tests.cluster.control import MERGE
from tests.length import IS_LONG

from .chaos import CLOSE, HALF, HOLD, RESET, SLOW, Chaos, Fate
from .test_reflector_live import Account, LiveTestCase

ONLY_ON = "sandbox"
FAULTS = 1_000 if IS_LONG else 20
SEED = int(os.environ.get("DICOT_SEED") or 20261126)
NAMES = tuple(f"thing-{number}" for number in range(12))
WRITES = 3
"""Writes between two faults."""
AGAIN = 0.3
"""How likely a fault is to meet the next connection too."""
SOON = 60.0


class Hurried:
    """The reactor's time, in which nobody rests for long after a failure."""

    def __init__(self, clock: Any) -> None:
        self.seconds = clock.seconds
        self.getDelayedCalls = clock.getDelayedCalls
        self._clock = clock

    def callLater(self, delay: float, *call: Any, **named: Any) -> IDelayedCall:
        made: IDelayedCall = self._clock.callLater(0.02 if 0.5 <= delay <= 60.0 else delay, *call, **named)
        return made


class ChaosTests(LiveTestCase):
    timeout = 3600.0 if IS_LONG else 300.0

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        access = await self.access()
        self.chaos = Chaos(reactor, access.server)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.chaos.stop()))
        self.clock = Hurried(reactor)
        agent = watch_agent(reactor, Tls(Pem(access.authority)))
        self.origin = Origin(agent, Account(self.chaos.url, access.admin), DeferredSemaphore(2))
        self.dice = random.Random(SEED)
        self.written: dict[str, tuple[str, str]] = {}

    async def test_the_store_is_what_the_server_has_after_each_fault(self) -> None:
        reflector = self.reflect()
        await self.store.synced()
        self.chaos.fate = lambda: self.fate(20_000) if self.dice.random() < AGAIN else None
        for number in range(FAULTS):
            self.chaos.strike(self.fate(2_000))
            for _ in range(WRITES):
                await self.write()
            await self.until("the store to be as was written", lambda: self.found() == self.written, SOON)
            if number % 10 == 9:
                self.assertEqual(await self.there(), self.written)
        health = reflector.health()
        print(
            f"\n{FAULTS} faults of seed {SEED}, {dict(self.chaos.met)}; {health.relists} relists, "
            f"{health.cuts} cuts, {health.duplicates} duplicates, {health.divergences} divergences",
            flush=True,
        )
        self.assertEqual(health.divergences, 0)
        self.assertGreater(self.chaos.met.total(), FAULTS // 2)

    def fate(self, most: int) -> Fate:
        how = self.dice.choice((RESET, RESET, CLOSE, HALF, HOLD, SLOW))
        return Fate(how, self.dice.randrange(most), self.dice.uniform(0, 0.5))

    async def write(self) -> None:
        """A thing comes, changes or goes."""
        name = self.dice.choice(NAMES)
        body = {
            "spec": {"size": self.dice.randrange(10**6), "home": self.dice.choice(NAMES) * self.dice.randrange(40)}
        }
        if name not in self.written:
            made = await self.control.change("POST", self.things, {**self.thing(name), **body})
        elif self.dice.random() < 0.3:
            await self.control.change("DELETE", f"{self.things}/{name}")
            del self.written[name]
            return
        else:
            made = await self.control.change("PATCH", f"{self.things}/{name}", body, MERGE)
        self.written[name] = made["metadata"]["uid"], made["metadata"]["resourceVersion"]

    def found(self) -> dict[str, tuple[str, str]]:
        return {row.name: (row.uid, row.version) for row in self.store.rows()}

    async def there(self) -> dict[str, tuple[str, str]]:
        items = (await self.control.get(self.things))["items"]
        return {
            each["metadata"]["name"]: (each["metadata"]["uid"], each["metadata"]["resourceVersion"]) for each in items
        }
