"""A volume and what belongs to it, and the claim that is made for it (CDI 1.65.0, pkg/controller/datavolume)."""

from collections.abc import Mapping
from dataclasses import dataclass

from dicot.kube.address import place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest

from ..snapshots.kinds import Snapshot
from ..steps import Create, Patch, Step
from . import status
from .events import WARNING
from .kinds.claims import CLAIMS, Claim
from .kinds.volumes import VOLUMES, Volume
from .names import (
    APP,
    CLONE_TOKEN,
    CONTENT_TYPE,
    CREATED_FOR,
    EXTENDED_TOKEN,
    GROUP,
    POD_RESTARTS,
    POPULATED_FOR,
    PREALLOCATION,
    PRIORITY_CLASS,
    RECOMMENDED,
    SERVICE_ACCOUNT,
    VERSION,
)
from .status import Told, Work
from .storage import BLOCK, KUBEVIRT, Storage
from .tokens import Tokens

_FILLING_UP = {"alerts.k8s.io/KubePersistentVolumeFillingUp": "disabled"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A volume and what belongs to it.

    ``work``: None where nothing simulated fills it. ``source``: the claim to clone, ``photo``: the snapshot to clone,
    None where there is none; ``photo_class``: the class of the claim that this is put into.
    ``hints``: labels that say which flavor fits, from what it is made of.
    """

    volume: Volume
    claim: Claim | None
    work: Work | None
    source: Claim | None
    photo: Snapshot | None
    photo_class: str
    hints: Mapping[str, str]
    storage: Storage
    tokens: Tokens
    now: float


def content(volume: Volume) -> str:
    """What a volume holds: a disk, or files."""
    return volume.spec.contentType or KUBEVIRT


def pending(scene: Scene, work: Work, told: Told | None = None) -> tuple[Step, ...]:
    """Steps to the status of a volume that waits for its claim."""
    phase = scene.volume.status.phase or "Pending"
    return status.without_claim(scene.volume, work, scene.now, phase, told)


def change(volume: Volume, changes: Manifest) -> Patch:
    """Write it on the volume itself."""
    meta = volume.metadata
    return Patch(place(VOLUMES, meta.namespace, meta.name), {"metadata": {"uid": meta.uid, **changes}})


def create(scene: Scene, work: Work, spec: Manifest, notes: Mapping[str, str]) -> Create:
    """The claim, as CDI makes it."""
    volume, meta = scene.volume, scene.volume.metadata
    kept = {key: value for key, value in meta.annotations.items() if key not in (CLONE_TOKEN, EXTENDED_TOKEN)}
    kept.pop(POPULATED_FOR, None)
    config = scene.storage.config
    preallocate = volume.spec.preallocation
    if preallocate is None:
        preallocate = config.status.preallocation if config is not None else False
    own = {
        POD_RESTARTS: "0",
        CONTENT_TYPE: content(volume),
        PREALLOCATION: str(preallocate).lower(),
        CREATED_FOR: meta.uid,
    }
    if volume.spec.priorityClassName:
        own[PRIORITY_CLASS] = volume.spec.priorityClassName
    if volume.spec.serviceAccountName:
        own[SERVICE_ACCOUNT] = volume.spec.serviceAccountName
    full = {} if spec.get("volumeMode") == BLOCK else _FILLING_UP
    body: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "namespace": meta.namespace,
            "name": meta.name,
            "labels": {**RECOMMENDED, **APP, **full, **meta.labels},
            "annotations": {**kept, **own, **notes},
            "ownerReferences": [owner(volume)],
        },
        "spec": spec,
    }
    return Create(place(CLAIMS, meta.namespace), body, lambda reason: _refused(scene, work, reason))


def owner(volume: Volume) -> Manifest:
    """An owner reference to a volume."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "DataVolume",
        "name": volume.metadata.name,
        "uid": volume.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _refused(scene: Scene, work: Work, reason: Refused) -> tuple[Step, ...]:
    """What a volume says of a claim that may not be made: a quota by its name, of all else nothing."""
    if "exceeded quota:" not in reason.message:
        return pending(scene, work)
    told = Told(WARNING, "ErrExceededQuota", reason.message)
    return status.without_claim(scene.volume, work, scene.now, "Pending", told)
