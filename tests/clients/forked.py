"""Python programs, each a process of its own, forked from one that has imported already what they import.

    openstack = Forked(path, imported)
    finished = await openstack.run(reactor, [str(path), "server", "list"], environment, seconds=60)

An interpreter that starts and imports is most of what such a program costs; here it is paid once in a run.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.cluster.commands import Failed, Finished, exit_code, surroundings
from tests.cluster.programs import leashed

SERVER = Path(__file__).with_name("forks.py")
LISTENER = 3
"""The descriptor that the server listens on."""
WAITING = 64
KILLED = -9
TAIL = 4000


class _Server(ProcessProtocol):
    """The process that forks, and how it ended."""

    def __init__(self) -> None:
        self.code: int | None = None

    def processEnded(self, reason: Failure) -> None:
        self.code = exit_code(reason)


class Running(Protocol):
    """A program, by the connection that stands for it. ``code`` is None while it runs, or where nobody knows."""

    def __init__(self, request: Mapping[str, object]) -> None:
        self.pid = 0
        self.code: int | None = None
        self.is_over = False
        self.begun: Deferred[None] = Deferred()
        self._request = request
        self._heard = b""
        self._waiting: list[Deferred[None]] = []

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(json.dumps(self._request).encode() + b"\n")

    def dataReceived(self, data: bytes) -> None:
        self._heard += data
        told = self._heard.split(b"\n")[:-1]
        if told and not self.pid:
            self.pid = int(told[0])
            self.begun.callback(None)
        if told[1:]:
            self.code = int(told[1])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_over = True
        waiting, self._waiting = self._waiting, []
        for each in waiting if self.pid else [self.begun, *waiting]:
            each.callback(None)

    def ended(self) -> Deferred[None]:
        """Fires when it is gone, at once where it is."""
        if self.is_over:
            return succeed(None)
        self._waiting.append(Deferred())
        return self._waiting[-1]

    def signal(self, name: str) -> None:
        """Send it a signal, KILL or TERM or another."""
        if not self.is_over:
            os.kill(self.pid, Signals[f"SIG{name}"])

    def abandon(self) -> None:
        """Let it be killed, where it still runs, and hear no more of it."""
        self.transport.abortConnection()  # type: ignore[union-attr]


class Forked:
    """The Python programs of one virtual environment, of which ``program`` is the main one.

    ``imported`` is what forks.py imports for all of them, in ``environment``. The server starts with the first
    program and ends with this process, however this one ends.
    """

    def __init__(
        self, program: Path, imported: Sequence[str] = (), environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._program = program
        self._python = program.with_name("python")
        self._imported = imported
        self._environment = {**surroundings(), **environment}
        self._folder: Path | None = None
        self._server = _Server()
        self._transport: IProcessTransport | None = None
        self._count = 0

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._transport.pid if self._transport is not None and self._server.code is None else None

    async def run(
        self, reactor: Any, command: Sequence[str], environment: Mapping[str, str], *, seconds: float
    ) -> Finished:
        """Run a Python program to its end. One that takes longer is killed, and its code is -9.

        Raises Failed where the server has died, with what it said.
        """
        self._count += 1
        outputs = [self._started(reactor) / f"{self._count}.{name}" for name in ("output", "errors")]
        running = await self.start(reactor, command, {**surroundings(), **environment}, outputs, Path.cwd())
        limit = reactor.callLater(seconds, running.abandon)
        try:
            await running.ended()
        finally:
            running.abandon()
            overdue = not limit.active()
            if not overdue:
                limit.cancel()
        if running.code is None and not overdue:
            raise Failed(f"{' '.join(command)}: nobody knows how it ended\n{self._tail()}")
        code = KILLED if overdue or running.code is None else running.code
        return Finished(command, code, *map(taken, outputs))

    async def start(
        self,
        reactor: Any,
        command: Sequence[str],
        environment: Mapping[str, str],
        outputs: Sequence[Path],
        folder: Path,
    ) -> Running:
        """Start a Python program, which prints into files. It ends with this process.

        Raises Failed where the server has died, with what it said.
        """
        request = {
            "arguments": list(command),
            "environment": dict(environment),
            "folder": str(folder),
            "outputs": [str(path) for path in outputs],
        }
        running = Running(request)
        try:
            path = self._started(reactor) / "socket"
            await connectProtocol(UNIXClientEndpoint(reactor, str(path)), running)
        except ConnectError as error:
            raise Failed(f"{' '.join(command)} was not started: {error}\n{self._tail()}") from error
        try:
            await running.begun
        except CancelledError:
            running.abandon()
            raise
        if not running.pid:
            raise Failed(f"{' '.join(command)} was not started\n{self._tail()}")
        return running

    def _started(self, reactor: Any) -> Path:
        """The folder of the server, which is started where none runs."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="dicot-clients-"))
            reactor.addSystemEventTrigger("before", "shutdown", self.stop)
            reactor.addSystemEventTrigger("after", "shutdown", shutil.rmtree, self._folder)
        if self.pid is None:
            self._spawn(reactor, self._folder)
        return self._folder

    def stop(self) -> None:
        """End the server; what runs goes on to its end, unless this process goes too."""
        if self.pid is not None and self._transport is not None:
            self._transport.signalProcess("KILL")

    def _spawn(self, reactor: Any, folder: Path) -> None:
        path, log = folder / "socket", folder / "log"
        path.unlink(missing_ok=True)
        self._server = _Server()
        command = [str(self._python), str(SERVER), str(LISTENER), str(self._program), *self._imported]
        with socket.socket(socket.AF_UNIX) as listener, log.open("wb") as output, open(os.devnull, "rb") as nothing:
            # Whoever connects before the server is ready waits, and is not left alone if it dies.
            listener.bind(str(path))
            listener.listen(WAITING)
            files = {0: nothing.fileno(), 1: output.fileno(), 2: output.fileno(), LISTENER: listener.fileno()}
            self._transport = reactor.spawnProcess(
                self._server, leashed(command)[0], leashed(command), env=self._environment, childFDs=files
            )

    def _tail(self) -> str:
        """What the server said last."""
        assert self._folder is not None
        said = (self._folder / "log").read_text(errors="replace")[-TAIL:]
        return f"the server of forks ({self._python}) ended with {self._server.code}: {said}"


def taken(path: Path) -> str:
    """What a program has printed there; the file is no longer needed."""
    if not path.exists():
        return ""
    text = path.read_text(errors="replace")
    path.unlink()
    return text
