"""``dicot check`` and ``twistd dicot --check-config`` on a cluster that has all, and on one that does not answer."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from tests.cluster.commands import Finished, run
from tests.cluster.installed import ROOT
from tests.cluster.ports import free_port
from tests.length import TIMEOUT
from tests.live.daemon import DAEMON, TWISTD

ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
OURS = ("Dicot's kinds", "Dicot's accounts and roles", "Dicot's rights")


class CheckTests(TestCase):
    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        self.ground = await DAEMON.ground(reactor)

    async def check(self, kubeconfig: Path) -> Finished:
        words = ("-m", "dicot.command", "check", "--kubeconfig", str(kubeconfig))
        return await run(reactor, [sys.executable, *words], ENVIRONMENT)

    def states(self, finished: Finished) -> dict[str, str]:
        """The mark of each thing that was found out, by its name."""
        lines = [line for line in finished.output.splitlines() if not line.startswith(" ")]
        return {line[9:].partition(":")[0]: line[:8].strip() for line in lines}

    async def test_an_administrator_sees_all(self) -> None:
        finished = await self.check(self.ground.access.kubeconfig)
        states = self.states(finished)
        self.assertEqual([states[name] for name in OURS], ["ok", "ok", "ok"], str(finished))
        self.assertEqual((states["KubeVirt"], states["CDI"], finished.code), ("ok", "ok", 0), str(finished))

    async def test_dicots_own_account_sees_what_it_may(self) -> None:
        finished = await self.check(self.ground.kubeconfig)
        states = self.states(finished)
        self.assertEqual([states[name] for name in OURS], ["ok", "limited", "ok"], str(finished))
        self.assertEqual(finished.code, 0, str(finished))

    async def test_a_cluster_that_does_not_answer_is_one_line(self) -> None:
        kubeconfig = Path(self.mktemp()).resolve()
        away = f"https://127.0.0.1:{free_port()}"
        text = self.ground.kubeconfig.read_text()
        kubeconfig.write_text(text.replace(self.ground.access.server, away))
        finished = await self.check(kubeconfig)
        self.assertEqual((finished.code, finished.output), (2, ""), str(finished))
        self.assertRegex(finished.errors, r"\Adicot: [^\n]+\n\Z")

    async def test_a_configuration_is_checked_before_the_daemon_starts(self) -> None:
        settings = Path(self.mktemp()).resolve()
        command = [str(TWISTD), "dicot", "--check-config", "--config", str(settings)]
        settings.write_text(f'[kubernetes]\nkubeconfig = "{self.ground.kubeconfig}"\n')
        finished = await run(reactor, command, ENVIRONMENT)
        self.assertEqual((self.states(finished)["Dicot's rights"], finished.code), ("ok", 0), str(finished))
        settings.write_text("[api]\nlisten = 7\n[what]\n")
        finished = await run(reactor, command, ENVIRONMENT)
        self.assertEqual((finished.code, finished.output), (2, ""), str(finished))
        self.assertIn("api.listen", finished.errors)
        self.assertIn("what: unknown section", finished.errors)
