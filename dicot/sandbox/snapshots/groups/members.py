"""The snapshots that a group consists of: each gets a VolumeSnapshot and a VolumeSnapshotContent of its own.

external-snapshotter 8.6.0, pkg/common-controller, createIndividualSnapshotForGroupSnapshot.
"""

from collections.abc import Iterator

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ...steps import Create, Patch, Step
from ..kinds import CONTENTS, SNAPSHOTS
from ..names import GROUP as SNAPSHOT_GROUP
from ..names import IN_GROUP
from ..names import VERSION as SNAPSHOT_VERSION
from .kinds import GroupContent, Taken
from .names import GROUP, HANDLE, KIND, VERSION
from .scene import GroupScene, Member

_VERSION = f"{SNAPSHOT_GROUP}/{SNAPSHOT_VERSION}"


def missing(scene: GroupScene, content: GroupContent) -> list[Step]:
    """What is still to be made or bound of the members; [] once all of them are."""
    status = content.status
    if status is None or status.volumeGroupSnapshotHandle is None:
        return []
    parts = zip(scene.parts, status.volumeSnapshotInfoList, strict=True)
    return [step for part, taken in parts for step in _steps(scene, content, part, taken)]


def _steps(scene: GroupScene, content: GroupContent, part: Member, taken: Taken) -> Iterator[Step]:
    namespace = content.spec.volumeGroupSnapshotRef.namespace
    if part.content is None:
        yield Create(place(CONTENTS, ""), _content(content, part, namespace))
    if part.snapshot is None:
        yield Create(place(SNAPSHOTS, namespace), _snapshot(scene, part, namespace))
    if part.content is not None and part.snapshot is not None:
        yield from _bound(content, part, taken)


def _bound(content: GroupContent, part: Member, taken: Taken) -> Iterator[Step]:
    """The two learn of each other, and the content what was taken."""
    assert part.content is not None and part.snapshot is not None and content.status is not None
    mine, own = part.content.metadata, part.snapshot.metadata
    if not part.content.spec.volumeSnapshotRef.uid:
        reference = {"volumeSnapshotRef": {"uid": own.uid}}
        yield Patch(place(CONTENTS, "", mine.name), {"metadata": {"uid": mine.uid}, "spec": reference})
    if part.snapshot.status is None or part.snapshot.status.boundVolumeSnapshotContentName is None:
        at = place(SNAPSHOTS, own.namespace, own.name, "status")
        yield Patch(at, {"metadata": {"uid": own.uid}, "status": {"boundVolumeSnapshotContentName": mine.name}})
    if part.content.status is None or part.content.status.snapshotHandle is None:
        said = {
            "snapshotHandle": taken.snapshotHandle,
            "volumeGroupSnapshotHandle": content.status.volumeGroupSnapshotHandle,
            "creationTime": taken.creationTime,
            "restoreSize": taken.restoreSize,
            "readyToUse": taken.readyToUse,
        }
        known = {key: value for key, value in said.items() if value is not None}
        yield Patch(place(CONTENTS, "", mine.name, "status"), {"metadata": {"uid": mine.uid}, "status": known})


def _content(content: GroupContent, part: Member, namespace: str) -> Manifest:
    assert content.status is not None
    spec: Manifest = {
        "volumeSnapshotRef": {"kind": "VolumeSnapshot", "name": part.snapshot_name, "namespace": namespace},
        "deletionPolicy": content.spec.deletionPolicy,
        "driver": content.spec.driver,
        "source": {"volumeHandle": part.handle},
    }
    if part.disk is not None and part.disk.spec.volumeMode is not None:
        spec["sourceVolumeMode"] = part.disk.spec.volumeMode
    notes = {HANDLE: content.status.volumeGroupSnapshotHandle}
    return {
        "apiVersion": _VERSION,
        "kind": "VolumeSnapshotContent",
        "metadata": {"name": part.content_name, "annotations": notes},
        "spec": spec,
    }


def _snapshot(scene: GroupScene, part: Member, namespace: str) -> Manifest:
    claim = part.disk.spec.claimRef if part.disk is not None else None
    return {
        "apiVersion": _VERSION,
        "kind": "VolumeSnapshot",
        "metadata": {
            "name": part.snapshot_name,
            "namespace": namespace,
            "ownerReferences": [owner(scene.group.metadata.name, scene.group.metadata.uid)],
            "finalizers": [IN_GROUP],
        },
        "spec": {"source": {"persistentVolumeClaimName": claim.name if claim is not None else ""}},
    }


def owner(name: str, uid: str) -> Manifest:
    """How a snapshot says that it is of a group."""
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "name": name, "uid": uid}
