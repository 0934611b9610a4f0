"""A wire to an API server that a test plays: Twisted's own Agent over an in-memory reactor."""

from collections.abc import Mapping
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IAddress
from twisted.internet.testing import MemoryReactorClock, StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool

SERVER = "http://127.0.0.1:8001"


class Line:
    """One accepted connection, seen from the server."""

    def __init__(self, reactor: MemoryReactorClock, number: int) -> None:
        factory = reactor.tcpClients[number][2]
        protocol = factory.buildProtocol(_ADDRESS)
        assert protocol is not None
        self._protocol: Any = protocol
        self._transport: Any = StringTransportWithDisconnection()
        self._transport.protocol = protocol
        protocol.makeConnection(self._transport)

    def heard(self) -> str:
        """The bytes that came since the last call."""
        text: str = self._transport.value().decode()
        self._transport.clear()
        return text

    def say(self, text: bytes) -> None:
        """Raw bytes of an answer."""
        self._protocol.dataReceived(text)

    def answer(self, code: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """A whole answer."""
        lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def close(self) -> None:
        """The server closes."""
        self._protocol.connectionLost(Failure(ConnectionDone()))

    def cut(self) -> None:
        """The connection breaks."""
        self._protocol.connectionLost(Failure(ConnectionLost()))

    @property
    def is_open(self) -> bool:
        """Whether the client still holds it."""
        return bool(self._transport.connected)


class Wire:
    """The reactor, the Agent on it, and the connections that the Agent opens."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.agent = Agent(self.reactor, pool=HTTPConnectionPool(self.reactor))
        self._taken = 0

    @property
    def waiting(self) -> int:
        """Connection attempts that nobody has answered yet."""
        return len(self.reactor.tcpClients) - self._taken

    def accept(self) -> Line:
        """Accept the next connection attempt."""
        line = Line(self.reactor, self._taken)
        self._taken += 1
        return line

    def refuse(self) -> None:
        """Refuse the next connection attempt; 0.3 s pass until the client knows."""
        factory: Any = self.reactor.tcpClients[self._taken][2]
        self._taken += 1
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        # HostnameEndpoint waits so long for another address before it gives up.
        self.reactor.advance(0.3)


_ADDRESS: IAddress = IPv4Address("TCP", "127.0.0.1", 8001)
