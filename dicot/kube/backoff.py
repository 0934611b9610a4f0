"""How long to rest after a failure."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

FIRST = 0.8
LONGEST = 30.0
CALM = 120.0
"""Seconds without a failure, after which the next one counts as the first again."""


class Backoff:
    """0.8 s, doubled each time, up to 30 s, and as much again by chance; client-go's figures."""

    def __init__(self, clock: IReactorTime, random: Callable[[], float]) -> None:
        self._clock = clock
        self._random = random
        self._step = FIRST
        self._calm_at = 0.0

    def next(self) -> float:
        """Seconds to rest now."""
        now = self._clock.seconds()
        if now >= self._calm_at:
            self._step = FIRST
        rest = self._step * (1 + self._random())
        self._step = min(self._step * 2, LONGEST)
        self._calm_at = now + rest + CALM
        return rest
