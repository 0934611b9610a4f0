"""Rows by name, id and link."""

from typing import Any

from dicot.names import derived

from .stored import ID, StoreTestCase
from .things import Thing, added, deleted, modified


class FindTests(StoreTestCase):
    """Rows by name, id and link."""

    def test_by_name_and_namespace(self) -> None:
        self.store.apply([added("a", 1), added("a", 2, namespace="blue", uid="u")])
        self.assertEqual(self.version_of("a"), "1")
        self.assertEqual([row.version for row in self.store.rows("blue")], ["2"])
        self.assertEqual(len(self.store), 2)
        self.assertIsNone(self.store.one("green", "a"))

    def test_an_id_is_found_in_its_own_namespace_only(self) -> None:
        self.store.apply([added("a", 1, id=ID), added("b", 2, id=ID, namespace="blue")])
        found = [self.store.by_id(namespace, ID) for namespace in ("red", "blue", "green")]
        self.assertEqual([row and row.name for row in found], ["a", "b", None])
        self.assertEqual(sorted(row.name for row in self.store.with_id(ID)), ["a", "b"])

    def test_a_crowd_of_namespaces_with_one_id_comes_and_goes(self) -> None:
        for number, namespace in enumerate(("red", "blue", "green"), 1):
            self.store.apply([added("a", number, id=ID, namespace=namespace, uid=namespace)])
        self.store.apply([deleted("a", 9, id=ID, namespace="red", uid="red")])
        self.assertEqual(sorted(row.namespace for row in self.store.with_id(ID)), ["blue", "green"])

    def test_the_uid_is_no_second_id(self) -> None:
        self.store.apply([added("a", 1, id=ID)])
        self.assertIsNone(self.store.by_id("red", "uid-a"))

    def test_the_oldest_wins_a_duplicated_id(self) -> None:
        self.store.apply([added("late", 1, id=ID, created="2026-01-02T00:00:00Z")])
        self.store.apply([added("early", 2, id=ID, created="2026-01-01T00:00:00Z")])
        self.assertEqual([row and row.name for row in self.answers(ID, "uid-late")], ["early", "late"])
        late = self.store.one("red", "late")
        assert late is not None
        self.assertEqual(late.id, "uid-late")

    def test_the_loser_is_told_as_a_change(self) -> None:
        self.store.apply([added("late", 1, id=ID, created="2026-01-02T00:00:00Z")])
        self.told.clear()
        self.store.apply([added("early", 2, id=ID)])
        ids = {(change.old and change.old.id, change.new and change.new.id) for change in self.told[0]}
        self.assertEqual(ids, {(ID, "uid-late"), (None, ID)})

    def test_the_next_oldest_inherits_an_id(self) -> None:
        for version, name in enumerate(("one", "two", "three"), 1):
            self.store.apply([added(name, version, id=ID, created=f"2026-01-0{version}T00:00:00Z")])
        self.store.apply([deleted("one", 9, id=ID)])
        self.assertEqual(
            [row and row.name for row in self.answers(ID, "uid-two", "uid-three")], ["two", None, "three"]
        )

    def test_a_loser_that_changes_stays_one(self) -> None:
        self.store.apply([added("one", 1, id=ID), added("two", 2, id=ID, created="2026-01-02T00:00:00Z")])
        self.store.apply([modified("two", 3, id=ID, created="2026-01-02T00:00:00Z", size=5)])
        self.store.apply([modified("two", 4, id=ID, created="2026-01-02T00:00:00Z", size=5)])
        self.assertEqual([row and row.version for row in self.answers(ID, "uid-two")], ["1", "4"])

    def test_a_loser_that_gives_up_the_label_waits_no_more(self) -> None:
        self.store.apply([added("one", 1, id=ID), added("two", 2, id=ID, created="2026-01-02T00:00:00Z")])
        self.store.apply([modified("two", 3), deleted("one", 4, id=ID)])
        self.assertEqual([row and row.name for row in self.answers(ID, "uid-two")], [None, "two"])

    def test_a_winner_that_gives_up_the_label_is_succeeded(self) -> None:
        self.store.apply([added("one", 1, id=ID), added("two", 2, id=ID, created="2026-01-02T00:00:00Z")])
        self.store.apply([modified("one", 3)])
        self.assertEqual([row and row.name for row in self.answers(ID, "uid-one")], ["two", "one"])

    def test_nobody_takes_the_uid_of_another(self) -> None:
        uid = derived("own")
        self.store.apply([added("thief", 1, id=uid, created="2020-01-01T00:00:00Z"), added("own", 2, uid=uid)])
        self.assertEqual([row and row.name for row in self.answers(uid, "uid-thief")], ["own", "thief"])

    def test_a_long_chain_of_claims_is_followed(self) -> None:
        uids = [derived(str(number)) for number in range(1500)]
        chain = [
            added(f"n{number}", number + 1, uid=uids[number], id=uids[number - 1] if number else ID)
            for number in reversed(range(1500))
        ]
        self.store.apply(chain)
        self.store.apply([added("first", 2000, id=ID, created="2020-01-01T00:00:00Z")])
        self.assertEqual({self.store.by_id("red", uid) is not None for uid in uids}, {True})
        self.store.apply([deleted("first", 2001, id=ID)])
        self.assertEqual(self.answers(uids[5])[0], self.store.one("red", "n6"))

    def test_links_follow_their_rows(self) -> None:
        self.store.apply([added("a", 1, home="x"), added("b", 2, home="x")])
        self.assertEqual([row.name for row in self.store.linked("red/x")], ["a", "b"])
        self.store.apply([modified("a", 3, home="y"), deleted("b", 4, home="x")])
        self.assertEqual(self.store.linked("red/x"), ())
        self.assertEqual([row.version for row in self.store.linked("red/y")], ["3"])

    def test_a_link_holds_the_newest_row_also_after_a_silent_move(self) -> None:
        self.store.apply([added("a", 1, home="x"), modified("a", 2, home="x")])
        self.assertEqual([row.version for row in self.store.linked("red/x")], ["2"])
        self.assertEqual([row.version for row in self.store.with_id("uid-a")], ["2"])

    def test_a_row_is_read_again(self) -> None:
        self.store.apply([added("a", 1, size=4)])
        row = self.store.one("red", "a")
        assert row is not None
        self.assertIsInstance(self.store.read(row), Thing)
        self.assertEqual(self.store.read(row).spec.size, 4)

    def answers(self, *ids: str) -> list[Any]:
        return [self.store.by_id("red", id) for id in ids]
