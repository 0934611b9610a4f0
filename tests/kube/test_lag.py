"""Rule 34: how late events come, roughly."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.health import Rate
from dicot.kube.lag import EVERY, Lag

from .things import bookmark, event, thing

WRITTEN = 1_798_761_600.0


def written(type: str, *times: str | None) -> bytes:
    """An event of a thing with managedFields of these times."""
    made = thing("a", 11)
    made["metadata"]["managedFields"] = [{"manager": "m", **({"time": time} if time else {})} for time in times]
    return event(type, made)


class LagTests(SynchronousTestCase):
    """A sample now and then."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wall = WRITTEN + 2.5
        self.lag = Lag(self.clock.seconds, lambda: self.wall)

    def test_is_since_the_last_write(self) -> None:
        self.lag.see(written("MODIFIED", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z", None))
        self.assertEqual(self.lag.latest, 2.5)

    def test_no_sample_before_its_time(self) -> None:
        self.lag.see(written("ADDED", "2027-01-01T00:00:00Z"))
        self.wall += 5
        self.clock.advance(EVERY - 0.1)
        self.lag.see(written("ADDED", "2027-01-01T00:00:00Z"))
        self.assertEqual(self.lag.latest, 2.5)
        self.clock.advance(0.1)
        self.lag.see(written("ADDED", "2027-01-01T00:00:00Z"))
        self.assertEqual(self.lag.latest, 7.5)

    def test_what_says_nothing_is_passed_over(self) -> None:
        deep = written("ADDED", "2027-01-01T00:00:00Z").replace(b'"seen":true', b'"seen":' + b"[" * 20_000)
        for line in (bookmark(12), written("DELETED", "2027-01-01T00:00:00Z"), written("ADDED"), b"{", deep):
            self.lag.see(line)
        self.assertIsNone(self.lag.latest)
        self.lag.see(written("ADDED", "2027-01-01T00:00:00Z"))
        self.assertEqual(self.lag.latest, 2.5)


class RateTests(SynchronousTestCase):
    """Events a second, lately."""

    def test_a_steady_flow_is_its_rate(self) -> None:
        rate = Rate()
        for second in range(600):
            rate.add(50, float(second))
        self.assertApproximates(rate.at(600.0), 50, 1)

    def test_what_is_long_past_counts_no_more(self) -> None:
        rate = Rate()
        rate.add(6000, 10.0)
        self.assertEqual(rate.at(10.0), 100.0)
        self.assertApproximates(rate.at(70.0), 36.8, 0.1)
        self.assertLess(rate.at(1000.0), 0.001)
