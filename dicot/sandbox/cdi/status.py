"""The status of a DataVolume, and what is told of its changes (CDI 1.65.0, pkg/controller/datavolume)."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dicot.kube.address import place
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..steps import Patch, Step
from .events import NORMAL, WARNING, event
from .kinds.claims import Claim
from .kinds.parts import ClaimReference, Condition
from .kinds.volumes import VOLUMES, Volume, VolumeStatus
from .names import (
    BOUND,
    CLONE_REQUEST,
    FATAL,
    IMPORT_POD,
    POD_PHASE,
    POD_READY,
    POD_RESTARTS,
    POD_SCHEDULABLE,
    POPULATED_FOR,
    RUNNING,
    SOURCE_RUNNING,
    UPLOAD_REQUEST,
)

DONE = "100.0%"
IMPORTER, CLONER = "datavolume-import-controller", "datavolume-pvc-clone-controller"
SNAPSHOT_CLONER = "datavolume-snapshot-clone-controller"
UPLOADER = "datavolume-upload-controller"
_Conditions = dict[str, Condition]


@dataclass(frozen=True, slots=True)
class Told:
    """What an Event says."""

    sort: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Work:
    """How a volume is filled: by a clone of ``source``, or (None) by an import or an upload. ``snapshot``: what is
    put into that source before."""

    source: ClaimReference | None
    snapshot: ClaimReference | None = None
    uploads: bool = False

    @property
    def named(self) -> ClaimReference | None:
        """What the volume itself names."""
        return self.snapshot or self.source

    @property
    def component(self) -> str:
        """Who tells of it."""
        if self.snapshot is not None:
            return SNAPSHOT_CLONER
        if self.uploads:
            return UPLOADER
        return IMPORTER if self.source is None else CLONER

    @property
    def scheduled(self) -> str:
        """The phase of work that is meant to start."""
        if self.uploads:
            return "UploadScheduled"
        return "ImportScheduled" if self.source is None else "CloneScheduled"

    def starts(self, claim: Claim) -> bool:
        """Whether a claim shows that the work on it is meant to start."""
        if self.uploads:
            return UPLOAD_REQUEST in claim.metadata.annotations
        return (IMPORT_POD if self.source is None else CLONE_REQUEST) in claim.metadata.annotations

    def shows(self, claim: Claim) -> tuple[str, Told | None]:
        """The phase that a claim's worker stands for, and what is told of it; "" where it says nothing."""
        meta, notes = claim.metadata, claim.metadata.annotations
        phase, named = notes.get(POD_PHASE, ""), self.named
        if self.uploads:
            waits = phase == "Running" and notes.get(POD_READY) != "true"
            return ("", None) if waits else (_UPLOAD.get(phase, ""), _told(_UPLOAD_TEXTS, phase, meta.name))
        if named is None and phase == "Failed" and notes.get(FATAL) == "true":
            return phase, _told(_IMPORT_TEXTS, phase, meta.name)
        if named is None:
            return _IMPORT.get(phase, ""), _told(_IMPORT_TEXTS, phase, meta.name)
        names = f"{named.namespace or meta.namespace}/{named.name} into {meta.namespace}/{meta.name}"
        return _CLONE.get(phase, ""), _told(_CLONE_TEXTS, phase, names)


_IMPORT: Mapping[str, str] = {
    "Pending": "ImportScheduled",
    "Running": "ImportInProgress",
    "Succeeded": "Succeeded",
}
_IMPORT_TEXTS: Mapping[str, Told] = {
    "Pending": Told(NORMAL, "ImportScheduled", "Import into {} scheduled"),
    "Running": Told(NORMAL, "ImportInProgress", "Import into {} in progress"),
    "Failed": Told(WARNING, "ImportFailed", "Failed to import into PVC {}"),
    "Succeeded": Told(NORMAL, "ImportSucceeded", "Successfully imported into PVC {}"),
}
_UPLOAD: Mapping[str, str] = {
    "Pending": "UploadScheduled",
    "Running": "UploadReady",
    "Succeeded": "Succeeded",
}
_UPLOAD_TEXTS: Mapping[str, Told] = {
    "Pending": Told(NORMAL, "UploadScheduled", "Upload into {} scheduled"),
    "Running": Told(NORMAL, "UploadReady", "Upload into {} ready"),
    "Failed": Told(WARNING, "UploadFailed", "Upload into {} failed"),
    "Succeeded": Told(NORMAL, "UploadSucceeded", "Successfully uploaded into {}"),
}
_CLONE: Mapping[str, str] = {
    "Pending": "CloneScheduled",
    "Running": "CloneInProgress",
    "Succeeded": "Succeeded",
}
_CLONE_TEXTS: Mapping[str, Told] = {
    "Pending": Told(NORMAL, "CloneScheduled", "Cloning from {} scheduled"),
    "Running": Told(NORMAL, "CloneInProgress", "Cloning from {} in progress"),
    "Failed": Told(WARNING, "CloneFailed", "Cloning from {} failed"),
    "Succeeded": Told(NORMAL, "CloneSucceeded", "Successfully cloned from {}"),
}


def without_claim(volume: Volume, work: Work, now: float, phase: str, told: Told | None = None) -> tuple[Step, ...]:
    """Steps to the status of a volume that has no claim, and why."""
    reason, message = (told.reason, told.message) if told is not None else ("NotFound", "No PVC found")
    conditions = _held(volume)
    _set(conditions, "Bound", "False", reason, message, now)
    _set(conditions, "Ready", "False", told.reason if told else "", told.message if told else "", now)
    _set(conditions, "Running", "False", "", "", now)
    wanted = msgspec.structs.replace(volume.status, phase=phase, conditions=tuple(conditions.values()))
    return _steps(volume, wanted, work, told, now)


def with_claim(volume: Volume, claim: Claim, work: Work, now: float) -> tuple[Step, ...]:
    """Steps to the status of a volume that has its claim."""
    phase, told = _phase(volume, claim, work)
    notes = claim.metadata.annotations
    restarts = notes.get(POD_RESTARTS, "")
    counted = not work.uploads and not is_populated(volume, claim)
    conditions = _held(volume)
    _bound(conditions, claim, now)
    ready = {"Succeeded": "True", "Unknown": "Unknown"}.get(phase, "False")
    _set(conditions, "Ready", ready, "", "", now)
    _running(conditions, notes, now)
    wanted = VolumeStatus(
        phase=phase,
        progress=DONE if counted and phase == "Succeeded" else volume.status.progress or "N/A",
        claimName=claim.metadata.name,
        restartCount=int(restarts) if restarts.isdigit() else volume.status.restartCount,
        conditions=tuple(conditions.values()),
    )
    return _steps(volume, wanted, work, told, now)


def is_populated(volume: Volume, claim: Claim) -> bool:
    """Whether a claim holds already what a volume shall hold."""
    return claim.metadata.annotations.get(POPULATED_FOR) == volume.metadata.name


def _phase(volume: Volume, claim: Claim, work: Work) -> tuple[str, Told | None]:
    phase = volume.status.phase
    if is_populated(volume, claim) and claim.status.phase in ("Pending", "Bound"):
        return "Succeeded", None
    shown, told = work.shows(claim)
    if shown == "Succeeded":
        return shown, told
    match claim.status.phase:
        case "Pending":
            return "Pending", None
        case "Bound":
            if work.starts(claim):
                return shown or work.scheduled, told
            return ("PVCBound" if phase in ("Pending", "WaitForFirstConsumer", "Unknown") else phase), None
        case "Lost":
            return "Failed", Told(WARNING, "ErrClaimLost", f"PVC {claim.metadata.name} lost")
        case "":
            return phase, None
    return "Unknown", None


def _told(texts: Mapping[str, Told], phase: str, names: str) -> Told | None:
    found = texts.get(phase)
    return Told(found.sort, found.reason, found.message.format(names)) if found is not None else None


def _held(volume: Volume) -> _Conditions:
    return {each.type: each for each in volume.status.conditions}


def _set(held: _Conditions, kind: str, status: str, reason: str, message: str, now: float) -> None:
    """A condition that keeps its moments where it does not change."""
    old = held.get(kind, Condition(kind))
    moment = stamp(now)
    if old.status != status:
        held[kind] = Condition(kind, status, reason, message, moment, moment)
    elif (old.reason, old.message) != (reason, message):
        held[kind] = Condition(kind, status, reason, message, old.lastTransitionTime, moment)


def _bound(held: _Conditions, claim: Claim, now: float) -> None:
    name, notes = claim.metadata.name, claim.metadata.annotations
    waits = notes.get(BOUND, "true") != "true"
    reason, message = notes.get(f"{BOUND}.reason", ""), notes.get(f"{BOUND}.message", "")
    match claim.status.phase:
        case "Bound" if not waits:
            _set(held, "Bound", "True", "Bound", f"PVC {name} Bound", now)
        case "Bound":
            _set(held, "Bound", "False", reason, message, now)
        case "Pending" if not waits:
            _set(held, "Bound", "False", "Pending", f"PVC {name} Pending", now)
        case "Pending":
            _set(held, "Bound", "False", reason, f"target PVC {name} Pending and {message}", now)
        case "Lost":
            _set(held, "Bound", "False", "ClaimLost", "Claim Lost", now)
        case _:
            _set(held, "Bound", "False", "", "", now)


def _running(held: _Conditions, notes: Mapping[str, str], now: float) -> None:
    if notes.get(POD_SCHEDULABLE) == "false":
        _set(held, "Running", "False", "Unschedulable", "Importer pod cannot be scheduled", now)
        return
    target, sender = notes.get(RUNNING), notes.get(SOURCE_RUNNING)
    mine = notes.get(f"{RUNNING}.reason", ""), notes.get(f"{RUNNING}.message", "")
    other = notes.get(f"{SOURCE_RUNNING}.reason", ""), notes.get(f"{SOURCE_RUNNING}.message", "")
    if target == "true" and sender in (None, "true"):
        _set(held, "Running", "True", *mine, now)
        _set(held, "Ready", "False", "TransferRunning", "", now)
    elif target == "true":
        _set(held, "Running", "False", *other, now)
    elif sender == "false":
        _set(held, "Running", "False", f"{mine[0]} and {other[0]}", f"{mine[1]} and {other[1]}", now)
    else:
        _set(held, "Running", "False", *mine, now)


def _steps(volume: Volume, wanted: VolumeStatus, work: Work, told: Told | None, now: float) -> tuple[Step, ...]:
    old = volume.status
    if wanted == old:
        return ()
    meta = volume.metadata
    body: Manifest = {"metadata": {"uid": meta.uid}, "status": _changes(old, wanted)}
    steps: list[Step] = [Patch(place(VOLUMES, meta.namespace, meta.name, "status"), body)]
    said = [told] if told is not None and wanted.phase != old.phase else []
    said += _spoken(_held(volume), {each.type: each for each in wanted.conditions})
    steps += (event("DataVolume", meta, each.sort, each.reason, each.message, work.component, now) for each in said)
    return tuple(steps)


def _changes(old: VolumeStatus, wanted: VolumeStatus) -> Manifest:
    """What differs; a condition has no empty words."""
    changes: Manifest = {
        key: getattr(wanted, key)
        for key in ("phase", "progress", "claimName", "restartCount")
        if getattr(wanted, key) != getattr(old, key)
    }
    if wanted.conditions != old.conditions:
        changes["conditions"] = msgspec.to_builtins(wanted.conditions)
    return changes


def _spoken(old: _Conditions, new: _Conditions) -> list[Told]:
    """What changed conditions are told of: that of the claim always, that of the worker where it is bad news."""
    said = []
    bound, running = new["Bound"], new["Running"]
    was = old.get("Bound", Condition("Bound"))
    if bound.reason and (bound.status, bound.reason, bound.message) != (was.status, was.reason, was.message):
        said.append(Told(NORMAL, bound.reason, bound.message))
    stuck = new["Ready"].status == "False" and running.status == "False" and bound.status == "True"
    if stuck and running.message and running.message != old.get("Running", Condition("Running")).message:
        said.append(Told(WARNING, running.reason, running.message))
    return said
