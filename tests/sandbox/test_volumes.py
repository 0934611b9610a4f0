"""Volumes for claims."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.sandbox.nodes.kinds import DISKS, PROVISION_BY, PROVISIONED_BY, Disk
from dicot.sandbox.nodes.volumes import PROVISIONER, decide_claim, decide_disk
from dicot.sandbox.steps import REST, Create, Remove

from .things import STAMP, claim, seen


class Claims(SynchronousTestCase):
    """What a claim gets."""

    def test_a_pending_one_gets_a_volume_of_its_own(self) -> None:
        (step,) = decide_claim(claim()).steps
        assert isinstance(step, Create)
        body = step.body
        self.assertEqual((step.at, body["metadata"]["name"]), (Place("", "v1", "persistentvolumes"), "pvc-uid-c"))
        spec = body["spec"]
        self.assertEqual((spec["capacity"], spec["volumeMode"]), ({"storage": "1Gi"}, "Block"))
        self.assertEqual((spec["claimRef"]["namespace"], spec["claimRef"]["uid"]), ("n", "uid-c"))

    def test_others_are_left_alone(self) -> None:
        populated = {"apiGroup": "cdi.kubevirt.io", "kind": "VolumeCloneSource", "name": "x"}
        for other in (
            claim(spec={"storageClassName": "fast"}),
            claim(spec={"storageClassName": None}),
            claim(spec={"volumeName": "v"}),
            claim(spec={"dataSourceRef": populated}),
            claim(meta={"deletionTimestamp": STAMP}),
            claim(meta={"annotations": {}}),
            claim(meta={"annotations": {PROVISION_BY: "example.org/other"}}),
            claim(phase="Lost"),
            claim(phase="Bound"),
        ):
            self.assertEqual(decide_claim(other), REST)

    def test_a_clone_of_a_claim_is_provisioned(self) -> None:
        source = {"kind": "PersistentVolumeClaim", "name": "x"}
        self.assertNotEqual(decide_claim(claim(spec={"dataSource": source})), REST)


class Disks(SynchronousTestCase):
    """What becomes of volumes."""

    def disk(self, phase: str = "Released", policy: str = "Delete", by: str = PROVISIONER, **meta: str) -> Disk:
        """A volume."""
        found: Disk = seen(
            DISKS,
            {
                "metadata": {"name": "v", "uid": "uid-v", "annotations": {PROVISIONED_BY: by}} | meta,
                "spec": {"persistentVolumeReclaimPolicy": policy},
                "status": {"phase": phase},
            },
        )
        return found

    def test_a_released_one_goes(self) -> None:
        gone = Remove(Place("", "v1", "persistentvolumes", name="v"), "uid-v")
        self.assertEqual(decide_disk(self.disk()).steps, (gone,))

    def test_others_stay(self) -> None:
        for disk in (
            self.disk("Bound"),
            self.disk("Available"),
            self.disk(policy="Retain"),
            self.disk(by="somebody"),
            self.disk(deletionTimestamp=STAMP),
        ):
            self.assertEqual(decide_disk(disk), REST)
