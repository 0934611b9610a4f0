"""Objects in memory, their last changes, and the file that they survive in."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from msgspec import json
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.history import Event, History
from dicot.sandbox.apiserver.journal import File, Nowhere, Unreadable
from dicot.sandbox.apiserver.storage import Storage, Where

MAPS = ("", "configmaps")


def named(name: str, **more: object) -> Manifest:
    return {"metadata": {"name": name}, **more}


def versions(events: Iterable[Event]) -> list[int]:
    return [event.version for event in events]


class StorageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.storage = Storage(Nowhere())

    def put(self, name: str, namespace: str = "n", where: Where = MAPS, **more: object) -> Manifest:
        found: Manifest = json.decode(self.storage.put(where, namespace, name, named(name, **more)))
        return found

    def test_one_counter_for_all(self) -> None:
        first, second = self.put("a"), self.put("b", where=("", "secrets"))
        self.assertEqual(int(second["metadata"]["resourceVersion"]), int(first["metadata"]["resourceVersion"]) + 1)

    def test_keys_are_in_the_order_of_texts(self) -> None:
        for namespace, name in (("b", "x"), ("a", "y"), ("a-b", "z"), ("a", "x")):
            self.put(name, namespace)
        self.assertEqual(self.storage.shelf(MAPS).within(""), ["a-b/z", "a/x", "a/y", "b/x"])
        self.assertEqual(self.storage.shelf(MAPS).within("a"), ["a/x", "a/y"])

    def test_what_is_removed_ends_in_a_version_of_its_own(self) -> None:
        self.put("a", data={"k": "v"})
        last = json.decode(self.storage.remove(MAPS, "n", "a"))
        self.assertEqual((last["metadata"]["resourceVersion"], last["data"]), (str(self.storage.version), {"k": "v"}))
        self.assertIsNone(self.storage.get(MAPS, "n", "a"))
        self.assertEqual(self.storage.shelf(MAPS).keys, [])

    def test_each_change_is_told_with_what_was_before(self) -> None:
        told: list[tuple[str, bool, bool]] = []
        self.storage.listen(lambda event: told.append((event.type, event.old is None, event.new is None)))
        self.put("a")
        self.put("a")
        self.storage.remove(MAPS, "n", "a")
        self.assertEqual(told, [("ADDED", True, False), ("MODIFIED", False, False), ("DELETED", False, True)])

    def test_many_at_once_are_no_changes(self) -> None:
        before = self.storage.version
        self.storage.fill((MAPS, "n", name, named(name)) for name in "ba")
        self.assertEqual(self.storage.shelf(MAPS).keys, ["n/a", "n/b"])
        self.assertEqual(self.storage.version, before + 2)
        self.assertFalse(self.storage.history.knows(before))
        self.assertTrue(self.storage.history.knows(self.storage.version))


class HistoryTests(SynchronousTestCase):
    def event(self, version: int, name: str = "a", old: bytes | None = b"old", new: bytes | None = b"new") -> Event:
        return Event(version, MAPS, "n", name, old, new, new or b"last")

    def test_what_came_after_a_version(self) -> None:
        history = History()
        history.begin(4)
        for version in (5, 6, 9):
            history.add(self.event(version))
        self.assertEqual(versions(history.since(5)), [6, 9])
        self.assertEqual((history.knows(4), history.knows(3)), (True, False))

    def test_the_oldest_are_forgotten(self) -> None:
        history = History(longest=2)
        for version in range(1, 8):
            history.add(self.event(version))
        self.assertEqual((history.floor, versions(history.since(5))), (5, [6, 7]))
        heavy = History(heaviest=100)
        for version in range(1, 8):
            heavy.add(self.event(version, old=b"x" * 40))
        self.assertEqual((heavy.floor, versions(heavy.since(5))), (5, [6, 7]))

    def test_what_objects_were(self) -> None:
        history = History()
        history.add(self.event(1, "a", None, b"1"))
        history.add(self.event(2, "a", b"1", b"2"))
        history.add(self.event(3, "b", None, b"1"))
        history.add(self.event(4, "a", b"2", None))
        self.assertEqual(history.undone(MAPS, 1), {"n/a": b"1", "n/b": None})
        self.assertEqual(history.undone(("", "secrets"), 1), {})


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def test_objects_and_the_counter_survive(self) -> None:
        storage = Storage(File(self.path))
        storage.put(MAPS, "n", "kept", named("kept"))
        storage.put(MAPS, "n", "gone", named("gone"))
        storage.remove(MAPS, "n", "gone")
        storage.fill([(("", "secrets"), "n", "many", named("many"))])
        version = storage.version
        storage.close()
        again = Storage(File(self.path))
        self.addCleanup(again.close)
        self.assertEqual(again.version, version)
        self.assertEqual(again.shelf(MAPS).keys, ["n/kept"])
        self.assertEqual(again.shelf(("", "secrets")).keys, ["n/many"])
        self.assertEqual((again.history.knows(version), again.history.knows(version - 1)), (True, False))

    def test_a_file_of_somebody_else_is_named(self) -> None:
        self.path.write_text("this is no database" * 100)
        self.assertIn(str(self.path), str(self.assertRaises(Unreadable, File, self.path)))
        self.path.unlink()
        other = sqlite3.connect(self.path)
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
        other.close()
        self.assertIn("of another program", str(self.assertRaises(Unreadable, File, self.path)))
        self.assertRaises(Unreadable, File, self.path.parent / "absent" / "file.sqlite")

    def test_one_process_has_it_at_a_time(self) -> None:
        first = File(self.path)
        self.addCleanup(first.close)
        self.assertRaises(Unreadable, File, self.path, patience=0.0)
