"""Two replicas on one cluster: what one has written, the other shows at once."""

from __future__ import annotations

from twisted.internet import reactor

from tests.live.case import image_id, new_server
from tests.live.daemon import DAEMON
from tests.live.journey import JourneyCase
from tests.live.wire import Person, logged_in

TIMES = 5
OLD = {"OpenStack-API-Version": "compute 2.1"}
"""Before 2.2 the server makes keys, and says 200."""


class ReplicaTests(JourneyCase):
    async def people(self) -> tuple[Person, Person]:
        """User demo at two replicas, with one token."""
        other = await DAEMON.own(reactor, self)
        one = await logged_in(reactor, self.daemon.url, "demo", self.daemon.ground.passwords["demo"])
        return one, one.at(other.url)

    async def test_a_server_is_there_in_the_moment_it_was_made(self) -> None:
        one, other = await self.people()
        image = await image_id(one, "cirros-live")
        for number in range(TIMES):
            name = f"both{number}-{self.tag}"
            made = await one.ask("POST", "/compute/v2.1/servers", new_server(name, image))
            self.assertEqual(made.code, 202, made)
            path = f"/compute/v2.1/servers/{made.document['server']['id']}"
            shown = await other.ask("GET", path)
            self.assertEqual((shown.code, shown.document["server"]["name"]), (200, name))
            # It does not run yet, or just now: both are the truth, which a stopped server would not be.
            self.assertIn(shown.document["server"]["status"], ("BUILD", "ACTIVE"))
            deleted = await other.ask("DELETE", path)
            self.assertEqual(deleted.code, 204, deleted)
            one, other = other, one
        await self.assert_gone()

    async def test_a_key_is_there_in_the_moment_it_was_made(self) -> None:
        one, other = await self.people()
        for number in range(TIMES):
            name = f"key{number}-{self.tag}"
            made = await one.ask("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": name}}, OLD)
            self.assertEqual(made.code, 200, made)
            path = f"/compute/v2.1/os-keypairs/{name}"
            self.assertEqual((await other.ask("GET", path)).code, 200)
            again = await other.ask("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": name}}, OLD)
            self.assertEqual(again.code, 409, again)
            self.assertEqual((await other.ask("DELETE", path)).code, 204)
            one, other = other, one

    async def test_what_one_stops_the_other_starts(self) -> None:
        other = self.cli.at(await DAEMON.own(reactor, self))
        name = f"both-{self.tag}"
        create = ("server", "create", "--flavor", "m1.tiny", "--image", "cirros-live", "--network", "private")
        id = await self.cli.value(*create, name, "id")
        await other.until_status(id, "ACTIVE")
        await other.text("server", "stop", name)
        await self.cli.until_status(id, "SHUTOFF")
        await self.cli.text("server", "start", name)
        await other.until_status(id, "ACTIVE")
        await self.cli.text("server", "delete", "--wait", id)
        self.assertEqual(await other.json("server", "list", "--name", name), [])
        await self.assert_gone()
