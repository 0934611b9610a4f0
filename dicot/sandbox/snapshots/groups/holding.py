"""What the snapshot controller does about a VolumeGroupSnapshotContent (external-snapshotter 8.6.0,
syncGroupSnapshotContent)."""

from dicot.kube.address import place

from ...finalizers import finalized
from ...steps import REST, Decision, act
from .kinds import GROUP_CONTENTS, GroupContent
from .names import CONTENT_BOUND


def decide(content: GroupContent) -> Decision:
    """The next step for a content: it is held as soon as it belongs to a group."""
    meta = content.metadata
    if not content.spec.volumeGroupSnapshotRef.uid or meta.deletionTimestamp is not None:
        return REST
    if CONTENT_BOUND in meta.finalizers:
        return REST
    return act(finalized(place(GROUP_CONTENTS, "", meta.name), meta.uid, (CONTENT_BOUND,)))
