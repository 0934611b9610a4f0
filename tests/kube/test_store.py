"""The newest of every object."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Expired
from dicot.kube.event import Garbled
from dicot.kube.store import Change, Store
from dicot.kube.versions import compare
from dicot.names import derived

from .things import THINGS, Thing, added, bookmark, deleted, error, event, modified, raw, thing

ID = derived("the id")


class StoreTestCase(SynchronousTestCase):
    """A store that writes down what it tells."""

    def setUp(self) -> None:
        self.store = Store(THINGS)
        self.told: list[tuple[Change, ...]] = []
        self.store.listen(self.told.append)

    def names(self) -> list[str]:
        return sorted(row.name for row in self.store.rows())

    def version_of(self, name: str) -> str | None:
        row = self.store.one("red", name)
        return None if row is None else row.version

    def heard(self) -> list[tuple[str | None, str | None]]:
        """The versions before and after, of all that was told since the last time, flat."""
        flat = [
            (
                None if change.old is None else change.old.version,
                None if change.new is None else change.new.version,
            )
            for step in self.told
            for change in step
        ]
        self.told.clear()
        return flat


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


class BarrierTests(StoreTestCase):
    """Waiting for a version."""

    def test_fires_when_the_watch_has_passed(self) -> None:
        waiting = self.store.reached("10")
        self.store.apply([added("a", 9)])
        self.assertNoResult(waiting)
        self.store.apply([added("b", 11)])
        self.successResultOf(waiting)

    def test_fires_at_once_for_what_has_passed(self) -> None:
        self.store.apply([bookmark(10)])
        self.successResultOf(self.store.reached("9"))

    def test_fires_after_the_listeners_were_told(self) -> None:
        order: list[str] = []
        self.store.reached("1").addCallback(lambda _: order.append("barrier"))
        self.store.listen(lambda told: order.append("listener"))
        self.store.apply([added("a", 1)])
        self.assertEqual(order, ["listener", "barrier"])

    def test_a_write_s_own_answer_does_not_fire_it(self) -> None:
        waiting = self.store.reached("9")
        self.store.learn(raw(thing("a", 9)))
        self.assertNoResult(waiting)

    def test_a_list_fires_it(self) -> None:
        waiting = self.store.reached("9")
        self.store.replace([], "9")
        self.successResultOf(waiting)

    def test_many_fire_in_order_of_their_versions(self) -> None:
        order: list[str] = []
        for version in ("100", "9", "20"):
            self.store.reached(version).addCallback(lambda _, seen: order.append(seen), version)
        self.store.apply([bookmark(20)])
        self.assertEqual(order, ["9", "20"])

    def test_one_that_was_cancelled_is_forgotten(self) -> None:
        waiting, other = self.store.reached("9"), self.store.reached("8")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.store.apply([bookmark(10)])
        self.successResultOf(other)

    def test_many_that_were_cancelled_leave_the_others_in_order(self) -> None:
        order: list[str] = []
        waiting = {str(number): self.store.reached(str(number)) for number in (5, 50, 10, 70, 60, 20, 30)}
        for version, each in waiting.items():
            each.addCallbacks(lambda _, at: order.append(at), lambda _: None, (version,))
        for version in ("5", "10"):
            waiting[version].cancel()
        self.store.apply([bookmark(55)])
        self.assertEqual(order, ["20", "30", "50"])

    def test_without_an_order_only_equality_counts(self) -> None:
        waiting, cancelled = self.store.reached("abc"), self.store.reached("abc")
        cancelled.cancel()
        self.failureResultOf(cancelled, CancelledError)
        self.store.apply([added("a", "xyz")])
        self.assertNoResult(waiting)
        self.store.apply([added("b", "abc"), added("c", "def")])
        self.successResultOf(waiting)


class ReplaceTests(StoreTestCase):
    """Lists."""

    def test_the_first_list_syncs(self) -> None:
        before, cancelled = self.store.synced(), self.store.synced()
        cancelled.cancel()
        self.failureResultOf(cancelled, CancelledError)
        self.assertFalse(self.store.is_synced)
        self.store.replace([raw(thing("a", 1))], "5")
        self.successResultOf(before)
        self.successResultOf(self.store.synced())
        self.assertTrue(self.store.is_synced)
        self.assertEqual((self.heard(), self.store.version), ([(None, "1")], "5"))

    def test_an_empty_list_is_a_state(self) -> None:
        self.store.replace([], "5")
        self.assertTrue(self.store.is_synced)

    def test_only_the_difference_is_told_in_one_step(self) -> None:
        self.store.replace([raw(thing(name, 1)) for name in "abc"], "5")
        self.told.clear()
        self.store.replace([raw(thing("a", 1)), raw(thing("b", 7, size=7)), raw(thing("d", 8))], "9")
        self.assertEqual(len(self.told), 1)
        self.assertEqual(set(self.heard()), {("1", "7"), ("1", None), (None, "8")})
        self.assertEqual((self.names(), self.store.tally.vanished), (["a", "b", "d"], 1))

    def test_a_new_version_alone_is_no_difference(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.told.clear()
        self.store.replace([raw(thing("a", 7))], "9")
        self.assertEqual((self.told, self.version_of("a")), ([], "7"))

    def test_nobody_sees_a_half_replaced_state(self) -> None:
        self.store.replace([raw(thing(name, 1)) for name in "abc"], "5")
        draft = self.store.draft()
        draft.extend([raw(thing("d", 8)), raw(thing("e", 8))])
        for _ in self.store.replacing(draft, "9"):
            self.assertEqual((self.names(), self.store.version), (["a", "b", "c"], "5"))
        self.assertEqual(self.names(), ["d", "e"])

    def test_rows_newer_than_the_list_stay(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.store.learn(raw(thing("a", 12, size=12)))
        self.store.learn(raw(thing("b", 11)))
        self.store.replace([raw(thing("a", 1))], "9")
        self.assertEqual((self.version_of("a"), self.version_of("b")), ("12", "11"))

    def test_what_is_learnt_while_the_list_comes_stays(self) -> None:
        self.store.replace([raw(thing("a", 1)), raw(thing("b", 1))], "5")
        draft = self.store.draft()
        draft.extend([raw(thing("a", 1)), raw(thing("b", 1))])
        steps = self.store.replacing(draft, "9")
        next(steps)
        self.store.learn(raw(thing("a", 12, size=12)))
        self.store.learn(raw(thing("c", 13)))
        self.store.forget("red", "b", "uid-b")
        self.told.clear()
        self.assertEqual(list(steps)[-1:], [None])
        self.assertEqual((self.names(), self.version_of("a"), self.told), (["a", "c"], "12", []))

    def test_what_is_forgotten_at_the_last_moment_stays_away(self) -> None:
        self.store.replace([raw(thing("a", 1)), raw(thing("b", 1))], "5")
        draft = self.store.draft()
        draft.extend([raw(thing("a", 1)), raw(thing("b", 8, size=8))])
        steps = self.store.replacing(draft, "9")
        for _ in range(8):
            next(steps)
        self.store.forget("red", "b", "uid-b")
        self.assertEqual(list(steps), [])
        self.assertEqual(self.names(), ["a"])

    def test_what_was_forgotten_in_error_is_there_after_two_lists(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.store.forget("red", "a", "uid-a")
        self.store.replace([raw(thing("a", 1))], "6")
        self.store.replace([raw(thing("a", 1))], "7")
        self.assertEqual(self.names(), ["a"])

    def test_what_was_forgotten_before_the_list_stays_away(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.store.forget("red", "a", "uid-a")
        self.store.replace([raw(thing("a", 1))], "6")
        self.assertEqual(self.names(), [])

    def test_a_list_older_than_a_deletion_does_not_revive(self) -> None:
        store = self.store
        store.apply([added("a", 1)])
        store.apply([deleted("a", 8)])
        draft = store.draft()
        draft.extend([raw(thing("a", 1))])
        for _ in draft.differing({"uid-a": "8"}, "7"):
            pass
        self.assertEqual(draft.closed({"uid-a": "8"}, "7"), [])

    def test_a_server_that_went_back_in_time_is_believed(self) -> None:
        self.store.replace([raw(thing("a", 90)), raw(thing("b", 95))], "100")
        self.store.apply([deleted("b", 101)])
        self.store.replace([raw(thing("a", 40, size=4)), raw(thing("b", 41))], "50")
        self.assertEqual((self.version_of("a"), self.version_of("b"), self.store.version), ("40", "41", "50"))

    def test_a_version_used_twice_by_such_a_server_hides_nothing(self) -> None:
        self.store.replace([raw(thing("a", 40, size=1))], "100")
        self.store.replace([raw(thing("a", 40, size=2))], "50")
        row = self.store.one("red", "a")
        assert row is not None
        self.assertEqual(self.store.read(row).spec.size, 2)

    def test_an_object_that_does_not_fit_leaves_its_last_state(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.store.replace([raw(thing("a", 7, size="large")), raw(thing("b", 8))], "9")
        self.assertEqual((self.names(), self.version_of("a")), (["a", "b"], "1"))
        self.assertEqual(self.store.skipped, {"uid-a"})

    def test_a_vanished_object_is_not_revived_by_something_older(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.store.replace([], "9")
        self.store.learn(raw(thing("a", 8)))
        self.assertEqual(self.names(), [])

    def test_the_id_of_a_vanished_object_is_inherited(self) -> None:
        one, two = thing("one", 1, id=ID), thing("two", 2, id=ID, created="2026-01-02T00:00:00Z")
        self.store.replace([raw(one), raw(two)], "5")
        self.told.clear()
        self.store.replace([raw(two)], "9")
        row = self.store.by_id("red", ID)
        assert row is not None
        self.assertEqual((row.name, set(self.heard())), ("two", {("1", None), ("2", "2")}))

    def test_a_draft_that_was_abandoned_changes_nothing(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.store.draft().extend([raw(thing("b", 2))])
        self.store.abandon()
        self.assertEqual(self.names(), ["a"])

    def test_a_streamed_list_ends_at_its_bookmark_and_leaves_the_rest(self) -> None:
        draft = self.store.draft()
        lines = iter(
            [added("a", 1), bookmark(4), deleted("a", 5), added("b", 6), bookmark(9, end=True), added("c", 10)]
        )
        draft.apply(lines)
        self.assertEqual((draft.version, [row.name for row in draft.table.rows()]), ("9", ["b"]))
        self.assertEqual(list(lines), [added("c", 10)])


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
