"""What the snapshot controller does about a VolumeSnapshot (external-snapshotter 8.6.0, pkg/common-controller)."""

import json
from collections.abc import Iterator

from dicot.kube.address import Place, place
from dicot.kube.kind import Manifest

from ..events import NORMAL, WARNING
from ..finalizers import finalized
from ..steps import REST, Create, Decision, Patch, Rewrite, Step, act
from .groups.members import owner
from .kinds import CONTENTS, Content, SnapshotClass, group_of
from .leaving import freed, leave
from .names import CLAIM_SOURCE, DEFAULT_CLASS, GROUP, SNAPSHOT_BOUND, SNAPSHOT_SOURCE, VERSION
from .saying import AGAIN, Problem
from .scene import CLAIMS, Scene, content_name, is_bound, is_of
from .status import after


def decide(scene: Scene) -> Decision:
    """The next step for a snapshot."""
    snapshot, leaves = scene.snapshot, scene.snapshot.metadata.deletionTimestamp is not None
    wrong = _class(scene)
    if isinstance(wrong, Patch):
        return act(wrong)
    if wrong is not None and not (leaves and wrong.reason == "GetSnapshotClassFailed"):
        return scene.subject.fails(wrong)
    let_go = freed(scene, scene.held or not scene.is_ready)
    if let_go is not None:
        return act(let_go)
    if leaves:
        return leave(scene)
    wrong = _mismatch(scene)
    if wrong is not None:
        told = scene.subject.said(
            WARNING, "SnapshotFinalizerError", f"Failed to check and update snapshot: {_why(scene, wrong)}"
        )
        return scene.subject.fails(wrong, told)
    missing = list(_wanted(scene))
    if missing:
        return act(finalized(scene.subject.at(), snapshot.metadata.uid, missing))
    return _keep(scene) if scene.is_ready else _take(scene)


def _class(scene: Scene) -> Problem | Patch | None:
    """What is wrong with the class; the default one is written into a snapshot that names none."""
    name = scene.snapshot.spec.volumeSnapshotClassName
    if name is not None:
        if name in scene.classes:
            return None
        text = f'volumesnapshotclass.{GROUP} "{name}" not found'
        return Problem("GetSnapshotClassFailed", f"Failed to get snapshot class with error {text}", unready=False)
    if not scene.claim_name or group_of(scene.snapshot):
        return None
    found = _default(scene)
    if isinstance(found, str):
        text = f"Failed to set default snapshot class with error {found}"
        return Problem("SetDefaultSnapshotClassFailed", text, unready=False)
    body = {
        "metadata": {"uid": scene.snapshot.metadata.uid},
        "spec": {"volumeSnapshotClassName": found.metadata.name},
    }
    return Patch(scene.subject.at(), body)


def _default(scene: Scene) -> SnapshotClass | str:
    wrong = _unbound(scene)
    if wrong:
        return wrong
    csi = scene.disk.spec.csi if scene.disk is not None else None
    if csi is None:
        return f"snapshotting non-CSI volumes is not supported, snapshot:{scene.subject.key}"
    marked = [
        each
        for each in scene.classes.values()
        if each.metadata.annotations.get(DEFAULT_CLASS) == "true" and each.driver == csi.driver
    ]
    if len(marked) == 1:
        return marked[0]
    return f"{len(marked)} default snapshot classes were found" if marked else "cannot find default snapshot class"


def _unbound(scene: Scene) -> str:
    """Why there is no volume that a snapshot could be taken of."""
    claim, name = scene.claim, scene.claim_name
    if claim is None:
        return f"failed to retrieve PVC {name} from the lister: {json.dumps(_absent(name))}"
    if claim.status.phase != "Bound":
        return f"the PVC {name} is not yet bound to a PV, will not attempt to take a snapshot"
    if scene.disk is None:
        text = f'persistentvolumes "{claim.spec.volumeName}" not found'
        return f"failed to retrieve PV {claim.spec.volumeName} from the API server: {json.dumps(text)}"
    return "" if is_bound(claim, scene.disk) else "claim in dataSource not bound or invalid"


def _absent(claim: str) -> str:
    return f'persistentvolumeclaim "{claim}" not found'


def _mismatch(scene: Scene) -> Problem | None:
    """What is wrong with the content that the snapshot leads to."""
    content, name, given = scene.content, content_name(scene.snapshot), not scene.claim_name
    if content is None:
        return None
    if given and content.spec.source.snapshotHandle is None:
        text = "VolumeSnapshotContent is dynamically provisioned while expecting a pre-provisioned one"
        return Problem("SnapshotContentMismatch", text)
    if not given and content.spec.source.volumeHandle is None:
        text = f"VolumeSnapshotContent {name} is pre-provisioned while expecting a dynamically provisioned one"
        return Problem("SnapshotContentMismatch", text)
    reference, meta = content.spec.volumeSnapshotRef, scene.snapshot.metadata
    uids = (meta.uid, "") if given else (meta.uid,)
    if (reference.namespace, reference.name) == (meta.namespace, meta.name) and reference.uid in uids:
        return None
    return Problem("SnapshotContentMisbound", f"VolumeSnapshotContent [{name}] is bound to a different snapshot")


def _why(scene: Scene, problem: Problem) -> str:
    """The controller's own words for it, which the second Event repeats."""
    if problem.reason != "SnapshotContentMismatch":
        return problem.message
    wanted, got = "a pre-provisioned", "a dynamically provisioned"
    if scene.claim_name:
        wanted, got = "a dynamically provisioned", "a pre-provisioned"
    of, name = scene.subject.key, content_name(scene.snapshot)
    return f"snapshot {of} expects {wanted} VolumeSnapshotContent {name} but gets {got} one"


def _wanted(scene: Scene) -> Iterator[str]:
    """The finalizers that are missing."""
    held = scene.snapshot.metadata.finalizers
    if SNAPSHOT_SOURCE not in held:
        yield SNAPSHOT_SOURCE
    if scene.content is not None and scene.content.spec.deletionPolicy == "Delete" and SNAPSHOT_BOUND not in held:
        yield SNAPSHOT_BOUND


def _keep(scene: Scene) -> Decision:
    """A snapshot that was ready stays so while its content is there and says the same."""
    if scene.bound is None:
        return scene.subject.fails(Problem("SnapshotContentMissing", "VolumeSnapshotContent is missing"))
    if not is_of(scene.bound, scene.snapshot):
        text = "VolumeSnapshotContent is not bound to the VolumeSnapshot correctly"
        return scene.subject.fails(Problem("SnapshotMisbound", text))
    known, meta = scene.snapshot.status, scene.snapshot.metadata
    if known is None or not known.volumeGroupSnapshotName or group_of(scene.snapshot):
        return REST
    if scene.parent is None:
        return Decision(again=AGAIN)
    return act(_owned(scene.subject.at(), meta.uid, owner(scene.parent.name, scene.parent.uid)))


def _owned(where: Place, uid: str, by: Manifest) -> Step:
    """A member of a group that was there before is owned by the group from now on."""

    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        owners = meta.get("ownerReferences", [])
        if meta["uid"] != uid or by in owners:
            return None
        return {**found, "metadata": {**meta, "ownerReferences": [*owners, by]}}

    return Rewrite(where, change)


def _take(scene: Scene) -> Decision:
    if group_of(scene.snapshot) and scene.snapshot.spec.source.volumeSnapshotContentName is None:
        # Its group binds it to a content.
        return _follow(scene, scene.bound) if scene.bound is not None else Decision(again=AGAIN)
    if scene.content is not None:
        bound = None if scene.claim_name else _binding(scene, scene.content)
        return act(bound) if bound is not None else _follow(scene, scene.content)
    if not scene.claim_name:
        return scene.subject.fails(Problem("SnapshotContentMissing", "VolumeSnapshotContent is missing"))
    return _start(scene)


def _binding(scene: Scene, content: Content) -> Step | None:
    """A content that was there before learns to which snapshot it belongs, and of which class."""
    named, reference = scene.snapshot.spec.volumeSnapshotClassName, content.spec.volumeSnapshotRef
    changes: Manifest = {} if reference.uid else {"volumeSnapshotRef": {"uid": scene.snapshot.metadata.uid}}
    if named is not None and content.spec.volumeSnapshotClassName is None:
        changes["volumeSnapshotClassName"] = named
    if not changes:
        return None
    meta = content.metadata
    return Patch(place(CONTENTS, "", meta.name), {"metadata": {"uid": meta.uid}, "spec": changes})


def _follow(scene: Scene, content: Content) -> Decision:
    """Say of the snapshot what its content says."""
    name, old = scene.subject.key, scene.snapshot.status
    if scene.group is None:
        why = f"cannot find the group snapshot for VolumeSnapshot [{name}], will not update snapshot status"
        text = f"Snapshot status update failed, updateSnapshotStatus: {why}"
        return scene.subject.fails(Problem("SnapshotStatusUpdateFailed", text, unready=False))
    changes = after(scene.snapshot.status, content, scene.group)
    if not changes:
        return REST
    return act(*scene.subject.follows("Snapshot", old is not None and bool(old.readyToUse), changes))


def _start(scene: Scene) -> Decision:
    """Hold the claim, and ask the driver for a snapshot of its volume by a content."""
    snapshot, claim = scene.snapshot, scene.claim
    if claim is None:
        return _unwritten(scene, snapshot.metadata.name, "cannot get claim from snapshot")
    if CLAIM_SOURCE not in claim.metadata.finalizers:
        if claim.metadata.deletionTimestamp is not None:
            why = "cannot add finalizer on claim because it is being deleted"
            return _unwritten(scene, claim.metadata.name, why)
        where = place(CLAIMS, claim.metadata.namespace, claim.metadata.name)
        return act(finalized(where, claim.metadata.uid, (CLAIM_SOURCE,)))
    wrong = _unbound(scene)
    if wrong:
        text = f"failed to get input parameters to create snapshot {snapshot.metadata.name}: {json.dumps(wrong)}"
        return _failed(scene, text)
    assert scene.disk is not None
    if scene.disk.spec.csi is None:
        return _failed(scene, f"cannot find CSI PersistentVolumeSource for volume {scene.disk.metadata.name}")
    text = f"Waiting for a snapshot {scene.subject.key} to be created by the CSI driver."
    body = _content(scene, scene.disk.spec.csi.volumeHandle, scene.disk.spec.volumeMode)
    return act(Create(place(CONTENTS, ""), body), scene.subject.said(NORMAL, "CreatingSnapshot", text))


def _unwritten(scene: Scene, name: str, why: str) -> Decision:
    return _failed(scene, f"snapshot controller failed to update {name} on API server: {why}")


def _failed(scene: Scene, why: str) -> Decision:
    text = f"Failed to create snapshot content with error {why}"
    return scene.subject.fails(Problem("SnapshotContentCreationFailed", text))


def _content(scene: Scene, handle: str, mode: str | None) -> Manifest:
    meta = scene.snapshot.metadata
    found = scene.classes[scene.snapshot.spec.volumeSnapshotClassName or ""]
    reference = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "VolumeSnapshot",
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
        "resourceVersion": meta.resourceVersion,
    }
    spec: Manifest = {
        "volumeSnapshotRef": reference,
        "source": {"volumeHandle": handle},
        "volumeSnapshotClassName": found.metadata.name,
        "deletionPolicy": found.deletionPolicy,
        "driver": found.driver,
    }
    if mode is not None:
        spec["sourceVolumeMode"] = mode
    name = content_name(scene.snapshot)
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "VolumeSnapshotContent",
        "metadata": {"name": name},
        "spec": spec,
    }
