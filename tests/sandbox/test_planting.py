"""Seeds that are planted as soon as the cluster takes them."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Unreachable
from dicot.sandbox.planting import AGAIN, Planting
from dicot.sandbox.seed import FLAVORS, instancetype, namespace

from ..kube.fake import FakeKube


class PlantingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.kube = FakeKube(self.clock)
        self.planting = Planting(self.kube, [namespace("garden"), instancetype(FLAVORS[0])], self.clock)

    def planted(self) -> list[str]:
        return [*self.kube.names("namespaces"), *self.kube.names("virtualmachineclusterinstancetypes")]

    def test_all_at_once_where_they_are_taken(self) -> None:
        self.planting.startService()
        self.assertEqual(self.planted(), ["garden", "m1.tiny"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again_where_they_are_not_taken_yet(self) -> None:
        self.kube.script("create", "virtualmachineclusterinstancetypes", refuse=Unreachable("away"))
        self.planting.startService()
        self.assertEqual(self.planted(), ["garden"])
        self.clock.advance(AGAIN)
        self.assertEqual(self.planted(), ["garden", "m1.tiny"])

    def test_stopped_it_tries_no_more(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("create", "namespaces", hold=held)
        self.planting.startService()
        self.planting.stopService()
        held.callback(None)
        self.assertEqual((self.planted(), self.clock.getDelayedCalls()), ([], []))
