"""Lines about objects that do not fit: each once, and never more than a log can bear."""

from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.complaints import LINES, LINES_OF_ALL, LONGEST, Complaints, one_line
from dicot.kube.store import Store

from .things import THINGS, event, thing

_log = Logger()


class ComplaintTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.complaints = Complaints(self.clock.seconds)
        self.logged: Sequence[LogEvent] = self.enterContext(capturedLogs())

    def tell(self, name: str, problem: object = "no", namespace: str = "demo") -> None:
        self.complaints.tell(_log, "things", namespace, name, problem)

    def lines(self) -> list[str]:
        return [formatEvent(each) for each in self.logged]

    def test_an_object_and_a_reason_are_told_once(self) -> None:
        for problem in ("no", "no", "not so", "no"):
            self.tell("a", problem)
        told = ["things demo/a is not shown: no", "things demo/a is not shown: not so"]
        self.assertEqual(self.lines(), [told[0], f"{told[1]} (1 such lines were left out)"])
        self.assertEqual(self.complaints.left_out, 2)

    def test_a_namespace_has_so_many_lines(self) -> None:
        for number in range(LINES.burst + 5):
            self.tell(f"a{number}")
        self.tell("b", namespace="other")
        self.assertEqual(len(self.logged), LINES.burst + 1)
        self.assertEqual(self.complaints.left_out, 5)

    def test_and_more_with_time_which_say_how_many_were_left_out(self) -> None:
        for number in range(LINES.burst + 5):
            self.tell(f"a{number}")
        self.clock.advance(LINES.pause)
        for name in ("late", "later"):
            self.tell(name)
        self.assertEqual(
            self.lines()[LINES.burst :], ["things demo/late is not shown: no (5 such lines were left out)"]
        )

    def test_many_namespaces_are_no_way_around_it(self) -> None:
        for number in range(LINES_OF_ALL.burst + 50):
            self.tell("a", namespace=f"n{number}")
        self.assertEqual((len(self.logged), self.complaints.left_out), (LINES_OF_ALL.burst, 50))

    def test_a_flood_of_a_day_is_small(self) -> None:
        """New objects all the time, in as many namespaces as one likes."""
        for number in range(86_400):
            self.clock.advance(1)
            self.tell(f"a{number}", "x" * 2_000, f"n{number % 1_000}")
        self.assertLess(sum(len(each) for each in self.lines()), 2**20)
        self.assertEqual(self.complaints.left_out + len(self.logged), 86_400)

    def test_a_reason_is_one_line_and_not_long(self) -> None:
        self.tell("a", "x\r\n\x1b[2J" + "y" * 1_000)
        [told] = self.lines()
        self.assertTrue(told.startswith("things demo/a is not shown: x   [2Jyyy"))
        self.assertLess(len(told), LONGEST + 50)

    def test_one_line(self) -> None:
        self.assertEqual(one_line("a\u2028b\tc\u00e4d", 6), "a b c\u00e4")


class StoreTests(SynchronousTestCase):
    def test_one_that_comes_again_and_again_is_told_once(self) -> None:
        store = Store(THINGS)
        with capturedLogs() as logged:
            for version in range(2, 40):
                store.apply([event("MODIFIED", thing("a", version, size="large"))])
        self.assertEqual(len(logged), 1)
        self.assertEqual((store.tally.skipped, store.complaints.left_out), (38, 37))
