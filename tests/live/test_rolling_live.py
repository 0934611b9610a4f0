"""Three replicas behind haproxy, restarted one after the other while clients read and write: nobody notices.

Twenty restarts on the real programs, with ``DICOT_LONG`` a thousand, and a few on the sandbox.
"""

from __future__ import annotations

import signal
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.cluster.control import SOON
from tests.cluster.shared import is_sandbox
from tests.length import IS_LONG, TIMEOUT
from tests.live.case import image_id
from tests.live.crowd import Crowd
from tests.live.estate import LEASES, survey
from tests.live.several import REPLICAS, SeveralCase
from tests.live.wire import side_by_side

RESTARTS = 3 if is_sandbox() else 1_000 if IS_LONG else 20
CLIENTS = 16
RATE = 200.0
"""Requests in a second of all clients, where the machine allows it."""
FIRST = 20
"""Failures that are told."""
BLOCK = 100
"""Restarts after which the logs of servers that went before the last so many are taken away. Each is kept for a day,
in which nobody restarts Dicot a thousand times, and a replica reads all before it is ready."""
LOGS = "/apis/compute.dicot.io/v1/namespaces/demo/serverlogs"
LEASE = f"{LEASES}/dicot-steward"


class RollingTests(SeveralCase):
    timeout = TIMEOUT

    async def elections(self) -> int:
        """How often the Lease has gone from one to another."""
        return int((await self.cluster.get(LEASE))["spec"].get("leaseTransitions", 0))

    async def age(self, old: list[str]) -> list[str]:
        """Take away these logs; the names of the others."""
        await side_by_side(*(self.cluster.change("DELETE", f"{LOGS}/{name}", also=(404,)) for name in old))
        return [each["metadata"]["name"] for each in (await self.cluster.get(LOGS))["items"]]

    async def restart_in_turn(self) -> None:
        """One replica after the other, each once the one before serves again."""
        old: list[str] = []
        for number in range(RESTARTS):
            if number % BLOCK == 0:
                old = await self.age(old)
            daemon = self.daemons[number % REPLICAS]
            # twistd ends in the way that it was told to, once all is done.
            self.assertEqual(await daemon.kill("TERM"), -signal.SIGTERM, daemon.tail())
            await daemon.start()
            await self.balancer.until_up()

    async def test_nobody_notices(self) -> None:
        mark = f"roll{uuid4().hex[:6]}"
        image = await image_id(self.demo, "cirros-live")
        crowd = Crowd(reactor, self.demo, self.log_in, image, mark, RATE)
        # The one of the test before was killed: until its Lease ends, none of these can be.
        await self.steward(self.daemons)
        before, began = await self.elections(), reactor.seconds()
        working = [Deferred.fromCoroutine(crowd.work()) for _ in range(CLIENTS)]
        try:
            await self.restart_in_turn()
        finally:
            crowd.stop()
            for each in working:
                await each
        took = reactor.seconds() - began

        async def elected() -> bool:
            return await self.elections() - before >= RESTARTS // REPLICAS

        # In each round the one that is the steward is restarted too, and gives that back.
        await self.cluster.until(SOON, "the next steward", elected)
        stewards = await self.elections() - before
        print(
            f"\n{RESTARTS} restarts in {took:.0f} s beside {dict(crowd.done)}, {crowd.done.total() / took:.0f} a "
            f"second: {len(crowd.failed)} failed, {len(crowd.missed)} missed; {stewards} stewards",
            flush=True,
        )
        self.assertEqual((len(crowd.failed), len(crowd.missed)), (0, 0), "\n".join(crowd.failed[:FIRST]))
        self.assertGreater(crowd.done["POST"], RESTARTS)

        async def gone() -> bool:
            estate = await survey(self.cluster, "demo")
            return not estate.named(mark, whole=False)

        await self.cluster.until(SOON, "nothing to be left", gone)
