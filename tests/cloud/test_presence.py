"""Replicas that know of each other."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.chores.lease import PARTING
from dicot.cloud.chores.presence import LEFT, LIFE, PREFIX, RENEWAL, Presence, replica_name
from dicot.kube import errors

from .site import Site


class NameTests(SynchronousTestCase):
    def test_any_host_gives_a_name_of_an_object(self) -> None:
        unique = "0123456789abcdef"
        self.assertEqual(replica_name("Node-1.example.org", unique), "node-1-example-org-01234567")
        self.assertEqual(replica_name("", unique), "dicot-01234567")
        self.assertEqual(replica_name("x" * 99, unique), "x" * 40 + "-01234567")
        self.assertEqual(replica_name("a" * 39 + "._b", unique), "a" * 39 + "-01234567")


class PresenceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.site = Site()
        self.clock, self.kube = self.site.clock, self.site.kube
        self.one = Presence(self.site.replica.cluster, "one", self.clock)
        self.two = Presence(self.site.another().cluster, "two", self.clock)

    def known(self, presence: Presence) -> dict[str, bool]:
        return {each.name: each.alive for each in presence.replicas()}

    def stopped(self, presence: Presence) -> None:
        self.successResultOf(Deferred.fromCoroutine(presence.stop()))

    def test_each_hears_of_the_other(self) -> None:
        self.one.start()
        self.two.start()
        self.assertEqual(self.known(self.two), {"one": True, "two": True})
        self.clock.advance(RENEWAL)
        self.assertEqual(self.known(self.one), {"one": True, "two": True})

    def test_its_lease_says_who_and_for_how_long(self) -> None:
        self.one.start()
        lease: Any = self.kube.one("leases", "dicot-system", "dicot-replica-one")
        self.assertEqual((lease["spec"]["holderIdentity"], lease["spec"]["leaseDurationSeconds"]), ("one", 60))

    def test_one_that_stops_is_no_longer_there(self) -> None:
        self.one.start()
        self.two.start()
        self.stopped(self.two)
        self.clock.advance(RENEWAL)
        self.assertEqual(self.known(self.one), {"one": True})
        self.assertEqual(self.kube.names("leases"), [f"{PREFIX}one"])

    def test_one_that_dies_falls_silent_and_is_cleared_away(self) -> None:
        self.two.start()
        self.one.start()
        two = self.two._timer
        assert two is not None
        two.cancel()
        self.clock.pump([RENEWAL] * int(LIFE / RENEWAL))
        self.assertEqual(self.known(self.one), {"one": True, "two": False})
        self.clock.pump([RENEWAL] * int(LEFT / RENEWAL))
        self.assertEqual(self.known(self.one), {"one": True})

    def test_other_leases_are_nobodys_replica(self) -> None:
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        self.kube.put({**lease, "metadata": {"namespace": "dicot-system", "name": "dicot-steward"}})
        self.one.start()
        self.assertEqual(self.known(self.one), {"one": True})

    def test_a_cluster_that_is_away_is_asked_again(self) -> None:
        self.kube.script("patch", "leases", refuse=errors.Unreachable("away"))
        self.one.start()
        self.assertEqual(self.known(self.one), {})
        self.clock.advance(RENEWAL)
        self.assertEqual(self.known(self.one), {"one": True})

    def test_stopped_it_leaves_no_timer_though_nobody_answers(self) -> None:
        self.one.start()
        self.kube.script("delete", "leases", refuse=errors.Unreachable("away"))
        self.stopped(self.one)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped_while_the_cluster_is_silent_it_does_not_wait_for_long(self) -> None:
        self.kube.script("patch", "leases", hold=Deferred())
        self.one.start()
        stopping = Deferred.fromCoroutine(self.one.stop())
        self.assertNoResult(stopping)
        self.clock.advance(PARTING)
        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])
