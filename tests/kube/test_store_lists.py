"""Lists, and waiting for a version."""

from twisted.internet.defer import CancelledError

from .stored import ID, StoreTestCase
from .things import added, bookmark, deleted, raw, thing


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

    def test_a_delete_that_only_a_list_shows_is_marked(self) -> None:
        self.store.replace([raw(thing(name, 1)) for name in "abcd"], "5")
        self.told.clear()
        self.store.apply([deleted("a", 6)])
        self.store.replace([raw(thing("c", 7, uid="uid-other")), raw(thing("d", 8, size=8))], "9")
        marks = [(change.old and change.old.name, change.new is None, change.unseen) for change in self.changes()]
        self.assertEqual(marks[0], ("a", True, False))
        self.assertEqual(
            set(marks[1:]), {("b", True, True), ("c", True, True), (None, False, False), ("d", False, False)}
        )

    def test_a_kind_that_is_not_served_any_more_has_lost_its_objects_unseen(self) -> None:
        self.store.replace([raw(thing("a", 1))], "5")
        self.told.clear()
        self.store.empty()
        self.assertEqual([change.unseen for change in self.changes()], [True])

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

    def test_a_number_beyond_all_bounds_does_not_fit(self) -> None:
        self.store.replace([raw(thing("a", 1)), raw(thing("b", 2, size=10**30))], "5")
        self.assertEqual((self.names(), self.store.skipped), (["a"], {"uid-b"}))

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
        self.store.whole.draft = None
        self.assertEqual(self.names(), ["a"])

    def test_a_streamed_list_ends_at_its_bookmark_and_leaves_the_rest(self) -> None:
        draft = self.store.draft()
        lines = [added("a", 1), bookmark(4), deleted("a", 5), added("b", 6), bookmark(9, end=True), added("c", 10)]
        rest = draft.apply(lines)
        self.assertEqual((draft.version, [row.name for row in draft.table.rows()]), ("9", ["b"]))
        self.assertEqual(rest, [added("c", 10)])
