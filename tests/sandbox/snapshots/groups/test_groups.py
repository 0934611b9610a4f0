"""What the snapshot controller does about groups, their contents and their members."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import place
from dicot.kube.kind import Manifest
from dicot.sandbox.snapshots import taking as single
from dicot.sandbox.snapshots.groups import holding
from dicot.sandbox.snapshots.groups.kinds import GROUP_CONTENTS, GROUPS, Requirement, Selector
from dicot.sandbox.snapshots.groups.names import BEING_DELETED, KIND
from dicot.sandbox.snapshots.groups.scene import GroupScene, Member, part_name, selects, written
from dicot.sandbox.snapshots.groups.taking import decide
from dicot.sandbox.snapshots.kinds import CONTENTS, SNAPSHOTS, Reference
from dicot.sandbox.snapshots.names import IN_GROUP, SNAPSHOT_SOURCE
from dicot.sandbox.snapshots.scene import CLAIMS, DISKS, Scene
from dicot.sandbox.steps import REST, Create, Decision, Patch, Remove, Rewrite, Tell

from ..things import DRIVER, NOW, STAMP, UID, seen
from ..things import content as member_content
from ..things import snapshot as member_snapshot
from .things import HANDLE, NAME, content, group, group_class, taken

READY: Manifest = {"boundVolumeGroupSnapshotContentName": NAME, "readyToUse": True}
BOUND: Manifest = {"boundVolumeGroupSnapshotContentName": NAME, "readyToUse": False}


def pair(name: str, csi: Manifest | None = None, phase: str = "Bound") -> Any:
    """A claim and its volume, which is of our driver unless it is said otherwise."""
    meta = {"name": f"c-{name}", "namespace": "n", "uid": f"uid-c-{name}", "labels": {"app": "db"}}
    claim = {"metadata": meta, "spec": {"volumeName": name}, "status": {"phase": phase}}
    reference = {"namespace": "n", "name": f"c-{name}", "uid": f"uid-c-{name}"}
    source = {"driver": DRIVER, "volumeHandle": name} if csi is None else csi
    spec = {"claimRef": reference, "volumeMode": "Block"} | ({"csi": source} if source else {})
    return seen(CLAIMS, claim), seen(DISKS, {"metadata": {"name": name, "uid": f"uid-{name}"}, "spec": spec})


def part(handle: str, **more: Any) -> Member:
    """A part of a group, of which nothing is there unless it is said."""
    name = part_name(group(), handle)
    known = {"snapshot": None, "content": None, "disk": pair(handle)[1]} | more
    return Member(handle, f"snapshot-{name}", f"snapcontent-{name}", **known)


def scene(**more: Any) -> GroupScene:
    """All that a group needs, unless it is said otherwise."""
    known: dict[str, Any] = {
        "group": group(),
        "content": None,
        "bound": None,
        "claims": (pair("v"), pair("w")),
        "classes": {"standard": group_class()},
        "parts": (),
        "members": (),
        "restored": "",
        "now": NOW,
    }
    return GroupScene(**known | more)


def said(decision: Decision) -> str:
    """What is written as an error."""
    patch = next(step for step in decision.steps if isinstance(step, Patch))
    text: str = patch.body["status"]["error"]["message"]
    return text


class Selecting(SynchronousTestCase):
    """The claims of a group."""

    def test_labels_alone_count(self) -> None:
        found = Selector({"app": "db"}, [Requirement("app", "DoesNotExist")])
        self.assertTrue(selects(found, {"app": "db", "tier": "1"}))
        self.assertFalse(selects(found, {"tier": "1"}))
        self.assertTrue(selects(Selector(), {}))

    def test_how_a_selector_is_told(self) -> None:
        others = [Requirement("b", "Exists"), Requirement("c", "DoesNotExist"), Requirement("a", "NotIn", ["y", "x"])]
        self.assertEqual(written(Selector({"d": "1"}, others)), "a notin (x,y),b,!c,d=1")
        self.assertEqual(written(Selector()), "<none>")


class Takes(SynchronousTestCase):
    """From claims to a content, and what it says."""

    def test_a_content_asks_the_driver(self) -> None:
        create, told, bound = decide(scene()).steps
        assert isinstance(create, Create) and isinstance(told, Tell) and isinstance(bound, Patch)
        self.assertEqual(create.at, place(GROUP_CONTENTS, ""))
        self.assertEqual(create.body["spec"]["source"], {"volumeHandles": ["v", "w"]})
        self.assertEqual(told.body["reason"], "CreatingGroupSnapshot")
        self.assertEqual(bound.body["status"], BOUND)

    def test_the_default_class_is_written_into_it(self) -> None:
        (step,) = decide(scene(group=group(named=None))).steps
        body = {"metadata": {"uid": UID}, "spec": {"volumeGroupSnapshotClassName": "standard"}}
        self.assertEqual(step, Patch(place(GROUPS, "n", "g"), body))

    def test_what_is_wrong_is_said_once(self) -> None:
        unnamed, two = group(named=None), {"a": group_class("a"), "b": group_class("b")}
        given = {"groupSnapshotHandles": {"volumeGroupSnapshotHandle": HANDLE, "volumeSnapshotHandles": []}}
        for found, text in (
            (scene(classes={}), "failed to get group snapshot class with error volumegroupsnapshotclass."),
            (scene(group=unnamed, classes={}), "cannot find default group snapshot class"),
            (scene(group=unnamed, classes=two), "2 default snapshot classes were found"),
            (scene(claims=()), 'g: "label selector app=db for group snapshot not applied to any PVC"'),
            (scene(claims=(pair("v", phase="Pending"),)), "the PVC c-v is not yet bound to a PV"),
            (scene(claims=((pair("v")[0], None),)), "failed to retrieve PV v from the API server"),
            (scene(claims=((pair("v")[0], pair("w")[1]),)), "claim in dataSource not bound or invalid"),
            (scene(claims=(pair("v", {}),)), "cannot snapshot a non-CSI volume for group snapshot n/g: v"),
            (scene(group=unnamed, claims=(pair("v", {}),)), "snapshotting non-CSI volumes is not supported"),
            (scene(claims=(pair("v", {"driver": "o", "volumeHandle": "v"}),)), "Volume CSI driver (o) mismatch"),
            (scene(content=content(of="other")), "is bound to a different group snapshot"),
            (scene(content=content(source=given)), "is pre-provisioned while expecting"),
        ):
            decision = decide(found)
            self.assertIn(text, said(decision))
            again = group({"error": {"message": said(decision)}}, named=found.group.spec.volumeGroupSnapshotClassName)
            repeated = decide(GroupScene(**{**{k: getattr(found, k) for k in GroupScene.__slots__}, "group": again}))
            self.assertEqual((repeated.steps, repeated.again), ((), decision.again))

    def test_it_is_held_once_it_is_bound(self) -> None:
        (step,) = decide(scene(group=group(BOUND, meta={"finalizers": []}), content=content())).steps
        self.assertIsInstance(step, Rewrite)
        self.assertEqual(decide(scene(group=group(BOUND), content=content())), REST)

    def test_members_are_made(self) -> None:
        found = scene(group=group(BOUND), content=content(taken("v")), parts=(part("v"),))
        mine, own = decide(found).steps
        assert isinstance(mine, Create) and isinstance(own, Create)
        self.assertEqual((mine.at, own.at), (place(CONTENTS, ""), place(SNAPSHOTS, "n")))
        self.assertEqual(mine.body["spec"]["sourceVolumeMode"], "Block")
        self.assertEqual(own.body["spec"], {"source": {"persistentVolumeClaimName": "c-v"}})
        self.assertEqual(own.body["metadata"]["finalizers"], [IN_GROUP])
        self.assertEqual(own.body["metadata"]["ownerReferences"][0]["kind"], KIND)

    def test_a_member_whose_volume_is_gone(self) -> None:
        found = scene(group=group(BOUND), content=content(taken("v")), parts=(part("v", disk=None),))
        mine, own = decide(found).steps
        assert isinstance(mine, Create) and isinstance(own, Create)
        self.assertNotIn("sourceVolumeMode", mine.body["spec"])
        self.assertEqual(own.body["spec"], {"source": {"persistentVolumeClaimName": ""}})

    def test_members_learn_of_each_other(self) -> None:
        """And what was taken of them; then the group is ready."""
        loose = part("v", snapshot=member_snapshot(), content=member_content(of=""))
        found = scene(group=group(BOUND), content=content(taken("v")), parts=(loose,))
        one, other, status = decide(found).steps
        assert isinstance(one, Patch) and isinstance(other, Patch) and isinstance(status, Patch)
        self.assertEqual(one.body["spec"], {"volumeSnapshotRef": {"uid": UID}})
        self.assertEqual(other.body["status"], {"boundVolumeSnapshotContentName": f"snapcontent-{UID}"})
        self.assertEqual(status.body["status"]["volumeGroupSnapshotHandle"], HANDLE)
        known = member_content({"snapshotHandle": "h"})
        tied = part("v", snapshot=member_snapshot({"boundVolumeSnapshotContentName": "x"}), content=known)
        patch, told = decide(scene(group=group(BOUND), content=content(taken("v")), parts=(tied,))).steps
        assert isinstance(patch, Patch) and isinstance(told, Tell)
        self.assertEqual(patch.body["status"], {"readyToUse": True})

    def test_a_content_that_was_there_is_bound(self) -> None:
        source = {"groupSnapshotHandles": {"volumeGroupSnapshotHandle": HANDLE, "volumeSnapshotHandles": []}}
        stands = group(source={"volumeGroupSnapshotContentName": NAME}, meta={"finalizers": []})
        loose = content(source=source, of="", named=None)
        (step,) = decide(scene(group=stands, content=loose)).steps
        assert isinstance(step, Patch)
        wanted = {"volumeGroupSnapshotRef": {"uid": UID}, "volumeGroupSnapshotClassName": "standard"}
        self.assertEqual(step.body["spec"], wanted)
        self.assertIn("VolumeGroupSnapshotContent is missing", said(decide(scene(group=stands))))

    def test_an_error_is_passed_on_and_taken_back(self) -> None:
        wrong = {"error": {"message": "m", "time": STAMP}, "readyToUse": False}
        (patch,) = decide(scene(group=group(BOUND), content=content(wrong))).steps
        assert isinstance(patch, Patch)
        self.assertEqual(patch.body["status"], {"error": wrong["error"]})
        (patch,) = decide(scene(group=group(BOUND | wrong), content=content({"readyToUse": False}))).steps
        assert isinstance(patch, Patch)
        self.assertEqual(patch.body["status"], {"error": None})

    def test_a_ready_one_rests(self) -> None:
        held = {"content": content(), "bound": content()}
        self.assertEqual(decide(scene(group=group(READY), **held)), REST)
        self.assertIn("VolumeGroupSnapshotContent is missing", said(decide(scene(group=group(READY)))))
        misbound = scene(group=group(READY), content=content(), bound=content(of="other"))
        self.assertIn("is not bound to the VolumeGroupSnapshot correctly", said(decide(misbound)))


class Leaves(SynchronousTestCase):
    """Deletion."""

    def leaving(self, **more: Any) -> GroupScene:
        """One that goes."""
        gone = group(READY, meta={"deletionTimestamp": STAMP})
        members = (member_snapshot({"volumeGroupSnapshotName": "g"}),)
        return scene(**({"group": gone, "content": content(), "bound": content(), "members": members} | more))

    def test_its_content_goes_first(self) -> None:
        note, gone, member = decide(self.leaving()).steps
        assert isinstance(note, Patch) and isinstance(gone, Remove) and isinstance(member, Remove)
        self.assertEqual(note.body["metadata"]["annotations"], {BEING_DELETED: "yes"})
        self.assertEqual((gone.at.plural, member.at.plural), ("volumegroupsnapshotcontents", "volumesnapshots"))

    def test_a_content_that_is_kept(self) -> None:
        kept = content(policy="Retain", meta={"annotations": {BEING_DELETED: "yes"}})
        member, freed = decide(self.leaving(content=kept, bound=kept)).steps
        self.assertIsInstance(member, Remove)
        self.assertIsInstance(freed, Rewrite)

    def test_it_goes_also_without_its_class(self) -> None:
        *_, freed = decide(self.leaving(content=None, bound=None, classes={})).steps
        self.assertIsInstance(freed, Rewrite)

    def test_it_stays_while_a_member_is_restored(self) -> None:
        (told,) = decide(self.leaving(restored="s")).steps
        assert isinstance(told, Tell)
        self.assertEqual(told.body["reason"], "SnapshotDeletePending")

    def test_one_that_nothing_holds(self) -> None:
        gone = group(READY, meta={"deletionTimestamp": STAMP, "finalizers": ["other"]})
        self.assertEqual(decide(self.leaving(group=gone)), REST)


class Contents(SynchronousTestCase):
    """Contents are held."""

    def test_one_is_held(self) -> None:
        (step,) = holding.decide(content(meta={"finalizers": []})).steps
        self.assertIsInstance(step, Rewrite)
        gone = {"finalizers": [], "deletionTimestamp": STAMP}
        for found in (content(), content(of="", meta={"finalizers": []}), content(meta=gone)):
            self.assertEqual(holding.decide(found), REST)


class Members(SynchronousTestCase):
    """The VolumeSnapshots of a group."""

    OWNED: Manifest = {"ownerReferences": [{"kind": KIND, "name": "g", "uid": UID}]}
    STATUS: Manifest = {"boundVolumeSnapshotContentName": f"snapcontent-{UID}"}

    def scene(self, status: Manifest | None, **more: Any) -> Scene:
        """A member, unclassed, whose content is there."""
        meta = {"finalizers": [IN_GROUP, SNAPSHOT_SOURCE], **more.pop("meta", self.OWNED)}
        known: dict[str, Any] = {
            "snapshot": member_snapshot(status, named=None, meta=meta),
            "content": None,
            "bound": member_content({"readyToUse": True}) if status is not None else None,
            "claim": None,
            "disk": None,
            "classes": {},
            "held": False,
            "restored": False,
            "now": NOW,
            "group": "g",
        }
        return Scene(**known | more)

    def test_its_group_binds_it(self) -> None:
        waits = single.decide(self.scene(None))
        self.assertEqual((waits.steps, waits.again), ((), 2.0))
        patch, told = single.decide(self.scene(self.STATUS)).steps
        assert isinstance(patch, Patch) and isinstance(told, Tell)
        self.assertEqual(patch.body["status"], {"readyToUse": True, "volumeGroupSnapshotName": "g"})

    def test_one_of_a_group_that_nobody_knows(self) -> None:
        text = said(single.decide(self.scene(self.STATUS, group=None)))
        self.assertIn("cannot find the group snapshot for VolumeSnapshot [n/s]", text)

    def test_one_that_was_there_is_owned(self) -> None:
        ready = self.STATUS | {"readyToUse": True, "volumeGroupSnapshotName": "g"}
        found = {"meta": {}, "parent": Reference("g", "n", "uid-g"), "classes": {}}
        (step,) = single.decide(self.scene(ready, **found, snapshot=self.given(ready))).steps
        assert isinstance(step, Rewrite)
        changed = step.change({"metadata": {"uid": UID}})
        assert changed is not None
        self.assertEqual(changed["metadata"]["ownerReferences"][0]["uid"], "uid-g")
        self.assertIsNone(step.change(changed))
        waits = single.decide(self.scene(ready, meta={}, snapshot=self.given(ready)))
        self.assertEqual((waits.steps, waits.again), ((), 2.0))

    def given(self, status: Manifest) -> Any:
        """A snapshot that stands for a content."""
        return member_snapshot(status, named=None, source={"volumeSnapshotContentName": f"snapcontent-{UID}"})

    def test_it_does_not_go_alone(self) -> None:
        known = self.STATUS | {"readyToUse": True, "volumeGroupSnapshotName": "g"}
        gone = self.OWNED | {"deletionTimestamp": STAMP}
        stays = single.decide(self.scene(known, meta=gone, parent=Reference("g", "n", UID)))
        (told,) = stays.steps
        assert isinstance(told, Tell)
        self.assertIn("is not allowed as it belongs to group snapshot n/g.", told.body["message"])
        *_, freed = single.decide(self.scene(known, meta=gone)).steps
        assert isinstance(freed, Rewrite)
        changed = freed.change({"metadata": {"uid": UID, "finalizers": [IN_GROUP, SNAPSHOT_SOURCE]}})
        assert changed is not None
        self.assertEqual(changed["metadata"]["finalizers"], [])
