from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.web.limits import Deadline


class DeadlineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.missed: list[float] = []
        self.deadline = Deadline(self.clock, lambda: self.missed.append(self.clock.seconds()))

    def test_missed_once(self) -> None:
        self.deadline.set(10)
        self.clock.pump([1] * 30)
        self.assertEqual(self.missed, [10])

    def test_set_anew_it_counts_from_then(self) -> None:
        self.deadline.set(10)
        self.clock.advance(9)
        self.deadline.set(10)
        self.clock.pump([1] * 30)
        self.assertEqual(self.missed, [19])

    def test_it_may_come_nearer(self) -> None:
        self.deadline.set(60)
        self.clock.advance(1)
        self.deadline.set(10)
        self.clock.pump([1] * 100)
        self.assertEqual(self.missed, [11])

    def test_dropped(self) -> None:
        self.deadline.set(10)
        self.deadline.drop()
        self.clock.advance(100)
        self.assertEqual(self.missed, [])
        self.deadline.set(5)
        self.clock.advance(5)
        self.assertEqual(self.missed, [105])

    def test_moving_costs_no_timer(self) -> None:
        for _ in range(100):
            self.deadline.set(10)
            self.deadline.drop()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_stopped(self) -> None:
        self.deadline.set(10)
        self.deadline.stop()
        self.deadline.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_set_from_within(self) -> None:
        again = Deadline(self.clock, lambda: again.set(10) if self.clock.seconds() < 25 else self.missed.append(1))
        again.set(10)
        self.clock.pump([1] * 31)
        self.assertEqual(self.missed, [1])
