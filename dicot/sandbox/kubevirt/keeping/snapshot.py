"""What virt-controller does about a VirtualMachineSnapshot (pkg/storage/snapshot, snapshot.go and source.go).

It keeps the machine as it is, notes what belongs to it in a content, and shows what becomes of that.
"""

import copy
from collections.abc import Iterator

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.moments import seconds

from ...steps import Create, Decision, Remove, Replace, Step, act
from ..machines.guest_status import is_filled
from ..machines.objects import amend, event, is_going, meta, phase, place, status, without_finalizer
from . import snapshot_status
from .kinds import GROUP, VERSION
from .scene import SOURCE_FINALIZER, Shot, Source

FINALIZER = "snapshot.kubevirt.io/vmsnapshot-protection"
CONTENT_FINALIZER = "snapshot.kubevirt.io/vmsnapshotcontent-protection"
_RETRY = 5.0
_DEADLINE = 300.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def decide(shot: Shot) -> Decision:
    """The next steps of a snapshot."""
    snapshot, over = shot.snapshot, is_terminating(shot.snapshot, shot.now)
    if not over and FINALIZER not in meta(snapshot).get("finalizers", ()):
        return act(amend(snapshot, {"/metadata/finalizers": [*meta(snapshot).get("finalizers", ()), FINALIZER]}))
    steps, retry, why, may_go = _steer(shot, over)
    if over and shot.content is not None and deletes(snapshot, shot.content) and not is_going(shot.content):
        steps.append(Remove(place(shot.content), meta(shot.content)["uid"], None))
    new = snapshot_status.compute(shot, why, exceeded=has_exceeded(snapshot, shot.now))
    if new != status(snapshot):
        steps.append(Replace(place(snapshot, "status"), {**snapshot, "status": new}))
    elif is_going(snapshot) and may_go and FINALIZER in meta(snapshot).get("finalizers", ()):
        steps.append(without_finalizer(snapshot, FINALIZER))
    left = until_deadline(snapshot, shot.now)
    return Decision(tuple(steps), retry or (left if progresses(snapshot) and left > 0 else None))


def _steer(shot: Shot, over: bool) -> tuple[list[Step], float | None, str, bool]:
    """What is done to the machine; when to look again; why it is not kept as it is; whether it is let go."""
    source, snapshot = shot.source, shot.snapshot
    if source is None or not status(snapshot):
        return [], None, "", True
    if progresses(snapshot) and not over:
        if source.is_locked:
            return list(_note(shot, source)) if shot.content is None else [], None, "", False
        locked, why = _lock(shot, source)
        return locked, _RETRY, why, False
    gone = shot.content is None or not deletes(snapshot, shot.content)
    if not progresses(snapshot) or (over and gone):
        return list(_unlock(source)), None, "", not source.is_locked
    return [], None, "", not source.is_locked


def progresses(snapshot: Manifest) -> bool:
    """Whether it has neither succeeded nor failed."""
    return phase(snapshot) not in ("Succeeded", "Failed")


def until_deadline(snapshot: Manifest, now: float) -> float:
    """Seconds until it fails; 0 where it never does."""
    limit = _duration(snapshot["spec"].get("failureDeadline"))
    return limit and seconds(meta(snapshot)["creationTimestamp"]) + limit - now


def has_exceeded(snapshot: Manifest, now: float) -> bool:
    """Whether it has taken too long."""
    if phase(snapshot) == "Failed":
        return True
    return progresses(snapshot) and until_deadline(snapshot, now) < 0


def is_terminating(snapshot: Manifest, now: float) -> bool:
    """Whether nothing more is made for it."""
    return is_going(snapshot) or has_exceeded(snapshot, now)


def deletes(snapshot: Manifest, content: Manifest) -> bool:
    """Whether a content goes with its snapshot: one that is not ready always does."""
    return snapshot["spec"].get("deletionPolicy", "Delete") == "Delete" or not status(content).get("readyToUse")


def freeze_limit(snapshot: Manifest) -> str:
    """For how long a guest may be held still."""
    return str(snapshot["spec"].get("failureDeadline") or "5m0s")


def _duration(text: str | None) -> float:
    """Seconds of a duration in Go's words."""
    if text is None:
        return _DEADLINE
    total, number = 0.0, ""
    for each in text:
        if each in _UNITS:
            total, number = total + float(number or 0) * _UNITS[each], ""
        else:
            number += each
    return total


def _lock(shot: Shot, source: Source) -> tuple[list[Step], str]:
    """Keep the machine as it is, in two writes; or why that cannot be."""
    machine = source.machine
    where = f"source {meta(machine)['namespace']}/{meta(machine)['name']}"
    for name in sorted(set(source.claims.values())):
        trouble = _trouble(shot, name)
        if trouble:
            return [], f" {where} {trouble}: {name}"
    if source.guest is None and shot.users:
        names = " ".join(sorted(set(source.claims.values())))
        return [], f" source is offline but {shot.users} pods using PVCs [{names}]"
    other = status(machine).get("snapshotInProgress")
    if other is not None and other != source.name:
        return [], f' snapshot "{other}" in progress'
    if other is None:
        new = {**status(machine), "snapshotInProgress": source.name}
        return [Replace(place(machine, "status"), {**machine, "status": new})], ""
    return [amend(machine, {"/metadata/finalizers": [*meta(machine).get("finalizers", ()), SOURCE_FINALIZER]})], ""


def _trouble(shot: Shot, name: str) -> str:
    """Why a claim cannot be kept yet."""
    claim = shot.claims.get(name)
    if claim is None:
        return "volume doesnt exist"
    if is_going(claim):
        return "volume is being deleted"
    if phase(claim) != "Bound":
        return "volume not bound"
    return "" if is_filled(claim, shot.volumes) else "volume not populated"


def _unlock(source: Source) -> Iterator[Step]:
    """Let the machine go, in two writes."""
    machine = source.machine
    if status(machine).get("snapshotInProgress") != source.name:
        return
    if SOURCE_FINALIZER in meta(machine).get("finalizers", ()):
        yield without_finalizer(machine, SOURCE_FINALIZER)
        return
    new = {key: value for key, value in status(machine).items() if key != "snapshotInProgress"}
    yield Replace(place(machine, "status"), {**machine, "status": new})


def _note(shot: Shot, source: Source) -> Iterator[Step]:
    """Note the machine, and what is on its claims, in a content."""
    snapshot = shot.snapshot
    kept = []
    for volume, name in source.claims.items():
        claim = shot.claims.get(name)
        of = claim["spec"].get("storageClassName") if claim is not None else None
        if claim is None or phase(claim) != "Bound" or not of or not shot.class_of(of):
            continue
        kept.append(
            {
                "volumeName": volume,
                "persistentVolumeClaim": {"metadata": meta(claim), "spec": claim["spec"]},
                "volumeSnapshotName": f"vmsnapshot-{meta(snapshot)['uid']}-volume-{volume}",
            }
        )
    spec: Manifest = {"virtualMachineSnapshotName": meta(snapshot)["name"]}
    spec["source"] = {"virtualMachine": _noted(shot, source)}
    name = content_name(snapshot)
    made = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "VirtualMachineSnapshotContent",
        "metadata": {"name": name, "namespace": meta(snapshot)["namespace"], "finalizers": [CONTENT_FINALIZER]},
        "spec": spec | ({"volumeBackups": kept} if kept else {}),
    }
    yield Create(Place(GROUP, VERSION, "virtualmachinesnapshotcontents", meta(snapshot)["namespace"]), made)
    message = f"Successfully created VirtualMachineSnapshotContent {name}"
    yield event(snapshot, "SuccessfulVirtualMachineSnapshotContentCreate", message, shot.now)


def content_name(snapshot: Manifest) -> str:
    """The name of its content."""
    known = status(snapshot).get("virtualMachineSnapshotContentName")
    return str(known or f"vmsnapshot-content-{meta(snapshot)['uid']}")


def _noted(shot: Shot, source: Source) -> Manifest:
    """The machine: as it was when its instance started, but for its volumes, or as it is."""
    machine = source.machine
    spec = machine["spec"]
    if source.guest is not None and shot.revision is not None:
        spec = copy.deepcopy(shot.revision["data"]["spec"])
        _take_volumes(spec, machine["spec"])
    return {"metadata": meta(machine), "spec": spec, "status": {}}


def _take_volumes(spec: Manifest, now: Manifest) -> None:
    guest, theirs = spec["template"]["spec"], now["template"]["spec"]
    guest["volumes"] = theirs.get("volumes") or []
    guest["domain"]["devices"]["disks"] = theirs["domain"]["devices"].get("disks") or []
    if now.get("dataVolumeTemplates"):
        spec["dataVolumeTemplates"] = now["dataVolumeTemplates"]
    else:
        spec.pop("dataVolumeTemplates", None)
