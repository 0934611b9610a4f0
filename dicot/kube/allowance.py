"""How often something is done at the wish of others, who would have it done without end (a token bucket)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and one more after each ``pause`` (seconds)."""

    burst: int
    pause: float


class Allowance:
    """What is left of a rate; full at ``now`` (seconds, never going back)."""

    __slots__ = ("_left", "_rate", "_since")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate, self._left, self._since = rate, float(rate.burst), now

    def fill(self, now: float) -> bool:
        """Adds what the time since the last call brings; whether there is one to take."""
        self._left = min(self._rate.burst, self._left + (now - self._since) / self._rate.pause)
        self._since = now
        return self._left >= 1

    def take(self) -> None:
        """One less."""
        self._left -= 1
