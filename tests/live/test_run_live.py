"""``make run KUBECONFIG=...`` as a person meets it: it serves a cluster that is there, or says what is in its way."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml
from twisted.internet import reactor
from twisted.internet.error import ConnectionRefusedError, ProcessExitedAlready
from twisted.trial.unittest import TestCase

from tests.cluster.commands import Started, run, start
from tests.cluster.control import Control
from tests.cluster.installed import ROOT
from tests.cluster.ports import free_port
from tests.length import TIMEOUT
from tests.live.clients import until
from tests.live.daemon import DAEMON

ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
START = 120.0
"""Seconds; the first start installs a client."""
TOLD = re.compile(r"(?m)^export OS_CLIENT_CONFIG_FILE=(\S+) OS_CLOUD=(\S+)\nalias openstack=(\S+)$")


class RunTests(TestCase):
    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        self.ground = await DAEMON.ground(reactor)
        self.folder = Path(self.mktemp()).resolve() / "run"
        self.folder.parent.mkdir()
        self.port = free_port()

    def command(self, kubeconfig: Path) -> list[str]:
        where = ("--port", str(self.port), "--files", str(self.folder))
        return [sys.executable, "-m", "tests.cluster.run", "--kubeconfig", str(kubeconfig), *where]

    async def test_serves_a_cluster_until_ctrl_c(self) -> None:
        started = start(reactor, self.command(self.ground.access.kubeconfig), ENVIRONMENT)
        self.addCleanup(end, started)
        clouds = self.folder / "clouds.yaml"

        async def served() -> bool:
            return clouds.exists()

        await until(reactor, "clouds.yaml", served, START)
        self.assertEqual(clouds.stat().st_mode & 0o777, 0o600)
        self.assertIn("dicot-admin", yaml.safe_load(clouds.read_text())["clouds"])
        started.process.signalProcess("INT")
        finished = await started.finished
        await self.check_told(finished.output, clouds)
        front = Control(reactor, f"http://127.0.0.1:{self.port}")
        with self.assertRaises(ConnectionRefusedError):
            await front.ask("GET", "/healthz")

    async def check_told(self, output: str, clouds: Path) -> None:
        """The lines lead to a command that runs and a file that is there."""
        [(file, cloud, openstack)] = TOLD.findall(output)
        self.assertEqual((file, cloud), (str(clouds), "dicot"))
        self.assertIn("openstack ", (await run(reactor, [openstack, "--version"])).checked())

    async def test_says_in_one_line_what_is_in_its_way(self) -> None:
        """Dicot's own account may not look at definitions, so it cannot prepare anything."""
        for kubeconfig, words in ((Path("/nowhere"), "no such kubeconfig"), (self.ground.kubeconfig, "is forbidden")):
            finished = await run(reactor, self.command(kubeconfig), ENVIRONMENT)
            self.assertEqual((finished.code, finished.output), (1, ""), str(finished))
            self.assertRegex(finished.errors, rf"\A{kubeconfig}: [^\n]*{words}[^\n]*\n\Z")


def end(started: Started) -> None:
    """Leave nothing behind where a test failed half-way."""
    try:
        started.process.signalProcess("KILL")
    except ProcessExitedAlready:
        pass
