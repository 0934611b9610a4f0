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
    """Takes pieces until they are a slice, while the transport has room."""

    def __init__(self, consumer: Consumer, pieces: Sequence[bytes]) -> None:
        self._consumer = consumer
        self._slices = gathered(pieces)
        self._paused = False
        self._sending = False
        self._done: Deferred[None] = Deferred(lambda _: self.stopProducing())

    def send(self) -> Deferred[None]:
        """Fires when the last slice has been written; never, if the consumer goes away."""
        self._consumer.registerProducer(self, True)
        self.resumeProducing()
        return self._done

    def resumeProducing(self) -> None:
        """See IPushProducer."""
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
        """See IPushProducer."""
        self._paused = True

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self._paused = True
        self._slices = iter(())


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, small pieces together."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= SLICE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
