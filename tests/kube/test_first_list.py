"""A first list, read by the handful: the same as line by line, and what happens beside it counts."""

import random

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.change import Change
from dicot.kube.draft import Draft
from dicot.kube.kind import Row
from dicot.kube.store import Store
from dicot.kube.table import Table

from .stored import ID
from .things import THINGS, Thing, added, bookmark, deleted, event, modified, raw, thing

LINES = 600
LARGE = 10**30
"""A number that JSON has and no row can keep."""


def line(dice: random.Random, version: int) -> bytes:
    """Mostly the ADDED of an object; now and then anything else that may come."""
    name, namespace = f"t{dice.randrange(300)}", dice.choice(("red", "red", "blue"))
    chance = dice.randrange(40)
    if chance == 0:
        return deleted(name, version, namespace=namespace)
    if chance == 1:
        return modified(name, version, namespace=namespace, size=version)
    if chance == 2:
        return bookmark(version)
    if chance == 3:
        return added(name, version, namespace=namespace, size=dice.choice(("large", LARGE)))
    if chance == 4:
        return event("RENAMED", thing(name, version, namespace=namespace))
    id = ID if dice.randrange(50) == 0 else ""
    home = dice.choice(("", "here", "there"))
    return added(name, version, namespace=namespace, id=id, created=f"2026-01-01T00:00:{version % 60:02}Z", home=home)


class HandfulTests(SynchronousTestCase):
    """Two drafts of the same lines."""

    def draft(self, lines: list[bytes], handful: int) -> Draft[Thing]:
        store = Store(THINGS)
        draft = store.draft()
        for start in range(0, len(lines), handful):
            self.assertEqual(list(draft.apply(lines[start : start + handful])), [])
        return draft

    def everything(self, table: Table[Thing]) -> list[object]:
        """All that is to be found in a table."""
        rows = sorted(table.rows(), key=lambda row: row.place)
        homes = [sorted(row.place for row in table.linked(f"red/{home}")) for home in ("here", "there")]
        ids = [[found.place for found in table.with_id(row.id)] for row in rows]
        return [rows, len(table), sorted(table.namespaces()), homes, ids, [table.claim(row) for row in rows]]

    def test_a_handful_at_a_time(self) -> None:
        for seed in range(8):
            dice = random.Random(seed)
            lines = [line(dice, version) for version in range(10, 10 + LINES)]
            one, many = self.draft(lines, 1), self.draft(lines, 16)
            self.assertEqual(self.everything(many.table), self.everything(one.table))
            self.assertEqual(many.skipped.keys(), one.skipped.keys())

    def test_an_object_without_a_name_spoils_nothing_else(self) -> None:
        nameless = thing("a", 1)
        del nameless["metadata"]["name"]
        draft = self.draft([event("ADDED", nameless), added("b", 2)], 2)
        self.assertEqual([row.name for row in draft.table.rows()], ["b"])
        self.assertEqual(list(draft.skipped), ["uid-a"])


class MeanwhileTests(SynchronousTestCase):
    """What a write's answer tells while the first list comes."""

    def setUp(self) -> None:
        self.store = Store(THINGS)
        self.told: list[Change] = []
        self.store.listen(lambda changes: self.told.extend(changes))
        self.draft = self.store.draft()
        self.draft.apply([added(f"t{number}", 5, size=number) for number in range(600)])

    def close(self) -> dict[str, Row]:
        for _ in self.steps:
            pass
        return {row.name: row for row in self.store.rows()}

    def test_before_it_is_compared(self) -> None:
        self.store.learn(raw(thing("t1", 9, size=99)))
        self.store.learn(raw(thing("new", 9)))
        self.steps = self.store.replacing(self.draft, "7")
        rows = self.close()
        self.assertEqual((len(rows), rows["t1"].version, rows["new"].version), (601, "9", "9"))
        # Each is told once.
        self.assertEqual(sorted(change.new.name for change in self.told if change.new), sorted(rows))

    def test_after_it_was_compared(self) -> None:
        self.steps = self.store.replacing(self.draft, "7")
        for _ in range(3):
            next(self.steps)
        self.store.learn(raw(thing("t1", 9, size=99)))
        self.store.learn(raw(thing("new", 9)))
        self.store.forget("red", "t2", "uid-t2")
        rows = self.close()
        self.assertEqual((len(rows), rows["t1"].version, rows["new"].version), (600, "9", "9"))
        self.assertEqual(sorted(change.new.name for change in self.told if change.new), sorted(rows))
        self.assertEqual(self.store.read(rows["t1"]).spec.size, 99)

    def test_nothing(self) -> None:
        self.steps = self.store.replacing(self.draft, "7")
        rows = self.close()
        self.assertEqual([(change.old, change.new) for change in self.told], [(None, row) for row in rows.values()])
