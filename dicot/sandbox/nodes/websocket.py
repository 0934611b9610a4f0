"""The server's side of a WebSocket (RFC 6455), as virt-handler and virt-api speak it: binary, nothing negotiated."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from typing import Any, Protocol

from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol as Connection
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import Request

PLAIN = "plain.kubevirt.io"
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_CONTROL = 8
LONGEST = 1 << 20
"""Bytes of a frame that is taken."""


class Device(Protocol):
    """What is at the other end: of a guest."""

    def begin(self, write: Callable[[bytes], None]) -> None:
        """Somebody has connected."""
        ...

    def receive(self, data: bytes) -> None:
        """He sends something."""
        ...


def wants(request: Request) -> bool:
    """Whether a request asks for a WebSocket."""
    header = request.getHeader
    asked = [each.strip().lower() for each in (header("connection") or "").split(",")]
    return "upgrade" in asked and (header("upgrade") or "").lower() == "websocket" and bool(_key(request))


def _key(request: Request) -> str:
    return request.getHeader("sec-websocket-key") or ""


class Frames(Connection):
    """A connection of frames to a device. ``lost`` is told when it has ended."""

    def __init__(self, device: Device, lost: Callable[[], None] = lambda: None) -> None:
        self._device = device
        self._lost = lost
        self._buffer = b""
        self._closed = False

    def connectionMade(self) -> None:
        """See Protocol."""
        self._device.begin(self.send)

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self._buffer += data
        while not self._closed and (frame := self._take()) is not None:
            self._handle(*frame)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Protocol."""
        self._closed = True
        self._lost()

    def send(self, data: bytes, kind: int = _BINARY) -> None:
        """Send a message in one frame."""
        if self._closed or self.transport is None:
            return
        if len(data) < 126:
            length = bytes([len(data)])
        elif len(data) < 1 << 16:
            length = b"\x7e" + len(data).to_bytes(2, "big")
        else:
            length = b"\x7f" + len(data).to_bytes(8, "big")
        self.transport.write(bytes([0x80 | kind]) + length + data)

    def close(self) -> None:
        """End it, with a goodbye."""
        if not self._closed and self.transport is not None:
            self.send((1000).to_bytes(2, "big"), _CLOSE)
            self._closed = True
            self.transport.loseConnection()

    def _take(self) -> tuple[int, bytes] | None:
        """The next frame and its kind, None where it is not there as a whole."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, at = buffer[1] & 0x7F, 2
        if length > 125:
            size = 2 if length == 126 else 8
            length, at = int.from_bytes(buffer[2 : 2 + size], "big"), 2 + size
        if not buffer[1] & 0x80 or length > LONGEST:
            # A client masks what it sends, and guests need no longer frames.
            self.close()
            return None
        if len(buffer) < at + 4 + length:
            return None
        mask = buffer[at : at + 4]
        masked = buffer[at + 4 : at + 4 + length]
        self._buffer = buffer[at + 4 + length :]
        return buffer[0] & 0x0F, _unmasked(masked, mask)

    def _handle(self, kind: int, data: bytes) -> None:
        if kind < _CONTROL:
            self._device.receive(data)
        elif kind == _PING:
            self.send(data, _PONG)
        elif kind == _CLOSE:
            self.close()


def _unmasked(data: bytes, mask: bytes) -> bytes:
    pattern = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pattern, "big")).to_bytes(len(data), "big")


def take_over(request: Request, frames: Frames) -> None:
    """Let a request's connection be one of frames from now on."""
    channel: Any = request.channel
    accepted = b64encode(sha1(f"{_key(request)}{_GUID}".encode(), usedforsecurity=False).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines.append(f"Sec-WebSocket-Accept: {accepted}")
    offered = [each.strip() for each in (request.getHeader("sec-websocket-protocol") or "").split(",")]
    if PLAIN in offered:
        lines.append(f"Sec-WebSocket-Protocol: {PLAIN}")
    transport: ITransport = channel.transport
    channel.setTimeout(None)
    channel.transport.unregisterProducer()
    _attach(transport, frames)
    transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    # virt-api throws away what comes in one TLS record with this: the first frame must come in one of its own.
    channel.callLater(0, frames.makeConnection, transport)


def _attach(transport: Any, frames: Frames) -> None:
    """TLS wraps the protocol of a connection, TCP has it."""
    if hasattr(transport, "wrappedProtocol"):
        transport.wrappedProtocol = frames
    else:
        transport.protocol = frames
    transport.resumeProducing()
