"""What may be done so often."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.allowance import Allowance, Rate


class AllowanceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.allowance = Allowance(Rate(2, 10.0), 100.0)

    def taken(self, now: float) -> int:
        """As many as there are at a moment."""
        count = 0
        while self.allowance.fill(now):
            self.allowance.take()
            count += 1
        return count

    def test_so_many_at_once(self) -> None:
        self.assertEqual((self.taken(100.0), self.taken(100.0)), (2, 0))

    def test_one_more_after_each_pause(self) -> None:
        self.taken(100.0)
        self.assertEqual([self.taken(now) for now in (105.0, 109.0, 110.5, 119.0, 121.0)], [0, 0, 1, 0, 1])

    def test_never_more_than_at_once(self) -> None:
        self.assertEqual(self.taken(100_000.0), 2)
