"""Sends finished bytes as the client takes them: a slow client holds one slice, not the whole answer."""

from collections.abc import Iterable, Iterator, Sequence
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

    def __init__(self, consumer: Consumer, parts: Sequence[bytes]) -> None:
        self._consumer = consumer
        self._slices = sliced(parts)
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


def sliced(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in slices of 64 kB; the last may be shorter."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        start = 0
        while size + len(part) - start >= SLICE:
            end = start + SLICE - size
            yield b"".join((*held, part[start:end]))
            held, size, start = [], 0, end
        if start < len(part):
            held.append(part[start:])
            size += len(part) - start
    if held:
        yield b"".join(held)
