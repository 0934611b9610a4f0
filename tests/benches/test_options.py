"""What ``make bench`` is asked for, and rounds of two contenders as a line."""

import argparse
import os

from twisted.trial.unittest import SynchronousTestCase

from bench.__main__ import ROWS, parse, positive
from bench.figures import Spread
from bench.load import Seen
from bench.processes import Processors, cpu_seconds, pinned, resident_bytes
from bench.results import at_least
from bench.rounds import FULL, Rounds


class OptionTests(SynchronousTestCase):
    def test_all_rows_unless_some_are_named(self) -> None:
        self.assertEqual(parse([]).rows, tuple(ROWS))
        self.assertEqual(parse(["--rows", ""]).rows, tuple(ROWS))

    def test_rows_stay_in_their_order(self) -> None:
        self.assertEqual(parse(["--rows", "storm,detail"]).rows, ("detail", "storm"))

    def test_a_row_that_is_none_is_told_with_those_that_are(self) -> None:
        said: list[str] = []
        self.patch(argparse.ArgumentParser, "_print_message", lambda self, message, file=None: said.append(message))
        ended = self.assertRaises(SystemExit, parse, ["--rows", "speed"])
        self.assertEqual(ended.code, 2)
        self.assertIn(f"'speed' is no row; ROWS=... may be of {','.join(ROWS)}", said[0])
        self.assertEqual(said[0].count("\n"), 1)

    def test_numbers(self) -> None:
        self.assertEqual(positive("20"), 20)
        for text in ("0", "-1", "many", ""):
            self.assertRaises(argparse.ArgumentTypeError, positive, text)


class RoundsTests(SynchronousTestCase):
    def seen(self, rate: float, cpu: float, busy: float = 0.5) -> Seen:
        """A round of a second."""
        return Seen(int(rate), 1.0, 0, 0.001, 0.002, 0.003, busy, cpu, {"200": int(rate)})

    def test_rates_and_what_they_cost(self) -> None:
        rounds = Rounds({"a": [self.seen(100, 1.0)] * 2, "b": [self.seen(200, 1.0), self.seen(50, 0.25)]})
        result = rounds.ratio("row", "a", "b", at_least(1))
        self.assertEqual((result.what, result.spread), ("a to b", Spread(1.25, 0.5, 2.0)))
        self.assertEqual(result.beside["by processor time"], 0.5)
        self.assertNotIn("the generator was full with", result.beside)

    def test_a_generator_without_time_left_is_told(self) -> None:
        rounds = Rounds({"a": [self.seen(100, 1.0)], "b": [self.seen(200, 1.0, busy=FULL + 0.01)]})
        self.assertEqual(rounds.ratio("row", "a", "b", None).beside["the generator was full with"], "b")


class ProcessTests(SynchronousTestCase):
    def test_a_processor_for_a_while(self) -> None:
        before = os.sched_getaffinity(0)
        with pinned(Processors.found().load):
            self.assertEqual(os.sched_getaffinity(0), {max(before)})
        self.assertEqual(os.sched_getaffinity(0), before)

    def test_time_and_memory_of_this_process(self) -> None:
        began = cpu_seconds([os.getpid()])
        sum(range(200_000))
        # Of what runs the kernel counts the time at its next tick, or here.
        os.sched_yield()
        self.assertGreater(cpu_seconds([os.getpid()]), began)
        self.assertGreater(resident_bytes(os.getpid()), 1_000_000)
