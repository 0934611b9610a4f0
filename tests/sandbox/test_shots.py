"""Copies of what volumes hold."""

from collections.abc import Callable, Sequence
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

    def copy_all(self, pairs: Sequence[tuple[str, str]]) -> Deferred[None]:
        """See Contents."""
        done: Deferred[None] = Deferred()
        self.copies += [(source, target, done) for source, target in pairs]
        return done


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

    def test_copies_of_one_moment(self) -> None:
        """They are made together, and again together where one is missing."""
        pairs = [("v", "s"), ("w", "t")]
        self.assertFalse(self.shots.all_made(pairs))
        self.assertFalse(self.shots.all_made(pairs))
        self.assertEqual([each[:2] for each in self.contents.copies], pairs)
        self.contents.write("s", b"x", 0)
        self.contents.copies[0][2].callback(None)
        self.assertFalse(self.shots.all_made(pairs))
        self.assertEqual([each[:2] for each in self.contents.copies], pairs * 2)
        self.contents.write("t", b"y", 0)
        self.contents.copies[-1][2].callback(None)
        self.assertTrue(self.shots.all_made(pairs))

    def test_one_that_is_dropped_is_gone(self) -> None:
        self.contents.write("s", b"x", 0)
        self.assertTrue(self.shots.made("v", "s"))
        self.shots.drop("s")
        self.assertFalse(self.contents.path("s").exists())


class Late(Contents):
    """Reads what it copies when it is told to."""

    work: Callable[[], None]

    def _run(self, work: object) -> Deferred[None]:
        assert callable(work)
        self.work = work
        return Deferred()


class MomentTests(SynchronousTestCase):
    def test_what_is_written_meanwhile_is_not_copied(self) -> None:
        """Whichever of the volumes it is written to; one that has nothing yet is empty."""
        contents = Late(Path(self.mktemp()), None)
        for name in ("v", "w"):
            contents.write(name, b"before", 0)
        contents.copy_all([("v", "s"), ("w", "t"), ("x", "u")])
        for name in ("v", "w", "x"):
            contents.write(name, b"after", 0)
        contents.drop("v")
        contents.work()
        found = [contents.path(name).read_bytes() for name in ("s", "t", "u")]
        self.assertEqual(found, [b"before", b"before", b""])
