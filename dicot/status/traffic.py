"""What is asked of Dicot, counted: the listener of all requests, for /metrics and /status."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from prometheus_client import CollectorRegistry, Counter, Histogram
from twisted.internet.interfaces import IReactorTime

from ..web.access import Record

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds of durations, in seconds."""
WINDOW = 60.0
"""Seconds over which a rate is taken."""
_SLOTS = 12
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ELSEWHERE = "other"


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
        self._advance(now)
        self._slots[self._turn % _SLOTS] += 1

    def value(self, now: float) -> float:
        """Events a second."""
        self._advance(now)
        return sum(self._slots) / WINDOW

    def _advance(self, now: float) -> None:
        turn = int(now / (WINDOW / _SLOTS))
        for passed in range(max(self._turn, turn - _SLOTS) + 1, turn + 1):
            self._slots[passed % _SLOTS] = 0
        self._turn = max(turn, self._turn)


class Traffic:
    """Takes every record of a request. Labels come from closed sets: the routes that there are, known methods."""

    def __init__(self, clock: IReactorTime, registry: CollectorRegistry) -> None:
        self._clock = clock
        self._requests = Counter(
            "dicot_requests", "Requests answered.", ("service", "method", "route", "status"), registry=registry
        )
        self._durations = Histogram(
            "dicot_request_duration_seconds",
            "From the request's first line to the end of its answer.",
            ("service", "method", "route"),
            buckets=BUCKETS,
            registry=registry,
        )
        self._rates: dict[tuple[str, ...], Rate] = {}
        self._codes: dict[tuple[str, ...], dict[int, int]] = {}

    def __call__(self, record: Record) -> None:
        labels = _labels(record)
        self._requests.labels(*labels, str(record.status)).inc()
        self._durations.labels(*labels).observe(record.took)
        self._rates.setdefault(labels, Rate()).count(self._clock.seconds())
        codes = self._codes.setdefault(labels, {})
        codes[record.status] = codes.get(record.status, 0) + 1

    def served(self) -> tuple[Served, ...]:
        """All routes that were asked for, the busiest first."""
        now, buckets = self._clock.seconds(), self._buckets()
        found = [
            self._one(labels, codes, self._rates[labels].value(now), buckets[labels])
            for labels, codes in self._codes.items()
        ]
        return tuple(sorted(found, key=lambda each: (-each.requests, each.route)))

    def _one(
        self, labels: tuple[str, ...], codes: Mapping[int, int], rate: float, buckets: Iterable[tuple[float, float]]
    ) -> Served:
        bounds = sorted(buckets)
        return Served(
            route=" ".join(part for part in labels if part),
            requests=sum(codes.values()),
            refused=sum(count for code, count in codes.items() if 400 <= code < 500),
            failed=sum(count for code, count in codes.items() if code >= 500),
            rate=rate,
            median=quantile(bounds, 0.5),
            p99=quantile(bounds, 0.99),
        )

    def _buckets(self) -> Mapping[tuple[str, ...], list[tuple[float, float]]]:
        found: dict[tuple[str, ...], list[tuple[float, float]]] = {}
        for metric in self._durations.collect():
            for sample in metric.samples:
                if sample.name.endswith("_bucket"):
                    labels = (sample.labels["service"], sample.labels["method"], sample.labels["route"])
                    found.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        return found


def quantile(bounds: list[tuple[float, float]], share: float) -> float | None:
    """The upper bound of the bucket that a quantile falls into; ``bounds`` are (bound, count up to it), ascending."""
    total = bounds[-1][1]
    for (_, before), (bound, upto) in pairwise([(0.0, 0.0), *bounds]):
        if upto >= share * total > before or upto == total:
            return bound if bound != float("inf") else None
    return None


def _labels(record: Record) -> tuple[str, str, str]:
    if not record.route:
        return ("", record.method if record.method in _METHODS else "", _ELSEWHERE)
    return (record.service, record.method, record.route)
