"""The cluster's clock, which may be ahead of its machine's."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer


@implementer(IReactorTime)
class Hands:
    """The time, ``offset`` seconds ahead. What is to happen later happens as much later as it would."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.offset = 0.0

    def seconds(self) -> float:
        """See IReactorTime."""
        return self._clock.seconds() + self.offset

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object) -> IDelayedCall:
        """See IReactorTime."""
        return self._clock.callLater(delay, callable, *args, **kwargs)

    def getDelayedCalls(self) -> Any:
        """See IReactorTime."""
        return self._clock.getDelayedCalls()
