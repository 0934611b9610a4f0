"""What the snapshot controller does about a VolumeSnapshotContent (external-snapshotter 8.6.0, syncContent)."""

from dicot.kube.address import place

from ..finalizers import finalized
from ..steps import REST, Decision, Patch, act
from .kinds import CONTENTS, Content, Snapshot
from .names import BEING_DELETED, CONTENT_BOUND, SNAPSHOT_BOUND, SNAPSHOT_SOURCE


def decide(content: Content, snapshot: Snapshot | None) -> Decision:
    """The next step for a content. ``snapshot``: the one of the name that it says, if there is one."""
    meta, reference = content.metadata, content.spec.volumeSnapshotRef
    if not reference.uid:
        return REST
    at = place(CONTENTS, "", meta.name)
    if meta.deletionTimestamp is None and CONTENT_BOUND not in meta.finalizers:
        return act(finalized(at, meta.uid, (CONTENT_BOUND,)))
    if snapshot is None or snapshot.metadata.uid != reference.uid or BEING_DELETED in meta.annotations:
        return REST
    held = {SNAPSHOT_BOUND, SNAPSHOT_SOURCE} & set(snapshot.metadata.finalizers)
    if snapshot.metadata.deletionTimestamp is None or not held:
        return REST
    return act(Patch(at, {"metadata": {"uid": meta.uid, "annotations": {BEING_DELETED: "yes"}}}))
