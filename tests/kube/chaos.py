"""A proxy before an API server, whose connections break, stall and lose their answers as a script says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.live.proxy import Upstream

RESET, CLOSE, HALF, HOLD, SLOW = "reset", "close", "half", "hold", "slow"


@dataclass
class Fate:
    """What becomes of a connection once the server has sent so many bytes more.

    ``reset`` and ``close`` end it. ``half`` ends it towards the client alone. ``hold`` passes nothing on any more,
    and resets it after so many seconds. ``slow`` passes on what comes before that by the byte, and then resets it.
    """

    how: str
    after: int
    seconds: float = 0.0


class _Client(Protocol):
    """A connection, with one of its own to the server."""

    transport: Any

    def __init__(self, chaos: Chaos) -> None:
        self.fate: Fate | None = None
        self._chaos = chaos
        self._server: Any = None
        self._waiting: list[bytes] = []
        self._is_over = False

    def connectionMade(self) -> None:
        self._chaos.open.add(self)
        self.fate = self._chaos.fate()
        Deferred.fromCoroutine(self._dial()).addErrback(lambda failure: self.transport.abortConnection())

    async def _dial(self) -> None:
        server: Any = await connectProtocol(self._chaos.endpoint(), Upstream(self))
        if self._is_over:
            server.transport.abortConnection()
            return
        self._server = server
        server.transport.write(b"".join(self._waiting))

    def dataReceived(self, data: bytes) -> None:
        if self._server is None:
            self._waiting.append(data)
        else:
            self._server.transport.write(data)

    def answered(self, data: bytes) -> None:
        """Pass on what the fate lets through."""
        fate = self.fate
        if fate is None:
            self.transport.write(data)
            return
        let = data[: max(0, fate.after)]
        step = 1 if fate.how == SLOW else max(1, len(let))
        for place in range(0, len(let), step):
            self.transport.write(let[place : place + step])
        if 0 <= fate.after <= len(data):
            self._chaos.met[fate.how] += 1
            self._end(fate)
        fate.after -= len(data)

    def _end(self, fate: Fate) -> None:
        match fate.how:
            case "close":
                self.transport.loseConnection()
            case "half":
                self.transport.loseWriteConnection()
            case "hold":
                self._chaos.reactor.callLater(fate.seconds, self.transport.abortConnection)
            case _:
                self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._is_over = True
        self._chaos.open.discard(self)
        if self._server is not None:
            self._server.transport.abortConnection()


class Chaos(Factory):
    """Listens on loopback. ``fate`` says what becomes of a new connection; ``met`` counts what happened."""

    noisy = False

    def __init__(self, reactor: Any, server: str) -> None:
        self.reactor = reactor
        self.fate: Callable[[], Fate | None] = lambda: None
        self.met: Counter[str] = Counter()
        self.open: set[_Client] = set()
        self._host, self._port = str(urlsplit(server).hostname), urlsplit(server).port or 443
        self._listening: Any = reactor.listenTCP(0, self, interface="127.0.0.1")

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"https://127.0.0.1:{self._listening.getHost().port}"

    def strike(self, fate: Fate) -> None:
        """What becomes of the connections that are open."""
        for client in self.open:
            client.fate = Fate(fate.how, fate.after, fate.seconds)

    def endpoint(self) -> Any:
        """Where the API server is."""
        return HostnameEndpoint(self.reactor, self._host, self._port)

    def buildProtocol(self, addr: object) -> Protocol:
        return _Client(self)

    async def stop(self) -> None:
        """No connection any more."""
        await self._listening.stopListening()
        for client in tuple(self.open):
            client.transport.abortConnection()
