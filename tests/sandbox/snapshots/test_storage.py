"""What the storage of the nodes does with snapshots, and with claims that are filled from them."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.marks import FAULT
from dicot.sandbox.nodes.kinds import DISKS, Disk
from dicot.sandbox.nodes.restoring import decide_restored, source
from dicot.sandbox.nodes.snapshots import decide_content, size_of, to_drop, to_take
from dicot.sandbox.snapshots.kinds import Content, Snapshot
from dicot.sandbox.snapshots.names import BEING_CREATED, BEING_DELETED
from dicot.sandbox.steps import REST, Create, Decision, Patch, Rewrite, Tell

from ..things import claim
from .things import NOW, STAMP, UID, content, seen, snapshot

HANDLE = f"snapshot-{UID}-1073741824"
HELD: Manifest = {"snapshotHandle": HANDLE, "readyToUse": True, "restoreSize": 1 << 30}
READY: Manifest = {"boundVolumeSnapshotContentName": "x", "readyToUse": True, "restoreSize": "1Gi"}


def disk() -> Disk:
    """The volume that snapshots are taken of."""
    found: Disk = seen(DISKS, {"metadata": {"name": "v", "uid": "uid-v"}, "spec": {"capacity": {"storage": "1Gi"}}})
    return found


class Taking(SynchronousTestCase):
    """The sidecar."""

    def decide(self, found: Content, of: Snapshot | None = None, **more: Any) -> Decision:
        """With a volume and a class, unless it is said otherwise."""
        classed, taken = more.get("classed", True), more.get("taken", True)
        return decide_content(
            found, of or snapshot(), more.get("disk", disk()), classed=classed, taken=taken, now=NOW
        )

    def test_it_says_first_that_it_takes_one(self) -> None:
        """So that a snapshot of which no answer came is not forgotten."""
        (step,) = self.decide(content()).steps
        assert isinstance(step, Patch)
        self.assertEqual(step.body["metadata"]["annotations"], {BEING_CREATED: "yes"})

    def test_it_waits_until_one_is_taken(self) -> None:
        found = content(meta={"annotations": {BEING_CREATED: "yes"}})
        self.assertEqual(to_take(found, disk()), HANDLE)
        self.assertEqual((to_take(content(), disk()), to_take(found, None)), (None, None))
        decision = self.decide(found, taken=False)
        self.assertEqual((decision.steps, decision.again), ((), 0.2))

    def test_it_takes_one(self) -> None:
        status, note = self.decide(content(meta={"annotations": {BEING_CREATED: "yes"}})).steps
        assert isinstance(status, Patch) and isinstance(note, Patch)
        self.assertEqual(status.at.subresource, "status")
        self.assertEqual(
            (status.body["status"]["snapshotHandle"], status.body["status"]["restoreSize"]), (HANDLE, 1 << 30)
        )
        self.assertEqual(note.body["metadata"]["annotations"], {BEING_CREATED: None})

    def test_it_cannot(self) -> None:
        for more in ({"disk": None}, {"classed": False}, {"of": snapshot(meta={"annotations": {FAULT: "snapshot"}})}):
            status, told, *_ = self.decide(content(), **more).steps
            assert isinstance(status, Patch) and isinstance(told, Tell)
            self.assertIs(status.body["status"]["readyToUse"], False)
            self.assertEqual(told.body["reason"], "SnapshotCreationFailed")

    def test_one_of_another_driver(self) -> None:
        self.assertIsNone(size_of("other"))
        _, told = self.decide(content(source={"snapshotHandle": "other"})).steps
        assert isinstance(told, Tell)
        self.assertEqual(told.body["reason"], "SnapshotContentCheckandUpdateFailed")

    def test_one_that_was_there(self) -> None:
        (status,) = self.decide(content(source={"snapshotHandle": HANDLE})).steps
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["snapshotHandle"], HANDLE)

    def test_it_goes_once_its_snapshot_does(self) -> None:
        leaving = {"deletionTimestamp": STAMP}
        self.assertEqual(self.decide(content(HELD, meta=leaving)), REST)
        told = leaving | {"annotations": {BEING_DELETED: "yes"}}
        self.assertEqual(to_drop(content(HELD, meta=told)), HANDLE)
        for stays in (content(HELD), content(HELD, meta=leaving), content(HELD, meta=told, policy="Retain")):
            self.assertIsNone(to_drop(stays))
        (status,) = self.decide(content(HELD, meta=told)).steps
        assert isinstance(status, Patch)
        self.assertIsNone(status.body["status"]["snapshotHandle"])
        (freed,) = self.decide(content({}, meta=told)).steps
        self.assertIsInstance(freed, Rewrite)
        (kept,) = self.decide(content(HELD, meta=told, policy="Retain")).steps
        self.assertIsInstance(kept, Rewrite)


class Restoring(SynchronousTestCase):
    """The provisioner."""

    SOURCE: Manifest = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}

    def setUp(self) -> None:
        self.filled: list[tuple[str, str]] = []
        self.ready = True

    def fill(self, source: str, target: str) -> bool:
        """As it is ready."""
        self.filled.append((source, target))
        return self.ready

    def test_a_claim_gets_its_volume(self) -> None:
        wish = claim(spec={"dataSource": self.SOURCE, "volumeMode": "Filesystem"})
        self.assertEqual(source(wish), "s")
        (step,) = decide_restored(wish, snapshot(READY), content(HELD), self.fill, NOW).steps
        self.assertIsInstance(step, Create)
        self.assertEqual(self.filled, [(HANDLE, "pvc-uid-c")])
        self.ready = False
        waits = decide_restored(wish, snapshot(READY), content(HELD), self.fill, NOW)
        self.assertEqual((waits.steps, waits.again), ((), 0.2))

    def test_why_it_gets_none(self) -> None:
        wish = claim(spec={"dataSource": self.SOURCE, "volumeMode": "Filesystem"})
        block = claim(spec={"dataSource": self.SOURCE})
        small = claim(spec={"dataSource": self.SOURCE, "resources": {"requests": {"storage": "1Mi"}}})
        for asked, of, held, text in (
            (wish, None, None, "error getting snapshot s from api server"),
            (wish, snapshot(READY, meta={"deletionTimestamp": STAMP}), content(HELD), "is currently being deleted"),
            (wish, snapshot(), None, "snapshot s not bound"),
            (wish, snapshot(READY), content(HELD, of="other"), "snapshot s not bound"),
            (wish, snapshot({"readyToUse": False}), content({}), "snapshot s is not Ready"),
            (wish, snapshot(READY), content({}), "snapshot handle s is not available"),
            (small, snapshot(READY), content(HELD), "is less than the size 1073741824 for the source snapshot s"),
            (block, snapshot(READY), content(HELD), "modifies the mode of the source volume"),
        ):
            (told,) = decide_restored(asked, of, held, self.fill, NOW).steps
            assert isinstance(told, Tell)
            self.assertIn(text, told.body["message"])
