"""What is made of repeated measurements: quantiles, medians with their spread, ratios round by round."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, and the lowest and the highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Raises ValueError where there are none."""
        found = sorted(values)
        if not found:
            raise ValueError("no round was measured")
        middle = len(found) // 2
        median = found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2
        return cls(median, found[0], found[-1])


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed; the values are in order."""
    if not values:
        raise ValueError("nothing was measured")
    return values[max(0, math.ceil(share * len(values)) - 1)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours to theirs, round by round: what slowed down the machine for a while slowed down both of a round."""
    return Spread.of(our / their for our, their in zip(ours, theirs, strict=True))
