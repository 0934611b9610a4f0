"""How long the garbage collector stops everything."""

import gc
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted.application.service import Service

KEPT = 60
"""Seconds that are remembered."""
BUCKETS = (0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
GENERATIONS = 3
_BOUNDS = (*map(str, BUCKETS), "+Inf")


class Pauses(Service, Collector):
    """Is told by the interpreter when a collection begins and ends; ``timer`` counts seconds.

    It is called wherever memory is asked for, so it takes no lock: a histogram of the library might be collecting.
    """

    def __init__(self, timer: Callable[[], float], registry: CollectorRegistry) -> None:
        self._timer = timer
        self._began = 0.0
        self._counts = [[0] * len(_BOUNDS) for _ in range(GENERATIONS)]
        self._sums = [0.0] * GENERATIONS
        self._worst: deque[tuple[int, float]] = deque(maxlen=KEPT)
        registry.register(self)

    @property
    def worst(self) -> float:
        """The longest pause of the last minute, in seconds."""
        since = self._timer() - KEPT
        return max((pause for second, pause in self._worst if second >= since), default=0.0)

    def startService(self) -> None:
        super().startService()
        gc.callbacks.append(self.called)

    def stopService(self) -> None:
        super().stopService()
        gc.callbacks.remove(self.called)

    def called(self, phase: str, info: dict[str, int]) -> None:
        """See gc.callbacks."""
        now = self._timer()
        if phase == "start":
            self._began = now
            return
        pause, generation = now - self._began, info["generation"]
        self._counts[generation][bisect_left(BUCKETS, pause)] += 1
        self._sums[generation] += pause
        second = int(now)
        if self._worst and self._worst[-1][0] == second:
            pause = max(pause, self._worst.pop()[1])
        self._worst.append((second, pause))

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        found = HistogramMetricFamily(
            "dicot_gc_pause_seconds", "How long a garbage collection took.", labels=("generation",)
        )
        for generation, (counts, total) in enumerate(zip(self._counts, self._sums, strict=True)):
            found.add_metric((str(generation),), list(zip(_BOUNDS, accumulate(counts), strict=True)), total)
        yield found
