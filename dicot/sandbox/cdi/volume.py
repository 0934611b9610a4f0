"""From a DataVolume to its claim (CDI 1.65.0, pkg/controller/datavolume).

CDI imports without a populator where no CSIDriver stands behind the storage class, as here.
"""

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ..steps import REST, Decision, Remove, Rewrite, Step, act
from . import photos, status
from .copying import clone
from .events import WARNING, event
from .kinds.claims import CLAIMS, Claim
from .kinds.volumes import Volume
from .making import Scene, change, content, create, owner
from .names import (
    INSTANCETYPES,
    PRE_POPULATED,
    SOURCE,
    UPLOAD_REQUEST,
    USE_POPULATOR,
)
from .origins import http_notes, registry_notes
from .status import Told, Work
from .storage import Problem, plain, rendered

_TRY_AGAIN = 5.0


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
    if claim is not None and not _owns(volume, claim) and status.is_populated(volume, claim):
        return act(_adopted(volume, claim))
    if claim is not None and not _owns(volume, claim):
        text = f'Resource "{claim.metadata.name}" already exists and is not managed by DataVolume'
        return act(_say(scene, work, Told(WARNING, "ErrResourceExists", text)), again=_TRY_AGAIN)
    step = _fill(scene, work, spec) if PRE_POPULATED not in volume.metadata.annotations else None
    if step is not None:
        return step
    if claim is None:
        return act(*status.without_claim(volume, work, scene.now, "Pending"))
    return act(*status.with_claim(volume, claim, work, scene.now))


def _fill(scene: Scene, work: Work, spec: Manifest) -> Decision | None:
    """The next step to a claim that holds what it shall; None once that is others' work."""
    return clone(scene, work, work.source, spec) if work.source is not None else _fetch(scene, work, spec)


def _spec(scene: Scene, work: Work) -> Manifest | Problem:
    """The spec of the claim; {} where it is there already."""
    spec = scene.volume.spec
    if scene.claim is not None:
        return {}
    if spec.storage is not None:
        known = photos.size(scene.photo) if work.snapshot is not None else None
        return rendered(spec.storage, content(scene.volume), scene.storage, known)
    return plain(spec.pvc) if spec.pvc is not None else Problem("datavolume one of {pvc, storage} field is required")


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
    meta, claim = scene.volume.metadata, scene.claim
    changes: Manifest = {}
    notes = {USE_POPULATOR: "false"}
    if claim is not None and claim.status.phase == "Bound" and status.is_populated(scene.volume, claim):
        notes[PRE_POPULATED] = claim.metadata.name
    if any(meta.annotations.get(key) != value for key, value in notes.items()):
        changes["annotations"] = notes
    hints = {label: value for label, value in scene.hints.items() if label in INSTANCETYPES}
    if hints and not any(label in meta.labels for label in INSTANCETYPES):
        changes["labels"] = hints
    return change(scene.volume, changes) if changes else None


def _adopted(volume: Volume, claim: Claim) -> Rewrite:
    """A claim that was left for a volume becomes its own."""
    meta = claim.metadata

    def change(found: Manifest) -> Manifest | None:
        if found["metadata"]["uid"] != meta.uid:
            return None
        owners = [*(found["metadata"].get("ownerReferences") or ()), owner(volume)]
        return {**found, "metadata": {**found["metadata"], "ownerReferences": owners}}

    return Rewrite(place(CLAIMS, meta.namespace, meta.name), change)


def _owns(volume: Volume, claim: Claim) -> bool:
    uid = volume.metadata.uid
    return any(owner.controller and owner.uid == uid for owner in claim.metadata.ownerReferences)


def _fetch(scene: Scene, work: Work, spec: Manifest) -> Decision | None:
    if scene.claim is not None:
        return None
    source = scene.volume.spec.source
    if source is not None and source.http is not None:
        return act(create(scene, work, spec, http_notes(source.http)))
    if source is not None and source.registry is not None:
        return act(create(scene, work, spec, registry_notes(source.registry)))
    if work.uploads:
        return act(create(scene, work, spec, {UPLOAD_REQUEST: ""}))
    return act(create(scene, work, spec, {SOURCE: "none"}))
