"""What the storage of the nodes does with groups of snapshots."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.marks import FAULT
from dicot.sandbox.nodes.groups import decide_group, to_drop, to_take
from dicot.sandbox.nodes.kinds import DISKS, Disk
from dicot.sandbox.nodes.snapshots import decide_content, group_handle, size_of
from dicot.sandbox.nodes.snapshots import to_drop as member_to_drop
from dicot.sandbox.nodes.snapshots import to_take as member_to_take
from dicot.sandbox.snapshots.groups.kinds import GroupContent
from dicot.sandbox.snapshots.groups.names import BEING_CREATED, BEING_DELETED
from dicot.sandbox.snapshots.groups.names import HANDLE as HANDLE_NOTE
from dicot.sandbox.snapshots.names import BEING_DELETED as MEMBER_BEING_DELETED
from dicot.sandbox.steps import REST, Decision, Patch, Rewrite, Tell

from ..things import NOW, STAMP, UID, seen
from ..things import content as member_content
from .things import HANDLE, SIZE, content, group, taken

ASKED = {"annotations": {BEING_CREATED: "yes"}}
ONES = [f"{HANDLE}-0-{SIZE}", f"{HANDLE}-1-{SIZE}"]


def disk(name: str) -> Disk:
    """A volume."""
    found: Disk = seen(
        DISKS, {"metadata": {"name": name, "uid": f"u-{name}"}, "spec": {"capacity": {"storage": "1Gi"}}}
    )
    return found


BOTH = [disk("v"), disk("w")]


class Taking(SynchronousTestCase):
    """The sidecar."""

    def decide(self, found: GroupContent, **more: Any) -> Decision:
        """With its volumes and a class, unless it is said otherwise."""
        of, disks = more.get("group", group()), more.get("disks", BOTH)
        classed, taken = more.get("classed", True), more.get("taken", True)
        return decide_group(found, of, disks, classed=classed, taken=taken, now=NOW)

    def test_it_says_first_that_it_takes_one(self) -> None:
        (step,) = self.decide(content()).steps
        assert isinstance(step, Patch)
        self.assertEqual(step.body["metadata"]["annotations"], {BEING_CREATED: "yes"})

    def test_it_waits_until_all_are_taken(self) -> None:
        self.assertEqual(to_take(content(meta=ASKED), BOTH), [("v", ONES[0]), ("w", ONES[1])])
        self.assertEqual(to_take(content(), BOTH), [])
        self.assertEqual(to_take(content(meta=ASKED), [BOTH[0], None]), [])
        decision = self.decide(content(meta=ASKED), taken=False)
        self.assertEqual((decision.steps, decision.again), ((), 0.2))

    def test_it_takes_one(self) -> None:
        status, note = self.decide(content(meta=ASKED)).steps
        assert isinstance(status, Patch) and isinstance(note, Patch)
        said = status.body["status"]
        self.assertEqual((said["volumeGroupSnapshotHandle"], said["creationTime"]), (HANDLE, STAMP))
        self.assertEqual([each["snapshotHandle"] for each in said["volumeSnapshotInfoList"]], ONES)
        self.assertEqual([each["restoreSize"] for each in said["volumeSnapshotInfoList"]], [SIZE, SIZE])
        self.assertEqual(note.body["metadata"]["annotations"], {BEING_CREATED: None})

    def test_it_cannot(self) -> None:
        for more, text in (
            ({"disks": [BOTH[0], None]}, "volume w is not here"),
            ({"classed": False}, "failed to get input parameters to create group snapshot"),
            ({"group": group(meta={"annotations": {FAULT: "snapshot"}})}, "there is no room"),
        ):
            status, told, *_ = self.decide(content(), **more).steps
            assert isinstance(status, Patch) and isinstance(told, Tell)
            self.assertIn(text, status.body["status"]["error"]["message"])
            self.assertEqual(told.body["reason"], "GroupSnapshotCreationFailed")
            again, told, *_ = self.decide(content(status.body["status"]), **more).steps
            assert isinstance(again, Patch) and isinstance(told, Tell)
            self.assertEqual(told.body["reason"], "GroupSnapshotContentCheckandUpdateFailed")
            self.assertEqual(self.decide(content(again.body["status"]), **more).steps, ())

    def test_one_of_nobody(self) -> None:
        status, *_ = self.decide(content(of="")).steps
        assert isinstance(status, Patch)
        self.assertIn("not bound to a group snapshot", status.body["status"]["error"]["message"])

    def test_one_of_another_driver(self) -> None:
        self.assertEqual(self.decide(content(driver="other")), REST)

    def test_one_that_was_there(self) -> None:
        given = {"groupSnapshotHandles": {"volumeGroupSnapshotHandle": HANDLE, "volumeSnapshotHandles": ONES}}
        (status,) = self.decide(content(source=given)).steps
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["volumeGroupSnapshotHandle"], HANDLE)
        wrong: Manifest
        for wrong in ({"volumeGroupSnapshotHandle": "other"}, {"volumeSnapshotHandles": []}):
            source = {"groupSnapshotHandles": given["groupSnapshotHandles"] | wrong}
            _, told = self.decide(content(source=source)).steps
            assert isinstance(told, Tell)
            self.assertEqual(told.body["reason"], "GroupSnapshotContentCheckandUpdateFailed")

    def test_it_goes_once_its_group_does(self) -> None:
        leaving, held = {"deletionTimestamp": STAMP}, taken("v", "w")
        self.assertEqual(self.decide(content(held, meta=leaving)), REST)
        told = leaving | {"annotations": {BEING_DELETED: "yes"}}
        self.assertEqual(to_drop(content(held, meta=told)), ONES)
        for stays in (content(held), content(held, meta=leaving), content(held, meta=told, policy="Retain")):
            self.assertEqual(to_drop(stays), [])
        (status,) = self.decide(content(held, meta=told)).steps
        assert isinstance(status, Patch)
        self.assertIsNone(status.body["status"]["volumeGroupSnapshotHandle"])
        for found in (content({}, meta=told), content(held, meta=told, policy="Retain")):
            (freed,) = self.decide(found).steps
            self.assertIsInstance(freed, Rewrite)


class Members(SynchronousTestCase):
    """The contents of the snapshots of a group."""

    HELD: Manifest = {"snapshotHandle": ONES[0], "readyToUse": True, "volumeGroupSnapshotHandle": HANDLE}

    def test_a_handle_says_of_which_group(self) -> None:
        self.assertEqual((group_handle(ONES[0]), size_of(ONES[0])), (HANDLE, SIZE))
        self.assertIsNone(group_handle(f"snapshot-{UID}-{SIZE}"))

    def test_they_are_not_taken_again(self) -> None:
        found = member_content(meta={"annotations": {HANDLE_NOTE: HANDLE, **ASKED["annotations"]}})
        self.assertIsNone(member_to_take(found, BOTH[0]))
        self.assertEqual(decide_content(found, None, BOTH[0], classed=True, taken=False, now=NOW), REST)

    def test_they_go_without_what_they_stand_for(self) -> None:
        """That goes with the group."""
        gone = {"deletionTimestamp": STAMP, "annotations": {HANDLE_NOTE: HANDLE, MEMBER_BEING_DELETED: "yes"}}
        found = member_content(self.HELD, meta=gone)
        self.assertIsNone(member_to_drop(found))
        (freed,) = decide_content(found, None, BOTH[0], classed=True, taken=False, now=NOW).steps
        self.assertIsInstance(freed, Rewrite)

    def test_one_that_was_there_says_of_which_group(self) -> None:
        found = member_content(source={"snapshotHandle": ONES[1]})
        (status,) = decide_content(found, None, None, classed=True, taken=False, now=NOW).steps
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["volumeGroupSnapshotHandle"], HANDLE)
