"""What the storage of the nodes does with snapshots: takes them, keeps them, removes them.

As the sidecar of a CSI driver: external-snapshotter 8.6.0, pkg/sidecar-controller. The driver keeps no books: how
large a snapshot is, its handle says.
"""

import json
import re

from dicot.kube.address import place
from dicot.kube.kind import HasMeta, Manifest
from dicot.moments import read, stamp

from ...kube.quantity import whole
from ..events import WARNING, tell
from ..finalizers import finalized
from ..marks import FAULT, delay
from ..snapshots.groups.names import HANDLE
from ..snapshots.kinds import CONTENTS, Content, Snapshot
from ..snapshots.names import BEING_CREATED, BEING_DELETED, CONTENT_BOUND, GROUP, VERSION
from ..steps import REST, Decision, Patch, Step, act
from .kinds import Disk
from .volumes import PROVISIONER

BROKEN = "snapshot"
"""The fault of a VolumeSnapshot that cannot be taken."""
_HANDLE = re.compile(r"(?:snapshot-[0-9a-f-]{36}|(groupsnapshot-[0-9a-z-]+)-\d+)-(\d+)\Z")
_AGAIN, SOON = 2.0, 0.2
_GONE: Manifest = dict.fromkeys(("snapshotHandle", "readyToUse", "creationTime", "restoreSize"))


def decide_content(
    content: Content, snapshot: Snapshot | None, disk: Disk | None, *, classed: bool, taken: bool, now: float
) -> Decision:
    """The next step for a content of our driver. ``disk``: the volume that it is taken of. ``classed``: whether the
    class that it names, if any, is there. ``taken``: whether what is ``to_take`` has been."""
    if content.spec.driver != PROVISIONER:
        return REST
    if content.metadata.deletionTimestamp is not None:
        return _remove(content) if _may_go(content) else REST
    status, notes = content.status, content.metadata.annotations
    if content.spec.source.volumeHandle is not None and HANDLE in notes:
        # It was taken with its group, and whoever made this content says what of it.
        return REST
    if status is not None and status.readyToUse:
        return act(_note(content, None)) if BEING_CREATED in notes else REST
    if content.spec.source.snapshotHandle is not None:
        return _find(content, content.spec.source.snapshotHandle, now)
    wrong = _untaken(content, snapshot, disk, classed=classed, now=now)
    if wrong is not None:
        return wrong
    made = to_take(content, disk)
    if made is None:
        return act(_note(content, "yes"))
    if not taken:
        return Decision(again=SOON)
    return act(_status(content, _made(made, size_of(made) or 0, now)), _note(content, None))


def to_take(content: Content, disk: Disk | None) -> str | None:
    """The handle of the snapshot that is to be taken now; None where it is not the moment."""
    waits = content.status is None or not content.status.readyToUse
    notes = content.metadata.annotations
    if disk is None or BEING_CREATED not in notes or HANDLE in notes or not waits:
        return None
    size = whole(disk.spec.capacity.get("storage", 0))
    return f"snapshot-{content.spec.volumeSnapshotRef.uid}-{size}"


def to_drop(content: Content) -> str | None:
    """The handle of the snapshot that goes with its content now."""
    leaves = content.metadata.deletionTimestamp is not None and _may_go(content)
    return _deleted(content) if content.spec.driver == PROVISIONER and leaves else None


def _deleted(content: Content) -> str | None:
    """The handle of the snapshot that is to be deleted with a content; one of a group goes with that."""
    status = content.status
    if content.spec.deletionPolicy != "Delete" or status is None or status.volumeGroupSnapshotHandle is not None:
        return None
    return status.snapshotHandle


def size_of(handle: str) -> int | None:
    """Bytes that a snapshot holds; None for a handle that is not of this driver."""
    found = _HANDLE.match(handle)
    return int(found[2]) if found is not None else None


def group_handle(handle: str) -> str | None:
    """The handle of the group that a snapshot was taken with; None for one that was taken alone."""
    found = _HANDLE.match(handle)
    return found[1] if found is not None else None


def lasts(snapshot: HasMeta | None, now: float) -> bool:
    """Whether the storage still takes a snapshot, or a group of them, that is slow."""
    meta = snapshot.metadata if snapshot is not None else None
    return meta is not None and (read(meta.creationTimestamp) or now) + delay(meta.annotations) > now


def _may_go(content: Content) -> bool:
    notes = content.metadata.annotations
    if content.spec.source.snapshotHandle is not None and not content.spec.volumeSnapshotRef.uid:
        return True
    return BEING_CREATED not in notes and BEING_DELETED in notes


def _remove(content: Content) -> Decision:
    """The snapshot goes where it is to be deleted, and then its content."""
    meta = content.metadata
    if _deleted(content) is not None:
        return act(_status(content, _GONE))
    if CONTENT_BOUND not in meta.finalizers:
        return REST
    return act(finalized(place(CONTENTS, "", meta.name), meta.uid, remove=(CONTENT_BOUND,)))


def _note(content: Content, value: str | None) -> Step:
    meta = content.metadata
    body = {"metadata": {"uid": meta.uid, "annotations": {BEING_CREATED: value}}}
    return Patch(place(CONTENTS, "", meta.name), body)


def _status(content: Content, changes: Manifest) -> Step:
    meta = content.metadata
    return Patch(place(CONTENTS, "", meta.name, "status"), {"metadata": {"uid": meta.uid}, "status": changes})


def _find(content: Content, handle: str, now: float) -> Decision:
    """A snapshot that was there before its content."""
    size = size_of(handle)
    if size is None:
        why = f"rpc error: code = NotFound desc = snapshot {handle} is not here"
        text = f"failed to list snapshot for content {content.metadata.name}: {json.dumps(why)}"
        said = f"Failed to check and update snapshot content: {text}"
        return _fail(content, "SnapshotContentCheckandUpdateFailed", said, now)
    made, group = _made(handle, size, now), group_handle(handle)
    return act(_status(content, made if group is None else made | {"volumeGroupSnapshotHandle": group}))


def _made(handle: str, size: int, now: float) -> Manifest:
    said: Manifest = {"snapshotHandle": handle, "readyToUse": True, "creationTime": int(now) * 10**9, "error": None}
    return said | ({"restoreSize": size} if size else {})


def _untaken(
    content: Content, snapshot: Snapshot | None, disk: Disk | None, *, classed: bool, now: float
) -> Decision | None:
    """What is said of a snapshot that cannot be taken; None where it can."""
    meta, handle = content.metadata, content.spec.source.volumeHandle
    if not classed:
        why = f'volumesnapshotclass.{GROUP} "{content.spec.volumeSnapshotClassName}" not found'
        text = f"failed to get input parameters to create snapshot for content {meta.name}: {json.dumps(why)}"
        return _fail(content, "SnapshotCreationFailed", f"Failed to create snapshot: {text}", now)
    fault = snapshot.metadata.annotations.get(FAULT) if snapshot is not None else None
    if disk is None or fault == BROKEN:
        why = f"NotFound desc = volume {handle} is not here" if disk is None else "Internal desc = there is no room"
        text = f"failed to take snapshot of the volume {handle}: {json.dumps(f'rpc error: code = {why}')}"
        freed = [_note(content, None)] if BEING_CREATED in meta.annotations else []
        return _fail(content, "SnapshotCreationFailed", f"Failed to create snapshot: {text}", now, *freed)
    return None


def _fail(content: Content, reason: str, message: str, now: float, *more: Step) -> Decision:
    """Say once what is wrong, and try again."""
    status = content.status
    if status is not None and status.error is not None and status.error.message == message:
        return Decision(again=_AGAIN)
    said = {"readyToUse": False, "error": {"message": message, "time": stamp(now)}}
    told = tell(
        f"{GROUP}/{VERSION}", "VolumeSnapshotContent", content.metadata, WARNING, reason, message, PROVISIONER, now
    )
    return act(_status(content, said), told, *more, again=_AGAIN)
