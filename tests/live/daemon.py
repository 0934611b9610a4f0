"""Dicot itself as a process, on the real control planes and with no more rights than its manifests give it.

    daemon = await DAEMON.shared(reactor)             # one for all tests that do not hurt it
    daemon = await DAEMON.own(reactor, self)          # one for this test, which may kill and restart it

Both serve the same cluster, so an own one is also a second replica beside the shared one.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.clients.forked import Forked, Running
from tests.cluster.access import Access
from tests.cluster.certificates import write_secret
from tests.cluster.commands import exit_code
from tests.cluster.control import Control, Overdue
from tests.cluster.installed import ROOT, apply_manifests, clouds, make_people, write_login
from tests.cluster.ports import free_port
from tests.cluster.programs import leashed
from tests.cluster.shared import SHARED

READY = 240.0
"""Seconds; a machine that does much else needs them, and one that ends says so at once."""
TAIL = 6000
"""Bytes of a daemon's log that a failed test shows."""
NOTHING: Mapping[str, str] = MappingProxyType({})
TWISTD = Path(sys.executable).with_name("twistd")
PROGRAM = (str(TWISTD),)
IMPORTED = ("twisted.scripts.twistd", "kubernetes.config", "dicot.tap")
"""What costs most of Dicot's start."""
DICOTS = Forked(TWISTD, tuple(f"module={name}" for name in IMPORTED), {"PYTHONPATH": str(ROOT)})
"""Forks those whose test sees their end."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A cluster with all that Dicot needs, how Dicot logs in there, and the passwords of people by name."""

    access: Access
    kubeconfig: Path
    passwords: Mapping[str, str]
    folder: Path


class _Process(ProcessProtocol):
    """A program with an interpreter of its own, as far as a Daemon asks; Running is the other way."""

    def __init__(self) -> None:
        self.code: int | None = None
        self._waiting: list[Deferred[None]] = []

    @property
    def pid(self) -> int:
        assert self.transport is not None
        return int(self.transport.pid or 0)

    @property
    def is_over(self) -> bool:
        return self.code is not None

    def ended(self) -> Deferred[None]:
        if self.is_over:
            return succeed(None)
        self._waiting.append(Deferred())
        return self._waiting[-1]

    def signal(self, name: str) -> None:
        assert self.transport is not None
        self.transport.signalProcess(name)

    def processEnded(self, reason: Failure) -> None:
        self.code = exit_code(reason)
        for each in self._waiting:
            each.callback(None)


class Daemon:
    """A ``twistd dicot`` with ports, a log and a clouds.yaml of its own; its ports stay the same when it restarts.

    ``url`` is the API's, ``probes`` that of /healthz and /readyz, ``cloud_file`` knows clouds ``dicot-admin`` and
    ``dicot`` (user demo, a member of project demo). One that ``stays`` outlives its test, and has an interpreter of
    its own, as one of another ``program`` has.
    """

    def __init__(
        self, reactor: Any, ground: Ground, folder: Path, *, stays: bool = False, program: Sequence[str] = PROGRAM
    ) -> None:
        self.ground = ground
        self.url = f"http://127.0.0.1:{free_port()}"
        self.probes = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "dicot.log"
        self.access_log = folder / "access.log"
        self.cloud_file = folder / "clouds.yaml"
        self._settings = folder / "dicot.toml"
        self._reactor = reactor
        self._program = program
        self._stays = stays or program != PROGRAM
        self._process: _Process | Running | None = None
        self._settings.write_text(self._configuration())
        write_secret(self.cloud_file, clouds(self.url, ground.passwords).encode())

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return None if self._process is None or self._process.is_over else self._process.pid

    def client(self, cloud: str = "dicot") -> Mapping[str, str]:
        """Environment variables for ``openstack`` and openstacksdk."""
        return {"OS_CLIENT_CONFIG_FILE": str(self.cloud_file), "OS_CLOUD": cloud}

    async def start(self, environment: Mapping[str, str] = NOTHING) -> None:
        """Start it and wait until it is ready. Raises Overdue with its last words when that does not come."""
        await self.spawn(environment)
        await self.until_ready()

    async def spawn(self, environment: Mapping[str, str] = NOTHING) -> None:
        """Start it, ready or not."""
        if self.pid is not None:
            raise RuntimeError("it runs already")
        command = [*self._program, "--nodaemon", "--pidfile=", "dicot", "--config", str(self._settings)]
        folder = self.log.parent
        surroundings = {"PATH": os.defpath, "HOME": str(folder), "PYTHONPATH": str(ROOT), **environment}
        if self._stays:
            self._process = self._spawned(command, surroundings)
        else:
            self._process = await DICOTS.start(self._reactor, command, surroundings, (self.log, self.log), folder)

    def _spawned(self, command: Sequence[str], surroundings: Mapping[str, str]) -> _Process:
        process = _Process()
        with self.log.open("ab") as output, open(os.devnull, "rb") as nothing:
            files = {0: nothing.fileno(), 1: output.fileno(), 2: output.fileno()}
            self._reactor.spawnProcess(
                process,
                sys.executable,
                leashed(command),
                env=surroundings,
                path=str(self.log.parent),
                childFDs=files,
            )
        return process

    async def until_ready(self, patience: float = READY) -> None:
        """Wait until /readyz says 200, at most so many seconds."""
        front = Control(self._reactor, self.probes)

        async def ready() -> bool:
            if self.pid is None:
                raise Overdue(f"Dicot ended with {await self.ended()}")
            return await front.answers("/readyz")

        try:
            await front.until(patience, "Dicot to be ready", ready)
        except Overdue as error:
            raise Overdue(f"{error}\n{self.tail()}") from error
        finally:
            await front.close()

    async def ended(self) -> int:
        """Its exit code when it is gone, at once where it is; negative: the signal that ended it."""
        if self._process is None:
            return 0
        await self._process.ended()
        if self._process.code is None:
            raise Overdue(f"nobody knows how it ended\n{self.tail()}")
        return self._process.code

    async def kill(self, signal: str = "KILL") -> int:
        """End it by a signal; its exit code once it is gone. Nothing happens to one that runs no more."""
        if self._process is not None and self.pid is not None:
            self._process.signal(signal)
        return await self.ended()

    async def restart(self, environment: Mapping[str, str] = NOTHING) -> None:
        """End it with -9 where it still runs, and start it on the same ports."""
        await self.kill()
        await self.start(environment)

    def tail(self) -> str:
        """The last lines that it logged."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - TAIL))
            return log.read().decode(errors="replace")

    def _configuration(self) -> str:
        return (
            f'[api]\nlisten = ["{self.url}"]\npublic_url = "{self.url}"\naccess_log = "{self.access_log}"\n'
            f'[kubernetes]\nkubeconfig = "{self.ground.kubeconfig}"\n'
            f'[status]\nlisten = ["{self.probes}"]\n'
        )


class Daemons:
    """The ground that daemons of this process stand on, and the one that tests share."""

    def __init__(self) -> None:
        self._ground: Ground | None = None
        self._failed: Failure | None = None
        self._shared: Daemon | None = None

    async def ground(self, reactor: Any) -> Ground:
        """The shared cluster, furnished, with Dicot's manifests and demo's people. It is tried once."""
        if self._failed is not None:
            self._failed.raiseException()
        if self._ground is None:
            try:
                access = await SHARED.furnished(reactor)
                folder = Path(tempfile.mkdtemp(prefix="dicot-live-"))
                reactor.addSystemEventTrigger("after", "shutdown", shutil.rmtree, folder)
                self._ground = await prepared(reactor, access, folder)
            except Exception:
                self._failed = Failure()
                raise
        return self._ground

    async def shared(self, reactor: Any, test: TestCase | None = None) -> Daemon:
        """The daemon for tests that leave it as it is; it ends with the run. ``test`` shows its log if it fails."""
        if self._shared is None or self._shared.pid is None:
            daemon = await self._made(reactor, stays=True)
            reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(daemon.kill()))
            await daemon.start()
            self._shared = daemon
        if test is not None:
            test.addCleanup(show, test, self._shared)
        return self._shared

    async def unshared(self) -> None:
        """End the shared daemon where it runs, so that a test's own ones serve the cluster alone."""
        if self._shared is not None:
            await self._shared.kill("TERM")

    async def own(
        self,
        reactor: Any,
        test: TestCase,
        environment: Mapping[str, str] = NOTHING,
        *,
        start: bool = True,
        program: Sequence[str] = PROGRAM,
    ) -> Daemon:
        """A daemon of this test alone, which ends with it."""
        daemon = await self._made(reactor, program=program)
        test.addCleanup(lambda: Deferred.fromCoroutine(daemon.kill()))
        test.addCleanup(show, test, daemon)
        if start:
            await daemon.start(environment)
        return daemon

    async def _made(self, reactor: Any, *, stays: bool = False, program: Sequence[str] = PROGRAM) -> Daemon:
        ground = await self.ground(reactor)
        folder = Path(tempfile.mkdtemp(prefix="daemon-", dir=ground.folder))
        return Daemon(reactor, ground, folder, stays=stays, program=program)


async def prepared(reactor: Any, access: Access, folder: Path) -> Ground:
    """What an administrator does before the first start."""
    control = Control(reactor, access.server, access.authority, access.admin)
    kubeconfig = folder / "kubeconfig"
    try:
        await apply_manifests(control)
        await write_login(control, access.kubeconfig, kubeconfig)
        passwords = await make_people(reactor, control, kubeconfig)
    finally:
        await control.close()
    return Ground(access, kubeconfig, passwords, folder)


def show(test: TestCase, daemon: Daemon) -> None:
    """Print the end of the daemon's log where the test has failed so far."""
    if not test._passed:
        print(f"\n--- {test.id()}: the end of {daemon.log}\n{daemon.tail()}---", flush=True)


DAEMON = Daemons()
