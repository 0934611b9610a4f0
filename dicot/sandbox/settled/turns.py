"""A service that works a little in each turn of the reactor."""

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Turns(Service):
    """One turn is to come at a time; none comes after the service has stopped."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._turn: IDelayedCall | None = None

    def stopService(self) -> None:
        """Stop between two turns."""
        super().stopService()
        if self._turn is not None and self._turn.active():
            self._turn.cancel()

    def _later(self, seconds: float, then: Callable[..., None], *arguments: object) -> None:
        """Take the next turn then."""
        self._turn = self._clock.callLater(seconds, then, *arguments)
