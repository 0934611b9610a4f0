"""What the tests of servers with volumes share."""

from __future__ import annotations

from twisted.internet import reactor

from tests.cluster.control import Control
from tests.live.case import kubernetes
from tests.live.journey import DEMO, JourneyCase
from tests.live.wire import Person, logged_in

SERVERS = "/compute/v2.1/servers"


class VolumeCase(JourneyCase):
    """Also user demo without a client, and the cluster as its administrator sees it."""

    demo: Person
    cluster: Control

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.cluster = kubernetes(self, self.daemon.ground.access)
        self.demo = await logged_in(reactor, self.daemon.url, "demo", self.daemon.ground.passwords["demo"])

    async def clean(self) -> None:
        """Also volumes that outlived their servers, and snapshots of them."""
        for name in await self.names("vm,ports.network.dicot.io,volumesnapshots,datavolumes"):
            await self.kubectl.delete(*DEMO, name)
