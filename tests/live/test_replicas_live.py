"""Two replicas on one cluster: what one has written, the other shows at once."""

from __future__ import annotations

from twisted.internet import reactor

from tests.live.daemon import DAEMON
from tests.live.journey import JourneyCase


class ReplicaTests(JourneyCase):
    async def test_made_at_one_is_shown_at_once_by_the_other(self) -> None:
        other = self.cli.at(await DAEMON.own(reactor, self))
        name = f"both-{self.tag}"
        create = ("server", "create", "--flavor", "m1.tiny", "--image", "cirros-live", "--network", "private")
        id = await self.cli.value(*create, name, "id")
        self.assertEqual(await other.value("server", "show", id, "name"), name)
        await other.until_status(id, "ACTIVE")
        await other.text("server", "stop", name)
        await self.cli.until_status(id, "SHUTOFF")
        await self.cli.text("server", "delete", "--wait", id)
        self.assertEqual(await other.json("server", "list", "--name", name), [])
        await self.assert_gone()
