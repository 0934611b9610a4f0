"""What the snapshot controller does about a VolumeSnapshot that goes.

external-snapshotter 8.6.0, pkg/common-controller, checkandRemoveSnapshotFinalizersAndCheckandDeleteContent.
"""

from dicot.kube.address import place

from ..events import WARNING
from ..finalizers import finalized
from ..steps import REST, Decision, Step, act
from .kinds import CONTENTS
from .names import BEING_DELETED, CLAIM_SOURCE, IN_GROUP, SNAPSHOT_BOUND, SNAPSHOT_SOURCE
from .saying import AGAIN, passed_on
from .scene import CLAIMS, Scene, is_of


def leave(scene: Scene) -> Decision:
    """Let a snapshot go: with its content where that is to be deleted with it, after it."""
    snapshot, meta = scene.snapshot, scene.snapshot.metadata
    if not {SNAPSHOT_BOUND, SNAPSHOT_SOURCE} & set(meta.finalizers):
        return REST
    found = scene.bound or scene.content
    content = found if found is not None and is_of(found, snapshot) else None
    if content is not None and scene.restored:
        text = "Snapshot is being used to restore a PVC"
        return act(scene.subject.said(WARNING, "SnapshotDeletePending", text), again=AGAIN)
    if scene.parent is not None:
        text = _grouped(scene.subject.key, f"{meta.namespace}/{scene.parent.name}")
        return act(scene.subject.said(WARNING, "SnapshotDeletePending", text), again=AGAIN)
    goes = content is not None and content.spec.deletionPolicy == "Delete"
    steps = passed_on(CONTENTS, content.metadata, BEING_DELETED, goes=goes) if content is not None else []
    let_go = freed(scene, scene.held)
    if let_go is not None:
        steps.append(let_go)
    gone = [SNAPSHOT_SOURCE] if goes else [SNAPSHOT_SOURCE, SNAPSHOT_BOUND]
    if snapshot.status is not None and snapshot.status.volumeGroupSnapshotName is not None:
        gone.append(IN_GROUP)
    if set(gone) & set(meta.finalizers):
        steps.append(finalized(scene.subject.at(), meta.uid, remove=gone))
    return act(*steps) if steps else REST


def freed(scene: Scene, busy: bool) -> Step | None:
    """The claim is let go of once nothing is taken of it any more."""
    claim = scene.claim
    if claim is None or busy or CLAIM_SOURCE not in claim.metadata.finalizers:
        return None
    where = place(CLAIMS, claim.metadata.namespace, claim.metadata.name)
    return finalized(where, claim.metadata.uid, remove=(CLAIM_SOURCE,))


def _grouped(member: str, group: str) -> str:
    alone = f"deletion of the individual volume snapshot {member} is not allowed"
    together = "Deleting the group snapshot will trigger the deletion of all the individual volume snapshots"
    return f"{alone} as it belongs to group snapshot {group}. {together} that are part of the group."
