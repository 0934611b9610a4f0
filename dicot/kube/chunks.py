"""A body in chunks (RFC 9112, 7.1), decoded for a whole turn of the reactor at once.

An API server sends each event of a watch as a chunk of its own, which Twisted hands from one to another through a
dozen calls: half of what it takes to read a first list over TLS.
"""

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.web.http import _ChunkedTransferDecoder, _DataLoss

LONGEST_HEAD = 4096
"""Bytes of a chunk's own line, with extensions."""
LONGEST_TRAILERS = 2**16
_END = b"\r\n"
_LAST = b"0\r\n\r\n"
_HEAD = re.compile(rb"([0-9a-fA-F]{1,15})(?:[ \t]*;[^\r\n]*)?\r\n")
_TRAILERS = re.compile(rb"(?:[^\r\n]+\r\n)*\r\n")
_log = Logger()


class Malformed(ValueError):
    """What came are no chunks."""


class Chunks:
    """Fulfils what Twisted's HTTP parser asks of a decoder.

    ``given`` gets what was in the chunks, ``finished`` what came behind the last of them; ``broken`` is called where
    what came are no chunks: nothing after that counts.
    """

    def __init__(
        self,
        clock: IReactorTime,
        given: Callable[[bytes], None],
        finished: Callable[[bytes], None],
        broken: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._given = given
        self._finished = finished
        self._broken = broken
        self._came: list[bytes] = []
        self._left = 0
        self._is_ending = self._is_over = self._is_whole = False
        self._call: IDelayedCall | None = None

    def dataReceived(self, data: bytes) -> None:
        """More bytes: decoded with the next turn of the reactor, or at once where they seem to be the last ones."""
        self._came.append(data)
        if data.endswith(_LAST):
            self._turn()
        elif self._call is None:
            self._call = self._clock.callLater(0, self._turn)

    def noMoreData(self) -> None:
        """The connection is over. Raises _DataLoss, as Twisted expects it, where the last chunk did not come."""
        try:
            self._decode()
        except Malformed as problem:
            self._is_over = True
            _log.warn("a watch is no HTTP: {problem}", problem=problem)
        if not self._is_whole:
            raise _DataLoss("the connection was closed before the last chunk")

    def _turn(self) -> None:
        try:
            rest = self._decode()
        except Malformed as problem:
            self._is_over = True
            _log.warn("a watch is no HTTP: {problem}", problem=problem)
            self._broken()
            return
        if self._is_whole:
            self._finished(rest)

    def _decode(self) -> bytes:
        """Give out what is there; answers what is behind the last chunk."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        if self._is_over:
            return b""
        data = self._came[0] if len(self._came) == 1 else b"".join(self._came)
        self._came.clear()
        parts: list[bytes] = []
        try:
            at = self._take(data, parts)
        finally:
            if parts:
                self._given(b"".join(parts))
        if self._is_whole:
            self._is_over = True
            return data[at:]
        if at < len(data):
            self._came.append(data[at:])
        return b""

    def _take(self, data: bytes, parts: list[bytes]) -> int:
        """Take chunks off; answers where what is not to be understood yet begins. Raises Malformed."""
        at, size = 0, len(data)
        while True:
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
                if self._left:
                    return at
                self._is_ending = True
            if self._is_ending:
                if not _END.startswith(data[at : at + 2]):
                    raise Malformed("a chunk is longer than it said")
                if size - at < len(_END):
                    return at
                at += len(_END)
                self._is_ending = False
            head = _HEAD.match(data, at)
            if head is None:
                if size - at > LONGEST_HEAD or b"\n" in data[at:]:
                    raise Malformed("a chunk does not say how long it is")
                return at
            self._left = int(head[1], 16)
            if self._left:
                at = head.end()
                continue
            trailers = _TRAILERS.match(data, head.end())
            if trailers is None:
                if size - at > LONGEST_TRAILERS:
                    raise Malformed("trailers without an end")
                return at
            self._is_whole = True
            return trailers.end()


def installed(protocol: Any, clock: IReactorTime, broken: Callable[[], None]) -> Chunks | None:
    """Chunks in the place of Twisted's own decoder of the body that is about to come; None where there is none."""
    parser: Any = getattr(protocol, "_parser", None)
    decoder = getattr(parser, "bodyDecoder", None)
    if not isinstance(decoder, _ChunkedTransferDecoder) or decoder.state != "CHUNK_LENGTH" or decoder._buffer:
        return None
    found = Chunks(clock, decoder.dataCallback, decoder.finishCallback, broken)
    parser.bodyDecoder = found
    return found
