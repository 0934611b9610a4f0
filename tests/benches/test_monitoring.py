"""What is read out of /metrics."""

import math

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Histogram as Counted
from twisted.trial.unittest import SynchronousTestCase

from bench.monitoring import Histogram, histogram

NAME = "lag_seconds"


class HistogramTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.registry = CollectorRegistry()
        self.counted = Counted(NAME, "Lag.", ("of",), buckets=(0.001, 0.01, 0.1), registry=self.registry)

    def seen(self) -> Histogram:
        return histogram(generate_latest(self.registry).decode(), NAME, {"of": "a"})

    def count(self, *values: float, of: str = "a") -> None:
        for value in values:
            self.counted.labels(of).observe(value)

    def test_it_is_read_by_its_labels(self) -> None:
        self.count(0.005, 0.05)
        self.count(5.0, of="b")
        self.assertEqual(self.seen(), Histogram({0.001: 0, 0.01: 1, 0.1: 2, math.inf: 2}, 0.055))

    def test_quantiles_are_bounds(self) -> None:
        self.count(*[0.0005] * 98, 0.005, 0.05)
        seen = self.seen()
        self.assertEqual([seen.quantile(share) for share in (0.5, 0.98, 0.99, 1.0)], [0.001, 0.001, 0.01, 0.1])

    def test_only_what_came_since(self) -> None:
        self.count(5.0)
        before = self.seen()
        self.count(0.005)
        since = self.seen().since(before)
        self.assertEqual((since.count, since.quantile(1.0)), (1, 0.01))

    def test_nothing_counted(self) -> None:
        self.count(0.5)
        seen = self.seen()
        self.assertRaises(ValueError, seen.since(seen).quantile, 0.5)

    def test_one_that_is_not_there(self) -> None:
        self.assertRaises(KeyError, histogram, "# EOF\n", NAME)
