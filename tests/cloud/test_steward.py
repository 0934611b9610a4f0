"""Tests of the Lease, the rounds of the steward, and its judgement."""

from collections.abc import Callable

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.chores.judgement import Judge, Verdict, cases, verdict
from dicot.cloud.chores.lease import PARTING, Lease
from dicot.cloud.chores.steward import Chore, Hook, Steward
from dicot.cloud.kinds.identity import Ledger, LedgerEntry, LedgerSpec
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.network import PORT
from dicot.cloud.kinds.storage import SECRET
from dicot.cloud.writing.intent import entry
from dicot.kube import errors
from dicot.moments import precise

from ..kube.fake import BIRTH
from .site import PROJECT, SPACE, Died, Replica, Site, manifest, reservation, server, server_id


class LeaseTests(SynchronousTestCase):
    """One holder, by everybody's own clock."""

    def setUp(self) -> None:
        self.site = Site()
        self.one = Lease(self.site.replica.cluster, "one")
        self.other = Lease(self.site.another().cluster, "other")

    def turn(self, lease: Lease) -> bool:
        return self.successResultOf(self.site.start(lease.turn()))

    def found(self) -> dict[str, object]:
        lease = self.site.kube.one("leases", "dicot-system", "dicot-steward")
        assert lease is not None
        spec: dict[str, object] = lease["spec"]
        return spec

    def test_the_first_has_it(self) -> None:
        self.assertEqual((self.turn(self.one), self.turn(self.other)), (True, False))
        self.assertEqual(
            self.found(),
            {
                "holderIdentity": "one",
                "leaseDurationSeconds": 15,
                "acquireTime": precise(BIRTH),
                "renewTime": precise(BIRTH),
                "leaseTransitions": 0,
            },
        )

    def test_a_renewal_keeps_the_time_since_when_it_is_held(self) -> None:
        self.turn(self.one)
        self.site.clock.advance(2)
        self.assertTrue(self.turn(self.one))
        self.assertEqual(
            (self.found()["acquireTime"], self.found()["renewTime"]), (precise(BIRTH), precise(BIRTH + 2))
        )

    def test_it_is_not_taken_while_it_is_renewed(self) -> None:
        for _ in range(20):
            self.assertTrue(self.turn(self.one))
            self.assertFalse(self.turn(self.other))
            self.site.clock.advance(2)

    def test_it_is_taken_when_it_was_seen_unchanged_for_its_whole_life(self) -> None:
        self.turn(self.one)
        self.site.clock.advance(100)
        self.assertFalse(self.turn(self.other))
        self.site.clock.advance(14.9)
        self.assertFalse(self.turn(self.other))
        self.site.clock.advance(0.1)
        self.assertTrue(self.turn(self.other))
        self.assertEqual((self.found()["holderIdentity"], self.found()["leaseTransitions"]), ("other", 1))

    def test_the_holder_counts_on_it_for_less_than_its_life(self) -> None:
        self.turn(self.one)
        self.site.clock.advance(9.9)
        self.assertTrue(self.one.is_held)
        self.site.clock.advance(0.1)
        self.assertFalse(self.one.is_held)

    def test_a_renewal_counts_from_when_it_was_begun(self) -> None:
        self.turn(self.one)
        held: Deferred[None] = Deferred()
        self.site.kube.script("replace", "leases", hold=held)
        turning = self.site.start(self.one.turn())
        self.site.clock.advance(6)
        held.callback(None)
        self.successResultOf(turning)
        self.site.clock.advance(4)
        self.assertFalse(self.one.is_held)

    def test_of_two_at_once_one_has_it(self) -> None:
        held: Deferred[None] = Deferred()
        self.site.kube.script("create", "leases", hold=held, times=1)
        first = self.site.start(self.one.turn())
        self.assertTrue(self.turn(self.other))
        held.callback(None)
        self.assertFalse(self.successResultOf(first))

    def test_one_given_back_is_free_at_once(self) -> None:
        self.turn(self.one)
        self.successResultOf(self.site.start(self.one.release()))
        self.assertFalse(self.one.is_held)
        self.assertTrue(self.turn(self.other))


class Sweeping:
    """A chore that writes down its rounds."""

    period = 5.0

    def __init__(self) -> None:
        self.rounds: list[float] = []
        self.held: Deferred[None] | None = None
        self.fails: BaseException | None = None
        self.may: Callable[[], bool] = lambda: False
        self.call: Callable[[], None] = lambda: None
        self.site: Site

    def wake(self, call: Callable[[], None]) -> None:
        self.call = call

    async def round(self, may: Callable[[], bool]) -> None:
        self.may = may
        self.rounds.append(self.site.clock.seconds())
        if self.held is not None:
            await self.held
        if self.fails is not None:
            raise self.fails


class RoundsTests(SynchronousTestCase):
    """When chores are done."""

    def setUp(self) -> None:
        self.site = Site()
        self.chore = Sweeping()
        self.chore.site = self.site
        self.replicas: list[Replica] = []
        self.steward = self.make("one", self.chore)

    def make(self, name: str, chore: Chore) -> Steward:
        self.replicas.append(self.site.another())
        return Steward(Lease(self.replicas[-1].cluster, name), [chore], self.site.clock)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.site.clock.advance(1)

    def test_each_period_while_the_lease_is_held(self) -> None:
        self.steward.start()
        self.wait(12)
        self.assertEqual(self.chore.rounds, [0, 5, 10])

    def test_never_by_one_that_does_not_hold_it(self) -> None:
        other = Sweeping()
        other.site = self.site
        self.steward.start()
        second = self.make("two", other)
        second.start()
        self.wait(30)
        self.assertEqual((other.rounds, second.is_holder), ([], False))

    def test_by_the_next_when_the_holder_dies(self) -> None:
        other = Sweeping()
        other.site = self.site
        self.steward.start()
        second = self.make("two", other)
        second.start()
        self.wait(4)
        self.replicas[0].fuse.dead = True
        self.wait(30)
        self.flushLoggedErrors(Died)
        self.assertEqual((self.steward.is_holder, second.is_holder), (False, True))
        self.assertTrue(15 <= other.rounds[0] - 4 <= 19)

    def test_when_it_is_woken(self) -> None:
        self.steward.start()
        self.site.clock.advance(1)
        self.chore.call()
        self.assertEqual(self.chore.rounds, [0, 1])
        self.wait(5)
        self.assertEqual(self.chore.rounds, [0, 1, 6])

    def test_once_more_when_it_is_woken_in_the_midst_of_a_round(self) -> None:
        self.chore.held = Deferred()
        self.steward.start()
        self.chore.call()
        self.chore.call()
        self.assertEqual(self.chore.rounds, [0])
        held, self.chore.held = self.chore.held, None
        held.callback(None)
        self.site.clock.advance(0)
        self.assertEqual(self.chore.rounds, [0, 0])

    def test_it_is_not_woken_where_the_lease_is_not_held(self) -> None:
        self.chore.call()
        self.assertEqual(self.chore.rounds, [])

    def test_again_after_what_kubernetes_refused(self) -> None:
        self.chore.fails = errors.Unreachable("away")
        self.steward.start()
        self.wait(5)
        self.assertEqual(self.chore.rounds, [0, 5])

    def test_again_after_a_defect_which_is_logged(self) -> None:
        self.chore.fails = ZeroDivisionError()
        self.steward.start()
        self.wait(5)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual(self.chore.rounds, [0, 5])

    def test_a_round_under_way_may_no_more_once_the_lease_is_lost(self) -> None:
        self.chore.held = Deferred()
        self.steward.start()
        self.assertTrue(self.chore.may())
        self.site.kube.script("read", "leases", refuse=errors.Unreachable("away"), times=100)
        self.wait(11)
        self.assertFalse(self.chore.may())

    def test_again_once_the_lease_is_back(self) -> None:
        self.steward.start()
        self.site.kube.script("read", "leases", refuse=errors.Unreachable("away"), times=10)
        self.wait(40)
        self.assertGreater(self.chore.rounds[-1], 30)

    def test_stopped_it_does_nothing_and_gives_the_lease_back(self) -> None:
        self.steward.start()
        self.successResultOf(self.site.start(self.steward.stop()))
        self.wait(20)
        self.assertEqual(self.chore.rounds, [0])
        lease = self.site.kube.one("leases", "dicot-system", "dicot-steward")
        assert lease is not None
        self.assertEqual(lease["spec"]["holderIdentity"], "")
        self.assertEqual(self.site.clock.getDelayedCalls(), [])

    def test_stopped_while_the_cluster_is_silent_it_does_not_wait_for_long(self) -> None:
        self.site.kube.script("read", "leases", hold=Deferred())
        self.steward.start()
        stopping = Deferred.fromCoroutine(self.steward.stop())
        self.assertNoResult(stopping)
        self.site.clock.advance(PARTING)
        self.successResultOf(stopping)
        self.assertEqual(self.site.clock.getDelayedCalls(), [])

    def test_a_hook_is_called(self) -> None:
        called: list[int] = []

        async def rotate() -> None:
            called.append(1)

        self.make("hooked", Hook(rotate, 30)).start()
        self.wait(31)
        self.assertEqual(called, [1, 1])


class VerdictTests(SynchronousTestCase):
    """Judgement, by table."""

    def entry(self, age: float | None) -> LedgerEntry:
        found = entry(server())
        assert found is not None
        return replace(found, at="" if age is None else precise(1000 - age))

    def test_entries_are_ripe_from_45_seconds_on(self) -> None:
        for age, ripe in ((0.0, False), (44.9, False), (45.0, True), (1e6, True), (-100.0, False), (None, True)):
            book = Ledger(spec=LedgerSpec(project=PROJECT, entries=(self.entry(age),)))
            self.assertEqual(len(cases([book], 1000)), int(ripe), age)

    def test_what_was_committed_is_adopted_what_was_not_is_collected(self) -> None:
        site = Site()
        site.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id(1)}))
        site.kube.put(manifest(VM, "web2", {"dicot.io/id": server_id(2)}))
        found = self.entry(50)
        gone = Verdict(collects=found.pending, is_closed=True)
        for name, expected in (("web1", Verdict(adopts=True)), ("web2", gone), ("web3", gone)):
            self.assertEqual(verdict(found, site.stores[VM].one(SPACE, name)), expected, name)


class JudgeTests(SynchronousTestCase):
    """What is done about entries that nobody finished."""

    def setUp(self) -> None:
        self.site = Site()
        self.judge = Judge(self.site.replica.cluster, self.site.replica.ledger)
        noted = entry(server())
        assert noted is not None
        entering = self.site.replica.ledger.enter(PROJECT, (noted,), reservation, 30)
        self.successResultOf(self.site.start(entering))
        self.site.clock.advance(50)
        self.site.kube.calls.clear()

    def round(self, may: bool = True) -> None:
        self.successResultOf(self.site.start(self.judge.round(lambda: may)))

    def pending(self, **labels: str) -> None:
        """What was pending, so labelled."""
        self.site.kube.put(manifest(SECRET, "web1-config", labels))
        self.site.kube.put(manifest(PORT, "web1-port", labels))

    def test_it_deletes_what_carries_the_servers_id(self) -> None:
        self.pending(**{"dicot.io/server-id": server_id()})
        self.round()
        self.assertEqual((self.site.left(), self.site.entries()), ({}, ()))

    def test_it_leaves_what_does_not(self) -> None:
        self.pending(**{"dicot.io/server-id": server_id(5)})
        self.round()
        self.assertEqual(self.site.left(), {"ports": ["web1-port"], "secrets": ["web1-config"]})
        self.assertEqual(self.site.entries(), ())

    def test_it_works_as_the_projects_member(self) -> None:
        self.pending(**{"dicot.io/server-id": server_id()})
        self.round()
        accounts = {made.acting_as for made in self.site.kube.calls if made.plural in ("secrets", "ports")}
        self.assertEqual(accounts, {f"{PROJECT}-member"})

    def test_the_commit_is_looked_for_live(self) -> None:
        self.site.kube.lagging = True
        self.site.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id()}))
        self.pending(**{"dicot.io/server-id": server_id()})
        self.round()
        self.assertEqual(len(self.site.left()), 3)

    def test_a_commit_of_another_id_is_none(self) -> None:
        self.site.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id(7)}))
        self.pending(**{"dicot.io/server-id": server_id()})
        self.round()
        self.assertEqual(self.site.left(), {"virtualmachines": ["web1"]})

    def test_what_does_not_fit_its_kind_keeps_its_own_entry_and_ends_no_round(self) -> None:
        self.site.kube.put({**manifest(VM, "web1", {"dicot.io/id": server_id()}), "spec": "none"})
        self.round()
        self.assertEqual(len(self.site.entries()), 1)

    def test_it_does_nothing_without_the_lease(self) -> None:
        self.pending(**{"dicot.io/server-id": server_id()})
        self.round(may=False)
        self.assertEqual(self.site.kube.calls, [])

    def test_what_cannot_be_deleted_now_is_deleted_later(self) -> None:
        self.pending(**{"dicot.io/server-id": server_id()})
        self.site.kube.script("delete", "ports", refuse=errors.Unreachable("away"))
        self.round()
        self.assertEqual(len(self.site.entries()), 1)
        self.round()
        self.assertEqual((self.site.left(), self.site.entries()), ({}, ()))

    def test_a_project_that_is_gone_leaves_no_entry(self) -> None:
        refused = errors.Denied(403, "Forbidden", "no rights any more")
        for plural in ("secrets", "ports"):
            self.site.kube.script("read", plural, refuse=refused, times=100)
        self.round()
        self.assertEqual(self.site.entries(), ())

    def test_a_refusal_in_a_project_that_is_there_keeps_it(self) -> None:
        self.site.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        self.site.kube.script("read", "secrets", refuse=errors.Denied(403, "Forbidden", "no"), times=100)
        self.round()
        self.assertEqual(len(self.site.entries()), 1)

    def test_it_leaves_what_its_own_writer_has_finished(self) -> None:
        self.site.replica.ledger.settle(PROJECT, server_id())
        self.round()
        self.assertEqual(self.site.kube.calls, [])
