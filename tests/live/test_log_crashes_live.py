"""Dicot killed with -9 in the middle of a change of a server: what is noted is whole, and tells what was not done."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet import reactor

from dicot.tap import CRASH_AT
from tests.live.case import image_id, new_server
from tests.live.clients import until
from tests.live.daemon import DAEMON
from tests.live.journey import JourneyCase
from tests.live.wire import NoAnswer, Person, logged_in

SERVERS = "/compute/v2.1/servers"
NOTED, STOPPED = "after patch virtualmachines", "after stop virtualmachines"
KEPT, DELETED = "after create serverlogs", "after delete virtualmachines"
NOTHING = "before patch virtualmachines"


class LogCrashTests(JourneyCase):
    """A replica that dies, and the shared one, which is the steward and lives."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.mortal = await DAEMON.own(reactor, self)
        self.demo = await logged_in(reactor, self.daemon.url, "demo", self.daemon.ground.passwords["demo"])

    async def server(self) -> str:
        """The address of one that runs."""
        body = new_server(f"dies-{self.tag}", await image_id(self.demo, "cirros-live"))
        made = await self.demo.ask("POST", SERVERS, body)
        path = f"{SERVERS}/{made.document['server']['id']}"
        await self.becomes(path, "ACTIVE")
        return path

    async def becomes(self, path: str, status: str) -> None:
        async def reached() -> bool:
            found: str = (await self.demo.ask("GET", path)).document["server"]["status"]
            return found == status

        await until(reactor, f"{path} to be {status}", reached)

    async def dying(self, point: str, method: str, path: str, body: Any = None) -> None:
        """A request in the middle of which its server dies."""
        await self.mortal.restart({CRASH_AT: point})
        person = self.demo.at(self.mortal.url)
        with self.assertRaises(NoAnswer):
            await person.ask(method, path, body)
        self.assertEqual(await self.mortal.ended(), -9)

    async def log(self, path: str, person: Person | None = None) -> list[tuple[str, str | None]]:
        """Its actions and what came of them, the last first."""
        person = person or self.demo
        listed = (await person.ask("GET", f"{path}/os-instance-actions")).document["instanceActions"]
        found = []
        for each in listed:
            shown = await person.ask("GET", f"{path}/os-instance-actions/{each['request_id']}")
            [event] = shown.document["instanceAction"]["events"]
            found.append((each["action"], event["result"]))
        return found

    async def ended(self, path: str) -> bool:
        return (await self.log(path))[0] == ("stop", "Success")

    async def test_at_every_step_of_a_stop(self) -> None:
        path, made = await self.server(), ("create", "Success")
        stop = {"os-stop": None}
        await self.dying(NOTHING, "POST", f"{path}/action", stop)
        self.assertEqual(await self.log(path), [made])
        await self.dying(NOTED, "POST", f"{path}/action", stop)
        await self.becomes(path, "ACTIVE")
        self.assertEqual(await self.log(path), [("stop", None), made])
        await self.dying(STOPPED, "POST", f"{path}/action", stop)
        await self.becomes(path, "SHUTOFF")
        await until(reactor, "the end of the stop", lambda: self.ended(path))
        self.assertEqual([action for action, _ in await self.log(path)], ["stop", "stop", "create"])
        self.assertEqual((await self.demo.ask("DELETE", path)).code, 204)

    async def test_metadata_is_written_or_not(self) -> None:
        path = await self.server()
        for point, found in ((NOTHING, {}), (NOTED, {"a": "1"})):
            await self.dying(point, "PUT", f"{path}/metadata/a", {"meta": {"a": "1"}})
            await until(reactor, f"{point}: {found}", partial(self.has, path, found))
        self.assertEqual((await self.demo.ask("DELETE", path)).code, 204)

    async def has(self, path: str, metadata: dict[str, str]) -> bool:
        shown = await self.demo.ask("GET", f"{path}/metadata")
        return bool(shown.document["metadata"] == metadata)

    async def test_at_every_step_of_a_deletion(self) -> None:
        path = await self.server()
        await self.dying(KEPT, "DELETE", path)
        await self.becomes(path, "ACTIVE")
        self.assertEqual(await self.log(path), [("delete", None), ("create", "Success")])
        await self.dying(DELETED, "DELETE", path)
        await self.assert_gone()
        self.assertEqual((await self.demo.ask("GET", path)).code, 404)
        self.assertEqual([action for action, _ in await self.log(path)], ["delete", "delete", "create"])
