"""DataSources: what they name in the end, and whether it is there (CDI 1.65.0, datasource-controller)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dicot.kube.address import place
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..snapshots.kinds import Snapshot
from ..steps import REST, Decision, Patch, act
from .kinds.claims import Claim
from .kinds.parts import Condition
from .kinds.volumes import SOURCES, AnySource, Source, Volume

_COPIED = re.compile(r"([\w.]+\.kubevirt\.io|kubevirt\.io)/[\w.-]+\Z")
"""Labels that a source has of what it names."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``named``: the other DataSource that it names, None where there is none. ``claim`` and ``volume``, or
    ``photo``: what is named in the end."""

    source: Source
    named: Source | None
    claim: Claim | None
    volume: Volume | None
    photo: Snapshot | None
    now: float


def meant(source: Source, named: Source | None) -> AnySource:
    """What a DataSource names in the end: nothing, where it goes through another that is wrong."""
    if source.spec.source.dataSource is None:
        return source.spec.source
    wrong = _wrong(source, named)
    return AnySource() if wrong is not None or named is None else named.spec.source


def decide(scene: Scene) -> Decision:
    """Say on a DataSource what it is."""
    source = scene.source
    found = meant(source, scene.named)
    status, reason, message = _wrong(source, scene.named) or _ready(scene, found)
    ready = status == "True"
    old = next((each for each in source.status.conditions if each.type == "Ready"), Condition("Ready"))
    changes: Manifest = {}
    if (old.status, old.reason, old.message) != (status, reason, message):
        moment = stamp(scene.now)
        told = Condition("Ready", status, reason, message, moment, moment)
        changes["status"] = {"conditions": msgspec.to_builtins([told])}
    shown = found if ready else AnySource()
    if shown != source.status.source or "status" in changes:
        changes.setdefault("status", {})["source"] = _replacing(source.status.source, shown)
    labels = _labels(scene) if ready else {}
    if any(source.metadata.labels.get(key) != value for key, value in labels.items()):
        changes["metadata"] = {"labels": labels}
    if not changes:
        return REST
    meta = source.metadata
    body = {**changes, "metadata": {"uid": meta.uid, **changes.get("metadata", {})}}
    return act(Patch(place(SOURCES, meta.namespace, meta.name), body))


def _replacing(old: AnySource, new: AnySource) -> Manifest:
    """A merge patch of one into the other."""
    said: Manifest = msgspec.to_builtins(new)
    return {**dict.fromkeys(set(msgspec.to_builtins(old)) - set(said)), **said}


def _wrong(source: Source, named: Source | None) -> tuple[str, str, str] | None:
    """What is wrong with a reference to another DataSource."""
    reference = source.spec.source.dataSource
    if reference is None:
        return None
    meta = source.metadata
    if (reference.namespace or meta.namespace) != meta.namespace:
        text = "DataSource cannot reference a DataSource in another namespace"
        return "False", "CrossNamespaceReference", text
    if reference.name == meta.name:
        return "False", "SelfReference", "DataSource cannot self-reference"
    if named is None:
        return "False", "NotFound", f'DataSource.cdi.kubevirt.io "{reference.name}" not found'
    if named.spec.source.dataSource is not None:
        text = "DataSource reference chain exceeds maximum depth of 1"
        return "False", "MaxReferenceDepthReached", text
    return None


def _ready(scene: Scene, found: AnySource) -> tuple[str, str, str]:
    if found.pvc is None and found.snapshot is not None:
        return _pictured(scene.photo)
    if found.pvc is None:
        return "False", "NoSource", "No source PVC set"
    phase = scene.volume.status.phase if scene.volume is not None else ""
    if scene.volume is not None and phase != "Succeeded":
        return "False", phase, f"Import DataVolume phase {phase}"
    if scene.volume is None and scene.claim is None:
        return "False", "NotFound", "PVC not found"
    return "True", "Ready", "DataSource is ready to be consumed"


def _pictured(photo: Snapshot | None) -> tuple[str, str, str]:
    if photo is None:
        return "False", "NotFound", "Snapshot not found"
    if photo.status is None or not photo.status.readyToUse:
        return "False", "SnapshotNotReady", "Snapshot phase is not ready"
    return "True", "Ready", "DataSource is ready to be consumed"


def _labels(scene: Scene) -> dict[str, str]:
    labels: dict[str, str] = {}
    for each in (scene.volume, scene.claim, scene.photo):
        if each is not None:
            labels |= _copied(each.metadata.labels)
    return labels


def _copied(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if _COPIED.match(key)}
