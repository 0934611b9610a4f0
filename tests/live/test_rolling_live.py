"""Three replicas behind haproxy, restarted one after the other while clients read and write: nobody notices.

A few restarts by default, on the sandbox; with ``DICOT_LONG`` a thousand, on the real programs too. What one replica
has made, any other shows at once.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
from collections import Counter
from pathlib import Path
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from tests.cluster.control import SOON
from tests.cluster.shared import TIMEOUT, is_sandbox
from tests.live.balancer import Balancer, program
from tests.live.case import ROOMY, Spoken, image_id, kubernetes, new_server
from tests.live.daemon import DAEMON, Daemon
from tests.live.estate import survey
from tests.live.wire import Heard, Person, logged_in, side_by_side

SERVERS = "/compute/v2.1/servers"
KEYPAIRS = "/compute/v2.1/os-keypairs"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
LONG = bool(os.environ.get("DICOT_LONG"))
RESTARTS = 1_000 if LONG else 3
REPLICAS = 3
CLIENTS = 8
RATE = 200.0
"""Requests in a second of all clients, where the machine allows it."""
LEAVE = 1.0
"""Seconds that a replica gives the balancer: it asks five times in a second whether it is ready."""


class Crowd:
    """Clients that do what others do too. ``failed`` is what was not answered as it should, ``missed`` what a replica
    had not heard of though another had made it."""

    def __init__(self, demo: Person, image: str, mark: str) -> None:
        self.failed: list[str] = []
        self.missed: list[str] = []
        self.done: Counter[str] = Counter()
        self._demo = demo
        self._image = image
        self._mark = mark
        self._goes_on = True
        self._made = 0
        self._due = 0.0

    async def work(self) -> None:
        """Until all is done."""
        while self._goes_on:
            chance = random.random()
            if chance < 0.75:
                await self._ask("GET", "/compute/v2.1/flavors" if chance < 0.5 else f"{SERVERS}/detail", None, 200)
            elif chance < 0.95:
                await self._key()
            else:
                await self._server()

    def stop(self) -> None:
        """What was begun is still finished."""
        self._goes_on = False

    async def _key(self) -> None:
        self._made += 1
        name = f"{self._mark}k{self._made}"
        await self._ask("POST", KEYPAIRS, {"keypair": {"name": name, "public_key": PUBLIC_KEY}}, 201)
        await self._show(f"{KEYPAIRS}/{name}")
        await self._ask("DELETE", f"{KEYPAIRS}/{name}", None, 204)

    async def _server(self) -> None:
        self._made += 1
        answer = await self._ask("POST", SERVERS, new_server(f"{self._mark}s{self._made}", self._image), 202)
        if answer is not None:
            id = answer.document["server"]["id"]
            await self._show(f"{SERVERS}/{id}")
            await self._ask("DELETE", f"{SERVERS}/{id}", None, 204)

    async def _show(self, path: str) -> None:
        answer = await self._ask("GET", path, None, 200)
        self.missed += [path] * (answer is None)

    async def _ask(self, method: str, path: str, body: object, code: int) -> Heard | None:
        now = reactor.seconds()
        self._due = max(now, self._due) + 1 / RATE
        await deferLater(reactor, self._due - now)
        about = f"{method} {path}"
        try:
            answer = await self._demo.ask(method, path, body)
        except Exception as error:
            self.failed.append(f"{about}: {error!r}")
            return None
        self.done[method] += 1
        if answer.code == code:
            return answer
        self.failed.append(f"{about}: {answer}")
        return None


class RollingTests(TestCase):
    timeout = 36_000.0 if LONG else TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        if not (LONG or is_sandbox()):
            raise SkipTest("DICOT_LONG is not set")
        path = program()
        if not path:
            raise SkipTest("haproxy is missing: apt-get install haproxy")
        ground = await DAEMON.ground(reactor)
        self.cluster = kubernetes(self, ground.access)
        self.daemons = [await self.replica() for _ in range(REPLICAS)]
        folder = Path(tempfile.mkdtemp(prefix="balancer-", dir=ground.folder))
        urls = {f"replica-{place}": daemon.url for place, daemon in enumerate(self.daemons)}
        self.balancer = Balancer(reactor, folder, urls, path)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.balancer.stop()))
        await side_by_side(*(daemon.until_ready() for daemon in self.daemons))
        await self.balancer.start()
        self.demo = await logged_in(reactor, self.balancer.url, "demo", ground.passwords["demo"])

    async def replica(self) -> Daemon:
        daemon = await DAEMON.own(reactor, self, start=False)
        settings = daemon.log.parent / "dicot.toml"
        said = settings.read_text().replace("[api]\n", f"[api]\nleave_seconds = {LEAVE}\n")
        settings.write_text(f"{said}{ROOMY}key_pairs = -1\n")
        daemon.log.touch()
        spoken = Spoken(daemon.log)
        self.addCleanup(lambda: self.assertEqual(spoken.tracebacks(), []))
        await daemon.spawn()
        return daemon

    async def test_nobody_notices(self) -> None:
        mark = f"roll{uuid4().hex[:6]}"
        crowd = Crowd(self.demo, await image_id(self.demo, "cirros-live"), mark)
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
        print(
            f"\n{RESTARTS} restarts in {took:.0f} s beside {dict(crowd.done)}, {crowd.done.total() / took:.0f} a "
            f"second: {len(crowd.failed)} failed, {len(crowd.missed)} missed",
            flush=True,
        )
        self.assertEqual((crowd.failed, crowd.missed), ([], []))
        self.assertGreater(crowd.done["POST"], RESTARTS)

        async def gone() -> bool:
            estate = await survey(self.cluster, "demo")
            return not estate.named(mark, whole=False)

        await self.cluster.until(SOON, "nothing to be left", gone)
