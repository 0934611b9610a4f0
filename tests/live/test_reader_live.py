"""A reader of a project over HTTP: sees what its members see, and may change nothing of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from uuid import uuid4

from twisted.internet import reactor

from tests.live.case import LiveCase, image_id, new_server
from tests.live.clients import until
from tests.live.people import make
from tests.live.wire import Person, logged_in

ONLY_ON = "sandbox"
BASE = "/compute/v2.1"
VERSIONS = ("2.1", "2.26", "2.73", "2.100", "2.104")
NOBODYS = "6a4d3f5e-0000-4000-8000-0123456789ab"
Write = tuple[str, str, object, object]


def writes(server: str, group: str) -> Iterator[Write]:
    """What may not be done: a body that is right, and one that is not."""
    yield "POST", "/servers", new_server("r", NOBODYS), {"server": {"name": "r"}}
    yield "PUT", server, {"server": {"name": "r"}}, {"server": {"name": ""}}
    yield "POST", f"{server}/action", {"reboot": {"type": "HARD"}}, {"reboot": {"type": "gently"}}
    yield "POST", f"{server}/action", {"lock": {"locked_reason": "r"}}, {"lock": {"locked_reason": ""}}
    yield "POST", f"{server}/metadata", {"metadata": {"a": "b"}}, {"metadata": {"a": 1}}
    yield "PUT", f"{server}/metadata", {"metadata": {}}, {"metadata": []}
    yield "PUT", f"{server}/metadata/a", {"meta": {"a": "b"}}, {"meta": {}}
    yield "PUT", f"{server}/tags", {"tags": ["a"]}, {"tags": ["a/b"]}
    yield "POST", "/os-server-groups", {"server_group": {"name": "r", "policy": "affinity"}}, {"server_group": {}}
    for method, path in (
        ("DELETE", server),
        ("DELETE", f"{server}/metadata/a"),
        ("PUT", f"{server}/tags/a"),
        ("DELETE", f"{server}/tags"),
        ("DELETE", group),
    ):
        yield method, path, None, None
    for action in ("os-start", "os-stop", "unlock"):
        yield "POST", f"{server}/action", {action: None}, {action: None, "more": None}


class ReaderTests(LiveCase):
    """With a server and a group that a member has made."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.reader = await self.reading(f"reader-{uuid4().hex[:6]}")
        made = await self.demo.ask("POST", f"{BASE}/servers", new_server("read", await image_id(self.demo)))
        self.server = f"/servers/{made.document['server']['id']}"
        group = {"server_group": {"name": "read", "policy": "affinity"}}
        made = await self.demo.ask("POST", f"{BASE}/os-server-groups", group)
        self.group = f"/os-server-groups/{made.document['server_group']['id']}"
        await until(reactor, "it to run", self.runs)

    async def tearDown(self) -> None:  # type: ignore[override]
        for path in (self.server, self.group):
            self.assertEqual((await self.demo.ask("DELETE", BASE + path)).code, 204)

    async def runs(self) -> bool:
        return bool((await self.demo.ask("GET", BASE + self.server)).document["server"]["status"] == "ACTIVE")

    async def reading(self, name: str) -> Person:
        """A user who is a reader of project demo."""
        password = secrets.token_urlsafe(12)
        person = {"name": name, "password": password, "project": "demo", "role": "reader"}
        await make(reactor, self.daemon.ground.kubeconfig, [person])
        return await logged_in(reactor, self.daemon.url, name, password, "demo")

    async def test_sees_what_a_member_sees(self) -> None:
        paths = (
            *("/servers", "/servers/detail", self.server, f"{self.server}/ips", f"{self.server}/metadata"),
            *(f"{self.server}/os-instance-actions", f"{self.server}/tags", "/flavors/detail", "/limits"),
            *(f"/os-quota-sets/{self.demo.project}", "/os-server-groups", self.group, "/os-availability-zone"),
            *("/extensions", f"/os-quota-sets/{self.demo.project}/detail"),
        )
        for version in VERSIONS:
            headers = {"OpenStack-API-Version": f"compute {version}"}
            for path in paths:
                mine, theirs = [
                    await person.ask("GET", BASE + path, headers=headers) for person in (self.reader, self.demo)
                ]
                self.assertEqual((mine.code, mine.body), (theirs.code, theirs.body), f"{path} at {version}")
                self.assertIn(mine.code, (200, 404), f"{path} at {version}")

    async def test_changes_nothing(self) -> None:
        """A body that is wrong is told of first, as Nova does it; then policy is asked."""
        before = (await self.demo.ask("GET", BASE + self.server)).body
        for method, path, right, wrong in writes(self.server, self.group):
            note = f"{method} {path} {right}"
            answer = await self.reader.ask(method, BASE + path, right)
            self.refused("compute", answer, 403, "Policy doesn't allow os_compute_api:", note)
            if wrong is not None:
                self.refused("compute", await self.reader.ask(method, BASE + path, wrong), 400, about=note)
        self.assertEqual((await self.demo.ask("GET", BASE + self.server)).body, before)
