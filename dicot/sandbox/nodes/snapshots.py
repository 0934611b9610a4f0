"""What the storage of the nodes does with snapshots: takes them, keeps them, removes them.

As the sidecar of a CSI driver: external-snapshotter 8.6.0, pkg/sidecar-controller. The driver keeps no books: how
large a snapshot is, its handle says.
"""

import json
import re

from dicot.kube.kind import HasMeta, Manifest
from dicot.moments import read

from ...kube.quantity import whole
from ..finalizers import finalized
from ..marks import FAULT, delay
from ..snapshots.groups.names import HANDLE
from ..snapshots.kinds import CONTENTS, Content, Snapshot
from ..snapshots.names import BEING_CREATED, BEING_DELETED, CONTENT_BOUND, GROUP
from ..snapshots.saying import Problem, Subject
from ..steps import REST, Decision, act
from .kinds import Disk
from .volumes import PROVISIONER

BROKEN = "snapshot"
"""The fault of a VolumeSnapshot that cannot be taken."""
_HANDLE = re.compile(r"(?:snapshot-[0-9a-f-]{36}|(groupsnapshot-[0-9a-z-]+)-\d+)-(\d+)\Z")
SOON = 0.2
_GONE: Manifest = dict.fromkeys(("snapshotHandle", "readyToUse", "creationTime", "restoreSize"))


def decide_content(
    content: Content, snapshot: Snapshot | None, disk: Disk | None, *, classed: bool, taken: bool, now: float
) -> Decision:
    """The next step for a content of our driver. ``disk``: the volume that it is taken of. ``classed``: whether the
    class that it names, if any, is there. ``taken``: whether what is ``to_take`` has been."""
    if content.spec.driver != PROVISIONER:
        return REST
    subject = _subject(content, now)
    if content.metadata.deletionTimestamp is not None:
        return _remove(content, subject) if _may_go(content) else REST
    status, notes = content.status, content.metadata.annotations
    if content.spec.source.volumeHandle is not None and HANDLE in notes:
        # It was taken with its group, and whoever made this content says what of it.
        return REST
    if status is not None and status.readyToUse:
        return act(subject.noted(BEING_CREATED, None)) if BEING_CREATED in notes else REST
    if content.spec.source.snapshotHandle is not None:
        return _find(subject, content.spec.source.snapshotHandle)
    wrong = _untaken(content, subject, snapshot, disk, classed=classed)
    if wrong is not None:
        return wrong
    made = to_take(content, disk)
    if made is None:
        return act(subject.noted(BEING_CREATED, "yes"))
    if not taken:
        return Decision(again=SOON)
    told = subject.status(_made(made, size_of(made) or 0, now))
    return act(told, subject.noted(BEING_CREATED, None))


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


def _remove(content: Content, subject: Subject) -> Decision:
    """The snapshot goes where it is to be deleted, and then its content."""
    meta = content.metadata
    if _deleted(content) is not None:
        return act(subject.status(_GONE))
    if CONTENT_BOUND not in meta.finalizers:
        return REST
    return act(finalized(subject.at(), meta.uid, remove=(CONTENT_BOUND,)))


def _subject(content: Content, now: float) -> Subject:
    """A content, as its driver speaks of it."""
    error = content.status.error if content.status is not None else None
    return Subject(CONTENTS, "VolumeSnapshotContent", content.metadata, error, PROVISIONER, now)


def _find(subject: Subject, handle: str) -> Decision:
    """A snapshot that was there before its content."""
    size = size_of(handle)
    if size is None:
        why = f"rpc error: code = NotFound desc = snapshot {handle} is not here"
        text = f"failed to list snapshot for content {subject.meta.name}: {json.dumps(why)}"
        said = f"Failed to check and update snapshot content: {text}"
        return subject.fails(Problem("SnapshotContentCheckandUpdateFailed", said))
    made, group = _made(handle, size, subject.now), group_handle(handle)
    return act(subject.status(made if group is None else made | {"volumeGroupSnapshotHandle": group}))


def _made(handle: str, size: int, now: float) -> Manifest:
    said: Manifest = {"snapshotHandle": handle, "readyToUse": True, "creationTime": int(now) * 10**9, "error": None}
    return said | ({"restoreSize": size} if size else {})


def _untaken(
    content: Content, subject: Subject, snapshot: Snapshot | None, disk: Disk | None, *, classed: bool
) -> Decision | None:
    """What is said of a snapshot that cannot be taken; None where it can."""
    meta, handle = content.metadata, content.spec.source.volumeHandle
    if not classed:
        why = f'volumesnapshotclass.{GROUP} "{content.spec.volumeSnapshotClassName}" not found'
        text = f"failed to get input parameters to create snapshot for content {meta.name}: {json.dumps(why)}"
        return subject.fails(Problem("SnapshotCreationFailed", f"Failed to create snapshot: {text}"))
    fault = snapshot.metadata.annotations.get(FAULT) if snapshot is not None else None
    if disk is None or fault == BROKEN:
        why = f"NotFound desc = volume {handle} is not here" if disk is None else "Internal desc = there is no room"
        text = f"failed to take snapshot of the volume {handle}: {json.dumps(f'rpc error: code = {why}')}"
        freed = [subject.noted(BEING_CREATED, None)] if BEING_CREATED in meta.annotations else []
        return subject.fails(Problem("SnapshotCreationFailed", f"Failed to create snapshot: {text}"), *freed)
    return None
