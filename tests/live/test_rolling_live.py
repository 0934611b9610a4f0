"""Three replicas behind haproxy, restarted one after the other while clients read and write: nobody notices.

Twenty restarts on the real programs, with ``DICOT_LONG`` a thousand, and a few on the sandbox.
"""

from __future__ import annotations

import os
import signal
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.cluster.control import SOON
from tests.cluster.shared import TIMEOUT, is_sandbox
from tests.live.case import Spoken, image_id
from tests.live.crowd import Crowd
from tests.live.estate import survey
from tests.live.several import REPLICAS, SeveralCase

LONG = bool(os.environ.get("DICOT_LONG"))
RESTARTS = 3 if is_sandbox() else 1_000 if LONG else 20
CLIENTS = 16
RATE = 200.0
"""Requests in a second of all clients, where the machine allows it."""
FIRST = 20
"""Failures that are told."""
CHOSEN = "this replica is the steward"


class RollingTests(SeveralCase):
    timeout = 36_000.0 if LONG else TIMEOUT

    async def test_nobody_notices(self) -> None:
        mark = f"roll{uuid4().hex[:6]}"
        image = await image_id(self.demo, "cirros-live")
        crowd = Crowd(reactor, self.demo, self.log_in, image, mark, RATE)
        logs = [Spoken(daemon.log) for daemon in self.daemons]
        began = reactor.seconds()
        working = [Deferred.fromCoroutine(crowd.work()) for _ in range(CLIENTS)]
        try:
            for number in range(RESTARTS):
                daemon = self.daemons[number % REPLICAS]
                # twistd ends in the way that it was told to, once all is done.
                self.assertEqual(await daemon.kill("TERM"), -signal.SIGTERM, daemon.tail())
                await daemon.start()
                await self.balancer.until_up()
        finally:
            crowd.stop()
            for each in working:
                await each
        took = reactor.seconds() - began

        def stewards() -> int:
            return sum(log.text().count(CHOSEN) for log in logs)

        async def elected() -> bool:
            return stewards() >= RESTARTS // REPLICAS

        # In each round the one that is the steward is restarted too, and gives that back.
        await self.cluster.until(SOON, "the next steward", elected)
        print(
            f"\n{RESTARTS} restarts in {took:.0f} s beside {dict(crowd.done)}, {crowd.done.total() / took:.0f} a "
            f"second: {len(crowd.failed)} failed, {len(crowd.missed)} missed; {stewards()} stewards",
            flush=True,
        )
        self.assertEqual((len(crowd.failed), len(crowd.missed)), (0, 0), "\n".join(crowd.failed[:FIRST]))
        self.assertGreater(crowd.done["POST"], RESTARTS)

        async def gone() -> bool:
            estate = await survey(self.cluster, "demo")
            return not estate.named(mark, whole=False)

        await self.cluster.until(SOON, "nothing to be left", gone)
