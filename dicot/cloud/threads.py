"""Work that keeps a processor busy, in a few threads and with a short queue."""

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from ..faults import Unavailable

T = TypeVar("T")
QUEUE = 64
"""Jobs that may wait for a thread."""


class Crew:
    """A thread pool that says no once its queue is full: a flood costs its memory once and no more."""

    def __init__(self, reactor: IReactorFromThreads, pool: ThreadPool, queue: int = QUEUE) -> None:
        self._reactor = reactor
        self._pool = pool
        self._most = pool.max + queue
        self._open = 0

    def __call__(self, work: Callable[[], T]) -> Deferred[T]:
        """The result of the work. Raises Unavailable where too much is waiting already."""
        if self._open >= self._most:
            raise Unavailable("The service is busy. Please try again later.")
        self._open += 1
        return deferToThreadPool(self._reactor, self._pool, work).addBoth(self._done)

    def _done(self, result: T) -> T:
        self._open -= 1
        return result
