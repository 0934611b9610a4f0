"""Things that are open, and who waits until none of them is."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

T = TypeVar("T")


class Opened(Generic[T]):
    """A set that tells when it is empty."""

    def __init__(self) -> None:
        self._all: set[T] = set()
        self._waiting: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._all))

    def add(self, item: T) -> None:
        """It is open."""
        self._all.add(item)

    def discard(self, item: T) -> None:
        """It is closed."""
        self._all.discard(item)
        if not self._all:
            self._release()

    def emptied(self, clock: IReactorTime, patience: float) -> Deferred[None]:
        """Fires when none is open, or after ``patience`` seconds."""
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        if not self._all:
            self._release()
            return done
        limit = clock.callLater(patience, self._release)
        return done.addBoth(lambda _: limit.cancel() if limit.active() else None)

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)
