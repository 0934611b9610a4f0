"""What is asked of Dicot, counted: the listener of all requests, for /metrics and /status."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted.internet.interfaces import IReactorTime

from ..web.access import Record

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds of durations, in seconds."""
WINDOW = 60.0
"""Seconds over which a rate is taken."""
_SLOTS = 12
_SLOT = WINDOW / _SLOTS
_BOUNDS = (*BUCKETS, float("inf"))
_NAMES = (*map(str, BUCKETS), "+Inf")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ELSEWHERE = "other"
Labels = tuple[str, str, str]
"""Service, method and route."""


@dataclass(frozen=True, slots=True)
class Served:
    """How a route fared: ``route`` is "compute GET /servers/<server_id>", or "other" for what led nowhere.

    ``refused`` and ``failed`` are the answers of 400 and 500 among ``requests``. ``rate`` is in requests a second
    over the last minute. ``median`` and ``p99`` are upper bounds in seconds, None where they are off the scale.
    """

    route: str
    requests: int
    refused: int
    failed: int
    rate: float
    median: float | None
    p99: float | None


class Rate:
    """Events over the last minute, in slots of five seconds."""

    def __init__(self) -> None:
        self._slots = [0] * _SLOTS
        self._turn = 0

    def count(self, now: float) -> None:
        """One more."""
        if int(now / _SLOT) != self._turn:
            self._advance(now)
        self._slots[self._turn % _SLOTS] += 1

    def value(self, now: float) -> float:
        """Events a second."""
        self._advance(now)
        return sum(self._slots) / WINDOW

    def _advance(self, now: float) -> None:
        turn = int(now / _SLOT)
        for passed in range(max(self._turn, turn - _SLOTS) + 1, turn + 1):
            self._slots[passed % _SLOTS] = 0
        self._turn = max(turn, self._turn)


class _Counts:
    """What came of one route: answers by status, durations by bucket and their sum, and the rate."""

    __slots__ = ("buckets", "codes", "rate", "total")

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.buckets = [0] * len(_BOUNDS)
        self.total = 0.0
        self.rate = Rate()


class Traffic(Collector):
    """Takes every record of a request. Labels come from closed sets: the routes that there are, known methods.

    Each request is counted here and nowhere else; the metrics are made of it when they are asked for.
    """

    def __init__(self, clock: IReactorTime, registry: CollectorRegistry) -> None:
        self._clock = clock
        self._routes: dict[Labels, _Counts] = {}
        registry.register(self)

    def __call__(self, record: Record) -> None:
        labels = _labels(record)
        counts = self._routes.get(labels)
        if counts is None:
            counts = self._routes[labels] = _Counts()
        counts.codes[record.status] = counts.codes.get(record.status, 0) + 1
        counts.buckets[bisect_left(BUCKETS, record.took)] += 1
        counts.total += record.took
        counts.rate.count(self._clock.seconds())

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        requests = CounterMetricFamily(
            "dicot_requests", "Requests answered.", labels=("service", "method", "route", "status")
        )
        durations = HistogramMetricFamily(
            "dicot_request_duration_seconds",
            "From the request's first line to the end of its answer.",
            labels=("service", "method", "route"),
        )
        for labels, counts in self._routes.items():
            for code, count in counts.codes.items():
                requests.add_metric((*labels, str(code)), count)
            durations.add_metric(labels, list(zip(_NAMES, accumulate(counts.buckets), strict=True)), counts.total)
        return requests, durations

    def served(self) -> tuple[Served, ...]:
        """All routes that were asked for, the busiest first."""
        now = self._clock.seconds()
        found = [_one(labels, counts, now) for labels, counts in self._routes.items()]
        return tuple(sorted(found, key=lambda each: (-each.requests, each.route)))


def _one(labels: Labels, counts: _Counts, now: float) -> Served:
    bounds = list(zip(_BOUNDS, accumulate(counts.buckets), strict=True))
    return Served(
        route=" ".join(part for part in labels if part),
        requests=sum(counts.codes.values()),
        refused=sum(count for code, count in counts.codes.items() if 400 <= code < 500),
        failed=sum(count for code, count in counts.codes.items() if code >= 500),
        rate=counts.rate.value(now),
        median=quantile(bounds, 0.5),
        p99=quantile(bounds, 0.99),
    )


def quantile(bounds: Sequence[tuple[float, float]], share: float) -> float | None:
    """The upper bound of the bucket that a quantile falls into; ``bounds`` are (bound, count up to it), ascending."""
    total = bounds[-1][1]
    for (_, before), (bound, upto) in pairwise([(0.0, 0.0), *bounds]):
        if upto >= share * total > before or upto == total:
            return bound if bound != float("inf") else None
    return None


def _labels(record: Record) -> Labels:
    if not record.route:
        return ("", record.method if record.method in _METHODS else "", _ELSEWHERE)
    return (record.service, record.method, record.route)
