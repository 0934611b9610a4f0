"""From a DataVolume to its claim (CDI 1.65.0, pkg/controller/datavolume).

CDI clones and imports without a populator where no CSIDriver stands behind the storage class, as here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dicot.kube.address import place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest

from ...kube.quantity import whole
from ..snapshots.kinds import Snapshot
from ..steps import REST, Create, Decision, Patch, Remove, Step, act
from . import photos, status
from .events import NORMAL, WARNING, event
from .kinds.claims import CLAIMS, Claim
from .kinds.parts import ClaimReference
from .kinds.volumes import VOLUMES, Http, Registry, Volume
from .names import (
    APP,
    CHECKSUM,
    CLONE_FALLBACK,
    CLONE_REQUEST,
    CLONE_TOKEN,
    CLONE_TYPE,
    CONTENT_TYPE,
    CREATED_FOR,
    ENDPOINT,
    EXTENDED_TOKEN,
    EXTRA_HEADERS,
    GROUP,
    INSTANCETYPES,
    POD_RESTARTS,
    POPULATED_FOR,
    PREALLOCATION,
    PRIORITY_CLASS,
    PULL_METHOD,
    RECOMMENDED,
    SECRET,
    SERVICE_ACCOUNT,
    SOURCE,
    UPLOAD_REQUEST,
    USE_POPULATOR,
    VERSION,
)
from .names import ARCHITECTURE as REGISTRY_ARCHITECTURE
from .status import Told, Work
from .storage import BLOCK, KUBEVIRT, Problem, Storage, plain, rendered
from .tokens import API_SERVER, CONTROLLER, SNAPSHOTS, Grant, Tokens
from .tokens import CLAIMS as CLAIMS_RESOURCE

_NO_POPULATOR = "In tree storage class does not support snapshot/clone"
_FILLING_UP = {"alerts.k8s.io/KubePersistentVolumeFillingUp": "disabled"}
_TRY_AGAIN = 5.0


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


def decide(scene: Scene) -> Decision:
    """The next step for a volume."""
    volume, claim, work = scene.volume, scene.claim, scene.work
    if work is None or volume.metadata.deletionTimestamp is not None:
        return REST
    if work.snapshot is not None and scene.source is not None and volume.status.phase == "Succeeded":
        meta = scene.source.metadata
        gone = Remove(place(CLAIMS, meta.namespace, meta.name), meta.uid, None)
        return act(gone) if meta.deletionTimestamp is None else REST
    spec = _spec(scene, work)
    if isinstance(spec, Problem):
        return _complain(scene, work, spec)
    missing = _missing(scene)
    if missing is not None:
        return act(missing)
    if claim is not None and claim.metadata.deletionTimestamp is not None:
        text = f'Resource "{claim.metadata.name}" marked for deletion'
        return act(_say(scene, work, Told(WARNING, "ErrResourceMarkedForDeletion", text)), again=_TRY_AGAIN)
    if claim is not None and not _owns(volume, claim):
        text = f'Resource "{claim.metadata.name}" already exists and is not managed by DataVolume'
        return act(_say(scene, work, Told(WARNING, "ErrResourceExists", text)), again=_TRY_AGAIN)
    step = _clone(scene, work, work.source, spec) if work.source is not None else _fetch(scene, work, spec)
    if step is not None:
        return step
    return act(*status.with_claim(volume, claim, work, scene.now)) if claim is not None else REST


def _spec(scene: Scene, work: Work) -> Manifest | Problem:
    """The spec of the claim; {} where it is there already."""
    spec = scene.volume.spec
    if scene.claim is not None:
        return {}
    if spec.storage is not None:
        known = photos.size(scene.photo) if work.snapshot is not None else None
        return rendered(spec.storage, _content(scene.volume), scene.storage, known)
    return plain(spec.pvc) if spec.pvc is not None else Problem("datavolume one of {pvc, storage} field is required")


def _content(volume: Volume) -> str:
    return volume.spec.contentType or KUBEVIRT


def _say(scene: Scene, work: Work, told: Told) -> Step:
    meta = scene.volume.metadata
    return event("DataVolume", meta, told.sort, told.reason, told.message, work.component, scene.now)


def _complain(scene: Scene, work: Work, problem: Problem) -> Decision:
    told = Told(WARNING, "ErrClaimNotValid", problem.text)
    steps = status.without_claim(scene.volume, work, scene.now, "", told)
    if not steps:
        return REST
    said = _say(scene, work, Told(WARNING, told.reason, problem.told or problem.text))
    return act(*steps, said)


def _missing(scene: Scene) -> Step | None:
    """What CDI adds to a volume itself."""
    meta = scene.volume.metadata
    changes: Manifest = {}
    if meta.annotations.get(USE_POPULATOR) != "false":
        changes["annotations"] = {USE_POPULATOR: "false"}
    hints = {label: value for label, value in scene.hints.items() if label in INSTANCETYPES}
    if hints and not any(label in meta.labels for label in INSTANCETYPES):
        changes["labels"] = hints
    return _change(scene.volume, changes) if changes else None


def _change(volume: Volume, changes: Manifest) -> Patch:
    meta = volume.metadata
    return Patch(place(VOLUMES, meta.namespace, meta.name), {"metadata": {"uid": meta.uid, **changes}})


def _owns(volume: Volume, claim: Claim) -> bool:
    uid = volume.metadata.uid
    return any(owner.controller and owner.uid == uid for owner in claim.metadata.ownerReferences)


def _fetch(scene: Scene, work: Work, spec: Manifest) -> Decision | None:
    if scene.claim is not None:
        return None
    source = scene.volume.spec.source
    if source is not None and source.http is not None:
        return act(_create(scene, work, spec, _http(source.http)))
    if source is not None and source.registry is not None:
        return act(_create(scene, work, spec, _registry(source.registry)))
    if work.uploads:
        return act(_create(scene, work, spec, {UPLOAD_REQUEST: ""}))
    return act(_create(scene, work, spec, {SOURCE: "none"}))


def _http(http: Http) -> dict[str, str]:
    said = {SECRET: http.secretRef, CHECKSUM: http.checksum}
    notes = {ENDPOINT: http.url, SOURCE: "http", **{key: value for key, value in said.items() if value}}
    return notes | {f"{EXTRA_HEADERS}.{index}": header for index, header in enumerate(http.extraHeaders)}


def _registry(registry: Registry) -> dict[str, str]:
    said = {
        ENDPOINT: registry.url,
        PULL_METHOD: registry.pullMethod,
        SECRET: registry.secretRef,
        REGISTRY_ARCHITECTURE: registry.platform.architecture if registry.platform is not None else None,
    }
    return {SOURCE: "registry", **{key: value for key, value in said.items() if value}}


def _clone(scene: Scene, work: Work, source: ClaimReference, spec: Manifest) -> Decision | None:
    volume, claim = scene.volume, scene.claim
    crosses = source.namespace not in ("", volume.metadata.namespace)
    if crosses and EXTENDED_TOKEN not in volume.metadata.annotations:
        return _extend(scene, work, source)
    if claim is None and work.snapshot is not None:
        return _begin_with(scene, work, work.snapshot, spec, crosses)
    if claim is None:
        return _begin(scene, work, source, spec, crosses)
    notes, meta = claim.metadata.annotations, claim.metadata
    if POPULATED_FOR in notes:
        return None
    if CLONE_TYPE not in notes:
        changes = {CLONE_TYPE: "copy", CLONE_FALLBACK: _NO_POPULATOR}
        why = event("PersistentVolumeClaim", meta, WARNING, "NoPopulator", _NO_POPULATOR, work.component, scene.now)
        return act(_annotate(claim, changes), why)
    if crosses and EXTENDED_TOKEN not in notes:
        named, resource = (work.snapshot, SNAPSHOTS) if work.snapshot is not None else (source, CLAIMS_RESOURCE)
        grant = Grant(source.namespace, named.name, meta.namespace, meta.name, meta.uid, resource)
        return act(_annotate(claim, {EXTENDED_TOKEN: scene.tokens.grant(grant, CONTROLLER, scene.now)}))
    if CLONE_TYPE not in volume.metadata.annotations:
        return act(_change(volume, {"annotations": {CLONE_TYPE: "copy"}}))
    return None


def _annotate(claim: Claim, notes: Mapping[str, str]) -> Patch:
    meta = claim.metadata
    body = {"metadata": {"uid": meta.uid, "annotations": dict(notes)}}
    return Patch(place(CLAIMS, meta.namespace, meta.name), body)


def _extend(scene: Scene, work: Work, source: ClaimReference) -> Decision:
    """A token that lives as long as the volume, of the short one that its maker was given; none for what was not."""
    meta = scene.volume.metadata
    short = scene.tokens.read(meta.annotations.get(CLONE_TOKEN, ""), API_SERVER, scene.now)
    if short is None:
        return act(*_pending(scene, work))
    grant = replace(short, uid=meta.uid)
    token = scene.tokens.grant(grant, CONTROLLER, scene.now)
    return act(_change(scene.volume, {"annotations": {EXTENDED_TOKEN: token}}))


def _pending(scene: Scene, work: Work, told: Told | None = None) -> tuple[Step, ...]:
    phase = scene.volume.status.phase or "Pending"
    return status.without_claim(scene.volume, work, scene.now, phase, told)


def _begin(scene: Scene, work: Work, source: ClaimReference, spec: Manifest, crosses: bool) -> Decision:
    volume = scene.volume
    if crosses and not volume.status.phase:
        return act(*_pending(scene, work))
    if scene.source is None:
        told = Told(NORMAL, "CloneWithoutSource", f"The source pvc {source.name} doesn't exist")
        return act(*status.without_claim(volume, work, scene.now, volume.status.phase, told))
    wrong = _misfit(volume, scene.source)
    if wrong:
        text = f"The clone doesn't meet the validation requirements: {wrong}"
        told = Told(NORMAL, "CloneValidationFailed", text)
        return act(*status.without_claim(volume, work, scene.now, volume.status.phase, told))
    notes = {CLONE_REQUEST: f"{source.namespace or volume.metadata.namespace}/{source.name}"}
    if crosses:
        notes[CLONE_TOKEN] = volume.metadata.annotations.get(CLONE_TOKEN, "")
    return act(_create(scene, work, spec, notes))


def _begin_with(scene: Scene, work: Work, named: ClaimReference, spec: Manifest, crosses: bool) -> Decision:
    """From a snapshot: first the claim that it is put into, then that of the volume."""
    volume = scene.volume
    asked = volume.spec.pvc or volume.spec.storage
    sized = asked is not None and "storage" in asked.resources.requests
    wrong = photos.wrong(named.name, scene.photo, str(spec["resources"]["requests"]["storage"]) if sized else "")
    if wrong is not None:
        return act(*status.without_claim(volume, work, scene.now, volume.status.phase, wrong))
    assert scene.photo is not None
    if scene.source is None:
        return act(photos.claim(volume, named, scene.photo, spec, scene.photo_class))
    notes = {CLONE_REQUEST: f"{named.namespace or volume.metadata.namespace}/{scene.source.metadata.name}"}
    if crosses:
        notes[CLONE_TOKEN] = volume.metadata.annotations.get(CLONE_TOKEN, "")
    return act(_create(scene, work, spec, notes))


def _misfit(volume: Volume, source: Claim) -> str:
    """Why a claim cannot be cloned into a volume; "" where it can."""
    theirs = source.metadata.annotations.get(CONTENT_TYPE, KUBEVIRT)
    if theirs != _content(volume):
        return f"Source contentType ({theirs}) and target contentType ({_content(volume)}) do not match"
    asked = volume.spec.pvc
    if asked is None and source.spec.volumeMode == BLOCK:
        asked = volume.spec.storage
    size = asked.resources.requests.get("storage") if asked is not None else None
    has = source.spec.resources.requests.get("storage", 0)
    if size is not None and whole(has) > whole(size):
        text = "target resources requests storage size is smaller than the source"
        return f"{text} {whole(size)} < {whole(has)}"
    return ""


def _create(scene: Scene, work: Work, spec: Manifest, notes: Mapping[str, str]) -> Create:
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
        CONTENT_TYPE: _content(volume),
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
            "ownerReferences": [_owner(volume)],
        },
        "spec": spec,
    }
    return Create(place(CLAIMS, meta.namespace), body, lambda reason: _refused(scene, work, reason))


def _owner(volume: Volume) -> Manifest:
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
        return _pending(scene, work)
    told = Told(WARNING, "ErrExceededQuota", reason.message)
    return status.without_claim(scene.volume, work, scene.now, "Pending", told)
