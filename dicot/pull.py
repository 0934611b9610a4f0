"""Sends finished bytes as the client takes them: a slow client holds one slice, not the whole answer."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

SLICE = 65_536
T = TypeVar("T")


class Consumer(Protocol):
    """What of a request is needed to send a body, beside a way to write it."""

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> object: ...

    def unregisterProducer(self) -> object: ...


@implementer(IPushProducer)
class Slices(Generic[T]):
    """Pulls slices out of an iterator while the transport has room, and writes them.

    Twisted turns every pull producer of a request into a push producer by the global cooperator, a turn of the
    reactor for each slice; this is a push producer from the start, so it needs no reactor and stops at once.
    """

    def __init__(self, consumer: Consumer, slices: Iterator[T], write: Callable[[T], object]) -> None:
        self._consumer = consumer
        self._slices = slices
        self._write = write
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
            self._write(piece)
        self._sending = False

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._paused = True
        self._slices = iter(())


def sliced(parts: Sequence[bytes], between: bytes = b"", size: int | None = None) -> Iterator[bytes]:
    """The same bytes, with ``between`` between each two parts, in slices of some 64 kB, 96 kB at most.

    As many parts as fill a slice by their mean length make one: so that none is looked at, cut or copied before its
    turn. ``size`` is that of all, if it is known.
    """
    size = size or length(parts, between)
    many = max(1, SLICE * len(parts) // max(1, size))
    for first in range(0, len(parts), many):
        last = first + many
        whole = between.join([*parts[first:last], b""] if last < len(parts) else parts[first:last])
        yield from cut(whole)


def cut(whole: bytes) -> Iterator[bytes]:
    """The same bytes in slices of 64 kB, where they are more than 96 kB."""
    if len(whole) <= SLICE + SLICE // 2:
        yield whole
    else:
        yield from (whole[place : place + SLICE] for place in range(0, len(whole), SLICE))


def length(parts: Sequence[bytes], between: bytes = b"") -> int:
    """The bytes of all, with ``between`` between each two."""
    return sum(map(len, parts)) + len(between) * max(0, len(parts) - 1)
