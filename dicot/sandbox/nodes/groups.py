"""What the storage of the nodes does with groups of snapshots: takes them at one moment, keeps them, removes them.

As the sidecar of a CSI driver: external-snapshotter 8.6.0, pkg/sidecar-controller/groupsnapshot_helper.go. The driver
keeps no books: of which group a snapshot is, and how large, its handle says.
"""

import json
from collections.abc import Sequence

from dicot.kube.address import place
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ...kube.quantity import whole
from ..events import WARNING, tell
from ..finalizers import finalized
from ..marks import FAULT
from ..snapshots.groups.kinds import GROUP_CONTENTS, Group, GroupContent
from ..snapshots.groups.names import BEING_CREATED, BEING_DELETED, CONTENT_BOUND, GROUP, VERSION
from ..steps import REST, Decision, Patch, Step, act
from .kinds import Disk
from .snapshots import BROKEN, group_handle, size_of
from .volumes import PROVISIONER

_AGAIN, _SOON = 2.0, 0.2
_GONE: Manifest = dict.fromkeys(("volumeGroupSnapshotHandle", "readyToUse", "creationTime", "error"))
Disks = Sequence[Disk | None]


def decide_group(
    content: GroupContent, group: Group | None, disks: Disks, *, classed: bool, taken: bool, now: float
) -> Decision:
    """The next step for a group's content of our driver. ``disks``: the volumes that it is taken of, in its order.
    ``classed``: whether the class that it names, if any, is there; ``taken``: whether what is ``to_take`` was."""
    if content.spec.driver != PROVISIONER:
        return REST
    if content.metadata.deletionTimestamp is not None:
        return _remove(content) if _may_go(content) else REST
    status, notes = content.status, content.metadata.annotations
    if status is not None and status.readyToUse:
        return act(_note(content, None)) if BEING_CREATED in notes else REST
    if content.spec.source.groupSnapshotHandles is not None:
        return _find(content, classed, now)
    wrong = _untaken(content, group, disks, classed)
    if wrong:
        return _refuse(content, wrong, now)
    pairs = to_take(content, disks)
    if not pairs:
        return act(_note(content, "yes"))
    if not taken:
        return Decision(again=_SOON)
    return act(_status(content, _made(content, pairs, now)), _note(content, None))


def to_take(content: GroupContent, disks: Disks) -> list[tuple[str, str]]:
    """The volumes that snapshots are to be taken of now, with the handles of these; [] where it is not the moment."""
    waits = content.status is None or not content.status.readyToUse
    if BEING_CREATED not in content.metadata.annotations or not waits or not disks:
        return []
    group, found = _handle(content), [disk for disk in disks if disk is not None]
    if len(found) < len(disks):
        return []
    sizes = [whole(disk.spec.capacity.get("storage", 0)) for disk in found]
    return [(disk.metadata.name, f"{group}-{index}-{sizes[index]}") for index, disk in enumerate(found)]


def to_drop(content: GroupContent) -> list[str]:
    """The handles of the snapshots that go with their group's content now."""
    leaves = content.metadata.deletionTimestamp is not None and _may_go(content)
    return _snapshots(content) if content.spec.driver == PROVISIONER and leaves and _is_deleted(content) else []


def _handle(content: GroupContent) -> str:
    return f"groupsnapshot-{content.spec.volumeGroupSnapshotRef.uid}"


def _snapshots(content: GroupContent) -> list[str]:
    taken = content.status.volumeSnapshotInfoList if content.status is not None else []
    given = content.spec.source.groupSnapshotHandles
    return [each.snapshotHandle for each in taken] or (given.volumeSnapshotHandles if given is not None else [])


def _is_deleted(content: GroupContent) -> bool:
    """Whether the group is there yet, and is to be deleted with its content."""
    status = content.status
    has_it = status is not None and status.volumeGroupSnapshotHandle is not None
    return content.spec.deletionPolicy == "Delete" and has_it


def _may_go(content: GroupContent) -> bool:
    notes = content.metadata.annotations
    if content.spec.source.groupSnapshotHandles is not None and not content.spec.volumeGroupSnapshotRef.uid:
        return True
    return BEING_CREATED not in notes and BEING_DELETED in notes


def _remove(content: GroupContent) -> Decision:
    """The group goes where it is to be deleted, and then its content."""
    meta = content.metadata
    if _is_deleted(content):
        return act(_status(content, _GONE))
    if CONTENT_BOUND not in meta.finalizers:
        return REST
    return act(finalized(place(GROUP_CONTENTS, "", meta.name), meta.uid, remove=(CONTENT_BOUND,)))


def _note(content: GroupContent, value: str | None) -> Step:
    meta = content.metadata
    body = {"metadata": {"uid": meta.uid, "annotations": {BEING_CREATED: value}}}
    return Patch(place(GROUP_CONTENTS, "", meta.name), body)


def _status(content: GroupContent, changes: Manifest) -> Step:
    meta = content.metadata
    return Patch(place(GROUP_CONTENTS, "", meta.name, "status"), {"metadata": {"uid": meta.uid}, "status": changes})


def _find(content: GroupContent, classed: bool, now: float) -> Decision:
    """A group that was there before its content."""
    given, name = content.spec.source.groupSnapshotHandles, content.metadata.name
    assert given is not None
    handle, snapshots = given.volumeGroupSnapshotHandle, given.volumeSnapshotHandles
    if not classed:
        absent = _absent(content)
        named = content.spec.volumeGroupSnapshotClassName
        wrong = f"failed to get group snapshot class {named} for group snapshot content {name}: {absent}"
    elif not snapshots:
        wrong = f"cannot list group snapshot {name}. No snapshots found in the group snapshot content"
    elif any(group_handle(each) != handle for each in snapshots):
        why = json.dumps(f"rpc error: code = NotFound desc = group {handle} with these snapshots is not here")
        wrong = f"failed to list group snapshot for group snapshot content {name}: {why}"
    else:
        return act(_status(content, _known(handle, now)))
    return _refuse(content, wrong, now, created=False)


def _known(handle: str, now: float) -> Manifest:
    return {"volumeGroupSnapshotHandle": handle, "readyToUse": True, "creationTime": stamp(now), "error": None}


def _made(content: GroupContent, pairs: Sequence[tuple[str, str]], now: float) -> Manifest:
    taken = [
        {
            "volumeHandle": volume,
            "snapshotHandle": handle,
            "creationTime": int(now) * 10**9,
            "readyToUse": True,
            "restoreSize": size_of(handle),
        }
        for volume, handle in pairs
    ]
    return _known(_handle(content), now) | {"volumeSnapshotInfoList": taken}


def _absent(content: GroupContent) -> str:
    return f'volumegroupsnapshotclass.{GROUP} "{content.spec.volumeGroupSnapshotClassName}" not found'


def _untaken(content: GroupContent, group: Group | None, disks: Disks, classed: bool) -> str:
    """Why a group cannot be taken; "" where it can."""
    name, handles = content.metadata.name, content.spec.source.volumeHandles or []
    absent = "" if classed else _absent(content)
    if content.spec.volumeGroupSnapshotClassName is None:
        absent = f"failed to take group snapshot {name} without a group snapshot class"
    if absent:
        return (
            f"failed to get input parameters to create group snapshot for group snapshot content {name}: "
            f"{json.dumps(absent)}"
        )
    missing = next((handle for handle, disk in zip(handles, disks, strict=True) if disk is None), "")
    is_broken = group is not None and group.metadata.annotations.get(FAULT) == BROKEN
    why = ""
    if not content.spec.volumeGroupSnapshotRef.uid:
        why = f"cannot create group snapshot. Group snapshot content {name} not bound to a group snapshot"
    elif missing:
        why = f"rpc error: code = NotFound desc = volume {missing} is not here"
    elif is_broken:
        why = "rpc error: code = Internal desc = there is no room"
    return f"failed to take group snapshot of the volumes [{' '.join(handles)}]: {json.dumps(why)}" if why else ""


def _refuse(content: GroupContent, wrong: str, now: float, *, created: bool = True) -> Decision:
    """Say once what is wrong, and try again; all tries but the first look how it is first."""
    status, freed = content.status, []
    reason = "GroupSnapshotContentCheckandUpdateFailed"
    message = f"Failed to check and update group snapshot content: {wrong}"
    if created and status is None:
        reason, message = "GroupSnapshotCreationFailed", f"Failed to create group snapshot: {wrong}"
    if BEING_CREATED in content.metadata.annotations:
        freed.append(_note(content, None))
    if status is not None and status.error is not None and status.error.message == message:
        return act(*freed, again=_AGAIN)
    said = {"readyToUse": False, "error": {"message": message, "time": stamp(now)}}
    about = (f"{GROUP}/{VERSION}", "VolumeGroupSnapshotContent", content.metadata)
    return act(_status(content, said), tell(*about, WARNING, reason, message, PROVISIONER, now), *freed, again=_AGAIN)
