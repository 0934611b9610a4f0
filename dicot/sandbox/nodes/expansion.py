"""Claims that grow, as external-resizer (2.x, pkg/controller) and kubelet (kubernetes 1.36, pkg/volume/util,
resize_util.go) do it in turn.

The storage alone enlarges a device. A file system is then enlarged by kubelet, as soon as a Pod mounts it.
"""

from msgspec import to_builtins

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ...kube.quantity import amount
from ..steps import REST, Decision, Patch, act
from .kinds import PRE_RESIZE, Claim, Disk

NOT_ON_NODE = "volume.kubernetes.io/node-expansion-not-required"
RESIZING, PENDING = "Resizing", "FileSystemResizePending"
_OURS = (RESIZING, PENDING, "ControllerResizeError", "NodeResizeError")
_WAITING = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
BY_STORAGE, FOR_NODE, BY_NODE = "ControllerResizeInProgress", "NodeResizePending", "NodeResizeInProgress"


def is_growing(claim: Claim) -> bool:
    """Whether a claim asks for more than it has."""
    asked = claim.spec.resources.requests.get("storage", "0")
    return claim.status.phase == "Bound" and amount(asked) > amount(_storage(claim.status.capacity))


def decide(claim: Claim, disk: Disk, *, is_mounted: bool, now: float) -> Decision:
    """The next step of a bound claim. ``is_mounted``: a kubelet mounts it for a Pod."""
    if not is_growing(claim):
        return _tidy(claim, disk)
    held = _storage(disk.spec.capacity)
    step = claim.status.allocatedResourceStatuses.get("storage", "")
    if step in (FOR_NODE, BY_NODE) and amount(held) >= amount(_storage(claim.status.allocatedResources)):
        if not is_mounted:
            return REST
        return act(_status(claim, allocatedResourceStatuses={"storage": BY_NODE}), _finished(claim, held))
    asked = claim.spec.resources.requests["storage"]
    begun = _status(
        claim,
        {NOT_ON_NODE: None},
        conditions=[*_others(claim), _condition(RESIZING, now)],
        allocatedResourceStatuses={"storage": BY_STORAGE},
        allocatedResources={"storage": asked},
    )
    if claim.spec.volumeMode == "Block":
        return act(begun, _enlarged(disk, asked), _finished(claim, asked, {NOT_ON_NODE: "true"}))
    before = disk.metadata.annotations.get(PRE_RESIZE) or _storage(claim.status.capacity)
    both = [*_others(claim), _condition(RESIZING, now), _condition(PENDING, now) | {"message": _WAITING}]
    pending = _status(claim, conditions=both, allocatedResourceStatuses={"storage": FOR_NODE})
    return act(begun, _enlarged(disk, asked, before), pending)


def _tidy(claim: Claim, disk: Disk) -> Decision:
    """What a volume had before nobody needs to know any more."""
    is_done = amount(_storage(claim.status.capacity)) >= amount(_storage(disk.spec.capacity))
    if PRE_RESIZE not in disk.metadata.annotations or not is_done:
        return REST
    return act(Patch(_place(disk), {"metadata": {"annotations": {PRE_RESIZE: None}}}))


def _enlarged(disk: Disk, size: str, before: str = "") -> Patch:
    """The storage has more room for it; ``before`` is what its file system has got, "" where there is none."""
    noted: Manifest = {"metadata": {"annotations": {PRE_RESIZE: before}}} if before else {}
    return Patch(_place(disk), {**noted, "spec": {"capacity": {"storage": size}}})


def _finished(claim: Claim, size: str, annotations: Manifest | None = None) -> Patch:
    return _status(
        claim,
        annotations or {},
        capacity={"storage": size},
        conditions=_others(claim),
        allocatedResourceStatuses=None,
    )


def _status(claim: Claim, annotations: Manifest | None = None, **status: object) -> Patch:
    meta = claim.metadata
    at = Place("", "v1", "persistentvolumeclaims", meta.namespace, meta.name, "status")
    noted: Manifest = {"annotations": annotations} if annotations else {}
    return Patch(at, {"metadata": {"uid": meta.uid, **noted}, "status": status})


def _condition(kind: str, now: float) -> Manifest:
    return {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": stamp(now)}


def _others(claim: Claim) -> list[Manifest]:
    """Its conditions that are of something else."""
    return [to_builtins(each) for each in claim.status.conditions if each.type not in _OURS]


def _storage(amounts: dict[str, str]) -> str:
    return amounts.get("storage", "0")


def _place(disk: Disk) -> Place:
    return Place("", "v1", "persistentvolumes", name=disk.metadata.name)
