"""Long work, a little at a time."""

from collections.abc import Generator

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.reading.slices import SLICE, Slices


class SlicesTests(SynchronousTestCase):
    """Each step takes a millisecond of the Clock, so that a slice holds two."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.slices = Slices(self.clock)
        self.steps = 0
        self.seen: list[int] = []

    def work(self, steps: int, fail: bool = False) -> Generator[None, None, str]:
        for _ in range(steps):
            self.steps += 1
            self.clock.rightNow += SLICE / 2
            yield
        if fail:
            raise ZeroDivisionError
        return "done"

    def glance(self) -> None:
        """How far the work is when another call has its turn."""
        self.seen.append(self.steps)

    def later(self, steps: int, fail: bool = False) -> Deferred[str]:
        answer = self.slices.run(self.work(steps, fail))
        assert isinstance(answer, Deferred)
        return answer

    def test_short_work_is_done_at_once(self) -> None:
        self.assertEqual(self.slices.run(self.work(1)), "done")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_long_work_lets_the_reactor_turn(self) -> None:
        answer = self.later(6)
        self.assertEqual(self.steps, 2)
        self.clock.callLater(0, self.glance)
        self.clock.advance(0)
        self.assertEqual(self.seen, [4])
        self.assertEqual(self.successResultOf(answer), "done")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_several_share_a_slice(self) -> None:
        answers = [self.slices.spread(self.work(2)) for _ in range(2)]
        self.clock.callLater(0, self.glance)
        self.clock.advance(0)
        self.assertEqual(self.seen, [2])
        self.assertEqual([self.successResultOf(answer) for answer in answers], ["done", "done"])

    def test_failure_at_once_rises(self) -> None:
        self.assertRaises(ZeroDivisionError, self.slices.run, self.work(1, fail=True))

    def test_failure_later_is_the_answer(self) -> None:
        answer = self.later(3, fail=True)
        self.clock.advance(0)
        self.failureResultOf(answer, ZeroDivisionError)

    def test_cancelled_work_ends(self) -> None:
        answer = self.later(6)
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.clock.advance(0)
        self.assertEqual((self.steps, self.clock.getDelayedCalls()), (2, []))
