"""Three replicas behind haproxy, each a daemon of its own, with room for as many servers as a test makes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from dicot.cloud.chores.lease import LIFE
from tests.cluster.control import Control
from tests.cluster.debian import program
from tests.length import TIMEOUT
from tests.live.balancer import PACKAGE, Balancer
from tests.live.case import ROOMY, Spoken, kubernetes
from tests.live.daemon import DAEMON, Daemon
from tests.live.estate import LEDGERS
from tests.live.wire import Person, logged_in, side_by_side

REPLICAS = 3
LEAVE = 1.0
"""Seconds that a replica gives the balancer: it asks five times in a second whether it is ready."""
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"


class SeveralCase(TestCase):
    """``demo`` asks the balancer. No other replica runs, so one of these is the steward; in the end the log of none
    may hold a traceback, and the Ledgers are empty."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        path = program(PACKAGE)
        if not path:
            raise SkipTest(f"{PACKAGE} is missing: apt-get install {PACKAGE}")
        ground = await DAEMON.ground(reactor)
        await DAEMON.unshared()
        self.cluster = kubernetes(self, ground.access)
        self.addCleanup(lambda: Deferred.fromCoroutine(self._forget()))
        self.daemons = [await self._replica() for _ in range(REPLICAS)]
        folder = Path(tempfile.mkdtemp(prefix="balancer-", dir=ground.folder))
        urls = {f"replica-{place}": daemon.url for place, daemon in enumerate(self.daemons)}
        self.balancer = Balancer(reactor, folder, urls, path)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.balancer.stop()))
        await side_by_side(*(daemon.until_ready() for daemon in self.daemons))
        await self.balancer.start()
        self._password = ground.passwords["demo"]
        self.demo = await self.log_in()

    async def log_in(self) -> Person:
        """User demo with a fresh token."""
        return await logged_in(reactor, self.balancer.url, "demo", self._password)

    async def steward(self, daemons: Sequence[Daemon]) -> Daemon:
        """The one that says that it is; awaited for as long as a Lease of one that was killed lives."""
        fronts = {daemon: Control(reactor, daemon.probes) for daemon in daemons}
        found: list[Daemon] = []

        async def chosen() -> bool:
            for daemon, front in fronts.items():
                if (await front.get("/status"))["replica"]["steward"]:
                    found.append(daemon)
            return bool(found)

        try:
            await self.cluster.until(2 * LIFE, "a steward", chosen)
        finally:
            for front in fronts.values():
                await front.close()
        [one] = found
        return one

    async def _forget(self) -> None:
        """A replica that starts now has seen nothing of what was made here, and would count it for a minute."""
        for ledger in (await self.cluster.get(LEDGERS))["items"]:
            await self.cluster.change("DELETE", f"{LEDGERS}/{ledger['metadata']['name']}", also=(404,))

    async def _replica(self) -> Daemon:
        daemon = await DAEMON.own(reactor, self, start=False)
        settings = daemon.log.parent / "dicot.toml"
        said = settings.read_text().replace("[api]\n", f"[api]\nleave_seconds = {LEAVE}\n")
        settings.write_text(f"{said}{ROOMY}key_pairs = -1\n")
        daemon.log.touch()
        spoken = Spoken(daemon.log)
        self.addCleanup(lambda: self.assertEqual(spoken.tracebacks(), []))
        await daemon.spawn()
        return daemon
