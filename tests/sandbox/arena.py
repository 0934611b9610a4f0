"""A sandbox of a test's own, with Dicot's replicas on it: all of them may be killed and come back."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from tests.cluster.control import Control
from tests.cluster.furniture import furnish
from tests.cluster.ports import free_port
from tests.cluster.sandbox import SandboxCluster
from tests.cluster.shared import CHOICE, DEFINITIONS, SANDBOX, is_sandbox
from tests.live.case import ROOMY, kubernetes
from tests.live.daemon import Daemon, Ground, prepared, show
from tests.live.wire import side_by_side

CLOCK = "/sandbox/clock"
FAULTS = "/sandbox/faults"


class Arena:
    """``control`` is the sandbox's administrator, ``daemons`` are the replicas."""

    def __init__(self, cluster: SandboxCluster, ground: Ground, control: Control, daemons: list[Daemon]) -> None:
        self.cluster = cluster
        self.ground = ground
        self.control = control
        self.daemons = daemons

    @classmethod
    async def of(cls, reactor: Any, test: TestCase, replicas: int) -> Arena:
        """One for a test, which ends with it."""
        if not is_sandbox():
            raise SkipTest(f"it kills a sandbox of its own: {CHOICE}={SANDBOX}")
        folder = Path(tempfile.mkdtemp(prefix="dicot-arena-"))
        test.addCleanup(shutil.rmtree, folder)
        listen = ("--listen", str(free_port()))
        cluster = await SandboxCluster.start(reactor, folder / "cluster", (DEFINITIONS,), listen)
        test.addCleanup(lambda: Deferred.fromCoroutine(cluster.stop()))
        await furnish(cluster)
        ground = await prepared(reactor, cluster.access, folder)
        daemons = [cls._daemon(reactor, test, ground, folder / f"dicot-{place}") for place in range(replicas)]
        await side_by_side(*(daemon.start() for daemon in daemons))
        return cls(cluster, ground, kubernetes(test, cluster.access), daemons)

    def victim(self, reactor: Any, test: TestCase) -> Daemon:
        """One more replica, not started yet."""
        return self._daemon(reactor, test, self.ground, Path(tempfile.mkdtemp(dir=self.ground.folder)) / "dicot")

    @staticmethod
    def _daemon(reactor: Any, test: TestCase, ground: Ground, folder: Path) -> Daemon:
        folder.mkdir()
        daemon = Daemon(reactor, ground, folder)
        with (folder / "dicot.toml").open("a") as settings:
            settings.write(f"{ROOMY}key_pairs = -1\nserver_groups = 100\n")
        test.addCleanup(lambda: Deferred.fromCoroutine(daemon.kill()))
        test.addCleanup(show, test, daemon)
        return daemon

    async def put_forward(self, seconds: float) -> None:
        """The API server's clock."""
        await self.control.change("PUT", CLOCK, {"offset": seconds})
