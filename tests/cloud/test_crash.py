"""Tests of death at every point of a server's create: it exists once or not at all, and nothing of it is left."""

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.chores.judgement import Judge
from dicot.cloud.chores.lease import Lease
from dicot.cloud.chores.steward import Steward
from dicot.cloud.kinds.identity import LEDGER
from dicot.cloud.plan import Plan
from dicot.faults import BadRequest
from dicot.kube import errors
from dicot.kube.kind import Manifest
from dicot.kube.store import Store

from .site import PROJECT, SPACE, Died, Replica, Site, caller, server, server_id, user

WHOLE = {"ports": ["web1-port"], "secrets": ["web1-config"], "virtualmachines": ["web1"]}


class CrashCase(SynchronousTestCase):
    """A replica that dies, and another that comes after it."""

    def setUp(self) -> None:
        self.site = Site()

    def die_at(self, point: int, plan: Plan) -> tuple[str, bool]:
        """The plan's write on a replica that dies there: the point's name, and whether the client was answered."""
        replica = self.site.replica
        replica.fuse.at = point
        writing = self.site.start(replica.writer.apply(caller(), "req-1", lambda: plan))
        answered: list[object] = []
        writing.addCallbacks(answered.append, lambda failure: failure.trap(Died) and None)
        self.flushLoggedErrors(Died)
        return (replica.fuse.met[point] if point < len(replica.fuse.met) else "", bool(answered))

    def points(self, plan: Plan) -> int:
        """How many points a whole write meets."""
        site, self.site = self.site, Site()
        self.die_at(10_000, plan)
        met = len(self.site.replica.fuse.met)
        self.site = site
        return met

    def steward(self, replica: Replica) -> Steward:
        """The steward of a replica."""
        lease = Lease(replica.cluster, "after")
        found = Steward(lease, [Judge(replica.cluster, replica.ledger)], self.site.clock)
        found.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(found.stop()))
        return found

    def a_minute_later(self) -> None:
        self.steward(self.site.another())
        self.pass_time(60)

    def pass_time(self, seconds: int) -> None:
        """The dead replica's timers run into its death, which a process would not live to tell."""
        for _ in range(seconds):
            self.site.clock.advance(1)
        self.flushLoggedErrors(Died)

    def ledger_forgets(self) -> None:
        """Nothing that could be collected is named any more, and soon no entry is left."""
        self.assertEqual([entry.pending for entry in self.site.entries() if entry.pending], [])
        self.pass_time(25)
        self.assertEqual(self.site.entries(), ())

    def owned(self, plural: str, name: str) -> bool:
        """Whether it goes with the VM that exists."""
        found, vm = self.site.kube.one(plural, "demo", name), self.site.kube.one("virtualmachines", "demo", "web1")
        assert found is not None and vm is not None
        return [owner["uid"] for owner in found["metadata"].get("ownerReferences", [])] == [vm["metadata"]["uid"]]


class EveryPointTests(CrashCase):
    """Each await point of a server's create."""

    def test_the_points_are_those_of_the_design(self) -> None:
        self.die_at(10_000, server())
        self.assertEqual(
            self.site.replica.fuse.met,
            [
                f"{when} {call}"
                for call in (
                    "create ledgers",
                    "rehearse virtualmachines",
                    "create secrets",
                    "create ports",
                    "create virtualmachines",
                    "patch secrets",
                    "patch ports",
                )
                for when in ("before", "after")
            ],
        )

    def test_after_a_minute_there_is_all_or_nothing(self) -> None:
        for point in range(self.points(server())):
            self.setUp()
            name, answered = self.die_at(point, server())
            with self.subTest(name):
                committed = self.site.kube.one("virtualmachines", "demo", "web1") is not None
                self.a_minute_later()
                self.assertEqual(self.site.left(), WHOLE if committed else {})
                self.ledger_forgets()
                self.assertTrue(committed or not answered)
                if committed:
                    self.assertTrue(self.owned("secrets", "web1-config") and self.owned("ports", "web1-port"))

    def test_a_retry_of_the_client_makes_one_server_where_the_first_was_not_committed(self) -> None:
        for point in range(self.points(server())):
            self.setUp()
            name, _ = self.die_at(point, server())
            with self.subTest(name):
                before = self.site.left().get("virtualmachines", [])
                after = self.site.another()
                self.successResultOf(self.site.start(after.writer.apply(caller(), "req-2", lambda: server(2))))
                self.a_minute_later()
                self.assertEqual(self.site.left()["virtualmachines"], [*before, "web2"])

    def test_a_user_exists_whole_or_the_name_is_free(self) -> None:
        for point in range(self.points(user())):
            self.setUp()
            name, _ = self.die_at(point, user())
            with self.subTest(name):
                exists = self.site.kube.names("users") == ["user-1"]
                self.site.clock.advance(45)
                taking = self.site.start(self.site.another().writer.apply(caller(), "req-2", lambda: user(2)))
                self.assertEqual(
                    taking.result is not None and self.site.kube.names("users") == ["user-2"], not exists
                )
                taking.addErrback(lambda failure: None)


class ManyTests(CrashCase):
    """Each await point of one request for three servers, of which so many must be or none."""

    def die_at_many(self, point: int, least: int) -> None:
        plans = (server(1), server(2), server(3))
        self.site.replica.fuse.at = point
        writing = self.site.start(self.site.writer.apply_many(caller(), "req-1", lambda: plans, least))
        writing.addErrback(lambda failure: failure.trap(Died) and None)
        self.flushLoggedErrors(Died)

    def points_of(self, least: int) -> list[str]:
        self.setUp()
        self.die_at_many(10_000, least)
        return self.site.replica.fuse.met

    def made(self) -> list[str]:
        return self.site.left().get("virtualmachines", [])

    def expect(self, names: list[str]) -> None:
        """Exactly these servers, each with all that belongs to it, and no entry."""
        whole = {
            "ports": [f"{name}-port" for name in names],
            "secrets": [f"{name}-config" for name in names],
            "virtualmachines": names,
        }
        self.assertEqual(self.site.left(), whole if names else {})
        self.ledger_forgets()

    def test_fewer_than_the_least_are_none(self) -> None:
        seen = set()
        for least in (1, 2, 3):
            for point, name in enumerate(self.points_of(least)):
                self.setUp()
                self.die_at_many(point, least)
                made = self.made()
                with self.subTest(least=least, point=name):
                    self.a_minute_later()
                    self.expect(made if len(made) >= least else [])
                    seen.add((least, len(made)))
        self.assertEqual(seen, {(least, made) for least in (1, 2, 3) for made in range(4)})

    def test_the_decision_is_written_before_the_answer_and_what_follows(self) -> None:
        points = self.points_of(2)
        decided = points.index("after patch ledgers")
        self.assertLess(points.index("after create virtualmachines"), decided)
        self.assertEqual([name for name in points[decided + 1 :] if "patch" not in name], [])
        self.assertNotIn("after patch ledgers", self.points_of(1))

    def test_whoever_judges_after_a_steward_that_died_decides_the_same(self) -> None:
        for least, made in ((2, ["web1", "web2"]), (3, [])):
            points = self.points_of(least)
            commits = [place for place, name in enumerate(points) if name == "after create virtualmachines"]
            for stop in range(40):
                self.setUp()
                self.die_at_many(commits[1], least)
                self.assertEqual(self.made(), ["web1", "web2"])
                first = self.site.another()
                first.fuse.at = stop
                self.pass_time(46)
                judging = self.site.start(Judge(first.cluster, first.ledger).round(lambda: True))
                judging.addErrback(lambda failure: failure.trap(Died) and None)
                self.flushLoggedErrors(Died)
                with self.subTest(least=least, stop=stop):
                    self.a_minute_later()
                    self.expect(made)
                if not first.fuse.dead:
                    break
            self.assertGreater(stop, 10)

    def test_what_was_acknowledged_stays_when_one_of_it_is_deleted(self) -> None:
        points = self.points_of(2)
        self.setUp()
        self.die_at_many(points.index("after patch ledgers"), 2)
        self.assertEqual(self.made(), ["web1", "web2", "web3"])
        for name in ("web1", "web2"):
            self.site.kube.remove("virtualmachines", SPACE, name)
        self.a_minute_later()
        self.assertEqual(self.made(), ["web3"])

    def test_a_steward_whose_ledger_is_old_takes_nothing_back_that_was_decided(self) -> None:
        """It would count one of two; the Ledger's version says that another has counted."""
        plans = (server(1), server(2))
        self.successResultOf(self.site.start(self.site.writer.apply_many(caller(), "req-1", lambda: plans, 2)))
        self.site.replica.fuse.dead = True
        late = self.site.another()
        late.cluster.stores = {**self.site.stores, LEDGER: Store(LEDGER)}
        late.cluster.learn(LEDGER, msgspec.json.encode(self.undecided()))
        self.pass_time(46)
        self.site.kube.remove("virtualmachines", SPACE, "web1")
        self.successResultOf(self.site.start(Judge(late.cluster, late.ledger).round(lambda: True)))
        self.assertEqual(self.made(), ["web2"])

    def undecided(self) -> Manifest:
        """The Ledger as it was before the decision."""
        found = self.site.kube.one("ledgers", "dicot-system", f"ledger-{PROJECT}")
        assert found is not None
        entries = [{**each, "batch": server_id(1), "least": 2} for each in found["spec"]["entries"]]
        metadata = {**found["metadata"], "resourceVersion": str(int(found["metadata"]["resourceVersion"]) - 1)}
        return {**found, "metadata": metadata, "spec": {**found["spec"], "entries": entries}}

    def test_what_was_refused_and_could_not_be_undone_goes_too(self) -> None:
        self.site.kube.script("create", "virtualmachines", refuse=errors.Invalid(422, "Invalid", "no"), name="web2")
        self.site.kube.script("delete", "virtualmachines", refuse=errors.Unreachable("away"), times=2)
        plans = (server(1), server(2), server(3))
        writing = self.site.start(self.site.writer.apply_many(caller(), "req-1", lambda: plans, 3))
        self.failureResultOf(writing, BadRequest)
        self.assertEqual(self.made(), ["web1", "web3"])
        self.a_minute_later()
        self.expect([])


class TableTests(CrashCase):
    """The rows of the table at the end of architecture 4."""

    def judged(self, point: str) -> None:
        """Dead at the point of that name, and a minute later."""
        probe = Site()
        probe.start(probe.writer.apply(caller(), "req-1", server))
        self.die_at(probe.replica.fuse.met.index(point), server())
        self.a_minute_later()

    def test_after_the_ledger_entry_there_is_no_server(self) -> None:
        self.judged("after create ledgers")
        self.assertEqual(self.site.left(), {})

    def test_after_the_dry_run_there_is_no_server(self) -> None:
        self.judged("after rehearse virtualmachines")
        self.assertEqual(self.site.left(), {})

    def test_after_the_secret_and_the_port_the_named_objects_are_deleted(self) -> None:
        self.judged("before create virtualmachines")
        self.assertEqual(self.site.left(), {})

    def test_the_vm_was_posted_and_the_answer_lost_the_repeat_settles_it(self) -> None:
        self.site.kube.script("create", "virtualmachines", drop=True)
        writing = self.site.start(self.site.writer.apply(caller(), "req-1", server))
        self.site.clock.advance(0.25)
        self.successResultOf(writing)
        self.assertEqual(self.site.left(), WHOLE)

    def test_the_vm_was_posted_the_answer_lost_and_the_replica_dead_the_steward_adopts(self) -> None:
        self.site.kube.script("create", "virtualmachines", drop=True)
        writing = self.site.start(self.site.writer.apply(caller(), "req-1", server))
        self.site.replica.fuse.dead = True
        self.site.clock.advance(0.25)
        self.failureResultOf(writing, Died)
        self.a_minute_later()
        self.assertEqual(self.site.left(), WHOLE)
        self.assertTrue(self.owned("secrets", "web1-config") and self.owned("ports", "web1-port"))

    def test_committed_before_adoption_the_steward_adopts(self) -> None:
        self.judged("after create virtualmachines")
        self.assertTrue(self.owned("secrets", "web1-config") and self.owned("ports", "web1-port"))

    def test_committed_within_adoption_the_steward_adopts(self) -> None:
        self.judged("after patch secrets")
        self.assertTrue(self.owned("secrets", "web1-config") and self.owned("ports", "web1-port"))

    def test_adopted_before_the_answer_it_exists_and_a_retry_makes_a_second(self) -> None:
        self.judged("after patch ports")
        after = self.site.another()
        self.successResultOf(self.site.start(after.writer.apply(caller(), "req-2", lambda: server(2))))
        self.assertEqual(self.site.left()["virtualmachines"], ["web1", "web2"])

    def test_what_a_vm_ever_referenced_is_not_collected_when_it_is_deleted(self) -> None:
        self.successResultOf(self.site.start(self.site.writer.apply(caller(), "req-1", server)))
        self.site.clock.advance(6)
        secret = self.site.kube.one("secrets", "demo", "web1-config")
        assert secret is not None
        secret["metadata"]["ownerReferences"] = []
        self.site.kube.remove("virtualmachines", "demo", "web1")
        self.a_minute_later()
        self.assertEqual(self.site.left(), {"secrets": ["web1-config"]})

    def test_no_entry_is_judged_before_its_time(self) -> None:
        self.die_at(7, server())
        self.assertEqual(self.site.replica.fuse.met[-1], "after create ports")
        self.steward(self.site.another())
        self.pass_time(44)
        self.assertEqual([entry.id for entry in self.site.entries()], [server_id()])
        self.assertEqual(self.site.left(), {"ports": ["web1-port"], "secrets": ["web1-config"]})
