"""Long work on the reactor, a little at a time."""

from collections.abc import Callable, Generator
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Cooperator, TaskStopped
from twisted.python.failure import Failure

T = TypeVar("T")

SLICE = 0.002
"""Seconds that the reactor is held at most."""


class Slices:
    """Runs generators in slices of 2 ms: all of them share a slice, and the reactor turns between two."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._cooperator = Cooperator(self.budget, self._soon)

    def budget(self) -> Callable[[], bool]:
        """A new slice, that tells when it is used up."""
        end = self._clock.seconds() + SLICE
        return lambda: self._clock.seconds() >= end

    def run(self, steps: Generator[None, None, T]) -> T | Deferred[T]:
        """The value at once where one slice is enough, else once all is done. Cancelling it ends the work."""
        is_over = self.budget()
        try:
            while True:
                next(steps)
                if is_over():
                    return self.spread(self._by_slices(steps))
        except StopIteration as end:
            value: T = end.value
            return value

    def _by_slices(self, steps: Generator[None, None, T]) -> Generator[None, None, T]:
        """As many steps in one as a slice holds: a turn of the cooperator costs more than most steps of an answer."""
        try:
            while True:
                is_over = self.budget()
                next(steps)
                while not is_over():
                    next(steps)
                yield
        except StopIteration as end:
            value: T = end.value
            return value

    def spread(self, steps: Generator[None, None, T]) -> Deferred[T]:
        """The value once all is done, beginning with a later turn of the reactor."""
        values: list[T] = []

        def steps_to_the_value() -> Generator[None, None, None]:
            values.append((yield from steps))

        task = self._cooperator.cooperate(steps_to_the_value())
        answer: Deferred[T] = Deferred(lambda _: task.stop())

        def failed(failure: Failure) -> None:
            # A task is stopped by the answer's cancellation alone, and that has its own error.
            if not failure.check(TaskStopped):
                answer.errback(failure)

        task.whenDone().addCallbacks(lambda _: answer.callback(values[0]), failed)
        return answer

    def _soon(self, call: Callable[[], None]) -> IDelayedCall:
        return self._clock.callLater(0, call)
