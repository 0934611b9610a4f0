"""What the storage of the nodes does with groups of snapshots: takes them at one moment, keeps them, removes them.

As the sidecar of a CSI driver: external-snapshotter 8.6.0, pkg/sidecar-controller/groupsnapshot_helper.go. The driver
keeps no books: of which group a snapshot is, and how large, its handle says.
"""

import json
from collections.abc import Sequence

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ...kube.quantity import whole
from ..finalizers import finalized
from ..marks import FAULT
from ..snapshots.groups.kinds import GROUP_CONTENTS, Group, GroupContent
from ..snapshots.groups.names import BEING_CREATED, BEING_DELETED, CONTENT_BOUND, GROUP
from ..snapshots.saying import Problem, Subject
from ..steps import REST, Decision, act
from .kinds import Disk
from .snapshots import BROKEN, SOON, group_handle, size_of
from .volumes import PROVISIONER

_GONE: Manifest = dict.fromkeys(("volumeGroupSnapshotHandle", "readyToUse", "creationTime", "error"))
Disks = Sequence[Disk | None]


def decide_group(
    content: GroupContent, group: Group | None, disks: Disks, *, classed: bool, taken: bool, now: float
) -> Decision:
    """The next step for a group's content of our driver. ``disks``: the volumes that it is taken of, in its order.
    ``classed``: whether the class that it names, if any, is there; ``taken``: whether what is ``to_take`` was."""
    if content.spec.driver != PROVISIONER:
        return REST
    subject = _subject(content, now)
    if content.metadata.deletionTimestamp is not None:
        return _remove(content, subject) if _may_go(content) else REST
    status, notes = content.status, content.metadata.annotations
    if status is not None and status.readyToUse:
        return act(subject.noted(BEING_CREATED, None)) if BEING_CREATED in notes else REST
    if content.spec.source.groupSnapshotHandles is not None:
        return _find(content, subject, classed)
    wrong = _untaken(content, group, disks, classed)
    if wrong:
        return _refuse(content, subject, wrong)
    pairs = to_take(content, disks)
    if not pairs:
        return act(subject.noted(BEING_CREATED, "yes"))
    if not taken:
        return Decision(again=SOON)
    return act(subject.status(_made(content, pairs, now)), subject.noted(BEING_CREATED, None))


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


def _remove(content: GroupContent, subject: Subject) -> Decision:
    """The group goes where it is to be deleted, and then its content."""
    meta = content.metadata
    if _is_deleted(content):
        return act(subject.status(_GONE))
    if CONTENT_BOUND not in meta.finalizers:
        return REST
    return act(finalized(subject.at(), meta.uid, remove=(CONTENT_BOUND,)))


def _subject(content: GroupContent, now: float) -> Subject:
    """A content, as its driver speaks of it."""
    error = content.status.error if content.status is not None else None
    return Subject(GROUP_CONTENTS, "VolumeGroupSnapshotContent", content.metadata, error, PROVISIONER, now)


def _find(content: GroupContent, subject: Subject, classed: bool) -> Decision:
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
        return act(subject.status(_known(handle, subject.now)))
    return _refuse(content, subject, wrong, created=False)


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


def _refuse(content: GroupContent, subject: Subject, wrong: str, *, created: bool = True) -> Decision:
    """Say once what is wrong, and try again; all tries but the first look how it is first."""
    problem = Problem(
        "GroupSnapshotContentCheckandUpdateFailed", f"Failed to check and update group snapshot content: {wrong}"
    )
    if created and content.status is None:
        problem = Problem("GroupSnapshotCreationFailed", f"Failed to create group snapshot: {wrong}")
    refused = subject.fails(problem)
    freed = [subject.noted(BEING_CREATED, None)] if BEING_CREATED in content.metadata.annotations else []
    return act(*refused.steps, *freed, again=refused.again)
