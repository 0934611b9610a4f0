"""Copies of what volumes hold."""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.nodes.work.contents import Contents
from dicot.sandbox.nodes.work.shots import Shots


class Slow(Contents):
    """Copies when it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, None)
        self.copies: list[tuple[str, str, Deferred[None]]] = []

    def copy(self, source: str, target: str, size: int = 0) -> Deferred[None]:
        """See Contents."""
        self.copies.append((source, target, Deferred()))
        return self.copies[-1][2]


class ShotTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.contents = Slow(Path(self.mktemp()))
        self.shots = Shots(self.contents)

    def test_a_copy_is_made_once(self) -> None:
        self.assertFalse(self.shots.made("v", "s"))
        self.assertFalse(self.shots.made("v", "s"))
        ((source, target, done),) = self.contents.copies
        self.assertEqual((source, target), ("v", "s"))
        self.contents.write("s", b"x", 0)
        self.assertFalse(self.shots.made("v", "s"))
        done.callback(None)
        self.assertTrue(self.shots.made("v", "s"))
        self.assertEqual(len(self.contents.copies), 1)

    def test_one_that_failed_is_begun_again(self) -> None:
        self.shots.made("v", "s")
        self.contents.copies[0][2].errback(OSError("no room"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertFalse(self.shots.made("v", "s"))
        self.assertEqual(len(self.contents.copies), 2)

    def test_one_that_is_dropped_is_gone(self) -> None:
        self.contents.write("s", b"x", 0)
        self.assertTrue(self.shots.made("v", "s"))
        self.shots.drop("s")
        self.assertFalse(self.contents.path("s").exists())
