"""Rules 29 to 39 but 36: how changes are applied, waited for and shown."""

import time

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from dicot.kube.pace import SLICE

from .scripted import ReflectorTestCase
from .things import added, bookmark, error, event, listed, modified, raw, thing


class BusyClock(Clock):
    """A clock by which every look at it costs a tenth of a slice of work, and whose turns are a reactor's."""

    def seconds(self) -> float:
        self.rightNow += SLICE / 10
        return self.rightNow

    def advance(self, amount: float) -> None:
        """One turn: what is due now, and not what that asks for."""
        self.rightNow += amount
        for call in [call for call in self.calls if call.getTime() <= self.rightNow]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


class SliceTests(ReflectorTestCase):
    """Rule 29: bursts."""

    clock_type = BusyClock

    def test_rule_29_a_burst_is_applied_in_slices_and_in_order(self) -> None:
        watch = self.sync()
        self.drain()
        watch.lines(*[modified("a", version, size=version) for version in range(11, 111)])
        self.assertLess(int(self.store.version), 30)
        self.drain()
        self.assertEqual(self.store.version, "110")
        self.assertGreater(len(self.told), 5)
        versions = [int(change.new.version) for step in self.told for change in step if change.new]
        self.assertEqual(versions, list(range(11, 111)))

    def test_rule_29_the_version_moves_with_the_slice(self) -> None:
        watch = self.sync()
        self.drain()
        seen: list[tuple[str, str]] = []
        for version in range(11, 111):
            waiting = self.store.reached(str(version))
            waiting.addCallback(lambda _, at: seen.append((at, self.store.version)), str(version))
        watch.lines(*[added(f"n{version}", version) for version in range(11, 111)])
        first = len(seen)
        self.assertEqual({at for _, at in seen}, {self.store.version})
        self.assertLess(first, 30)
        self.drain()
        self.assertEqual(len(seen), 100)

    def test_rule_29_what_comes_while_it_breathes_waits_its_turn(self) -> None:
        watch = self.sync()
        self.drain()
        watch.lines(*[modified("a", version, size=version) for version in range(11, 111)])
        watch.lines(modified("a", 111, size=0))
        self.drain()
        self.assertEqual((self.store.version, self.reflector.health().duplicates), ("111", 0))

    def test_rule_29_an_initial_state_too(self) -> None:
        self.asked.accept()
        self.asked.lines(*[added(f"n{number}", number + 1) for number in range(200)], bookmark(500, end=True))
        self.assertFalse(self.store.is_synced)
        self.drain()
        self.assertEqual((len(self.store), len(self.told)), (200, 1))

    def test_rule_29_and_a_list(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.list(500, *[thing(f"n{number}", number + 1) for number in range(200)])
        self.assertFalse(self.store.is_synced)
        self.drain()
        self.assertEqual((len(self.store), len(self.told)), (200, 1))

    def drain(self) -> None:
        """Turn the reactor until all slices are through."""
        for _ in range(500):
            self.clock.advance(0)


class StateTests(ReflectorTestCase):
    """Rules 30 to 33: what readers and writers see."""

    def test_rule_30_a_relist_tells_the_difference_in_one_step(self) -> None:
        watch = self.sync(10, "a", "b", "c")
        watch.lines(error(410, "Expired"))
        self.asked.stream(20, thing("a", 1), thing("b", 15, size=15), thing("d", 16))
        moves = {(c.old and c.old.version, c.new and c.new.version) for c in self.told[0]}
        self.assertEqual((len(self.told), moves), (1, {("2", "15"), ("3", None), (None, "16")}))
        health = self.reflector.health()
        self.assertEqual((health.vanished, health.relists), (1, 1))

    def test_rule_31_versions_are_numbers_of_any_length(self) -> None:
        watch = self.sync(99)
        watch.lines(added("a", "99999999999999999999"), modified("a", "100000000000000000000", size=2))
        watch.lines(modified("a", "99999999999999999998", size=3))
        self.assertEqual([row.version for row in self.store.rows()], ["100000000000000000000"])

    def test_rule_31_without_an_order_the_last_one_wins(self) -> None:
        watch = self.sync()
        watch.lines(added("a", "x2"), modified("a", "x1", size=2), modified("a", "x1", size=3))
        self.assertEqual([row.version for row in self.store.rows()], ["x1"])
        self.assertEqual((self.store.version, self.reflector.health().duplicates), ("x1", 1))

    def test_rule_32_ready_is_only_when_the_first_state_is_applied(self) -> None:
        synced = self.store.synced()
        self.asked.accept()
        self.asked.lines(added("a", 3))
        self.assertNoResult(synced)
        self.asked.lines(bookmark(10, end=True))
        self.successResultOf(synced)

    def test_rule_32_ready_stays_while_it_is_listed_anew(self) -> None:
        watch = self.sync(10, "a")
        watch.lines(error(410, "Expired"))
        self.clock.advance(5)
        self.assertEqual((self.store.is_synced, self.names(), self.state()), (True, ["a"], "listing"))

    def test_rule_33_a_write_is_awaited_by_its_version(self) -> None:
        watch = self.sync()
        self.store.learn(raw(thing("a", 15)))
        waiting = self.store.reached("15")
        watch.lines(added("b", 14))
        self.assertNoResult(waiting)
        watch.lines(added("a", 15))
        self.successResultOf(waiting)

    def test_rule_33_a_wait_may_be_given_up(self) -> None:
        self.sync()
        waiting = self.store.reached("15").addTimeout(2, self.clock)
        self.clock.advance(2)
        self.failureResultOf(waiting)

    def test_rule_33_a_direct_read_is_applied_like_an_event(self) -> None:
        watch = self.sync()
        self.store.learn(raw(thing("a", 15, size=15)))
        watch.lines(added("a", 13, size=13))
        self.assertEqual([row.version for row in self.store.rows()], ["15"])


class HealthTests(ReflectorTestCase):
    """Rules 34 and 35: figures and time."""

    def test_rule_34_before_anything_came(self) -> None:
        health = self.reflector.health()
        self.assertEqual(
            (health.kind, health.state, health.synced, health.count, health.byte_age, health.event_age),
            ("things.example.io", "listing", False, 0, None, None),
        )

    def test_rule_34_ages_are_of_the_last_byte_and_the_last_event(self) -> None:
        watch = self.sync(10, "a")
        self.clock.advance(30)
        watch.lines(bookmark(11))
        self.clock.advance(20)
        watch.send(b"{")
        self.clock.advance(7)
        health = self.reflector.health()
        self.assertEqual((health.byte_age, health.event_age), (7, 27))

    def test_rule_34_counts(self) -> None:
        watch = self.sync(10, "a")
        watch.lines(modified("a", 11, size=2), modified("a", 11), bookmark(12))
        health = self.reflector.health()
        figures = (health.count, health.version, health.events, health.bookmarks, health.duplicates, health.relists)
        self.assertEqual(figures, (1, "12", 2, 1, 1, 0))
        self.assertEqual((health.rate, health.lag), (2 / 60, None))

    def test_rule_34_lag_is_of_the_watch_and_not_of_the_first_list(self) -> None:
        old, new = thing("a", 1), thing("a", 11, size=2)
        for each in (old, new):
            each["metadata"]["managedFields"] = [{"time": "2026-01-01T00:00:00Z"}]
        self.asked.stream(10, old)
        self.assertIsNone(self.reflector.health().lag)
        self.asked.lines(event("MODIFIED", new))
        self.assertGreater(self.reflector.health().lag or 0, 0)

    def test_rule_34_says_what_is_wrong(self) -> None:
        self.asked.refuse(500, "InternalError", message="etcd is on fire")
        health = self.reflector.health()
        self.assertEqual(health.state, "resting")
        self.assertIn("etcd is on fire", health.problem)
        self.next().stream(10)
        self.assertEqual(self.reflector.health().problem, "")

    def test_rule_35_a_step_of_the_wall_clock_changes_nothing(self) -> None:
        watch = self.sync(10, "a")
        self.clock.advance(30)
        self.patch(time, "time", lambda: 0.0)
        watch.lines(bookmark(11))
        self.patch(time, "time", lambda: 9e9)
        self.clock.advance(89.9)
        self.assertEqual((self.count, self.reflector.health().event_age), (1, 89.9))
        self.clock.advance(0.1)
        self.assertTrue(watch.wire.aborted)


class StopTests(ReflectorTestCase):
    """Rule 37: the end."""

    def test_rule_37_while_it_waits_for_headers(self) -> None:
        self.stop(self.reflector)
        self.assertTrue(self.asked.cancelled)
        self.ended()

    def test_rule_37_while_it_streams_its_initial_state(self) -> None:
        self.asked.accept()
        self.asked.lines(added("a", 3))
        self.stop(self.reflector)
        self.assertTrue(self.asked.wire.aborted)
        self.ended()

    def test_rule_37_while_it_lists(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.accept()
        self.asked.send(listed(10)[:20])
        self.stop(self.reflector)
        self.assertTrue(self.asked.wire.aborted)
        self.ended()

    def test_rule_37_while_it_watches(self) -> None:
        watch = self.sync()
        self.stop(self.reflector)
        self.assertTrue(watch.wire.aborted)
        self.ended()

    def test_rule_37_while_it_rests(self) -> None:
        self.asked.refuse(403, "Forbidden")
        self.stop(self.reflector)
        self.ended()

    def test_rule_37_while_it_waits_for_its_turn(self) -> None:
        others = [self.reflect(self.store.__class__(self.kind)) for _ in range(2)]
        for other in others:
            other.start()
        self.stop(*reversed(others))
        self.stop(self.reflector)
        self.ended()
        self.assertEqual(self.turns.tokens, 2)

    def test_rule_37_by_somebody_whom_it_calls(self) -> None:
        self.store.listen(lambda told: [self.reflector.stop()].clear())
        watch = self.sync(10, "a")
        self.clock.advance(0)
        self.assertTrue(watch.wire.aborted)
        self.ended()

    def test_rule_37_before_it_began(self) -> None:
        never = self.reflect(self.store)
        self.stop(never)
        self.assertEqual(never.health().state, "stopped")

    def test_rule_37_an_agent_that_fails_otherwise_when_cancelled_ends_it_too(self) -> None:
        self.asked.answer.addErrback(lambda failure: failure.trap(CancelledError) and 1 / 0)
        self.stop(self.reflector)
        self.flushLoggedErrors()
        self.ended()

    def ended(self) -> None:
        before = self.count
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(1000)
        self.assertEqual((self.count, self.state()), (before, "stopped"))


class TransformTests(ReflectorTestCase):
    """Rule 39: what is not kept changes nothing."""

    def test_rule_39_a_change_of_nothing_visible_is_not_told(self) -> None:
        watch = self.sync(10, "a")
        changed = thing("a", 11)
        changed["metadata"]["managedFields"] = [{"manager": "another"}]
        changed["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = '{"a":1}'
        changed["status"] = {"seen": False}
        watch.lines(b'{"type":"MODIFIED","object":' + raw(changed) + b"}")
        self.assertEqual((self.told, [row.version for row in self.store.rows()]), ([], ["11"]))
        self.assertEqual(self.store.version, "11")
