"""Long work on the reactor, in order and a little at a time."""

from collections.abc import Iterable, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from .stream import Stream

SLICE = 0.002
"""Seconds of work between two turns of the reactor."""

HANDFUL = 16
"""Lines that are worth reading together, some 0.3 ms of work."""


class Pace:
    """Slices of 2 ms."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock

    def lines(self, stream: Stream) -> Iterator[bytes]:
        """The lines that wait, as many as their taker can use in one slice; at least one."""
        end = self._clock.seconds() + SLICE
        while stream.lines:
            yield stream.take()
            if self._clock.seconds() >= end:
                return

    def handfuls(self, stream: Stream) -> Iterator[list[bytes]]:
        """The same, some at a time."""
        end = self._clock.seconds() + SLICE
        while stream.lines:
            yield stream.take_some(HANDFUL)
            if self._clock.seconds() >= end:
                return

    async def walk(self, steps: Iterable[object]) -> None:
        """Go through all steps, with a breath after each slice."""
        end = self._clock.seconds() + SLICE
        for _ in steps:
            if self._clock.seconds() >= end:
                await self.breath()
                end = self._clock.seconds() + SLICE

    def breath(self) -> Deferred[None]:
        """Fires after the others had their turn."""
        return deferLater(self._clock, 0)
