"""The reactor's lag."""

from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.status.stalls import KEPT, PERIOD, Stalls


class StallTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.stalls = Stalls(self.clock, CollectorRegistry())
        self.stalls.startService()

    def test_in_time_is_no_lag(self) -> None:
        self.clock.pump([PERIOD] * 10)
        self.assertAlmostEqual(self.stalls.worst, 0.0)

    def test_a_stall_shows_for_a_minute(self) -> None:
        self.clock.pump([PERIOD] * 10)
        self.clock.advance(PERIOD + 0.5)
        self.clock.pump([PERIOD] * 20)
        self.assertAlmostEqual(self.stalls.worst, 0.5)
        self.assertAlmostEqual(self.stalls.usual, 0.0)
        self.clock.pump([PERIOD] * KEPT)
        self.assertAlmostEqual(self.stalls.worst, 0.0)

    def test_stopped_it_leaves_no_timer(self) -> None:
        self.stalls.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
