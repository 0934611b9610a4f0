"""What Dicot's /metrics tell, read as a scraper would."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

LAG = "dicot_reactor_lag_seconds"
PAUSE = "dicot_gc_pause_seconds"
Bounds = Mapping[float, float]
"""How many of a histogram's values are not above a bound."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram at one moment, or what came to it between two."""

    bounds: Bounds
    total: float

    @property
    def count(self) -> int:
        return int(self.bounds.get(math.inf, 0))

    def since(self, earlier: Histogram) -> Histogram:
        """What came since then."""
        bounds = {bound: count - earlier.bounds.get(bound, 0) for bound, count in self.bounds.items()}
        return Histogram(bounds, self.total - earlier.total)

    def quantile(self, share: float) -> float:
        """The bound below which this share of all values lies: the truth is between it and the next lower bound.

        Raises ValueError where nothing was counted.
        """
        if not self.count:
            raise ValueError("nothing was counted")
        return min(bound for bound, count in self.bounds.items() if count >= share * self.count)


def histogram(text: str, name: str, labels: Mapping[str, str] | None = None) -> Histogram:
    """A histogram in the text of /metrics. Raises KeyError where there is none."""
    wanted, bounds, total = labels or {}, {}, 0.0
    for family in text_string_to_metric_families(text):
        if family.name != name:
            continue
        for sample in family.samples:
            if not wanted.items() <= sample.labels.items():
                continue
            if sample.name == f"{name}_bucket":
                bounds[float(sample.labels["le"])] = float(sample.value)
            elif sample.name == f"{name}_sum":
                total = float(sample.value)
    if not bounds:
        raise KeyError(name)
    return Histogram(bounds, total)
