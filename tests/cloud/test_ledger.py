"""Tests of the Ledger."""

import dataclasses
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.identity import LEDGER, LedgerEntry, Named
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.writing.intent import entry
from dicot.faults import Forbidden
from dicot.kube import errors

from .site import PROJECT, SPACE, Site, manifest, refuse, reservation, server, server_id


def noted(number: int = 1) -> LedgerEntry:
    """The entry of a server."""
    found = entry(server(number))
    assert found is not None
    return found


class LedgerTests(SynchronousTestCase):
    """Intent and quota, in one object for each project."""

    def setUp(self) -> None:
        self.site = Site()
        self.ledger = self.site.replica.ledger

    def enter(self, *numbers: int, used: int = 0, limit: int = 10, least: int | None = None) -> Deferred[int]:
        entries = tuple(noted(number) for number in numbers)
        return self.site.start(
            self.ledger.enter(
                PROJECT, entries, lambda: reservation(used, limit), self.site.clock.seconds() + 30, least
            )
        )

    def ids(self) -> list[str]:
        return [found.id for found in self.site.entries()]

    def refused(self, entering: Deferred[Any]) -> str:
        return str(self.failureResultOf(entering, Forbidden).value)

    def test_an_entry_names_the_commit_the_pending_objects_and_the_time(self) -> None:
        self.successResultOf(self.enter(1))
        [found] = self.site.entries()
        self.assertEqual(replace(found, at=""), noted(1))
        self.assertEqual(found.at, "2027-01-15T08:00:00.000000Z")

    def test_the_ledger_is_made_when_it_is_first_needed(self) -> None:
        self.successResultOf(self.enter(1))
        self.successResultOf(self.enter(2))
        self.assertEqual(self.site.kube.verbs("ledgers"), ["create ledgers", "patch ledgers"])
        self.assertEqual(self.site.kube.names("ledgers"), [f"ledger-{PROJECT}"])

    def test_it_is_dicots_own_account_that_writes(self) -> None:
        self.successResultOf(self.enter(1))
        self.assertEqual({made.acting_as for made in self.site.kube.calls}, {""})

    def test_those_who_wait_share_a_write(self) -> None:
        held: Deferred[None] = Deferred()
        self.site.kube.script("create", "ledgers", hold=held)
        waiting = [self.enter(number) for number in range(1, 6)]
        held.callback(None)
        for each in waiting:
            self.successResultOf(each)
        self.assertEqual(len(self.site.kube.calls), 2)
        self.assertEqual(self.ids(), [server_id(number) for number in range(1, 6)])

    def test_a_version_that_moved_is_read_again(self) -> None:
        self.successResultOf(self.enter(1))
        self.site.kube.lagging = True
        other = self.site.another()
        other.cluster.stores = {**self.site.stores, LEDGER: type(self.site.stores[LEDGER])(LEDGER)}
        late = (noted(2),)
        self.successResultOf(self.site.start(other.ledger.enter(PROJECT, late, reservation, 30)))
        self.successResultOf(self.enter(3))
        self.assertEqual(self.ids(), [server_id(1), server_id(2), server_id(3)])

    def test_open_entries_of_others_count(self) -> None:
        self.successResultOf(self.enter(1, limit=1))
        self.assertEqual(
            self.refused(self.enter(2, limit=1)),
            refuse({"instances": 1}).message,
        )
        self.assertEqual(self.ids(), [server_id(1)])

    def test_an_entry_whose_object_is_in_the_cache_counts_once(self) -> None:
        self.successResultOf(self.enter(1, limit=2))
        self.site.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id(1)}))
        self.successResultOf(self.enter(2, used=1, limit=2))

    def test_an_entry_whose_object_came_and_went_takes_nothing(self) -> None:
        self.successResultOf(self.enter(1, limit=1))
        self.site.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id(1)}))
        self.site.kube.remove("virtualmachines", SPACE, "web1")
        self.successResultOf(self.enter(2, limit=1))

    def test_what_is_used_is_asked_at_the_moment_of_the_check(self) -> None:
        held: Deferred[None] = Deferred()
        used = 0
        self.successResultOf(self.enter(1))
        self.site.kube.script("patch", "ledgers", hold=held)
        first = self.enter(2)
        second = self.site.start(self.ledger.enter(PROJECT, (noted(3),), lambda: reservation(used, 3), 30))
        for number in (1, 2):
            self.site.kube.put(manifest(VM, f"web{number}", {"dicot.io/id": server_id(number)}))
        used = 3
        held.callback(None)
        self.successResultOf(first)
        self.assertIn("of which 3 are used", self.refused(second))

    def test_of_several_as_many_are_entered_as_fit(self) -> None:
        self.assertEqual(self.successResultOf(self.enter(1, 2, 3, used=8, least=1)), 2)
        self.assertEqual(self.ids(), [server_id(1), server_id(2)])

    def test_of_some_amounts_all_must_fit(self) -> None:
        entries = tuple(noted(number) for number in (1, 2, 3))
        firm = dataclasses.replace(reservation(8), firm=frozenset({"instances"}))
        entering = self.ledger.enter(PROJECT, entries, lambda: firm, self.site.clock.seconds() + 30, least=1)
        self.refused(self.site.start(entering))
        self.assertEqual(self.ids(), [])

    def test_fewer_than_needed_are_not_entered_at_all(self) -> None:
        self.assertEqual(
            self.refused(self.enter(1, 2, 3, used=9, least=2)),
            refuse({"instances": 9}).message,
        )
        self.assertEqual(self.ids(), [])

    def test_no_limit_is_minus_one(self) -> None:
        self.assertEqual(self.successResultOf(self.enter(*range(1, 30), limit=-1)), 29)

    def test_one_who_is_refused_does_not_hold_up_the_others(self) -> None:
        held: Deferred[None] = Deferred()
        self.site.kube.script("create", "ledgers", hold=held)
        first, second, third = self.enter(1), self.enter(2, used=10), self.enter(3)
        held.callback(None)
        self.successResultOf(first)
        self.refused(second)
        self.successResultOf(third)
        self.assertEqual(self.ids(), [server_id(1), server_id(3)])

    def test_a_defect_in_the_amounts_does_not_hold_up_the_others(self) -> None:
        def broken() -> None:
            raise ZeroDivisionError

        waiting = self.site.start(self.ledger.enter(PROJECT, (noted(1),), broken, 30))
        self.failureResultOf(waiting, ZeroDivisionError)
        self.successResultOf(self.enter(2))

    def test_a_lost_answer_is_settled_by_reading(self) -> None:
        self.site.kube.script("create", "ledgers", drop=True)
        self.successResultOf(self.enter(1))
        self.site.kube.script("patch", "ledgers", drop=True)
        self.successResultOf(self.enter(2))
        self.assertEqual(self.ids(), [server_id(1), server_id(2)])

    def test_a_refusal_of_kubernetes_reaches_all_who_wait_and_the_next_may_write(self) -> None:
        self.site.kube.script("create", "ledgers", refuse=errors.Unreachable("away"))
        self.failureResultOf(self.enter(1), errors.Unreachable)
        self.successResultOf(self.enter(2))

    def test_what_was_decided_against_is_not_released(self) -> None:
        lasting = Named("datavolumes.cdi.kubevirt.io", SPACE, "web1-volume1")
        found = replace(noted(), pending=(*noted().pending, lasting), batch=server_id(), least=2)
        entering = self.ledger.enter(PROJECT, (found,), reservation, self.site.clock.seconds() + 30)
        self.successResultOf(self.site.start(entering))
        for change in (
            self.ledger.decide(PROJECT, server_id(), False, 1e9),
            self.ledger.release(PROJECT, (server_id(), "gone"), 1e9),
        ):
            self.successResultOf(self.site.start(change))
        [left] = self.site.entries()
        self.assertEqual(left.pending, (found.commit, *found.pending))

    def test_a_dropped_entry_goes_at_once(self) -> None:
        self.successResultOf(self.enter(1))
        self.successResultOf(self.enter(2))
        self.successResultOf(self.site.start(self.ledger.drop(PROJECT, (server_id(1),), 30)))
        self.assertEqual(self.ids(), [server_id(2)])

    def test_dropping_what_is_not_there_writes_nothing(self) -> None:
        self.successResultOf(self.site.start(self.ledger.drop(PROJECT, (server_id(1),), 30)))
        self.assertEqual(self.site.kube.calls, [])


class SettledTests(SynchronousTestCase):
    """Entries whose work is done."""

    def setUp(self) -> None:
        self.site = Site()
        self.ledger = self.site.replica.ledger
        entering = self.ledger.enter(PROJECT, (noted(1),), reservation, 30)
        self.successResultOf(self.site.start(entering))
        self.ledger.settle(PROJECT, server_id(1))

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.site.clock.advance(1)

    def test_soon_they_name_nothing_that_could_be_collected(self) -> None:
        self.wait(6)
        [found] = self.site.entries()
        self.assertEqual((found.pending, found.amounts), ((), {"instances": 1}))

    def test_soon_is_soon_though_others_wait_for_their_minute(self) -> None:
        self.wait(7)
        self.successResultOf(self.site.start(self.ledger.enter(PROJECT, (noted(2),), reservation, 60)))
        self.ledger.settle(PROJECT, server_id(2))
        self.wait(6)
        self.assertEqual([found.pending for found in self.site.entries()], [(), ()])

    def test_what_is_settled_while_the_ledger_is_written_waits_no_longer(self) -> None:
        self.successResultOf(self.site.start(self.ledger.enter(PROJECT, (noted(2),), reservation, 60)))
        held: Deferred[None] = Deferred()
        self.site.kube.script("patch", "ledgers", hold=held)
        self.wait(6)
        self.ledger.settle(PROJECT, server_id(2))
        held.callback(None)
        self.wait(6)
        self.assertEqual([found.pending for found in self.site.entries()], [(), ()])

    def test_they_stay_for_a_minute_though_the_object_is_seen(self) -> None:
        self.site.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id(1)}))
        self.wait(59)
        self.assertEqual(len(self.site.entries()), 1)
        self.wait(21)
        self.assertEqual(self.site.entries(), ())

    def test_they_stay_until_the_object_is_seen(self) -> None:
        self.wait(120)
        self.assertEqual(len(self.site.entries()), 1)
        self.site.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id(1)}))
        self.wait(21)
        self.assertEqual(self.site.entries(), ())

    def test_they_go_soon_after_the_object_is_gone(self) -> None:
        """A replica that starts now would count them, as it never sees the object."""
        self.site.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id(1)}))
        self.wait(20)
        self.assertEqual(len(self.site.entries()), 1)
        self.site.kube.remove("virtualmachines", SPACE, "web1")
        self.wait(6)
        self.assertEqual(self.site.entries(), ())

    def test_those_without_amounts_go_soon(self) -> None:
        bare = replace(noted(2), amounts={})
        self.successResultOf(self.site.start(self.ledger.enter(PROJECT, (bare,), lambda: None, 30)))
        self.ledger.settle(PROJECT, server_id(2))
        self.wait(6)
        self.assertEqual([found.id for found in self.site.entries()], [server_id(1)])

    def test_stopped_it_waits_for_nothing(self) -> None:
        self.ledger.stop()
        self.assertEqual(self.site.clock.getDelayedCalls(), [])

    def test_a_cluster_that_is_away_is_tried_again(self) -> None:
        self.site.kube.script("patch", "ledgers", refuse=errors.Unreachable("away"))
        self.wait(6)
        [found] = self.site.entries()
        self.assertNotEqual(found.pending, ())
        self.wait(20)
        [found] = self.site.entries()
        self.assertEqual(found.pending, ())
