"""Filling a claim from a URL, from a containerDisk or with nothing (CDI 1.65.0, import-controller)."""

from dicot.kube.address import place

from ..steps import REST, Create, Decision, Step, act
from .events import NORMAL, WARNING
from .kinds.claims import CLAIMS, Pod
from .names import (
    BOUND,
    CONTENT_TYPE,
    ENDPOINT,
    FATAL,
    IMPORT_POD,
    IMPORTER,
    POD_PHASE,
    POD_SCHEDULABLE,
    REQUIRES_SCRATCH,
    RUNNING,
    SOURCE,
)
from .pods import importer
from .scratch import scratch
from .storage import ARCHIVE
from .workers import Post, Scene, annotate, dismiss, reported, shown, start, tell

COMPONENT = "import-controller"
_POST = Post(COMPONENT, IMPORT_POD, IMPORTER, "ImportTargetInUse")
_ANOTHER = "checksum mismatch"
"""In the report of a worker that has fetched something else, which no other try would mend."""
_BOUND = (BOUND, f"{BOUND}.message", f"{BOUND}.reason")


def decide(scene: Scene) -> Decision:
    """The next step for a claim that may have to be imported into."""
    notes = scene.claim.metadata.annotations
    if ENDPOINT not in notes and SOURCE not in notes:
        return REST
    pod = scene.worker(IMPORTER)
    leaves = scene.claim.metadata.deletionTimestamp is not None
    if leaves or notes.get(POD_PHASE) == "Succeeded":
        gone = dismiss(scene.claim, pod) if pod is not None else None
        return act(gone) if gone is not None else REST
    if pod is None:
        return _start(scene) if notes.get(FATAL) != "true" else REST
    return _follow(scene, pod)


def _start(scene: Scene) -> Decision:
    scratch = _needs_scratch(scene)
    notes = {REQUIRES_SCRATCH: "true"} if scratch else {}
    return start(scene, _POST, lambda name: importer(scene.claim, name, scratch, scene.terms), notes)


def _needs_scratch(scene: Scene) -> bool:
    notes = scene.claim.metadata.annotations
    whole_image = notes.get(CONTENT_TYPE) == ARCHIVE or notes.get(SOURCE) == "registry"
    return whole_image or notes.get(REQUIRES_SCRATCH) == "true"


def _follow(scene: Scene, pod: Pod) -> Decision:
    """Say how the importer goes."""
    statuses = pod.status.containerStatuses
    ended = statuses[0].get("state", {}).get("terminated", {}) if statuses else {}
    phase = pod.status.phase
    stuck = any(each.type == "PodScheduled" and each.reason == "Unschedulable" for each in pod.status.conditions)
    notes: dict[str, str | None] = {
        **shown(scene.claim, pod, RUNNING, reads=True),
        IMPORT_POD: pod.metadata.name,
        POD_PHASE: phase,
        POD_SCHEDULABLE: "false" if phase == "Pending" and stuck else "true",
    }
    steps: list[Step] = []
    if phase == "Pending" and _needs_scratch(scene):
        notes[REQUIRES_SCRATCH] = "false"
        if scene.scratch is None:
            steps.append(Create(place(CLAIMS, pod.metadata.namespace), scratch(scene, pod)))
    else:
        notes |= dict.fromkeys(_BOUND)
    report = reported(ended) or {}
    if _ANOTHER in report.get("message", ""):
        notes |= {POD_PHASE: "Failed", FATAL: "true", RUNNING: "false", f"{RUNNING}.reason": "ChecksumError"}
        steps.append(tell(scene, WARNING, "ErrImportFailed", report["message"], COMPONENT))
    if ended.get("exitCode", 0) > 0:
        steps.append(tell(scene, WARNING, "ErrImportFailed", ended.get("message", ""), COMPONENT))
    said = annotate(scene.claim, notes)
    if said is None:
        return REST
    steps.append(said)
    if notes[POD_PHASE] == "Succeeded":
        steps.append(tell(scene, NORMAL, "ImportSucceeded", "Import Successful", COMPONENT))
    return act(*steps)
