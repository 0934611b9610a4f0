"""What was read last is not decoded again."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.bodies import Bodies

from .things import THINGS, raw, thing


class BodiesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bodies = Bodies(THINGS)
        self.rows = [THINGS.decode(raw(thing(f"t{number}", 1, size=number))) for number in range(100)]

    def test_read_once(self) -> None:
        body = self.bodies.read(self.rows[5])
        self.assertEqual(body.spec.size, 5)
        self.assertIs(self.bodies.read(self.rows[5]), body)

    def test_a_row_that_is_equal_is_another(self) -> None:
        body = self.bodies.read(self.rows[5])
        again = THINGS.decode(raw(thing("t5", 1, size=5)))
        self.assertEqual(self.bodies.read(again), body)
        self.assertIsNot(self.bodies.read(again), body)

    def test_what_is_noted_is_not_decoded(self) -> None:
        body = THINGS.read(self.rows[1])
        self.bodies.note(self.rows[0], body)
        self.assertIs(self.bodies.read(self.rows[0]), body)

    def test_only_the_last_ones_are_kept(self) -> None:
        first = self.bodies.read(self.rows[0])
        for row in self.rows:
            self.bodies.read(row)
        self.assertEqual([self.bodies.read(row).spec.size for row in self.rows], list(range(100)))
        self.assertIsNot(self.bodies.read(self.rows[0]), first)
