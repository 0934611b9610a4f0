"""The newest of every object."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Expired
from dicot.kube.event import Garbled
from dicot.kube.store import Store
from dicot.kube.versions import compare

from .stored import StoreTestCase
from .things import THINGS, added, deleted, error, event, modified, raw, thing


class ApplyTests(StoreTestCase):
    """Watch events."""

    def test_added_modified_deleted(self) -> None:
        self.store.apply([added("a", 1), modified("a", 2, size=2), deleted("a", 3)])
        self.assertEqual(self.heard(), [(None, "1"), ("1", "2"), ("2", None)])
        self.assertEqual((self.names(), self.store.version), ([], "3"))

    def test_events_of_one_step_are_told_in_one_call(self) -> None:
        self.store.apply([added("a", 1), added("b", 2)])
        self.assertEqual([len(step) for step in self.told], [2])

    def test_a_listener_finds_the_rows_that_it_is_told_of(self) -> None:
        seen: list[Any] = []
        self.store.listen(lambda told: seen.append(self.store.one("red", "a") is told[0].new))
        self.store.apply([added("a", 1)])
        self.assertEqual(seen, [True])

    def test_what_an_event_said_is_not_decoded_again(self) -> None:
        self.store.apply([added("a", 1, size=3)])
        row = self.store.one("red", "a")
        assert row is not None
        body = self.store.read(row)
        self.assertEqual((body.spec.size, body.metadata.annotations), (3, {"dicot.io/name": "Thing a"}))
        self.assertIs(self.store.read(row), body)

    def test_older_never_wins(self) -> None:
        self.store.apply([added("a", 10, size=10)])
        self.store.apply([modified("a", 9, size=9)])
        self.assertEqual((self.version_of("a"), self.store.tally.duplicates), ("10", 1))

    def test_the_same_version_again_is_a_duplicate(self) -> None:
        self.store.apply([added("a", 10), added("a", 10)])
        self.assertEqual((self.heard(), self.store.tally.duplicates), ([(None, "10")], 1))

    def test_a_new_uid_under_an_old_name_is_a_delete_and_a_create(self) -> None:
        self.store.apply([added("a", 1, uid="one"), modified("a", 5, uid="two")])
        self.assertEqual(self.heard(), [(None, "1"), ("1", None), (None, "5")])
        self.assertIsNone(self.store.by_id("red", "one"))

    def test_the_late_delete_of_a_former_holder_of_the_name_removes_nothing(self) -> None:
        self.store.apply([added("a", 1, uid="one")])
        self.store.learn(raw(thing("a", 5, uid="two")))
        self.store.apply([deleted("a", 4, uid="one")])
        self.assertEqual(self.version_of("a"), "5")

    def test_the_delete_of_an_unseen_successor_removes_its_predecessor(self) -> None:
        self.store.apply([added("a", 1, uid="one"), deleted("a", 5, uid="two")])
        self.assertEqual(self.names(), [])

    def test_nothing_older_revives_a_deleted_object(self) -> None:
        self.store.apply([added("a", 1), deleted("a", 5)])
        self.store.learn(raw(thing("a", 4)))
        self.store.apply([modified("a", 3)])
        self.assertEqual(self.names(), [])

    def test_something_newer_does(self) -> None:
        self.store.apply([added("a", 1), deleted("a", 5), added("a", 6)])
        self.assertEqual(self.names(), ["a"])

    def test_a_change_of_the_version_alone_moves_the_row_in_silence(self) -> None:
        self.store.apply([added("a", 1), modified("a", 2)])
        self.assertEqual((self.heard(), self.version_of("a")), ([(None, "1")], "2"))

    def test_an_object_that_does_not_fit_is_skipped_and_the_version_moves(self) -> None:
        self.store.apply([added("a", 1), modified("a", 2, size="large"), added("b", 3)])
        self.assertEqual((self.names(), self.version_of("a"), self.store.version), (["a", "b"], "1", "3"))
        self.assertEqual((self.store.tally.skipped, self.store.skipped), (1, {"uid-a"}))

    def test_a_number_beyond_all_bounds_does_not_fit(self) -> None:
        self.store.apply([added("a", 1), modified("a", 2, size=10**30), added("b", 3)])
        self.assertEqual((self.names(), self.version_of("a"), self.store.version), (["a", "b"], "1", "3"))
        self.assertEqual(self.store.skipped, {"uid-a"})

    def test_an_object_that_does_not_fit_can_be_deleted(self) -> None:
        self.store.apply([added("a", 1), deleted("a", 2, size="large")])
        self.assertEqual((self.names(), self.store.skipped), ([], set()))

    def test_an_object_that_fits_again_is_taken_again(self) -> None:
        self.store.apply([added("a", 1, size="large"), modified("a", 2, size=2)])
        self.assertEqual((self.names(), self.store.skipped), (["a"], set()))

    def test_an_object_nested_beyond_measure_spoils_nothing_but_itself(self) -> None:
        deep = added("deep", 2, size=2).replace(b'"seen":true', b'"seen":' + b"[" * 9_000 + b"]" * 9_000)
        self.store.apply([added("a", 1), deep, added("b", 3)])
        self.assertEqual((self.names(), self.store.version, self.store.skipped), (["a", "b"], "3", {"uid-deep"}))

    def test_a_broken_line_leaves_what_came_before_it(self) -> None:
        with self.assertRaises(Garbled):
            self.store.apply([added("a", 1), b'{"type":"ADDED","obj', added("b", 3)])
        self.assertEqual((self.names(), self.store.version), (["a"], "1"))

    def test_half_a_character_is_a_broken_line(self) -> None:
        line = added("a", 1).replace(b"Thing a", "Thing é".encode()[:-1])
        with self.assertRaises(Garbled):
            self.store.apply([line])

    def test_an_error_is_raised_after_what_came_before_it_was_told(self) -> None:
        with self.assertRaises(Expired):
            self.store.apply([added("a", 1), error(410, "Expired")])
        self.assertEqual(self.heard(), [(None, "1")])

    def test_an_event_of_an_unknown_type_is_counted(self) -> None:
        self.store.apply([event("RENAMED", thing("a", 1)), added("b", 2)])
        self.assertEqual((self.names(), self.store.tally.unknown), (["b"], 1))

    def test_the_version_never_goes_back(self) -> None:
        self.store.apply([added("a", 10), added("b", 9)])
        self.assertEqual((self.names(), self.store.version), (["a", "b"], "10"))

    def test_nothing_older_revives_the_former_holder_of_a_name(self) -> None:
        self.store.apply([added("a", 1, uid="one"), modified("a", 5, uid="two"), deleted("a", 6, uid="two")])
        self.store.learn(raw(thing("a", 2, uid="one")))
        self.assertEqual(self.names(), [])


class VersionTests(SynchronousTestCase):
    """Rule 31: an order where there is one."""

    def test_rule_31_numbers_are_ordered_by_length_and_digits(self) -> None:
        pairs = [("9", "10"), ("99", "100"), ("41", "42"), ("9" * 38, "1" + "0" * 38)]
        self.assertEqual([compare(*pair) for pair in pairs], [-1] * 4)
        self.assertEqual([compare(other, one) for one, other in pairs], [1] * 4)

    def test_rule_31_equal_is_equal_whatever_it_is(self) -> None:
        self.assertEqual([compare(each, each) for each in ("", "7", "abc")], [0, 0, 0])

    def test_rule_31_anything_else_has_no_order(self) -> None:
        for other in ("", "010", "0", "-1", "1.0", "0x1", "abc", "١٢", "1e3"):
            self.assertIsNone(compare("9", other), other)


class WriteTests(StoreTestCase):
    """What writers teach."""

    def test_an_answer_moves_the_row_and_not_the_watch(self) -> None:
        self.store.replace([], "5")
        row = self.store.learn(raw(thing("a", 9)))
        self.assertEqual((row.version, self.version_of("a"), self.store.version), ("9", "9", "5"))
        self.assertEqual(self.heard(), [(None, "9")])

    def test_the_event_of_a_write_that_is_known_is_a_duplicate(self) -> None:
        self.store.learn(raw(thing("a", 9)))
        self.store.apply([added("a", 9)])
        self.assertEqual((self.heard(), self.store.version), ([(None, "9")], "9"))

    def test_a_late_answer_does_not_win(self) -> None:
        self.store.apply([added("a", 9, size=9)])
        self.assertEqual(self.store.learn(raw(thing("a", 8, size=8))).version, "9")

    def test_an_object_outside_the_watch_is_not_kept(self) -> None:
        for kind in (replace(THINGS, namespace="blue"), replace(THINGS, name="b")):
            store = Store(kind)
            self.assertEqual(store.learn(raw(thing("a", 9))).name, "a")
            self.assertEqual(len(store), 0)

    def test_a_forgotten_object_is_gone_at_once(self) -> None:
        self.store.apply([added("a", 1)])
        self.told.clear()
        self.store.forget("red", "a", "uid-a")
        self.assertEqual((self.names(), self.heard()), ([], [("1", None)]))

    def test_a_forgotten_object_is_not_revived_by_events_or_answers(self) -> None:
        self.store.apply([added("a", 1)])
        self.store.forget("red", "a", "uid-a")
        self.store.apply([modified("a", 2)])
        self.store.learn(raw(thing("a", 3)))
        self.assertEqual((self.names(), self.store.version), ([], "2"))

    def test_forgetting_leaves_a_successor_of_the_name(self) -> None:
        self.store.apply([added("a", 1, uid="two")])
        self.store.forget("red", "a", "one")
        self.assertEqual(self.names(), ["a"])


class EmptyTests(StoreTestCase):
    """A kind that is not served."""

    def test_counts_as_synced(self) -> None:
        waiting: Deferred[None] = self.store.synced()
        self.store.empty()
        self.successResultOf(waiting)

    def test_drops_all_rows_as_deletes(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.told.clear()
        self.store.empty()
        self.assertEqual((self.heard(), len(self.store), self.store.version), ([("1", None)], 0, ""))

    def test_is_filled_again(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.store.empty()
        self.store.replace([raw(thing("a", 1))], "5")
        self.assertEqual(self.names(), ["a"])
