"""Pauses of the garbage collector."""

import gc

from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.status.pauses import KEPT, Pauses


class PauseTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.registry = CollectorRegistry()
        self.pauses = Pauses(self.clock.seconds, self.registry)

    def pause(self, seconds: float, generation: int = 2) -> None:
        info = {"generation": generation}
        self.pauses.called("start", info)
        self.clock.advance(seconds)
        self.pauses.called("stop", info)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"dicot_gc_pause_seconds_{name}", labels)

    def test_none_is_no_pause(self) -> None:
        self.assertEqual(self.pauses.worst, 0.0)
        self.assertEqual(self.value("count", generation="2"), 0)

    def test_the_longest_is_known_for_a_minute(self) -> None:
        self.pause(0.25)
        self.pause(0.5)
        self.pause(0.125)
        self.assertEqual(self.pauses.worst, 0.5)
        self.clock.advance(KEPT - 1)
        self.pause(0.0625)
        self.assertEqual(self.pauses.worst, 0.5)
        self.clock.advance(2)
        self.assertEqual(self.pauses.worst, 0.0625)

    def test_buckets_by_generation(self) -> None:
        self.pause(0.5)
        self.pause(0.25)
        self.pause(0.0005, generation=0)
        self.assertEqual(self.value("bucket", generation="2", le="0.2"), 0)
        self.assertEqual(self.value("bucket", generation="2", le="0.5"), 2)
        self.assertEqual(self.value("bucket", generation="2", le="+Inf"), 2)
        self.assertEqual(self.value("sum", generation="2"), 0.75)
        self.assertEqual(self.value("count", generation="2"), 2)
        self.assertEqual(self.value("bucket", generation="0", le="0.001"), 1)
        self.assertEqual(self.value("count", generation="1"), 0)

    def test_one_longer_than_all_buckets(self) -> None:
        self.pause(7)
        self.assertEqual(self.value("bucket", generation="2", le="5.0"), 0)
        self.assertEqual(self.value("bucket", generation="2", le="+Inf"), 1)

    def test_it_hears_of_collections_while_it_runs(self) -> None:
        self.pauses.startService()
        gc.collect()
        self.assertEqual(self.value("count", generation="2"), 1)
        self.pauses.stopService()
        gc.collect()
        self.assertEqual(self.value("count", generation="2"), 1)
