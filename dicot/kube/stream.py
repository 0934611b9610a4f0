"""The body of an answer, as lines or as a whole, with a limit on silence."""

from collections import deque
from collections.abc import Sequence
from typing import Any
from typing import Protocol as Seam

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

LONGEST_LINE = 64 * 2**20
"""Bytes. An object may have 1.5 MB in etcd, and more with its managedFields: this is for what is no watch at all."""
LONGEST_LIST = 4 * 2**30
FULL = 8 * 2**20
"""Bytes of lines that wait to be applied, from which on the connection is paused, until half of it is gone."""


class Cut(Exception):
    """The stream broke: nothing that came after its last whole line counts."""


class Silence(Cut):
    """Nothing came for longer than allowed."""


class Pieces(Seam):
    """What chunks are made into."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The pieces that this chunk completes. Raises Cut where there is too much of one."""
        ...


class Lines:
    """Lines, cut anywhere by chunks, also within a character. What has no newline at the end is never given out."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._rest: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The non-empty lines that end in this chunk, without their newlines."""
        lines = chunk.split(b"\n")
        first, last = lines[0], lines[-1]
        if max(self._length + len(first), len(last)) > self._longest:
            raise Cut(f"a line of more than {self._longest} bytes")
        if len(lines) == 1:
            self._rest.append(chunk)
            self._length += len(chunk)
            return []
        if self._rest:
            self._rest.append(first)
            lines[0] = b"".join(self._rest)
        self._rest = [last] if last else []
        self._length = len(last)
        del lines[-1]
        return [line for line in lines if line]


class Whole:
    """One document."""

    def __init__(self, longest: int = LONGEST_LIST) -> None:
        self._longest = longest
        self._chunks: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Nothing: the document is whole at the end of the stream."""
        self._length += len(chunk)
        if self._length > self._longest:
            raise Cut(f"a document of more than {self._longest} bytes")
        self._chunks.append(chunk)
        return []

    def document(self) -> bytes:
        """What has come."""
        return b"".join(self._chunks)


class Stream(Protocol):
    """A body that is awaited. ``lines`` wait to be taken; whoever takes them uses ``take``."""

    def __init__(self, clock: IReactorTime, pieces: Pieces) -> None:
        self.lines: deque[bytes] = deque()
        self.last_byte = clock.seconds()
        self._clock = clock
        self._pieces = pieces
        self._held = 0
        self._paused = False
        self._end: Failure | None = None
        self._waiting: Deferred[None] | None = None
        self._waking: list[IDelayedCall] = []

    def take(self) -> bytes:
        """The next line."""
        line = self.lines.popleft()
        self._held -= len(line)
        if self._paused and self._held < FULL // 2:
            self._paused = False
            self._peer().resumeProducing()
        return line

    def take_some(self, most: int) -> list[bytes]:
        """The next lines, so many at most."""
        return [self.take() for _ in range(min(most, len(self.lines)))]

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Lines that were taken, and are not yet to be."""
        self.lines.extendleft(reversed(lines))
        self._held += sum(map(len, lines))

    async def more(self, quiet: float) -> bool:
        """Wait for lines; False at the end of the body. Raises Cut where it broke, and Silence where no byte came
        for so many seconds."""
        while not self.lines:
            if self._end is not None:
                return _ended(self._end)
            left = self.last_byte + quiet - self._clock.seconds()
            if left <= 0:
                self.abort()
                raise Silence(f"no byte for {quiet:.0f} s")
            await self._stirring(left)
        return True

    def abort(self) -> None:
        """Close the connection at once, if it is open: a farewell to a dead peer would wait for its answer."""
        if self._end is None:
            self._end = Failure(Cut("aborted"))
            peer = self._peer()
            getattr(peer, "abortConnection", peer.stopProducing)()

    def break_off(self, why: Cut) -> None:
        """End it as if it had broken."""
        self.abort()
        self._end = Failure(why)
        self._stir()

    def dataReceived(self, data: bytes) -> None:
        self.last_byte = self._clock.seconds()
        if self._end is not None:
            return
        try:
            lines = self._pieces.feed(data)
        except Cut as cut:
            self.break_off(cut)
            return
        if lines:
            self.lines.extend(lines)
            self._held += sum(map(len, lines))
            if self._held > FULL and not self._paused:
                self._paused = True
                self._peer().pauseProducing()
            self._stir()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._end is None:
            self._end = reason
            self._stir()

    def _peer(self) -> Any:
        """The connection. What a response gives to the protocol of its body is more and less than an ITransport."""
        return self.transport

    def _stirring(self, within: float) -> Deferred[None]:
        """Fires when something has changed, and after ``within`` seconds at the latest."""
        self._waiting = Deferred()
        limit = self._clock.callLater(within, self._wake)

        def stop(result: Failure | None) -> Failure | None:
            for timer in (limit, *self._waking):
                if timer.active():
                    timer.cancel()
            self._waking.clear()
            return result

        return self._waiting.addBoth(stop)

    def _stir(self) -> None:
        """Wake who waits, once for all that came at a time: each line has a chunk of its own, and costs less so."""
        if self._waiting is not None and not self._waking:
            self._waking.append(self._clock.callLater(0, self._wake))

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)


def _ended(end: Failure) -> bool:
    """False for an end of which nothing is known but that it came; that all was said, no end can prove."""
    if end.check(ResponseDone, PotentialDataLoss):
        return False
    if isinstance(end.value, Cut):
        raise end.value
    raise Cut(f"the connection broke: {innermost(end.value)}")


def innermost(reason: BaseException | None) -> str:
    """The reason in words: Twisted wraps what happened into lists of failures."""
    inner = getattr(reason, "reasons", None)
    return innermost(inner[-1].value) if inner else f"{type(reason).__name__} {reason}".strip()
