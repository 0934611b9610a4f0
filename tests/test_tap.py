"""What stands between a user and a running daemon: one clear line."""

import os
import signal
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dicot.tap import CRASH_AT, InTurn, Options, checkpoint, makeService

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


class Written(TestCase):
    """A configuration in a folder of the test's own."""

    def setUp(self) -> None:
        # The daemon lets its reactor count otherwise than trial's does.
        self.patch(reactor, "seconds", time.time)

    def options(self, text: str, kubeconfig: str = KUBECONFIG) -> Options:
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        (folder / "kubeconfig").write_text(kubeconfig)
        (folder / "dicot.toml").write_text(f'[kubernetes]\nkubeconfig = "{folder / "kubeconfig"}"\n{text}')
        options = Options()
        options["config"] = str(folder / "dicot.toml")
        return options

    def refusal(self, options: Options) -> str:
        return str(self.assertRaises(usage.UsageError, makeService, options))


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port: int = found.getsockname()[1]
    return port


class UsageTests(Written):
    """Mistakes are told before anything starts."""

    def test_mistakes_of_the_configuration_name_their_keys(self) -> None:
        self.assertEqual(self.refusal(self.options("[api]\nport = 1\n")), "api.port: unknown option")

    def test_a_used_port_names_its_key(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = taken.getsockname()[1]
            said = self.refusal(self.options(f'[api]\nlisten = ["http://127.0.0.1:{port}"]\n'))
        self.assertEqual(said, f"api.listen: cannot listen on 127.0.0.1:{port}: Address already in use")

    def test_a_certificate_that_is_none_names_its_key(self) -> None:
        tls = 'listen = ["https://127.0.0.1:0"]\ntls_certificate = "/nowhere"\ntls_key = "/nowhere"\n'
        self.assertIn("api.tls_certificate: cannot use /nowhere", self.refusal(self.options(f"[api]\n{tls}")))

    def test_a_kubeconfig_that_is_none_is_named(self) -> None:
        self.assertIn("kubeconfig", self.refusal(self.options("", kubeconfig="[")))


class LifeTests(Written):
    """The daemon without a cluster."""

    def test_timers_count_by_a_clock_that_nobody_sets(self) -> None:
        loop: Any = reactor
        self.refusal(self.options("[api]\nport = 1\n"))
        timer = loop.callLater(5, lambda: None)
        self.addCleanup(timer.cancel)
        self.assertApproximates(timer.getTime() - time.monotonic(), 5, 2)

    async def stopped(self, options: Options) -> None:
        service = makeService(options)
        service.startService()
        await service.stopService()

    def test_starts_and_ends_while_the_cluster_is_away(self) -> "Deferred[None]":
        ports = (free_port(), free_port())
        api, status = (f'listen = ["http://127.0.0.1:{port}"]' for port in ports)
        options = self.options(f'[api]\n{api}\naccess_log = ""\n[status]\n{status}\n')
        return Deferred.fromCoroutine(self.stopped(options))


class Slowly(Service):
    """A service that takes its time to end."""

    def __init__(self, ended: list[str], name: str) -> None:
        self.over: Deferred[None] = Deferred()
        self._ended = ended
        self._label = name

    def stopService(self) -> Deferred[None]:
        self._ended.append(self._label)
        return self.over


class InTurnTests(SynchronousTestCase):
    def test_the_last_ends_before_what_it_stands_on(self) -> None:
        """The access log is open until the last request has ended."""
        ended = list[str]()
        whole, log, daemon = InTurn(), Slowly(ended, "log"), Slowly(ended, "daemon")
        for service in (log, daemon):
            service.setServiceParent(whole)
        stopping = whole.stopService()
        self.assertEqual(ended, ["daemon"])
        daemon.over.callback(None)
        self.assertEqual(ended, ["daemon", "log"])
        self.assertNoResult(stopping)
        log.over.callback(None)
        self.successResultOf(stopping)


class CheckpointTests(SynchronousTestCase):
    """The switch of the crash tests."""

    def test_is_off_unless_asked_for(self) -> None:
        self.assertIsNone(checkpoint({}))

    def test_other_points_are_passed(self) -> None:
        reached = checkpoint({CRASH_AT: "before create secrets"})
        assert reached is not None
        reached("after create secrets")

    def test_a_number_waits_for_that_time(self) -> None:
        killed: list[tuple[int, int]] = []
        self.patch(os, "kill", lambda pid, number: killed.append((pid, number)))
        reached = checkpoint({CRASH_AT: "before create secrets 2"})
        assert reached is not None
        for name in ("before create secrets", "before create ports"):
            reached(name)
        self.assertEqual(killed, [])
        reached("before create secrets")
        self.assertEqual(killed, [(os.getpid(), signal.SIGKILL)])

    def test_points_are_logged_as_they_are_asked_for(self) -> None:
        reached = checkpoint({CRASH_AT: "none"})
        assert reached is not None
        with capturedLogs() as events:
            for name in ("before create secrets", "after create secrets", "before create secrets"):
                reached(name)
        points = ["before create secrets", "after create secrets", "before create secrets 2"]
        self.assertEqual([event["point"] for event in events], points)
