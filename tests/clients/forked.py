"""Commands of a real client, each a process of its own, forked from one that has imported the client already.

    openstack = Forked(path)
    finished = await openstack.run(reactor, [str(path), "server", "list"], environment, seconds=60)

An interpreter that starts and imports is nearly all that such a command costs; here it is paid once in a run.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
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


class _Command(Protocol):
    """The connection that stands for a program. ``ended`` fires with its last words, which tell the exit code."""

    def __init__(self, request: Mapping[str, object]) -> None:
        self.ended: Deferred[bytes] = Deferred()
        self._request = request
        self._heard = b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(json.dumps(self._request).encode() + b"\n")

    def dataReceived(self, data: bytes) -> None:
        self._heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(self._heard)

    def kill(self) -> None:
        """End the program, where it still runs."""
        self.transport.abortConnection()  # type: ignore[union-attr]


class Forked:
    """The Python programs of one virtual environment, of which ``program`` is the main one.

    ``groups`` are the entry points whose modules are imported once. The server starts with the first command and ends
    with this process, however this one ends.
    """

    def __init__(self, program: Path, groups: Sequence[str] = ()) -> None:
        self._program = program
        self._python = program.with_name("python")
        self._groups = groups
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
        folder = self._started(reactor)
        self._count += 1
        outputs = [folder / f"{self._count}.{name}" for name in ("output", "errors")]
        request = {
            "arguments": list(command),
            "environment": {**surroundings(), **environment},
            "folder": os.getcwd(),
            "outputs": [str(path) for path in outputs],
        }
        protocol = _Command(request)
        try:
            await connectProtocol(UNIXClientEndpoint(reactor, str(folder / "socket")), protocol)
        except ConnectError as error:
            raise Failed(f"{' '.join(command)} was not started: {error}\n{self._tail()}") from error
        limit = reactor.callLater(seconds, protocol.kill)
        try:
            said = await protocol.ended
        finally:
            protocol.kill()
            overdue = not limit.active()
            if not overdue:
                limit.cancel()
        if not said and not overdue:
            raise Failed(f"{' '.join(command)}: nobody knows how it ended\n{self._tail()}")
        return Finished(command, KILLED if overdue else int(said), *map(taken, outputs))

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
        command = [str(self._python), str(SERVER), str(LISTENER), str(self._program), *self._groups]
        with socket.socket(socket.AF_UNIX) as listener, log.open("wb") as output, open(os.devnull, "rb") as nothing:
            # Whoever connects before the server is ready waits, and is not left alone if it dies.
            listener.bind(str(path))
            listener.listen(WAITING)
            files = {0: nothing.fileno(), 1: output.fileno(), 2: output.fileno(), LISTENER: listener.fileno()}
            self._transport = reactor.spawnProcess(
                self._server, leashed(command)[0], leashed(command), env=surroundings(), childFDs=files
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
