"""What the snapshot controller does about snapshots and contents."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import place
from dicot.kube.kind import Manifest
from dicot.sandbox.snapshots import holding
from dicot.sandbox.snapshots.kinds import CONTENTS, SNAPSHOT_CLASSES, SNAPSHOTS
from dicot.sandbox.snapshots.names import BEING_DELETED, CLAIM_SOURCE, DEFAULT_CLASS
from dicot.sandbox.snapshots.scene import CLAIMS, DISKS, Scene
from dicot.sandbox.snapshots.taking import decide
from dicot.sandbox.steps import REST, Create, Decision, Patch, Remove, Rewrite, Tell

from .things import DRIVER, NOW, STAMP, UID, content, seen, snapshot

CLASS = {
    "metadata": {"name": "standard", "uid": "uid-k", "annotations": {DEFAULT_CLASS: "true"}},
    "driver": DRIVER,
    "deletionPolicy": "Delete",
}
CLAIM: Manifest = {
    "metadata": {"name": "c", "namespace": "n", "uid": "uid-c", "finalizers": [CLAIM_SOURCE]},
    "spec": {"volumeName": "v"},
    "status": {"phase": "Bound"},
}
DISK: Manifest = {
    "metadata": {"name": "v", "uid": "uid-v"},
    "spec": {
        "csi": {"driver": DRIVER, "volumeHandle": "v"},
        "claimRef": {"namespace": "n", "name": "c", "uid": "uid-c"},
        "volumeMode": "Block",
    },
}
READY = {"boundVolumeSnapshotContentName": f"snapcontent-{UID}", "readyToUse": True, "restoreSize": "1Gi"}


def scene(**more: Any) -> Scene:
    """All that a snapshot needs, unless it is said otherwise."""
    return Scene(
        **{
            "snapshot": snapshot(),
            "content": None,
            "bound": None,
            "claim": seen(CLAIMS, CLAIM),
            "disk": seen(DISKS, DISK),
            "classes": {"standard": seen(SNAPSHOT_CLASSES, CLASS)},
            "held": False,
            "restored": False,
            "now": NOW,
        }
        | more
    )


def said(decision: Decision) -> str:
    """What is written as an error."""
    patch = next(step for step in decision.steps if isinstance(step, Patch))
    text: str = patch.body["status"]["error"]["message"]
    return text


class Takes(SynchronousTestCase):
    """From a claim to a content, and what it says."""

    def test_a_content_asks_the_driver(self) -> None:
        create, told = decide(scene()).steps
        assert isinstance(create, Create) and isinstance(told, Tell)
        self.assertEqual(create.at, place(CONTENTS, ""))
        spec = create.body["spec"]
        self.assertEqual((spec["source"], spec["sourceVolumeMode"]), ({"volumeHandle": "v"}, "Block"))
        self.assertEqual((spec["driver"], spec["deletionPolicy"]), (DRIVER, "Delete"))
        self.assertEqual(told.body["reason"], "CreatingSnapshot")

    def test_its_claim_is_held_before(self) -> None:
        free = CLAIM | {"metadata": {"name": "c", "namespace": "n", "uid": "uid-c"}}
        (step,) = decide(scene(claim=seen(CLAIMS, free))).steps
        assert isinstance(step, Rewrite)
        changed = step.change({"metadata": {"uid": "uid-c"}})
        assert changed is not None
        self.assertEqual(changed["metadata"]["finalizers"], [CLAIM_SOURCE])
        self.assertIsNone(step.change({"metadata": {"uid": "another"}}))

    def test_the_default_class_is_written_into_it(self) -> None:
        (step,) = decide(scene(snapshot=snapshot(named=None))).steps
        self.assertEqual(
            step,
            Patch(
                place(SNAPSHOTS, "n", "s"),
                {"metadata": {"uid": UID}, "spec": {"volumeSnapshotClassName": "standard"}},
            ),
        )

    def test_what_is_wrong_is_said_once(self) -> None:
        for found, text in (
            (scene(classes={}), "Failed to get snapshot class with error volumesnapshotclass."),
            (scene(snapshot=snapshot(named=None), classes={}), "cannot find default snapshot class"),
            (scene(claim=None), "cannot get claim from snapshot"),
            (scene(disk=None), "failed to retrieve PV v from the API server"),
            (scene(disk=seen(DISKS, {**DISK, "spec": {"claimRef": DISK["spec"]["claimRef"]}})), "cannot find CSI"),
            (scene(content=content(of="other")), "is bound to a different snapshot"),
            (scene(content=content(source={"snapshotHandle": "h"})), "is pre-provisioned while expecting"),
        ):
            decision = decide(found)
            self.assertIn(text, said(decision))
            again = snapshot(
                {"error": {"message": said(decision)}}, named=found.snapshot.spec.volumeSnapshotClassName
            )
            repeated = decide(Scene(**{**{k: getattr(found, k) for k in Scene.__slots__}, "snapshot": again}))
            self.assertEqual((repeated.steps, repeated.again), ((), decision.again))

    def test_it_says_what_its_content_says(self) -> None:
        known = {"readyToUse": True, "creationTime": int(NOW) * 10**9, "restoreSize": 1 << 30}
        patch, *told = decide(scene(content=content(known))).steps
        assert isinstance(patch, Patch)
        self.assertEqual(patch.body["status"], READY | {"creationTime": STAMP})
        self.assertEqual(
            [each.body["reason"] for each in told if isinstance(each, Tell)], ["SnapshotCreated", "SnapshotReady"]
        )

    def test_a_ready_one_rests(self) -> None:
        ready, free = snapshot(READY), CLAIM | {"metadata": {"name": "c", "namespace": "n", "uid": "uid-c"}}
        rest = scene(snapshot=ready, content=content(), bound=content(), claim=seen(CLAIMS, free))
        self.assertEqual(decide(rest), REST)
        self.assertIn("VolumeSnapshotContent is missing", said(decide(scene(snapshot=ready, claim=None))))

    def test_a_ready_one_lets_go_of_its_claim(self) -> None:
        """Unless another is still taken of it."""
        ready = {"snapshot": snapshot(READY), "content": content(), "bound": content()}
        (step,) = decide(scene(**ready)).steps
        self.assertIsInstance(step, Rewrite)
        self.assertEqual(decide(scene(**ready, held=True)), REST)


class Leaves(SynchronousTestCase):
    """Deletion."""

    def leaving(self, **more: Any) -> Scene:
        """One that goes."""
        gone = snapshot(READY, meta={"deletionTimestamp": STAMP})
        return scene(**({"snapshot": gone, "content": content(), "bound": content(), "claim": None} | more))

    def test_its_content_goes_first(self) -> None:
        note, gone, freed = decide(self.leaving()).steps
        assert isinstance(note, Patch) and isinstance(gone, Remove) and isinstance(freed, Rewrite)
        self.assertEqual(note.body["metadata"]["annotations"], {BEING_DELETED: "yes"})

    def test_a_content_that_is_kept(self) -> None:
        kept = content(policy="Retain", meta={"annotations": {BEING_DELETED: "yes"}})
        (freed,) = decide(self.leaving(content=kept, bound=kept)).steps
        self.assertIsInstance(freed, Rewrite)

    def test_it_stays_while_it_is_restored(self) -> None:
        (told,) = decide(self.leaving(restored=True)).steps
        assert isinstance(told, Tell)
        self.assertEqual(told.body["reason"], "SnapshotDeletePending")


class Contents(SynchronousTestCase):
    """Contents are held, and learn that their snapshot goes."""

    def test_one_that_belongs_to_nobody_is_left_alone(self) -> None:
        self.assertEqual(holding.decide(content(of=""), None), REST)

    def test_one_is_held(self) -> None:
        (step,) = holding.decide(content(meta={"finalizers": []}), snapshot()).steps
        self.assertIsInstance(step, Rewrite)
        self.assertEqual(holding.decide(content(), snapshot()), REST)

    def test_one_whose_snapshot_goes(self) -> None:
        (step,) = holding.decide(content(), snapshot(meta={"deletionTimestamp": STAMP})).steps
        assert isinstance(step, Patch)
        self.assertEqual(step.body["metadata"]["annotations"], {BEING_DELETED: "yes"})
        self.assertEqual(holding.decide(content(of="other"), snapshot(meta={"deletionTimestamp": STAMP})), REST)
