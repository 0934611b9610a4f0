"""What the steward does for identity."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.callers.keys import SECRET_NAME
from dicot.cloud.chores.lease import Lease
from dicot.cloud.chores.steward import Steward
from dicot.identity.chores import chores
from dicot.names import SYSTEM_NAMESPACE
from tests.whole import Whole

LIFE = 3600.0
PLACE = ("secrets", SYSTEM_NAMESPACE, SECRET_NAME)


class KeysTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.whole = Whole(["demo"])
        self.ring = self.whole.desk.ring
        cluster = self.whole.writes.cluster
        self.steward = Steward(Lease(cluster, "one"), chores(self.whole.desk, LIFE), self.whole.clock)

    def test_keys_that_are_deleted_are_made_anew_at_once(self) -> None:
        self.steward.start()
        self.whole.clock.advance(3)
        before, _ = self.ring.sealing
        self.whole.kube.remove(*PLACE)
        self.whole.clock.advance(0)
        self.assertTrue(self.ring.ready)
        after, _ = self.ring.sealing
        self.assertNotEqual(before, after)
        self.assertIsNone(self.ring.opening(before), "tokens that it sealed are void")

    def test_by_the_steward_alone(self) -> None:
        self.whole.kube.remove(*PLACE)
        self.whole.clock.advance(0)
        self.assertFalse(self.ring.ready)
