"""Writes that were carried out though nobody heard of it: they are settled under the same name, once."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.cluster.control import SOON
from tests.length import TIMEOUT
from tests.live.case import ROOMY, Spoken, image_id, kubernetes, new_server
from tests.live.daemon import DAEMON, Daemon, show
from tests.live.estate import survey
from tests.live.proxy import Proxy
from tests.live.wire import logged_in

SERVERS = "/compute/v2.1/servers"
KEYPAIRS = "/compute/v2.1/os-keypairs"
LIVE = "cirros-live"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
MACHINES = b"/apis/kubevirt.io/v1/namespaces/demo/virtualmachines"
SYSTEM = b"/apis/%s.dicot.io/v1/namespaces/dicot-system/%s"
STEPS = (
    b"PATCH " + SYSTEM % (b"identity", b"ledgers"),
    b"POST /api/v1/namespaces/demo/secrets",
    b"POST /apis/network.dicot.io/v1/namespaces/demo/ports",
    b"POST " + MACHINES,
    b"PATCH /api/v1/namespaces/demo/secrets",
)
"""The steps of a create, as their requests begin."""


class LostAnswerTests(TestCase):
    """A daemon that reaches the API server through a proxy."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        ground = await DAEMON.ground(reactor)
        folder = Path(tempfile.mkdtemp(prefix="proxied-", dir=ground.folder))
        self.proxy = Proxy(reactor, ground.access, folder)
        self.addCleanup(self.proxy.stop)
        through = replace(ground, kubeconfig=self.proxy.kubeconfig(ground.kubeconfig, folder / "kubeconfig"))
        daemon = Daemon(reactor, through, folder)
        with (folder / "dicot.toml").open("a") as settings:
            settings.write(ROOMY)
        self.addCleanup(lambda: Deferred.fromCoroutine(daemon.kill()))
        self.addCleanup(show, self, daemon)
        await daemon.start()
        spoken = Spoken(daemon.log)
        self.addCleanup(lambda: self.assertEqual(spoken.tracebacks(), []))
        self.demo = await logged_in(reactor, daemon.url, "demo", ground.passwords["demo"])
        self.cluster = kubernetes(self, ground.access)

    async def test_every_step_of_a_create(self) -> None:
        """Each alone, and all together: one server, with its parts once."""
        image = await image_id(self.demo, LIVE)
        made: dict[str, tuple[bytes, ...]] = {}
        for steps in (*((step,) for step in STEPS), STEPS):
            for step in steps:
                self.proxy.swallow(step)
            body = new_server(f"lost{uuid4().hex[:6]}", image, user_data="I2Nsb3VkLWNvbmZpZwo=")
            answer = await self.demo.ask("POST", SERVERS, body)
            self.assertEqual(answer.code, 202, f"{steps}: {answer}")
            made[answer.document["server"]["id"]] = steps
            await self.lost(sum(map(len, made.values())))

        async def whole() -> bool:
            estate = await survey(self.cluster, "demo")
            estate.check_whole(list(made))
            return not estate.unsettled(list(made))

        await self.cluster.until(SOON, "whole servers", whole)
        estate = await survey(self.cluster, "demo")
        for id, steps in made.items():
            self.assertEqual(estate.named(estate.names[id].rpartition("-")[0]), [id], str(steps))
            self.assertEqual(sorted(part.kind for part in estate.of(id)), ["ports", "secrets"], str(steps))
        await self.removed(list(made))

    async def lost(self, many: int) -> None:
        """Adoption, and so the loss of its answer, may come after the answer to the client."""

        async def seen() -> bool:
            return self.proxy.swallowed.total() == many

        await self.cluster.until(10, "the answers to be lost", seen)

    async def test_actions_and_deletes(self) -> None:
        image = await image_id(self.demo, LIVE)
        answer = await self.demo.ask("POST", SERVERS, new_server(f"lost{uuid4().hex[:6]}", image))
        id = str(answer.document["server"]["id"])
        await self.becomes(id, "ACTIVE")
        for action, status in (("os-stop", "SHUTOFF"), ("os-start", "ACTIVE")):
            self.proxy.swallow(b"PUT /apis/subresources.kubevirt.io/v1/namespaces/demo/virtualmachines")
            self.proxy.swallow(b"PATCH " + MACHINES)
            answer = await self.demo.ask("POST", f"{SERVERS}/{id}/action", {action: None})
            self.assertEqual(answer.code, 202, str(answer))
            await self.becomes(id, status)
        self.assertGreaterEqual(self.proxy.swallowed.total(), 2)
        self.proxy.swallow(b"DELETE " + MACHINES)
        await self.removed([id])

    async def test_names_are_claimed_once(self) -> None:
        """The one who asked has the key pair, though the answers to claim and object were lost."""
        name = f"lost{uuid4().hex[:6]}"
        for kind in (SYSTEM % (b"identity", b"nameclaims"), SYSTEM % (b"compute", b"keypairs")):
            self.proxy.swallow(b"POST " + kind)
        body = {"keypair": {"name": name, "public_key": PUBLIC_KEY}}
        answer = await self.demo.ask("POST", KEYPAIRS, body)
        self.assertEqual(answer.code, 201, str(answer))
        self.assertEqual(self.proxy.swallowed.total(), 2)
        self.assertEqual((await self.demo.ask("POST", KEYPAIRS, body)).code, 409)
        self.proxy.swallow(b"DELETE " + SYSTEM % (b"compute", b"keypairs"))
        self.assertEqual((await self.demo.ask("DELETE", f"{KEYPAIRS}/{name}")).code, 204)
        self.assertEqual((await self.demo.ask("POST", KEYPAIRS, body)).code, 201)
        self.assertEqual((await self.demo.ask("DELETE", f"{KEYPAIRS}/{name}")).code, 204)

    async def becomes(self, id: str, status: str) -> None:
        async def seen() -> bool:
            shown = (await self.demo.ask("GET", f"{SERVERS}/{id}")).document["server"]
            return bool(shown["status"] == status)

        await self.cluster.until(SOON, status, seen)

    async def removed(self, servers: list[str]) -> None:
        for id in servers:
            answer = await self.demo.ask("DELETE", f"{SERVERS}/{id}")
            self.assertEqual(answer.code, 204, str(answer))

        async def gone() -> bool:
            estate = await survey(self.cluster, "demo")
            return not any(id in estate.machines or estate.of(id) for id in servers)

        await self.cluster.until(SOON, "nothing to be left", gone)
