"""Bodies as lines."""

import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss

from dicot.kube.stream import FULL, Cut, Lines, Silence, Stream, Whole

from .scripted import Wire


class LinesTests(SynchronousTestCase):
    """The splitter."""

    def test_several_lines_in_a_chunk(self) -> None:
        self.assertEqual(Lines().feed(b"one\ntwo\nthr"), [b"one", b"two"])

    def test_empty_lines_are_nothing(self) -> None:
        self.assertEqual(Lines().feed(b"\n\none\n\n"), [b"one"])

    def test_rule_11_lines_are_cut_anywhere(self) -> None:
        text = "\n".join(f"Zeile {number}: äöü€𝄞" for number in range(50)).encode() + b"\n"
        for step in (1, 2, 3, 7, 64):
            lines = Lines()
            found = [line for at in range(0, len(text), step) for line in lines.feed(text[at : at + step])]
            self.assertEqual(found, text.splitlines())

    def test_rule_11_lines_are_cut_at_random(self) -> None:
        dice = random.Random(7)
        text = b"".join(bytes(dice.choices(b"abc\n", k=200)) for _ in range(20)) + b"\n"
        expected = [line for line in text.split(b"\n") if line]
        for _ in range(50):
            lines, found, at = Lines(), list[bytes](), 0
            while at < len(text):
                size = dice.randint(1, 90)
                found += lines.feed(text[at : at + size])
                at += size
            self.assertEqual(found, expected)

    def test_rule_11_a_long_line_is_legal(self) -> None:
        lines = Lines()
        for _ in range(64):
            self.assertEqual(lines.feed(b"x" * 2**16), [])
        self.assertEqual([len(line) for line in lines.feed(b"\n")], [2**22])

    def test_rule_11_one_that_never_ends_is_not(self) -> None:
        lines = Lines(longest=100)
        lines.feed(b"x" * 60)
        with self.assertRaises(Cut):
            lines.feed(b"x" * 60)

    def test_the_limit_counts_each_line_anew(self) -> None:
        lines = Lines(longest=100)
        for _ in range(10):
            self.assertEqual(lines.feed(b"x" * 60 + b"\n"), [b"x" * 60])

    def test_the_limit_counts_halves_of_two_lines_apart(self) -> None:
        lines = Lines(longest=100)
        found = [lines.feed(b"x" * 90), lines.feed(b"\n" + b"y" * 10), lines.feed(b"y" * 20 + b"\n")]
        self.assertEqual([len(line) for step in found for line in step], [90, 30])


class WholeTests(SynchronousTestCase):
    """A document."""

    def test_is_what_came(self) -> None:
        whole = Whole()
        self.assertEqual(whole.feed(b"one\n") + whole.feed(b"two"), [])
        self.assertEqual(whole.document(), b"one\ntwo")

    def test_has_a_limit(self) -> None:
        with self.assertRaises(Cut):
            Whole(3).feed(b"four")


class StreamTests(SynchronousTestCase):
    """What is awaited of a body."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.stream = Stream(self.clock, Lines(longest=FULL * 2))
        self.stream.makeConnection(self.wire)

    def more(self, quiet: float = 90.0) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.stream.more(quiet))

    def test_lines_wake_who_waits(self) -> None:
        waiting = self.more()
        self.assertNoResult(waiting)
        self.stream.dataReceived(b"one\n")
        self.assertNoResult(waiting)
        self.clock.advance(0)
        self.assertIs(self.successResultOf(waiting), True)
        self.assertEqual(self.stream.take(), b"one")

    def test_half_a_line_wakes_nobody(self) -> None:
        waiting = self.more()
        self.stream.dataReceived(b"one")
        self.assertNoResult(waiting)
        self.stream.abort()
        waiting.cancel()
        self.failureResultOf(waiting)

    def test_lines_come_before_the_end(self) -> None:
        self.stream.dataReceived(b"one\n")
        self.stream.connectionLost(Failure(ResponseDone()))
        self.assertIs(self.successResultOf(self.more()), True)
        self.stream.take()
        self.assertIs(self.successResultOf(self.more()), False)

    def test_rule_21_the_rest_without_a_newline_is_thrown_away(self) -> None:
        self.stream.dataReceived(b"one\n{}")
        self.stream.connectionLost(Failure(ResponseDone()))
        self.stream.take()
        self.assertIs(self.successResultOf(self.more()), False)

    def test_an_end_without_a_length_is_an_end_like_others(self) -> None:
        self.stream.connectionLost(Failure(PotentialDataLoss()))
        self.assertIs(self.successResultOf(self.more()), False)

    def test_a_broken_connection_is_a_cut(self) -> None:
        self.stream.connectionLost(Failure(ResponseFailed([Failure(ConnectionLost())])))
        failure = self.failureResultOf(self.more(), Cut)
        self.assertIn("ConnectionLost", failure.getErrorMessage())
        self.assertNotIn("Failure", failure.getErrorMessage())

    def test_silence_aborts(self) -> None:
        waiting = self.more(90.0)
        self.clock.advance(89.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.failureResultOf(waiting, Silence)
        self.assertTrue(self.wire.aborted)

    def test_every_byte_breaks_the_silence(self) -> None:
        waiting = self.more(90.0)
        self.clock.advance(80)
        self.stream.dataReceived(b"h")
        self.clock.advance(80)
        self.assertNoResult(waiting)
        self.clock.advance(10)
        self.failureResultOf(waiting, Silence)

    def test_a_line_without_end_aborts(self) -> None:
        waiting = self.more()
        for _ in range(2 * FULL // 2**20 + 1):
            self.stream.dataReceived(b"x" * 2**20)
        self.clock.advance(0)
        self.failureResultOf(waiting, Cut)
        self.assertTrue(self.wire.aborted)

    def test_nothing_is_taken_in_after_an_abort(self) -> None:
        self.stream.abort()
        self.stream.dataReceived(b"one\n")
        self.assertEqual(list(self.stream.lines), [])

    def test_a_wait_can_be_cancelled_and_leaves_no_timer(self) -> None:
        waiting = self.more()
        self.stream.dataReceived(b"one\n")
        waiting.cancel()
        self.failureResultOf(waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lines_that_come_together_wake_once(self) -> None:
        waiting = self.more()
        for _ in range(3):
            self.stream.dataReceived(b"one\n")
        self.assertEqual(len(self.clock.getDelayedCalls()), 2)
        self.clock.advance(0)
        self.assertIs(self.successResultOf(waiting), True)
        self.assertEqual((len(self.stream.lines), self.clock.getDelayedCalls()), (3, []))

    def test_rule_28_a_full_stream_pauses_its_connection(self) -> None:
        line = b"x" * (FULL // 4) + b"\n"
        for _ in range(5):
            self.assertFalse(self.wire.paused)
            self.stream.dataReceived(line)
        self.assertTrue(self.wire.paused)
        for _ in range(3):
            self.stream.take()
        self.assertTrue(self.wire.paused)
        self.stream.take()
        self.assertFalse(self.wire.paused)
