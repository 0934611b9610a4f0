"""What a cluster has and lacks."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.features import Features
from dicot.status.findings import findings

from .things import RICH, health


class FindingTests(SynchronousTestCase):
    def states(self, features: Features) -> dict[str, str]:
        return {each.name: each.state for each in findings(features, ())}

    def test_an_empty_cluster_lacks_everything(self) -> None:
        found = findings(Features(), ())
        self.assertNotIn("found", {each.state for each in found})
        self.assertEqual([each.name for each in found if not each.remedy], [])

    def test_what_is_there_needs_no_remedy(self) -> None:
        found = {each.name: each for each in findings(RICH, ())}
        for name in ("Kubernetes", "KubeVirt", "CDI", "Default StorageClass", "VM snapshots", "Live update"):
            self.assertEqual((found[name].state, found[name].remedy), ("found", ""), name)

    def test_what_stays_closed_is_limited(self) -> None:
        states = self.states(RICH)
        for name in ("Volume hotplug", "VM export", "VolumeSnapshotClass"):
            self.assertEqual(states[name], "limited", name)

    def test_kinds_that_cannot_be_watched_are_named_with_their_remedy(self) -> None:
        watched = (
            health(),
            health("ports.network.dicot.io", state="not served"),
            health("virtualmachines.kubevirt.io", state="not permitted", problem="403 Forbidden: no"),
        )
        closed = findings(RICH, watched)[-2:]
        self.assertEqual([each.name for each in closed], [
            "Watch of ports.network.dicot.io",
            "Watch of virtualmachines.kubevirt.io",
        ])  # fmt: skip
        self.assertIn("etc/kubernetes/crds", closed[0].remedy)
        self.assertEqual(closed[1].detail, "403 Forbidden: no")
        self.assertIn("dicot manifests", closed[1].remedy)
