"""A WebSocket to an API server, as virtctl opens one."""

from __future__ import annotations

import os
from base64 import b64encode
from urllib.parse import urlsplit

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure

from tests.cluster.access import Access

BINARY, CLOSE = 2, 8


class Socket(Protocol):
    """The client's side: ``head`` is the answer to its request, ``data`` all that the server has sent in frames."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._buffer = b""
        self._waiting: list[tuple[bytes, Deferred[bytes]]] = []
        self.head = b""
        self.data = b""
        self.ended: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """See Protocol."""
        assert self.transport is not None
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self._buffer += data
        if not self.head and b"\r\n\r\n" in self._buffer:
            self.head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not self.head.startswith(b"HTTP/1.1 101 "):
                # Refused: there is nothing to be had on this connection, and not every server ends it.
                self.close()
                return
        while self.head and (frame := self._frame()) is not None:
            if frame[0] <= BINARY:
                self.data += frame[1]
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Protocol."""
        self._look(ended=True)
        self.ended.callback(None)

    def has(self, text: bytes) -> Deferred[bytes]:
        """Fires with all data once it has the text, or the connection has ended."""
        found: Deferred[bytes] = Deferred()
        self._waiting.append((text, found))
        self._look()
        return found

    def send(self, data: bytes) -> None:
        """Send a frame; what it is masked with may be zeros."""
        assert self.transport is not None and len(data) < 126
        self.transport.write(bytes([0x80 | BINARY, 0x80 | len(data)]) + bytes(4) + data)

    def close(self) -> None:
        """Hang up, if that has not happened."""
        if not self.ended.called:
            self.transport.abortConnection()  # type: ignore[union-attr]

    def _look(self, *, ended: bool = False) -> None:
        for each in list(self._waiting):
            if each[0] in self.data or ended:
                self._waiting.remove(each)
                each[1].callback(self.data)

    def _frame(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 2 or self._buffer[1] > 125 or len(self._buffer) < 2 + self._buffer[1]:
            return None
        end = 2 + self._buffer[1]
        frame = self._buffer[0] & 0x0F, self._buffer[2:end]
        self._buffer = self._buffer[end:]
        return frame


async def connect(access: Access, path: str) -> Socket:
    """Ask for a WebSocket; the answer is in the socket's ``head`` once it has come."""
    server = urlsplit(access.server)
    key = b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", f"Host: {server.netloc}", f"Authorization: Bearer {access.admin}"]
    lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    lines += ["Sec-WebSocket-Protocol: plain.kubevirt.io", "", ""]
    host = server.hostname or ""
    trust = trustRootFromCertificates([Certificate.loadPEM(access.authority)])
    endpoint = wrapClientTLS(optionsForClientTLS(host, trust), HostnameEndpoint(reactor, host, server.port or 443))
    request = "\r\n".join(lines).encode()
    socket: Socket = await endpoint.connect(Factory.forProtocol(lambda: Socket(request)))  # type: ignore[assignment]
    return socket
