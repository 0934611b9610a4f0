"""Slow clients over real sockets: all are gone soon after their deadline, and cost little (safety G15).

A few hundred with short deadlines; with ``DICOT_LONG`` 10,000, and the deadlines that everybody has.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import time
from collections import Counter
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from dicot.web.limits import RESERVED, Limits
from tests.length import IS_LONG
from tests.live.wire import request, speak

MANY = 10_000 if IS_LONG else 210
SHORT = Limits(header_seconds=2, body_seconds=2, idle_seconds=2, write_seconds=2)
LIMITS = Limits() if IS_LONG else SHORT
PATIENCE = 300.0 if IS_LONG else 90.0
"""Seconds in which all must be gone, however slow this machine is."""
HELD = 300_000
"""Bytes that a connection may cost: a body, an answer's slice, and what objects there are of it."""
PER_ADDRESS = 200
AT_ONCE = 50
PAGE = "/compute/v2.1/servers/detail"
ROOT = Path(__file__).parents[2]


class Standing(ProcessProtocol):
    """The server's process."""

    def __init__(self) -> None:
        self.ready: Deferred[dict[str, Any]] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self._said = b""

    def outReceived(self, data: bytes) -> None:
        self._said += data
        if self._said.endswith(b"\n"):
            self.ready.callback(json.loads(self._said))

    def errReceived(self, data: bytes) -> None:
        print(data.decode(errors="replace"), flush=True)

    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(None)

    @property
    def files(self) -> int:
        """What it has open."""
        assert self.transport is not None
        return len(os.listdir(f"/proc/{self.transport.pid}/fd"))

    @property
    def memory(self) -> int:
        """Bytes that it has in memory."""
        assert self.transport is not None
        pages = int(Path(f"/proc/{self.transport.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()


class Slow(Protocol):
    """A client that says something and goes on with it by the byte; one of kind ``read`` never reads."""

    def __init__(self, kind: str, first: bytes, drop: bytes) -> None:
        self.gone = False
        self.heard = b""
        self.kind = kind
        self._first = first
        self._drop = drop

    def connectionMade(self) -> None:
        if self.kind == "read":
            handle: socket.socket = self.transport.getHandle()  # type: ignore[union-attr]
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.transport.pauseProducing()  # type: ignore[union-attr]
        self.transport.write(self._first)  # type: ignore[union-attr]

    def say_more(self) -> None:
        """One more byte."""
        if not self.gone and self._drop:
            self.transport.write(self._drop)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self.heard = (self.heard + data)[:64]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone = True


class Lone(Factory):
    """For one client."""

    noisy = False

    def __init__(self, client: Slow) -> None:
        self._client = client

    def buildProtocol(self, addr: object) -> Slow:
        return self._client


class SlowTests(TestCase):
    timeout = 600.0 if IS_LONG else 300.0

    async def setUp(self) -> None:  # type: ignore[override]
        wanted = min(MANY + RESERVED, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self.server = Standing()
        command = [sys.executable, "-m", "tests.web.standing", json.dumps(asdict(LIMITS))]
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.defpath}
        process: Any = reactor.spawnProcess(self.server, sys.executable, command, environment)
        self.addCleanup(lambda: self.server.ended)
        self.addCleanup(process.loseConnection)
        said = await self.server.ready
        self.url = f"http://127.0.0.1:{said['port']}"
        self.port, self.token = said["port"], said["token"]

    async def test_all_are_gone_soon_and_others_are_answered(self) -> None:
        alone = await self.good(2.0)
        before, files = self.server.memory, self.server.files
        clients = await self.slow()
        began = reactor.seconds()

        def drip() -> None:
            for client in clients:
                client.say_more()

        dripping = LoopingCall(drip)
        dripping.start(0.5)
        self.addCleanup(dripping.stop)
        most = before
        beside = list[float]()
        while self.server.files > files and reactor.seconds() < began + PATIENCE:
            beside += await self.good(0.5)
            most = max(most, self.server.memory)
        took = reactor.seconds() - began
        said = Counter(client.heard[9:12].decode() for client in clients if client.kind in ("head", "body"))
        print(
            f"\n{MANY} slow connections, gone after {took:.1f} s, answers to slow requests {dict(said)}; "
            f"a good request's p99 {p99(alone):.1f} ms alone, {p99(beside):.1f} ms beside them ({len(beside)}); "
            f"{(most - before) // MANY} bytes for each",
            flush=True,
        )
        self.assertLessEqual(self.server.files, files)
        self.assertLess(most - before, MANY * HELD)
        self.assertGreater(said["408"], 0)

    async def slow(self) -> list[Slow]:
        """All of them, of every kind the same number, from as many addresses as it takes."""
        clients, connecting = list[Slow](), list[Deferred[Any]]()
        for number, (kind, first, drop) in zip(range(MANY), cycle(self.kinds()), strict=False):
            clients.append(Slow(kind, first, drop))
            place = number // PER_ADDRESS
            where = (f"127.0.{place // 250}.{place % 250 + 2}", 0)
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port, bindAddress=where)
            connecting.append(endpoint.connect(Lone(clients[-1])))
            if len(connecting) == AT_ONCE or number == MANY - 1:
                await gatherResults(connecting)
                connecting.clear()
        return clients

    def kinds(self) -> list[tuple[str, bytes, bytes]]:
        """What each says at first, and each half second."""
        token = {"X-Auth-Token": self.token}
        page = request("GET", PAGE, headers={**token, "Connection": ""})
        body = request("POST", "/compute/v2.1/servers", headers={**token, "Content-Type": "application/json"})
        head, _, _ = body.partition(b"\r\n\r\n")
        return [
            ("head", head, b"a"),
            ("body", head + b"\r\nContent-Length: 100000\r\n\r\n[", b" "),
            ("body", head + b"\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
            ("read", page * 3, b""),
            ("read", request("GET", "/compute/v2.1/flavors", headers={**token, "Connection": ""}) * 10, b""),
            ("idle", b"", b""),
            ("idle", request("GET", "/compute/v2.1/flavors", headers={**token, "Connection": ""}), b""),
        ]

    async def good(self, seconds: float) -> list[float]:
        """Good requests for so long, one after the other and each on a connection of its own: how long each took."""
        until, took = reactor.seconds() + seconds, list[float]()
        data = request("GET", "/compute/v2.1/flavors", headers={"X-Auth-Token": self.token})
        while reactor.seconds() < until:
            began = time.perf_counter()
            answer = await speak(reactor, self.url, data)
            took.append((time.perf_counter() - began) * 1000)
            self.assertEqual(answer.code, 200, str(answer))
        return took


def p99(took: list[float]) -> float:
    """In milliseconds."""
    return sorted(took)[len(took) * 99 // 100]
