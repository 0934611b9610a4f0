"""Claims that name what they shall be filled from: another claim is filled beside each, and its volume is given to
the one that asked (CDI 1.65.0, pkg/controller/populators)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dicot.kube.address import place
from dicot.kube.kind import Kind, Manifest, Row
from dicot.kube.store import Store

from ..controller import Key
from ..steps import REST, Create, Decision, Remove, Rewrite, Step, act
from .events import NORMAL, event
from .kinds.claims import CLAIMS, Claim
from .kinds.classes import Config
from .kinds.parts import filling_link
from .kinds.populators import IMPORT, IMPORT_SOURCES, UPLOAD, UPLOAD_SOURCES, Filling
from .kinds.transfers import DISKS, Disk
from .names import (
    APP,
    CONTENT_TYPE,
    FATAL,
    GROUP,
    IMMEDIATE,
    POD_PHASE,
    POD_READY,
    POD_RESTARTS,
    POD_SCHEDULABLE,
    POPULATOR,
    PREALLOCATION,
    PRIME,
    PROGRESS,
    RECOMMENDED,
    RUNNING,
    SOURCE,
    UPLOAD_REQUEST,
)
from .origins import http_notes, registry_notes
from .pods import copied, owned_by
from .storage import KUBEVIRT
from .workers import annotate

_COMPONENTS = {IMPORT: "import-populator", UPLOAD: "upload-populator"}
_SHOWN = (
    POD_PHASE,
    POD_READY,
    POD_RESTARTS,
    PREALLOCATION,
    RUNNING,
    f"{RUNNING}.message",
    f"{RUNNING}.reason",
    POD_SCHEDULABLE,
    FATAL,
)
"""Annotations that a claim has of the one that is filled for it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``prime``: the claim that is filled beside. ``disk``: its volume. ``source``: what the claim names, None where
    there is none. ``classed``: the class of the claim is there."""

    claim: Claim
    prime: Claim | None
    disk: Disk | None
    source: Filling | None
    classed: bool
    config: Config | None
    now: float

    @property
    def kind(self) -> str:
        """What kind of source the claim names."""
        return self.claim.spec.dataSourceRef.kind if self.claim.spec.dataSourceRef is not None else ""

    def tell(self, reason: str, message: str) -> Step:
        """An Event about the claim."""
        about = self.claim.metadata
        return event("PersistentVolumeClaim", about, NORMAL, reason, message, _COMPONENTS[self.kind], self.now)


def prime_name(claim: Claim) -> str:
    """The claim that is filled beside another."""
    return f"prime-{claim.metadata.uid}"


def decide(scene: Scene) -> Decision:
    """The next step for a claim that names a source."""
    claim, prime = scene.claim, scene.prime
    if scene.kind not in _COMPONENTS or claim.metadata.deletionTimestamp is not None:
        return REST
    if prime is None:
        return _begin(scene)
    done = prime.metadata.annotations.get(POD_PHASE) == "Succeeded"
    if PRIME not in claim.metadata.annotations and not (done and scene.kind == UPLOAD):
        named = annotate(claim, {PRIME: prime.metadata.name})
        return act(named) if named is not None else REST
    said = annotate(claim, _shown(scene, prime, done))
    if done and not claim.spec.volumeName and _is_of(scene.disk, prime):
        # What the claim says is written first: the volume is given to the claim as it is then.
        return act(said) if said is not None else act(_given(scene))
    if said is not None:
        return act(said)
    if done and claim.status.phase == "Bound" and prime.status.phase == "Lost":
        at = place(CLAIMS, prime.metadata.namespace, prime.metadata.name)
        word = "imported" if scene.kind == IMPORT else "uploaded"
        told = scene.tell(f"{word.removesuffix('ed')}Succeeded", f"Successfully {word} into {claim.metadata.name}")
        gone = () if prime.metadata.deletionTimestamp is not None else (told, Remove(at, prime.metadata.uid, None))
        return act(*gone)
    return REST


def _begin(scene: Scene) -> Decision:
    claim, source = scene.claim, scene.source
    reference = claim.spec.dataSourceRef
    if source is None or reference is None or reference.namespace or not scene.classed or claim.spec.volumeName:
        return REST
    if source.spec.targetClaim not in (None, "", claim.metadata.name):
        return REST
    told = scene.tell("CreatedPVCPrimeSuccessfully", "PVC Prime created successfully")
    return act(Create(place(CLAIMS, claim.metadata.namespace), _prime(scene, source)), told)


def _prime(scene: Scene, source: Filling) -> Manifest:
    claim, meta = scene.claim, scene.claim.metadata
    preallocate = source.spec.preallocation
    if preallocate is None:
        preallocate = scene.config.status.preallocation if scene.config is not None else False
    own = {
        IMMEDIATE: "",
        POPULATOR: scene.kind,
        CONTENT_TYPE: source.spec.contentType or KUBEVIRT,
        PREALLOCATION: str(preallocate).lower(),
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "namespace": meta.namespace,
            "name": prime_name(claim),
            "labels": {**APP, **RECOMMENDED, "velero.io/exclude-from-backup": "true", **meta.labels},
            "annotations": {**copied(meta.annotations), **own, **_filled_by(scene, source)},
            "ownerReferences": [owned_by(claim)],
        },
        "spec": {
            "accessModes": list(claim.spec.accessModes),
            "resources": {"requests": dict(claim.spec.resources.requests)},
            "storageClassName": claim.spec.storageClassName,
            "volumeMode": claim.spec.volumeMode,
        },
    }


def _filled_by(scene: Scene, source: Filling) -> dict[str, str]:
    if scene.kind == UPLOAD:
        return {UPLOAD_REQUEST: ""}
    named = source.spec.source
    if named is not None and named.http is not None:
        return http_notes(named.http)
    if named is not None and named.registry is not None:
        return registry_notes(named.registry)
    return {SOURCE: "none"}


def _shown(scene: Scene, prime: Claim, done: bool) -> dict[str, str | None]:
    theirs = prime.metadata.annotations
    notes: dict[str, str | None] = {key: theirs.get(key) for key in _SHOWN}
    if done:
        notes |= {PROGRESS: "100.0%"} if scene.kind == IMPORT else {PRIME: None}
    return notes


def _is_of(disk: Disk | None, claim: Claim) -> bool:
    reference = disk.spec.claimRef if disk is not None else None
    meta = claim.metadata
    return reference is not None and (reference.namespace, reference.name) == (meta.namespace, meta.name)


def _given(scene: Scene) -> Rewrite:
    """The volume becomes the claim's."""
    assert scene.disk is not None
    meta, disk = scene.claim.metadata, scene.disk.metadata
    reference = {
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
        "resourceVersion": meta.resourceVersion,
    }

    def change(found: Manifest) -> Manifest | None:
        if found["metadata"]["uid"] != disk.uid:
            return None
        return {**found, "spec": {**found["spec"], "claimRef": reference}}

    return Rewrite(place(DISKS, "", disk.name), change)


@dataclass(frozen=True, slots=True)
class Populators:
    """The stores of what they look at."""

    claims: Store[Any]
    disks: Store[Any]
    classes: Store[Any]
    imports: Store[Any]
    uploads: Store[Any]

    def concerned(self, kind: Kind[Any], row: Row) -> Iterator[Key]:
        """The claims that a source, or a claim that is filled for another, means something to."""
        if kind in (IMPORT_SOURCES, UPLOAD_SOURCES):
            named = IMPORT if kind is IMPORT_SOURCES else UPLOAD
            for each in self.claims.linked(filling_link(row.namespace, named, row.name)):
                yield Key(CLAIMS, each.namespace, each.name)
        elif kind is CLAIMS:
            owners = (owner for owner in CLAIMS.read(row).metadata.ownerReferences if owner.controller)
            yield from (Key(CLAIMS, row.namespace, each.name) for each in owners if each.kind == _CLAIM)

    def decide(self, claim: Claim, config: Config | None, now: float) -> Decision:
        """The next step for a claim."""
        reference = claim.spec.dataSourceRef
        if reference is None or reference.apiGroup != GROUP:
            return REST
        meta = claim.metadata
        row = self.claims.one(meta.namespace, prime_name(claim))
        prime: Claim | None = CLAIMS.read(row) if row is not None else None
        disk = self.disks.one("", prime.spec.volumeName) if prime is not None else None
        store = self.imports if reference.kind == IMPORT else self.uploads
        source = store.one(meta.namespace, reference.name)
        return decide(
            Scene(
                claim=claim,
                prime=prime,
                disk=DISKS.read(disk) if disk is not None else None,
                source=store.kind.read(source) if source is not None else None,
                classed=self.classes.one("", claim.spec.storageClassName or "") is not None,
                config=config,
                now=now,
            )
        )


_CLAIM = "PersistentVolumeClaim"
