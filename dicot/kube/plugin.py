"""Credential plugins of a kubeconfig (``exec``): programs that print an ExecCredential."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from .errors import Unreachable

LONGEST_RUN = 30.0
LONGEST_OUTPUT = 1024 * 1024
_SHOWN = 2000
_log = Logger()


class _Granted(msgspec.Struct, frozen=True, rename={"certificate": "clientCertificateData", "key": "clientKeyData"}):
    token: str = ""
    certificate: str = ""
    key: str = ""
    expirationTimestamp: datetime | None = None


class _ExecCredential(msgspec.Struct, frozen=True):
    apiVersion: str
    kind: str
    status: _Granted


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: argument vector and environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    api_version: str
    cluster: Mapping[str, Any] | None = None

    def environment(self) -> dict[str, str]:
        """The environment, with the request that plugins are told."""
        spec: dict[str, Any] = {"interactive": False}
        if self.cluster is not None:
            spec["cluster"] = dict(self.cluster)
        told = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}
        return {**self.env, "KUBERNETES_EXEC_INFO": json.dumps(told)}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a plugin gave: a token, or a certificate and its key (PEM). ``expires`` in seconds since 1970, or None."""

    token: str
    certificate: str
    key: str
    expires: float | None


class Plugin:
    """Runs a program, once at a time: whoever asks while it runs gets the same answer."""

    def __init__(self, program: Program, processes: IReactorProcess, clock: IReactorTime) -> None:
        self._program = program
        self._processes = processes
        self._clock = clock
        self._waiting: list[Deferred[Grant]] = []
        self._running = False

    def run(self) -> "Deferred[Grant]":
        """What the program grants. Fails with Unreachable; what it complained of is logged and goes no further."""
        waiter: Deferred[Grant] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        if not self._running:
            self._running = True
            self._start().addCallback(self._grant).addBoth(self._tell)
        return waiter

    def _start(self) -> "Deferred[bytes]":
        run = _Run(self._clock)
        argv = self._program.argv
        try:
            self._processes.spawnProcess(run, argv[0], argv, self._program.environment())
        except OSError as reason:
            run.end(Unreachable(f"the credential plugin does not start: {reason.strerror}"))
        return run.output

    def _grant(self, output: bytes) -> Grant:
        try:
            credential = msgspec.json.decode(output, type=_ExecCredential)
        except msgspec.DecodeError as reason:
            raise Unreachable("the credential plugin printed no ExecCredential") from reason
        if (credential.kind, credential.apiVersion) != ("ExecCredential", self._program.api_version):
            raise Unreachable(
                f"the credential plugin printed another kind or version than {self._program.api_version}"
            )
        status = credential.status
        if not status.token and not (status.certificate and status.key):
            raise Unreachable("the credential plugin gave neither a token nor a certificate with its key")
        expires = status.expirationTimestamp
        return Grant(status.token, status.certificate, status.key, expires.timestamp() if expires else None)

    def _tell(self, result: Grant | Failure) -> None:
        self._running = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(result)


class _Run(ProcessProtocol):
    """One run: its output, or why there is none. A program that takes too long or says too much is killed."""

    def __init__(self, clock: IReactorTime) -> None:
        self.output: Deferred[bytes] = Deferred()
        self._out = bytearray()
        self._complaint = bytearray()
        self._limit: IDelayedCall = clock.callLater(LONGEST_RUN, self._overdue)

    def connectionMade(self) -> None:
        """Nothing is said to it: there is nobody at a terminal."""
        self.transport.closeStdin()  # type: ignore[union-attr]

    def outReceived(self, data: bytes) -> None:
        self._out += data
        if len(self._out) > LONGEST_OUTPUT:
            self._kill(f"the credential plugin printed more than {LONGEST_OUTPUT} bytes")

    def errReceived(self, data: bytes) -> None:
        self._complaint += data[: max(0, _SHOWN - len(self._complaint))]

    def processEnded(self, reason: Failure) -> None:
        complaint = self._complaint.decode("utf-8", "replace").strip()
        if complaint:
            _log.warn("credential plugin: {complaint}", complaint=complaint)
        if reason.check(ProcessDone):
            self.end(bytes(self._out))
        else:
            self.end(Unreachable("the credential plugin failed"))

    def end(self, result: bytes | Unreachable) -> None:
        """The first end counts."""
        if self._limit.active():
            self._limit.cancel()
        if not self.output.called:
            self.output.callback(result if isinstance(result, bytes) else Failure(result))

    def _overdue(self) -> None:
        self._kill(f"the credential plugin took longer than {LONGEST_RUN:.0f} s")

    def _kill(self, why: str) -> None:
        try:
            self.transport.signalProcess("KILL")  # type: ignore[union-attr]
        except ProcessExitedAlready:
            # What it left behind may hold its output open for ever.
            self.transport.loseConnection()  # type: ignore[union-attr]
        self.end(Unreachable(why))
