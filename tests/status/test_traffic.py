"""Requests, counted."""

import re

from prometheus_client import CollectorRegistry, generate_latest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.status.traffic import Rate, Traffic, quantile
from dicot.web.access import Record


def record(route: str = "/servers", status: int = 200, took: float = 0.0015, method: str = "GET") -> Record:
    service = "compute" if route else ""
    return Record("req-1", "", method, "/compute/v2.1/x", "", status, 5, took, "u", "p", "a", service, route)


def normal(text: str) -> str:
    """Metrics with the labels of each line in order."""

    def ordered(found: re.Match[str]) -> str:
        return "{" + ",".join(sorted(found[1].split(","))) + "}"

    return re.sub(r"{([^}]*)}", ordered, text)


class RateTests(SynchronousTestCase):
    def test_is_an_average_over_a_minute(self) -> None:
        rate = Rate()
        for moment in range(30):
            rate.count(1000.0 + moment)
        self.assertEqual(rate.value(1030.0), 0.5)

    def test_what_is_older_than_a_minute_counts_no_more(self) -> None:
        rate = Rate()
        rate.count(1000.0)
        self.assertGreater(rate.value(1050.0), 0.0)
        self.assertEqual(rate.value(1065.0), 0.0)
        rate.count(9_000_000.0)
        self.assertEqual(rate.value(9_000_000.0), 1 / 60)


class QuantileTests(SynchronousTestCase):
    BOUNDS = [(0.001, 50.0), (0.01, 98.0), (0.1, 99.0), (float("inf"), 100.0)]

    def test_is_the_bound_of_its_bucket(self) -> None:
        self.assertEqual(
            [quantile(self.BOUNDS, share) for share in (0.1, 0.5, 0.51, 0.99)], [0.001, 0.001, 0.01, 0.1]
        )

    def test_off_the_scale_is_unknown(self) -> None:
        self.assertIsNone(quantile(self.BOUNDS, 1.0))


class TrafficTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.registry = CollectorRegistry()
        self.traffic = Traffic(self.clock, self.registry)

    def test_routes_are_told_apart_and_the_busiest_is_first(self) -> None:
        for each in (record(), record("/servers", 404), record("/servers", 500), record("/flavors", took=40.0)):
            self.traffic(each)
        first, second = self.traffic.served()
        self.assertEqual(
            (first.route, first.requests, first.refused, first.failed), ("compute GET /servers", 3, 1, 1)
        )
        self.assertEqual((first.median, first.p99), (0.002, 0.002))
        self.assertEqual((second.route, second.median), ("compute GET /flavors", None))

    def test_the_metrics_hold_every_request(self) -> None:
        for each in (record(), record(took=0.0005), record("/servers", 404, took=31.0), record("", 401)):
            self.traffic(each)
        told = generate_latest(self.registry).decode()
        of = 'method="GET",route="/servers",service="compute"'
        for expected in (
            f'dicot_requests_total{{{of},status="200"}} 2.0',
            f'dicot_requests_total{{{of},status="404"}} 1.0',
            'dicot_requests_total{method="GET",route="other",service="",status="401"} 1.0',
            f'dicot_request_duration_seconds_bucket{{le="0.0005",{of}}} 1.0',
            f'dicot_request_duration_seconds_bucket{{le="0.001",{of}}} 1.0',
            f'dicot_request_duration_seconds_bucket{{le="0.002",{of}}} 2.0',
            f'dicot_request_duration_seconds_bucket{{le="30.0",{of}}} 2.0',
            f'dicot_request_duration_seconds_bucket{{le="+Inf",{of}}} 3.0',
            f"dicot_request_duration_seconds_count{{{of}}} 3.0",
            f"dicot_request_duration_seconds_sum{{{of}}} 31.002",
        ):
            self.assertIn(f"{normal(expected)}\n", normal(told))

    def test_no_client_makes_a_label(self) -> None:
        for number in range(100):
            self.traffic(record("", 404, method=f"M{number}"))
        self.assertEqual([each.route for each in self.traffic.served()], ["other"])
        self.assertLess(len(generate_latest(self.registry)), 4000)

    def test_the_rate_falls_with_time(self) -> None:
        self.traffic(record())
        self.assertGreater(self.traffic.served()[0].rate, 0)
        self.clock.advance(120)
        self.assertEqual(self.traffic.served()[0].rate, 0)
