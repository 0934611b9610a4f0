"""Volumes that are made from snapshots: each is put into a temporary claim first, which is cloned (CDI 1.65.0,
snapshot-clone-controller, where there is no populator)."""

from collections.abc import Mapping

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ...kube.quantity import whole
from ..snapshots.kinds import Snapshot
from ..snapshots.names import GROUP as SNAPSHOTS
from ..steps import Create
from .events import NORMAL
from .kinds.claims import CLAIMS
from .kinds.parts import ClaimReference
from .kinds.volumes import Volume
from .names import APP, COMPONENT, FROM_SNAPSHOT, OWNED_BY, OWNER_UID, RECOMMENDED, RUNNING, temporary
from .status import Told
from .storage import BLOCK

_FILLING_UP = {"alerts.k8s.io/KubePersistentVolumeFillingUp": "disabled"}


def size(photo: Snapshot | None) -> str:
    """What a claim must be able to hold; "" where nobody knows."""
    return (photo.status.restoreSize or "") if photo is not None and photo.status is not None else ""


def wrong(name: str, photo: Snapshot | None, wanted: str) -> Told | None:
    """Why a snapshot cannot be cloned into a claim of a size."""
    if photo is None:
        return Told(NORMAL, "CloneWithoutSource", f"The source snapshot {name} doesn't exist")
    text = _unfit(photo, wanted)
    if not text:
        return None
    return Told(NORMAL, "CloneValidationFailed", f"The clone doesn't meet the validation requirements: {text}")


def _unfit(photo: Snapshot, wanted: str) -> str:
    status, meta = photo.status, photo.metadata
    if status is None:
        return "no status on source snapshot yet"
    if status.error is not None:
        return f"snapshot in error state with msg: {status.error.message or 'no details'}"
    if not photo.spec.volumeSnapshotClassName:
        return f"snapshot {meta.name}/{meta.namespace} does not have volume snap class populated, can't clone"
    if status.restoreSize is None:
        return "snapshot has no restore size"
    has = whole(status.restoreSize)
    if wanted and has > whole(wanted):
        text = "target resources requests storage size is smaller than the source"
        return f"{text} {whole(wanted)} < {has}"
    return ""


def claim(volume: Volume, named: ClaimReference, photo: Snapshot, spec: Manifest, storage_class: str) -> Create:
    """The temporary claim, beside the snapshot."""
    meta, namespace = volume.metadata, photo.metadata.namespace
    full: Mapping[str, str] = {} if spec.get("volumeMode") == BLOCK else _FILLING_UP
    notes = {RUNNING: "False", f"{RUNNING}.message": "Clone Complete", f"{RUNNING}.reason": "Completed"}
    owner = {OWNED_BY: f"{meta.namespace}/{meta.name}", OWNER_UID: meta.uid}
    requests = {**spec["resources"]["requests"], "storage": size(photo)}
    wish: Manifest = {key: spec[key] for key in ("volumeMode", "accessModes") if key in spec}
    body: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "namespace": namespace,
            "name": temporary(meta.uid),
            "labels": {
                **meta.labels,
                **full,
                **APP,
                **RECOMMENDED,
                "cdi-controller": named.name,
                COMPONENT: FROM_SNAPSHOT,
            },
            "annotations": {**notes, **meta.annotations, **owner},
        },
        "spec": {
            **wish,
            "dataSource": {"apiGroup": SNAPSHOTS, "kind": "VolumeSnapshot", "name": named.name},
            "storageClassName": storage_class,
            "resources": {**spec["resources"], "requests": requests},
        },
    }
    return Create(place(CLAIMS, namespace), body)
