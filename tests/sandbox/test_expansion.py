"""Claims that ask for more than they have."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.sandbox.nodes.expansion import decide, is_growing
from dicot.sandbox.nodes.kinds import DISKS, PRE_RESIZE, Claim, Disk
from dicot.sandbox.steps import REST, Decision, Patch

from .things import NOW, STAMP, claim, seen

VOLUME = Place("", "v1", "persistentvolumes", name="v")
STATUS = Place("", "v1", "persistentvolumeclaims", "n", "c", "status")
RESIZING = {"type": "Resizing", "status": "True", "lastProbeTime": None, "lastTransitionTime": STAMP}
OTHER = {"type": "ModifyingVolume", "status": "True", "reason": "", "message": "", "lastTransitionTime": STAMP}


def bound(mode: str = "Filesystem", asks: str = "2Gi", **status: Any) -> Claim:
    """A claim of 1 GiB."""
    spec = {"volumeName": "v", "volumeMode": mode, "resources": {"requests": {"storage": asks}}}
    return claim(phase="Bound", spec=spec, status={"capacity": {"storage": "1Gi"}} | status)


def disk(size: str = "1Gi", **annotations: str) -> Disk:
    """The volume of a claim."""
    made = {"metadata": {"name": "v", "annotations": annotations}, "spec": {"capacity": {"storage": size}}}
    found: Disk = seen(DISKS, made)
    return found


def pending(asks: str = "2Gi") -> Claim:
    """One whose file system is yet to grow to 2 GiB."""
    state: dict[str, Any] = {"allocatedResources": {"storage": "2Gi"}}
    state["allocatedResourceStatuses"] = {"storage": "NodeResizePending"}
    return bound(asks=asks, **state, conditions=[OTHER, RESIZING])


class Growing(SynchronousTestCase):
    def decided(self, found: Claim, volume: Disk, *, is_mounted: bool = False) -> Decision:
        return decide(found, volume, is_mounted=is_mounted, now=NOW)

    def steps(self, found: Claim, volume: Disk, *, is_mounted: bool = False) -> list[tuple[Place, Manifest]]:
        """What is written where, without the claim's uid."""
        taken = []
        for step in self.decided(found, volume, is_mounted=is_mounted).steps:
            assert isinstance(step, Patch)
            if step.at == STATUS:
                self.assertEqual(step.body["metadata"].pop("uid"), "uid-c")
            taken.append((step.at, step.body))
        return taken

    def test_who(self) -> None:
        self.assertTrue(is_growing(bound()))
        self.assertFalse(is_growing(bound(asks="1024Mi")))
        self.assertFalse(is_growing(claim()))

    def test_a_device(self) -> None:
        begun, grown, done = self.steps(bound("Block", conditions=[OTHER]), disk())
        state = {"conditions": [OTHER, RESIZING], "allocatedResources": {"storage": "2Gi"}}
        state["allocatedResourceStatuses"] = {"storage": "ControllerResizeInProgress"}
        notes: Manifest = {"annotations": {"volume.kubernetes.io/node-expansion-not-required": None}}
        self.assertEqual(begun, (STATUS, {"metadata": notes, "status": state}))
        self.assertEqual(grown, (VOLUME, {"spec": {"capacity": {"storage": "2Gi"}}}))
        notes = {"annotations": {"volume.kubernetes.io/node-expansion-not-required": "true"}}
        shown = {"capacity": {"storage": "2Gi"}, "conditions": [OTHER], "allocatedResourceStatuses": None}
        self.assertEqual(done, (STATUS, {"metadata": notes, "status": shown}))

    def test_a_file_system_waits_for_a_pod(self) -> None:
        _, grown, waits = self.steps(bound(), disk())
        notes = {"annotations": {PRE_RESIZE: "1Gi"}}
        self.assertEqual(grown, (VOLUME, {"metadata": notes, "spec": {"capacity": {"storage": "2Gi"}}}))
        first, second = waits[1]["status"]["conditions"]
        self.assertEqual((first, second["type"]), (RESIZING, "FileSystemResizePending"))
        self.assertIn("(re-)start a pod", second["message"])
        self.assertEqual(waits[1]["status"]["allocatedResourceStatuses"], {"storage": "NodeResizePending"})
        self.assertNotIn("capacity", waits[1]["status"])
        self.assertEqual(self.decided(pending(), disk("2Gi")), REST)

    def test_a_file_system_that_a_pod_mounts(self) -> None:
        begun, done = self.steps(pending(), disk("2Gi"), is_mounted=True)
        self.assertEqual(begun[1]["status"], {"allocatedResourceStatuses": {"storage": "NodeResizeInProgress"}})
        shown = {"capacity": {"storage": "2Gi"}, "conditions": [OTHER], "allocatedResourceStatuses": None}
        self.assertEqual(done, (STATUS, {"metadata": {}, "status": shown}))

    def test_more_is_asked_for_meanwhile(self) -> None:
        """The first wish is fulfilled first."""
        more = pending(asks="3Gi")
        self.assertEqual(self.decided(more, disk("2Gi")), REST)
        self.assertEqual(
            self.steps(more, disk("2Gi"), is_mounted=True)[1][1]["status"]["capacity"], {"storage": "2Gi"}
        )
        between = bound(asks="3Gi", capacity={"storage": "2Gi"}, allocatedResources={"storage": "2Gi"})
        grown = self.steps(between, disk("2Gi", **{PRE_RESIZE: "1Gi"}))[1]
        self.assertEqual(grown[1]["spec"], {"capacity": {"storage": "3Gi"}})
        self.assertEqual(grown[1]["metadata"]["annotations"], {PRE_RESIZE: "1Gi"})

    def test_what_was_cut_short_is_done_again(self) -> None:
        state: dict[str, Any] = {"allocatedResources": {"storage": "2Gi"}}
        cut = bound(allocatedResourceStatuses={"storage": "ControllerResizeInProgress"}, **state)
        self.assertEqual(len(self.steps(cut, disk("2Gi"))), 3)

    def test_a_volume_forgets_what_it_had(self) -> None:
        done = bound(capacity={"storage": "2Gi"})
        self.assertEqual(
            self.steps(done, disk("2Gi", **{PRE_RESIZE: "1Gi"})),
            [(VOLUME, {"metadata": {"annotations": {PRE_RESIZE: None}}})],
        )
        self.assertEqual(self.decided(done, disk("2Gi")), REST)
