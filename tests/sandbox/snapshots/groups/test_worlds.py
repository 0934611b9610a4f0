"""What is decided again about groups when something changes, and on what."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.kube.store import Store
from dicot.sandbox.controller import Key
from dicot.sandbox.marks import DELAY
from dicot.sandbox.nodes.grouped import Grouped
from dicot.sandbox.nodes.kinds import DISKS as NODE_DISKS
from dicot.sandbox.nodes.work.contents import Contents
from dicot.sandbox.nodes.work.shots import Shots
from dicot.sandbox.snapshots.groups.kinds import GROUP_CONTENTS, GROUPS
from dicot.sandbox.snapshots.groups.names import BEING_CREATED, BEING_DELETED, DEFAULT_CLASS, KIND
from dicot.sandbox.snapshots.groups.scene import part_name
from dicot.sandbox.snapshots.kinds import SNAPSHOTS
from dicot.sandbox.snapshots.names import SNAPSHOT_SOURCE
from dicot.sandbox.snapshots.world import SnapshotWorld
from dicot.sandbox.steps import Create, Decision, Patch, Remove, Tell

from ...things import raw
from ...told import ToldTestCase
from ..things import DRIVER, NOW, STAMP, UID
from .things import HANDLE, NAME, SIZE, group, taken

GROUP: Manifest = {
    "metadata": {"name": "g", "namespace": "n", "uid": UID},
    "spec": {"source": {"selector": {"matchLabels": {"app": "db"}}}, "volumeGroupSnapshotClassName": "standard"},
}
CLASS: Manifest = {
    "metadata": {"name": "standard", "uid": "uid-k", "annotations": {DEFAULT_CLASS: "true"}},
    "driver": DRIVER,
    "deletionPolicy": "Delete",
}
MEMBER = f"snapshot-{part_name(group(), 'v')}"


def content(status: Manifest | None = None, **meta: Any) -> Manifest:
    """The group's."""
    spec = {
        "driver": DRIVER,
        "deletionPolicy": "Delete",
        "source": {"volumeHandles": ["v"]},
        "volumeGroupSnapshotRef": {"namespace": "n", "name": "g", "uid": UID},
        "volumeGroupSnapshotClassName": "standard",
    }
    found: Manifest = {"metadata": {"name": NAME, "uid": "uid-x", **meta}, "spec": spec}
    return found | ({"status": status} if status is not None else {})


def volume(name: str = "v") -> Manifest:
    """A volume of ours, for a claim of its name."""
    spec = {"csi": {"driver": DRIVER, "volumeHandle": name}, "claimRef": {"namespace": "n", "name": f"c-{name}"}}
    return {"metadata": {"name": name, "uid": f"uid-{name}"}, "spec": spec | {"capacity": {"storage": "1Gi"}}}


def claim(name: str, app: str, **more: Any) -> Manifest:
    """A claim that is bound to a volume, unless it is said otherwise."""
    meta = {"name": f"c-{name}", "namespace": "n", "uid": f"uid-c-{name}", "labels": {"app": app}}
    known: Manifest = {"metadata": meta, "spec": {"volumeName": name}, "status": {"phase": "Bound"}}
    return known | more


def member(**status: Any) -> Manifest:
    """The one of the volume."""
    owners = [{"kind": KIND, "name": "g", "uid": UID}]
    meta = {"name": MEMBER, "namespace": "n", "uid": "uid-m", "ownerReferences": owners}
    spec = {"source": {"persistentVolumeClaimName": "c-v"}}
    return {"metadata": meta | {"finalizers": [SNAPSHOT_SOURCE]}, "spec": spec, "status": status}


class Controlled(ToldTestCase):
    """The snapshot controller's."""

    def setUp(self) -> None:
        self.world = SnapshotWorld()
        self.groups = self.world.grouped
        self.hears(self.world)

    def decide(self) -> Decision:
        """About the group."""
        return self.world.decide(Key(GROUPS, "n", "g"), NOW)

    def test_the_claims_of_a_namespace_are_chosen_by_name(self) -> None:
        self.tell(self.groups.classes, CLASS)
        for name, app in (("w", "db"), ("v", "db"), ("x", "web")):
            self.tell(self.world.disks, volume(name))
            self.tell(self.world.claims, claim(name, app))
        touched = self.tell(self.groups.groups, GROUP)
        self.assertEqual(set(touched), {Key(GROUPS, "n", "g"), Key(GROUP_CONTENTS, "", NAME)})
        create, *_ = self.decide().steps
        assert isinstance(create, Create)
        self.assertEqual(create.body["spec"]["source"], {"volumeHandles": ["v", "w"]})
        self.assertIn(Key(GROUPS, "n", "g"), self.world.everything())

    def test_a_content_touches_its_group(self) -> None:
        """Which has members of the volumes that are there still."""
        self.tell(self.groups.classes, CLASS)
        self.tell(self.groups.groups, GROUP)
        touched = self.tell(self.groups.contents, content(taken("v")))
        self.assertEqual(set(touched), {Key(GROUPS, "n", "g"), Key(GROUP_CONTENTS, "", NAME)})
        for claims in ("", "c-v"):
            _, made = self.decide().steps
            assert isinstance(made, Create)
            self.assertEqual(made.body["metadata"]["name"], MEMBER)
            self.assertEqual(made.body["spec"]["source"], {"persistentVolumeClaimName": claims})
            self.tell(self.world.disks, volume())

    def test_members_touch_their_group_and_it_them(self) -> None:
        self.tell(self.groups.groups, GROUP)
        touched = self.tell(self.world.snapshots, member())
        self.assertIn(Key(GROUPS, "n", "g"), touched)
        reference = {"volumeSnapshotRef": {"namespace": "n", "name": MEMBER}}
        bound = {"metadata": {"name": "y", "uid": "uid-y"}, "spec": reference}
        self.assertIn(Key(GROUPS, "n", "g"), self.tell(self.world.contents, bound))
        self.again.clear()
        self.groups.groups.forget("n", "g", UID)
        self.assertIn(Key(SNAPSHOTS, "n", MEMBER), self.again)

    def test_a_member_learns_of_its_group(self) -> None:
        """By the handle that the driver gave to both."""
        bound = {"metadata": {"name": "y", "uid": "uid-y"}, "spec": {}}
        status = {"readyToUse": True, "volumeGroupSnapshotHandle": HANDLE}
        self.tell(self.world.contents, bound | {"status": status})
        self.tell(self.world.snapshots, member(boundVolumeSnapshotContentName="y"))
        key = Key(SNAPSHOTS, "n", MEMBER)
        first, *_ = self.world.decide(key, NOW).steps
        assert isinstance(first, Patch)
        self.assertIn("cannot find the group snapshot", first.body["status"]["error"]["message"])
        self.tell(self.groups.contents, content(taken("v")))
        first, *_ = self.world.decide(key, NOW).steps
        assert isinstance(first, Patch)
        self.assertEqual(first.body["status"]["volumeGroupSnapshotName"], "g")

    def test_a_group_waits_while_a_member_is_restored(self) -> None:
        held = {"finalizers": ["groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-bound-protection"]}
        self.tell(self.groups.groups, GROUP | {"metadata": GROUP["metadata"] | held | {"deletionTimestamp": STAMP}})
        self.tell(self.world.snapshots, member())
        source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": MEMBER}
        waiting = claim("r", "other", spec={"dataSource": source}, status={"phase": "Pending"})
        self.tell(self.world.claims, waiting)
        (told,) = self.decide().steps
        self.assertIsInstance(told, Tell)
        self.tell(self.world.claims, waiting | {"status": {"phase": "Bound"}})
        gone, _ = self.decide().steps
        assert isinstance(gone, Remove)
        self.assertEqual(gone.at.name, MEMBER)


class AtOnce(Contents):
    """Copies at once."""

    def _run(self, work: Any) -> Deferred[None]:
        work()
        return succeed(None)


class Stored(SynchronousTestCase):
    """The nodes'."""

    def setUp(self) -> None:
        self.contents = AtOnce(Path(self.mktemp()), None)
        self.contents.write("v", b"before", 0)
        self.disks: Store[Any] = Store(NODE_DISKS)
        self.grouped = Grouped(self.disks, Shots(self.contents))
        self.disks.replace([raw(volume())], "1")
        self.grouped.classes.replace([raw(CLASS)], "1")
        self.handle = f"{HANDLE}-0-{SIZE}"

    def decide(self, manifest: Manifest) -> Decision:
        """About a content."""
        return self.grouped.decide(GROUP_CONTENTS.decode(raw(manifest)), NOW)

    def test_what_volumes_hold_is_kept(self) -> None:
        """From the moment on that is told of, and as long as the group is."""
        asked = content(annotations={BEING_CREATED: "yes"})
        self.assertEqual(self.decide(asked).steps, ())
        self.contents.write("v", b"after", 0)
        status, _ = self.decide(asked).steps
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["volumeSnapshotInfoList"][0]["snapshotHandle"], self.handle)
        self.assertEqual(self.contents.path(self.handle).read_bytes(), b"before")
        gone = {"deletionTimestamp": STAMP, "annotations": {BEING_DELETED: "yes"}}
        self.decide(content(status.body["status"], **gone))
        self.assertFalse(self.contents.path(self.handle).exists())

    def test_nothing_is_kept_of_volumes_that_hold_nothing(self) -> None:
        self.grouped = Grouped(self.disks, None)
        self.grouped.classes.replace([raw(CLASS)], "1")
        status, _ = self.decide(content(annotations={BEING_CREATED: "yes"})).steps
        self.assertIsInstance(status, Patch)
        self.decide(content(taken("v"), deletionTimestamp=STAMP, annotations={BEING_DELETED: "yes"}))
        self.assertEqual([each.name for each in self.contents.folder.iterdir()], ["v"])

    def test_a_slow_one_takes_its_time(self) -> None:
        """Since its group was asked for; what it holds is of the moment at which the driver was."""
        slow = GROUP["metadata"] | {"annotations": {DELAY: "5"}, "creationTimestamp": STAMP, "resourceVersion": "1"}
        self.grouped.groups.replace([raw(GROUP | {"metadata": slow})], "1")
        asked = content(annotations={BEING_CREATED: "yes"})
        self.decide(asked)
        waits = self.decide(asked)
        self.assertEqual((waits.steps, waits.again), ((), 0.2))
        row = GROUP_CONTENTS.decode(raw(asked))
        self.assertEqual(len(self.grouped.decide(row, NOW + 5).steps), 2)

    def test_it_needs_its_class(self) -> None:
        self.grouped.classes.replace([], "2")
        status, *_ = self.decide(content()).steps
        assert isinstance(status, Patch)
        self.assertIn('\\"standard\\" not found', status.body["status"]["error"]["message"])
