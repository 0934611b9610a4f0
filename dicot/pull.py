"""Sends finished bytes as the client takes them: a slow client holds one slice, not the whole answer."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

SLICE = 65_536


class Consumer(Protocol):
    """What of a request is needed to send a body."""

    def write(self, data: bytes) -> object: ...

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> object: ...

    def unregisterProducer(self) -> object: ...


@implementer(IPushProducer)
class Slices:
    """Pulls slices of 64 kB out of the pieces while the transport has room.

    Twisted turns every pull producer of a request into a push producer by the global cooperator, a turn of the
    reactor for each slice; this is a push producer from the start, so it needs no reactor and stops at once.
    """

    def __init__(self, consumer: Consumer, parts: Sequence[bytes], between: bytes = b"") -> None:
        self._consumer = consumer
        self._slices = sliced(parts, between)
        self._paused = False
        self._sending = False
        self._done: Deferred[None] = Deferred(lambda _: self.stopProducing())

    def send(self) -> Deferred[None]:
        """Fires when the last slice has been written; never, if the consumer goes away."""
        self._consumer.registerProducer(self, True)
        self.resumeProducing()
        return self._done

    def resumeProducing(self) -> None:
        self._paused = False
        if self._sending:
            return
        self._sending = True
        while not self._paused:
            piece = next(self._slices, None)
            if piece is None:
                self._consumer.unregisterProducer()
                self._paused = True
                self._done.callback(None)
                return
            self._consumer.write(piece)
        self._sending = False

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._paused = True
        self._slices = iter(())


def sliced(parts: Sequence[bytes], between: bytes = b"") -> Iterator[bytes]:
    """The same bytes, with ``between`` between each two parts, in slices of 64 kB at most.

    Slices end where a part does, unless the part alone is longer: so that nothing is cut up and copied twice.
    """
    ends = list(accumulate(map(len(between).__add__, map(len, parts))))
    first = start = 0
    while first < len(parts):
        last = max(first + 1, bisect_right(ends, start + SLICE, first))
        piece = [*parts[first:last], b""] if last < len(parts) else parts[first:last]
        whole = between.join(piece)
        if len(whole) <= SLICE:
            yield whole
        else:
            yield from (whole[place : place + SLICE] for place in range(0, len(whole), SLICE))
        first, start = last, ends[last - 1]
