"""One program of a cluster as a child process: started, watched, started again, ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProcessTransport, IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

LEASH = Path(__file__).with_name("leash.py")
REST = 1.0
"""Seconds before a program that ended by itself is started again."""
TAIL = 4000
"""Bytes of a program's output that an error message carries."""


def leashed(command: Sequence[str], rest: float = 0.0) -> list[str]:
    """The command line that runs ``command`` after ``rest`` seconds, and never longer than this process lives."""
    return [sys.executable, "-SE", str(LEASH), str(os.getpid()), str(rest), *command]


class Program(ProcessProtocol):
    """A program that runs from ``start`` to ``kill``, and is started again when it ends by itself.

    Everything it prints is appended to the file ``output``. It ends with this process, however this one ends.
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactorProcess,
        name: str,
        command: Sequence[str],
        output: Path,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.failures = 0
        self._reactor = reactor
        self._command = command
        self._output = output
        self._environment = {"PATH": os.defpath, "HOME": str(output.parent), **environment}
        self._process: IProcessTransport | None = None
        self._killed: list[Deferred[None]] = []

    def start(self) -> None:
        if self._process is not None:
            raise RuntimeError(f"{self.name} is already running")
        self._spawn(0.0)

    def kill(self) -> Deferred[None]:
        """End the program at once, with SIGKILL; fires when it is gone."""
        if self._process is None:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._killed.append(gone)
        self._process.signalProcess("KILL")
        return gone

    @property
    def pid(self) -> int | None:
        """Process id while the program runs."""
        return None if self._process is None else self._process.pid

    def tail(self) -> str:
        """The last lines that the program printed."""
        with self._output.open("rb") as output:
            output.seek(max(0, self._output.stat().st_size - TAIL))
            return output.read().decode(errors="replace")

    def processEnded(self, reason: Failure) -> None:
        self._process = None
        if self._killed:
            killed, self._killed = self._killed, []
            for gone in killed:
                gone.callback(None)
            return
        self.failures += 1
        self.log.warn("{name} ended by itself: {reason}", name=self.name, reason=reason.getErrorMessage())
        self._spawn(REST)

    def _spawn(self, rest: float) -> None:
        # The rest is the child's: a timer of ours would be swept away with the test during which the program ended.
        with self._output.open("ab") as output, open(os.devnull, "rb") as nothing:
            self._process = self._reactor.spawnProcess(
                self,
                sys.executable,
                leashed(self._command, rest),
                env=self._environment,
                childFDs={0: nothing.fileno(), 1: output.fileno(), 2: output.fileno()},
            )
