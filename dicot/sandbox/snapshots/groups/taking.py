"""What the snapshot controller does about a VolumeGroupSnapshot.

external-snapshotter 8.6.0, pkg/common-controller/groupsnapshot_controller_helper.go.
"""

import json

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ...events import NORMAL, WARNING
from ...finalizers import finalized
from ...steps import REST, Create, Decision, Patch, Remove, Step, act
from ..kinds import SNAPSHOTS
from ..saying import AGAIN, Problem, passed_on
from ..scene import Claim, Disk, is_bound
from .kinds import GROUP_CONTENTS, GroupClass, GroupContent, Selector
from .members import missing
from .names import BEING_DELETED, DEFAULT_CLASS, GROUP, GROUP_BOUND, KIND, VERSION
from .scene import GroupScene, content_name, is_of, written
from .status import after


def decide(scene: GroupScene) -> Decision:
    """The next step for a group."""
    group, leaves = scene.group, scene.group.metadata.deletionTimestamp is not None
    wrong = _class(scene)
    if isinstance(wrong, Patch):
        return act(wrong)
    if wrong is not None and not (leaves and wrong.reason == "GetGroupSnapshotClassFailed"):
        return scene.subject.fails(wrong)
    if leaves:
        return _leave(scene)
    wrong = _mismatch(scene)
    if wrong is not None:
        text = f"Failed to check and update group snapshot: {_why(scene, wrong)}"
        return scene.subject.fails(wrong, scene.subject.said(WARNING, "GroupSnapshotFinalizerError", text))
    bound = group.status is not None and bool(group.status.boundVolumeGroupSnapshotContentName)
    if scene.content is not None and bound and GROUP_BOUND not in group.metadata.finalizers:
        return act(finalized(scene.subject.at(), group.metadata.uid, (GROUP_BOUND,)))
    return _keep(scene) if scene.is_ready else _take(scene)


def _class(scene: GroupScene) -> Problem | Patch | None:
    """What is wrong with the class; the default one is written into a group that names none."""
    name = scene.group.spec.volumeGroupSnapshotClassName
    if name is not None:
        if name in scene.classes:
            return None
        text = f'volumegroupsnapshotclass.{GROUP} "{name}" not found'
        why = f"failed to get group snapshot class with error {text}"
        return Problem("GetGroupSnapshotClassFailed", why, unready=False)
    if scene.is_given:
        return None
    found = _default(scene)
    if isinstance(found, str):
        text = f"Failed to set default group snapshot class with error {found}"
        return Problem("SetDefaultGroupSnapshotClassFailed", text, unready=False)
    named = {"volumeGroupSnapshotClassName": found.metadata.name}
    return Patch(scene.subject.at(), {"metadata": {"uid": scene.group.metadata.uid}, "spec": named})


def _default(scene: GroupScene) -> GroupClass | str:
    disks = _disks(scene)
    if isinstance(disks, str):
        return disks
    csi = disks[0].spec.csi
    if csi is None:
        return f"snapshotting non-CSI volumes is not supported, group snapshot:{scene.subject.key}"
    marked = [
        each
        for each in scene.classes.values()
        if each.metadata.annotations.get(DEFAULT_CLASS) == "true" and each.driver == csi.driver
    ]
    if len(marked) == 1:
        return marked[0]
    return (
        f"{len(marked)} default snapshot classes were found" if marked else "cannot find default group snapshot class"
    )


def _disks(scene: GroupScene) -> list[Disk] | str:
    """The volumes that the group is taken of, or why there are none."""
    if not scene.claims:
        selector = written(scene.group.spec.source.selector or Selector())
        return f"label selector {selector} for group snapshot not applied to any PVC"
    found = []
    for claim, disk in scene.claims:
        wrong = _unbound(claim, disk)
        if wrong or disk is None:
            return wrong
        found.append(disk)
    return found


def _unbound(claim: Claim, disk: Disk | None) -> str:
    if claim.status.phase != "Bound":
        return f"the PVC {claim.metadata.name} is not yet bound to a PV, will not attempt to take a group snapshot"
    if disk is None:
        text = f'persistentvolumes "{claim.spec.volumeName}" not found'
        return f"failed to retrieve PV {claim.spec.volumeName} from the API server: {json.dumps(text)}"
    return "" if is_bound(claim, disk) else "claim in dataSource not bound or invalid"


def _mismatch(scene: GroupScene) -> Problem | None:
    """What is wrong with the content that the group leads to."""
    content, name = scene.content, content_name(scene.group)
    if content is None:
        return None
    handles = content.spec.source.groupSnapshotHandles
    if scene.is_given and handles is None:
        text = "VolumeGroupSnapshotContent is dynamically provisioned while expecting a pre-provisioned one"
        return Problem("GroupSnapshotContentMismatch", text)
    if not scene.is_given and handles is not None:
        text = f"VolumeGroupSnapshotContent {name} is pre-provisioned while expecting a dynamically provisioned one"
        return Problem("GroupSnapshotContentMismatch", text)
    reference, meta = content.spec.volumeGroupSnapshotRef, scene.group.metadata
    uids = (meta.uid, "") if scene.is_given else (meta.uid,)
    if (reference.namespace, reference.name) == (meta.namespace, meta.name) and reference.uid in uids:
        return None
    text = f"VolumeGroupSnapshotContent [{name}] is bound to a different group snapshot"
    return Problem("GroupSnapshotContentMisbound", text)


def _why(scene: GroupScene, problem: Problem) -> str:
    """The controller's own words for it, which the second Event repeats."""
    if problem.reason != "GroupSnapshotContentMismatch":
        return problem.message
    wanted, got = "a dynamically provisioned", "a pre-provisioned"
    if scene.is_given:
        wanted, got = got, wanted
    name = content_name(scene.group)
    return f"group snapshot {scene.subject.key} expects {wanted} VolumeGroupSnapshotContent {name} but gets {got} one"


def _keep(scene: GroupScene) -> Decision:
    """A group that was ready stays so while its content is there and says the same."""
    if scene.bound is None:
        return scene.subject.fails(Problem("GroupSnapshotContentMissing", "VolumeGroupSnapshotContent is missing"))
    if not is_of(scene.bound, scene.group):
        text = "VolumeGroupSnapshotContent is not bound to the VolumeGroupSnapshot correctly"
        return scene.subject.fails(Problem("GroupSnapshotMisbound", text))
    return REST


def _take(scene: GroupScene) -> Decision:
    content = scene.content
    if content is not None:
        step = _binding(scene, content) if scene.is_given else None
        steps = [step] if step is not None else [] if scene.is_given else missing(scene, content)
        return act(*(steps or _follow(scene, content)))
    if scene.is_given:
        return scene.subject.fails(Problem("GroupSnapshotContentMissing", "VolumeGroupSnapshotContent is missing"))
    return _start(scene)


def _binding(scene: GroupScene, content: GroupContent) -> Step | None:
    """A content that was there before learns to which group it belongs, and of which class."""
    named, reference = scene.group.spec.volumeGroupSnapshotClassName, content.spec.volumeGroupSnapshotRef
    changes: Manifest = {} if reference.uid else {"volumeGroupSnapshotRef": {"uid": scene.group.metadata.uid}}
    if named is not None and content.spec.volumeGroupSnapshotClassName is None:
        changes["volumeGroupSnapshotClassName"] = named
    if not changes:
        return None
    meta = content.metadata
    return Patch(place(GROUP_CONTENTS, "", meta.name), {"metadata": {"uid": meta.uid}, "spec": changes})


def _follow(scene: GroupScene, content: GroupContent) -> list[Step]:
    """Say of the group what its content says."""
    changes = after(scene.group.status, content)
    if not changes:
        return []
    old = scene.group.status
    return scene.subject.follows("GroupSnapshot", old is not None and bool(old.readyToUse), changes)


def _start(scene: GroupScene) -> Decision:
    """Ask the driver for snapshots of all volumes by one content."""
    group, disks = scene.group, _disks(scene)
    if isinstance(disks, str):
        text = f"failed to get input parameters to create group snapshot {group.metadata.name}: {json.dumps(disks)}"
        return _failed(scene, text)
    found = scene.classes[group.spec.volumeGroupSnapshotClassName or ""]
    handles = []
    for disk in disks:
        csi, name = disk.spec.csi, disk.metadata.name
        if csi is None:
            why = f"cannot snapshot a non-CSI volume for group snapshot {scene.subject.key}: {name}"
            return _failed(scene, why, f"Cannot snapshot a non-CSI volume: {name}")
        if csi.driver != found.driver:
            pair = f"Volume CSI driver ({csi.driver}) mismatch with VolumeGroupSnapshotClass ({found.driver})"
            why = f"{pair} {scene.subject.key}: {name}"
            return _failed(
                scene, f"snapshot controller failed to update {scene.subject.key} on API server: {why}", why
            )
        handles.append(csi.volumeHandle)
    text = f"Waiting for a group snapshot {scene.subject.key} to be created by the CSI driver."
    created = Create(place(GROUP_CONTENTS, ""), _content(scene, found, handles))
    bound = scene.subject.status({"boundVolumeGroupSnapshotContentName": content_name(group), "readyToUse": False})
    return act(created, scene.subject.said(NORMAL, "CreatingGroupSnapshot", text), bound)


def _failed(scene: GroupScene, why: str, told: str = "") -> Decision:
    problem = Problem(
        "GroupSnapshotContentCreationFailed", f"failed to create group snapshot content with error {why}"
    )
    more = [scene.subject.said(WARNING, "CreateGroupSnapshotContentFailed", told)] if told else []
    return scene.subject.fails(problem, *more)


def _content(scene: GroupScene, found: GroupClass, handles: list[str]) -> Manifest:
    meta = scene.group.metadata
    reference = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
        "resourceVersion": meta.resourceVersion,
    }
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "VolumeGroupSnapshotContent",
        "metadata": {"name": content_name(scene.group)},
        "spec": {
            "volumeGroupSnapshotRef": reference,
            "source": {"volumeHandles": handles},
            "volumeGroupSnapshotClassName": found.metadata.name,
            "deletionPolicy": found.deletionPolicy,
            "driver": found.driver,
        },
    }


def _leave(scene: GroupScene) -> Decision:
    """Let a group go with its members: after its content where that is to be deleted with it."""
    group, meta = scene.group, scene.group.metadata
    if GROUP_BOUND not in meta.finalizers:
        return REST
    if scene.restored:
        member = f"Snapshot {meta.namespace}/{scene.restored} belonging to VolumeGroupSnapshot {scene.subject.key}"
        told = scene.subject.said(WARNING, "SnapshotDeletePending", f"{member} is being used to restore a PVC")
        return act(told, again=AGAIN)
    content = scene.bound if scene.bound is not None and is_of(scene.bound, group) else None
    goes = content is not None and content.spec.deletionPolicy == "Delete"
    steps = passed_on(GROUP_CONTENTS, content.metadata, BEING_DELETED, goes=goes) if content is not None else []
    for each in scene.members:
        if each.metadata.deletionTimestamp is None:
            steps.append(Remove(place(SNAPSHOTS, meta.namespace, each.metadata.name), each.metadata.uid, None))
    if not goes:
        steps.append(finalized(scene.subject.at(), meta.uid, remove=(GROUP_BOUND,)))
    return act(*steps)
