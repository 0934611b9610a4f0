"""Writes under way: they outlive the clients that asked for them."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..faults import Unavailable
from .opened import Opened

T = TypeVar("T")


class Works:
    """The open writes of one service. After ``drain`` no new one is taken."""

    def __init__(self) -> None:
        self._open: Opened[Deferred[Any]] = Opened()
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    def shield(self, work: Awaitable[T], orphaned: Callable[[T | Failure], None]) -> Deferred[T]:
        """Wait for a write without being able to cancel it; ``orphaned`` gets what it came to when nobody waits."""
        waiter: Deferred[T] = Deferred()
        running = Deferred.fromCoroutine(_awaited(work))
        self._open.add(running)

        def settle(result: T | Failure) -> None:
            if waiter.called:
                orphaned(result)
            else:
                waiter.callback(result)
            self._open.discard(running)

        running.addBoth(settle)
        return waiter

    def admit(self) -> None:
        """Raises Unavailable once the process is going down."""
        if self._closing:
            raise Unavailable("The server is currently unavailable. Please try again at a later time.")

    def drain(self, clock: IReactorTime, patience: float) -> Deferred[None]:
        """Fires when no write is open, or after ``patience`` seconds."""
        self._closing = True
        return self._open.emptied(clock, patience)


async def _awaited(work: Awaitable[T]) -> T:
    return await work
