"""Moments at which something is asked again."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.reading.deadlines import Deadlines


class DeadlinesTests(SynchronousTestCase):
    """Keys ring at their moments, by one timer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.ahead = 0.0
        self.rung: list[tuple[float, str]] = []
        self.deadlines = Deadlines(self.clock, self.wall, self.ring)

    def wall(self) -> float:
        return self.clock.seconds() + self.ahead

    def ring(self, keys: list[str]) -> None:
        self.rung += [(self.clock.seconds(), key) for key in keys]

    def timers(self) -> list[float]:
        return [call.getTime() for call in self.clock.getDelayedCalls()]

    def test_keys_ring_in_turn_by_one_timer(self) -> None:
        for key, moment in (("b", 1020.0), ("a", 1010.0), ("c", 1020.0)):
            self.deadlines.put(key, moment)
        self.assertEqual(self.timers(), [1010.0])
        self.clock.pump([10, 10])
        self.assertEqual(self.rung, [(1010.0, "a"), (1020.0, "b"), (1020.0, "c")])
        self.assertEqual(self.timers(), [])

    def test_later_moment_replaces_the_one_before(self) -> None:
        self.deadlines.put("a", 1010.0)
        self.deadlines.put("a", 1030.0)
        self.assertEqual(self.timers(), [1030.0])
        self.clock.pump([10, 20])
        self.assertEqual(self.rung, [(1030.0, "a")])

    def test_no_moment_leaves_no_timer(self) -> None:
        for nothing in (None, float("inf"), float("nan")):
            self.deadlines.put("a", 1010.0)
            self.deadlines.put("a", nothing)
            self.assertEqual(self.timers(), [])

    def test_past_moment_rings_soon_but_never_at_once(self) -> None:
        self.deadlines.put("a", 3.0)
        self.assertEqual(self.rung, [])
        self.clock.advance(0.05)
        self.assertEqual([key for _, key in self.rung], ["a"])

    def test_far_moment_is_waited_for_by_the_minute(self) -> None:
        self.deadlines.put("a", 1e300)
        self.assertEqual(self.timers(), [1060.0])
        self.clock.advance(60)
        self.assertEqual((self.rung, self.timers()), ([], [1120.0]))

    def test_clock_that_is_set_forward_rings_within_a_minute(self) -> None:
        self.deadlines.put("a", 2000.0)
        self.ahead = 3600.0
        self.assertEqual(self.rung, [])
        self.clock.advance(60)
        self.assertEqual([key for _, key in self.rung], ["a"])

    def test_clock_that_is_set_back_rings_at_the_moment_it_then_shows(self) -> None:
        self.deadlines.put("a", 1010.0)
        self.ahead = -100.0
        self.clock.pump([10] * 10)
        self.assertEqual(self.rung, [])
        self.clock.advance(10)
        self.assertEqual([key for _, key in self.rung], ["a"])

    def test_moments_that_are_replaced_all_the_time_leave_nothing_behind(self) -> None:
        for number in range(1000):
            self.deadlines.put("a", 2000.0 + number)
        self.assertTrue(len(self.deadlines._heap) < 100)
        self.clock.advance(3000)
        self.assertEqual([key for _, key in self.rung], ["a"])

    def test_stop_forgets_them(self) -> None:
        self.deadlines.put("a", 1010.0)
        self.deadlines.stop()
        self.assertEqual(self.timers(), [])
