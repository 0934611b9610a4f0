"""Commands that are run to their end, within a time."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

MINUTE = 60.0


class Failed(Exception):
    """A command ended with another exit code than 0."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left: its exit code (negative: the signal that ended it) and what it printed."""

    command: Sequence[str]
    code: int
    output: str
    errors: str

    def __str__(self) -> str:
        return f"{' '.join(self.command)}: exit code {self.code}\n{self.output}{self.errors}"

    def checked(self) -> str:
        """What it printed. Raises Failed for any exit code but 0."""
        if self.code != 0:
            raise Failed(str(self))
        return self.output


def exit_code(reason: Failure) -> int:
    """The exit code of a process that ended so; negative: the signal that ended it."""
    status = reason.value
    assert isinstance(status, (ProcessDone, ProcessTerminated))
    code: int = -status.signal if status.exitCode is None else status.exitCode
    return code


def surroundings() -> dict[str, str]:
    """What a command sees of the environment of its caller."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")}


class _Command(ProcessProtocol):
    """Collects what a process prints, until all of it is there and the process is gone."""

    def __init__(self, command: Sequence[str], text: bytes) -> None:
        self.finished: Deferred[Finished] = Deferred()
        self._command = command
        self._text = text
        self._printed: dict[int, list[bytes]] = {1: [], 2: []}

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.writeToChild(0, self._text)
        self.transport.closeChildFD(0)

    def childDataReceived(self, fd: int, data: bytes) -> None:
        self._printed[fd].append(data)

    def processEnded(self, reason: Failure) -> None:
        self.finished.callback(Finished(self._command, exit_code(reason), self._said(1), self._said(2)))

    def _said(self, fd: int) -> str:
        return b"".join(self._printed[fd]).decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Started:
    """A command that runs. ``finished`` fires when it has ended."""

    process: IProcessTransport
    finished: Deferred[Finished]


def start(
    reactor: Any, command: Sequence[str], environment: Mapping[str, str] = MappingProxyType({}), *, text: str = ""
) -> Started:
    """Start a command; ``text`` is its input."""
    protocol = _Command(command, text.encode())
    process = reactor.spawnProcess(protocol, command[0], list(command), env={**surroundings(), **environment})
    return Started(process, protocol.finished)


async def run(
    reactor: Any,
    command: Sequence[str],
    environment: Mapping[str, str] = MappingProxyType({}),
    *,
    text: str = "",
    seconds: float = MINUTE,
) -> Finished:
    """Run a command to its end. One that takes longer is killed, and its code is -9."""
    started = start(reactor, command, environment, text=text)
    limit = reactor.callLater(seconds, started.process.signalProcess, "KILL")
    try:
        return await started.finished
    finally:
        if limit.active():
            limit.cancel()
