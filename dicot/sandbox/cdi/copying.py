"""Volumes that are cloned, from claims and from snapshots (CDI 1.65.0, clone-controller-base and its two kinds).

CDI clones without a populator where no CSIDriver stands behind the storage class, as here.
"""

from collections.abc import Mapping
from dataclasses import replace

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ...kube.quantity import whole
from ..steps import Decision, Patch, act
from . import photos, status
from .events import NORMAL, WARNING, event
from .kinds.claims import CLAIMS, Claim
from .kinds.parts import ClaimReference
from .kinds.volumes import Volume
from .making import Scene, change, content, create, pending
from .names import (
    CLONE_FALLBACK,
    CLONE_REQUEST,
    CLONE_TOKEN,
    CLONE_TYPE,
    CONTENT_TYPE,
    EXTENDED_TOKEN,
    POPULATED_FOR,
)
from .status import Told, Work
from .storage import BLOCK, KUBEVIRT
from .tokens import API_SERVER, CONTROLLER, SNAPSHOTS, Grant
from .tokens import CLAIMS as CLAIMS_RESOURCE

_NO_POPULATOR = "In tree storage class does not support snapshot/clone"


def clone(scene: Scene, work: Work, source: ClaimReference, spec: Manifest) -> Decision | None:
    """The next step to a claim that is a copy; None once that is others' work."""
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
        return act(change(volume, {"annotations": {CLONE_TYPE: "copy"}}))
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
        return act(*pending(scene, work))
    grant = replace(short, uid=meta.uid)
    token = scene.tokens.grant(grant, CONTROLLER, scene.now)
    return act(change(scene.volume, {"annotations": {EXTENDED_TOKEN: token}}))


def _begin(scene: Scene, work: Work, source: ClaimReference, spec: Manifest, crosses: bool) -> Decision:
    volume = scene.volume
    if crosses and not volume.status.phase:
        return act(*pending(scene, work))
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
    return act(create(scene, work, spec, notes))


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
    return act(create(scene, work, spec, notes))


def _misfit(volume: Volume, source: Claim) -> str:
    """Why a claim cannot be cloned into a volume; "" where it can."""
    theirs = source.metadata.annotations.get(CONTENT_TYPE, KUBEVIRT)
    if theirs != content(volume):
        return f"Source contentType ({theirs}) and target contentType ({content(volume)}) do not match"
    asked = volume.spec.pvc
    if asked is None and source.spec.volumeMode == BLOCK:
        asked = volume.spec.storage
    size = asked.resources.requests.get("storage") if asked is not None else None
    has = source.spec.resources.requests.get("storage", 0)
    if size is not None and whole(has) > whole(size):
        text = "target resources requests storage size is smaller than the source"
        return f"{text} {whole(size)} < {whole(has)}"
    return ""
