"""How controllers in the API server are run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.apiserver.controllers.loop import RETRY, Key, Loop
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.seams import Change

from .asking import Stored, resource, thing


class Held(Stored):
    """A store that had something before."""

    def everything(self) -> Iterator[Change]:
        yield Change(resource("", "pods"), "n", "old", None, b"{}")


class Watcher:
    """Notes what it looks at, which takes time; refuses as often as it is told to; asks to look again once."""

    def __init__(self, clock: Clock, takes: float = 0.0) -> None:
        self.looked: list[str] = []
        self.refuses = 0
        self.again: float | None = None
        self._clock = clock
        self._takes = takes

    def saw(self, change: Change) -> Iterable[Key]:
        yield (change.name,)

    def settle(self, key: Key) -> float | None:
        self.looked.append(key[0])
        self._clock.rightNow += self._takes
        if self.refuses:
            self.refuses -= 1
            raise Refusal(403, "Forbidden", "not now")
        again, self.again = self.again, None
        return again


class LoopTests(SynchronousTestCase):
    def loop(self, stored: Stored, takes: float = 0.0) -> Watcher:
        self.clock = Clock()
        watcher = Watcher(self.clock, takes)
        self.running = Loop(stored, (watcher,), self.clock)
        self.running.startService()
        return watcher

    def test_nothing_is_written_in_the_middle_of_a_write(self) -> None:
        stored = Stored()
        watcher = self.loop(stored)
        stored.write("", "pods", thing("a"))
        self.assertEqual(watcher.looked, [])
        self.clock.advance(0)
        self.assertEqual(watcher.looked, ["a"])

    def test_changes_of_a_turn_are_looked_at_once(self) -> None:
        stored = Stored()
        watcher = self.loop(stored)
        for name in ("a", "b", "a"):
            stored.write("", "pods", thing(name))
        self.clock.advance(0)
        self.assertEqual(watcher.looked, ["a", "b"])

    def test_a_turn_is_short(self) -> None:
        """What others wait to do comes in between."""
        stored = Stored()
        watcher = self.loop(stored, takes=0.0015)
        for name in "abcd":
            stored.write("", "pods", thing(name))
        self.clock.callLater(0, watcher.looked.append, "others")
        self.clock.advance(0)
        self.assertEqual(watcher.looked, ["a", "b", "others", "c", "d"])

    def test_what_is_refused_is_tried_again(self) -> None:
        stored = Stored()
        watcher = self.loop(stored)
        watcher.refuses = 1
        stored.write("", "pods", thing("a"))
        self.clock.advance(0)
        self.clock.advance(RETRY)
        self.clock.advance(0)
        self.assertEqual(watcher.looked, ["a", "a"])

    def test_what_wants_it_is_looked_at_later(self) -> None:
        stored = Stored()
        watcher = self.loop(stored)
        watcher.again = 5.0
        stored.write("", "pods", thing("a"))
        self.clock.pump([0, 4.9, 0.2, 0])
        self.assertEqual(watcher.looked, ["a", "a"])

    def test_what_was_there_before_is_looked_at(self) -> None:
        watcher = self.loop(Held())
        self.clock.advance(0)
        self.assertEqual(watcher.looked, ["old"])

    def test_one_that_stopped_does_nothing_more(self) -> None:
        stored = Stored()
        watcher = self.loop(stored)
        stored.write("", "pods", thing("a"))
        self.running.stopService()
        self.assertEqual((self.clock.getDelayedCalls(), watcher.looked), ([], []))
