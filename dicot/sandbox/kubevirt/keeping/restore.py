"""What virt-controller does about a VirtualMachineRestore (pkg/storage/snapshot, restore.go).

New claims are made of the VolumeSnapshots of a machine's snapshot, then the machine, old or new, gets the spec that
it had, on these claims.

Volumes that are put in the place of the old ones (volumeRestorePolicy InPlace) are not simulated: admission says so.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.moments import seconds, stamp

from ...steps import REST, Call, Create, Decision, Remove, Replace, Step, act
from ..machines.objects import (
    amend,
    event,
    has_controller,
    is_going,
    meta,
    place,
    reference,
    said,
    status,
    with_condition,
)
from . import restored_claims, restored_machine, restored_volumes
from .restored import Scene, Strange, content_of, is_last
from .restored_claims import OWNED_BY

FINALIZER = "snapshot.kubevirt.io/vmrestore-protection"
_GRACE = 300.0
_RETRY = 1.0
_STOPPING = 5.0
"""Seconds until a machine that goes on running is stopped once more."""
_FIRST = "Initializing VirtualMachineRestore"
_DELETING = "VM restore is deleting"
_STOP = "Automatically stopping restore target for restore operation"
_WAITS = "Waiting for target VM to be powered off. Please stop the restore target to proceed with restore"
_RUNS = "Restore target VMI still exists, please stop the restore target to proceed with restore"
_IMMEDIATE = "Restore target VMI must be powered off before restore operation"
_TOO_LATE = "Restore target failed to be ready within 5m0s. Please power off the target VM before attempting restore"
_OTHER = "restore source and restore target are different but restore target already exists"
_DONE = "Operation complete"


@dataclass(frozen=True)
class _Said:
    """What the two conditions say: Progressing with its reason, why it is not Ready yet."""

    holds: bool
    progress: str
    ready: str


def decide(scene: Scene) -> Decision:
    """The next steps of a restore."""
    restore = scene.restore
    if not status(restore):
        return act(_written(scene, {"complete": False}, _Said(True, _FIRST, _FIRST)))
    if is_going(restore):
        return act(*_conclude(scene))
    if status(restore).get("complete") or _has_failed(restore):
        return REST
    owned = _owned(scene)
    if owned is not None:
        return act(owned)
    if scene.guest is not None:
        return _wait(scene)
    try:
        return _go_on(scene)
    except Strange as why:
        return _trouble(scene, str(why))


def _has_failed(restore: Manifest) -> bool:
    return any(each["type"] == "Failure" for each in status(restore).get("conditions") or ())


def _owned(scene: Scene) -> Replace | None:
    """The restore held, and belonging to its machine if that is there; None where it is so."""
    restore = scene.restore
    metadata = dict(meta(restore))
    if not metadata.get("ownerReferences") and scene.target is not None:
        metadata["ownerReferences"] = [reference(scene.target)]
    if FINALIZER not in metadata.get("finalizers", ()):
        metadata["finalizers"] = [*metadata.get("finalizers", ()), FINALIZER]
    return Replace(place(restore), {**restore, "metadata": metadata}) if metadata != meta(restore) else None


def _written(scene: Scene, more: Manifest, told: _Said, failure: str = "", ready: bool = False) -> Replace:
    """The status with what is new in it."""
    new: dict[str, Any] = {**copy.deepcopy(status(scene.restore)), **more}
    now = stamp(scene.now)
    conditions = new.get("conditions") or []
    conditions = with_condition(conditions, said("Progressing", str(told.holds), told.progress, since=now))
    conditions = with_condition(conditions, said("Ready", str(ready), told.ready, since=now))
    if failure:
        conditions = with_condition(conditions, said("Failure", "True", failure, since=now))
    new["conditions"] = conditions
    return Replace(place(scene.restore, "status"), {**scene.restore, "status": new})


def _changed(scene: Scene, step: Replace) -> tuple[Replace, ...]:
    return (step,) if step.body["status"] != status(scene.restore) else ()


def _trouble(scene: Scene, why: str) -> Decision:
    """Say what is wrong, and try again."""
    written = _changed(scene, _written(scene, {}, _Said(False, why, why)))
    message = f"VirtualMachineRestore encountered error {why}"
    told = event(scene.restore, "VirtualMachineRestoreError", message, scene.now, warning=True)
    return Decision((told, *written) if written else (), _RETRY)


def _fail(scene: Scene, why: str) -> Decision:
    message = f"VirtualMachineRestore failed {why}"
    told = event(scene.restore, "Operation failed", message, scene.now, warning=True)
    return act(told, _written(scene, {}, _Said(False, why, why), failure=why))


def _wait(scene: Scene) -> Decision:
    """The machine runs: it is waited for, or stopped, or the restore fails."""
    restore, target = scene.restore, scene.target
    policy = restore["spec"].get("targetReadinessPolicy", "WaitGracePeriodAndFail")
    left = seconds(meta(restore)["creationTimestamp"]) + _GRACE - scene.now
    if policy == "FailImmediate":
        return _fail(scene, _IMMEDIATE)
    if policy == "WaitGracePeriodAndFail" and left < 0:
        return _fail(scene, _TOO_LATE)
    if policy == "StopTarget" and target is not None:
        told = event(restore, "RestoreTargetNotReady", _STOP, scene.now, warning=True)
        written = _changed(scene, _written(scene, {}, _Said(False, _STOP, _STOP)))
        at = ("subresources.kubevirt.io", "v1", "virtualmachines")
        asked = Call(Place(*at, meta(target)["namespace"], meta(target)["name"], "stop"), {})
        said_so: tuple[Step, ...] = (told, *written) if written else ()
        if scene.guest is None or is_going(scene.guest):
            return act(*said_so)
        return Decision((*said_so, asked), _STOPPING)
    why = _WAITS if policy == "WaitEventually" else f"{_WAITS}, or the operation will fail after 5m0s"
    told = event(restore, "RestoreTargetNotReady", _RUNS, scene.now, warning=True)
    written = _changed(scene, _written(scene, {}, _Said(False, why, why)))
    again = left + 1 if policy == "WaitGracePeriodAndFail" else None
    return Decision((told, *written) if written else (), again)


def _go_on(scene: Scene) -> Decision:
    """Claims, then the machine, then all is said."""
    content = content_of(scene)
    target = scene.target
    done = target is not None and is_last(scene.restore, target)
    if target is not None and not done:
        if meta(target)["uid"] != status(scene.snapshot or {}).get("sourceUID"):
            raise Strange(_OTHER)
        held = _hold(scene, target)
        if held is not None:
            return act(held)
    volumes = restored_claims.restores(scene, content)
    pvcs = _Said(True, "Creating new PVCs", "Waiting for new PVCs")
    if volumes != (status(scene.restore).get("restores") or []):
        return act(_written(scene, {"restores": volumes}, pvcs))
    made, waits = restored_claims.claims(scene, content)
    if made or waits:
        return act(*made, *_changed(scene, _written(scene, {}, pvcs)))
    if not done:
        return _update(scene, content)
    assert target is not None, "what has been restored is there"
    return act(*_finish(scene, target))


def _hold(scene: Scene, target: Manifest) -> Replace | None:
    """Note on the machine that it is being restored."""
    other, name = status(target).get("restoreInProgress"), meta(scene.restore)["name"]
    if other is not None and other != name:
        raise Strange(f"vm restore {other} in progress")
    if other is not None:
        return None
    return Replace(place(target, "status"), {**target, "status": {**status(target), "restoreInProgress": name}})


def _update(scene: Scene, content: Manifest) -> Decision:
    """The DataVolumes of the machine, then the machine itself."""
    told = _Said(True, "Updating target spec", "Waiting for target update")
    volumes, steps = restored_volumes.named_volumes(scene, content)
    if steps:
        return act(*steps)
    if volumes != status(scene.restore).get("restores"):
        return act(_written(scene, {"restores": volumes}, told))
    machine = restored_machine.machine(scene, content)
    made, waits = restored_volumes.data_volumes(scene, machine)
    if made or waits:
        return act(*made, *_changed(scene, _written(scene, {}, told)))
    gone = restored_volumes.left_over(scene, machine)
    if gone != (status(scene.restore).get("deletedDataVolumes") or []):
        return act(_written(scene, {"deletedDataVolumes": gone}, told))
    at = Place("kubevirt.io", "v1", "virtualmachines", meta(scene.restore)["namespace"])
    write: Step = Create(at, machine) if scene.target is None else Replace(place(scene.target), machine)
    return act(write, *_changed(scene, _written(scene, {}, told)))


def _finish(scene: Scene, target: Manifest) -> Iterator[Step]:
    """Own the claims, remove what is left over, let the machine go, and say that all is done; one after another."""
    restore = scene.restore
    adopted = list(_adopted(scene, target))
    if adopted:
        yield from adopted
        return
    for name in status(restore).get("deletedDataVolumes") or ():
        if name in scene.volumes and not is_going(scene.volumes[name]):
            yield Remove(place(scene.volumes[name]), meta(scene.volumes[name])["uid"], None)
    freed = _freed(scene, target)
    if freed is not None:
        yield freed
    name = meta(restore)["name"]
    message = f"Successfully completed VirtualMachineRestore {name}"
    yield event(restore, "VirtualMachineRestoreComplete", message, scene.now)
    more = {"complete": True, "restoreTime": stamp(scene.now)}
    yield _written(scene, more, _Said(False, _DONE, _DONE), ready=True)


def _adopted(scene: Scene, target: Manifest) -> Iterator[Step]:
    """Claims of which the old one was the machine's are the new machine's."""
    if scene.restore["spec"].get("volumeOwnershipPolicy") == "None":
        return
    names = {each["persistentVolumeClaim"] for each in status(scene.restore).get("restores") or ()}
    for name in sorted(names & scene.claims.keys()):
        claim = scene.claims[name]
        owned = meta(claim).get("annotations", {}).get(OWNED_BY) == meta(scene.restore)["name"]
        if owned and not has_controller(claim):
            notes = {key: text for key, text in meta(claim)["annotations"].items() if key != OWNED_BY}
            metadata = {**meta(claim), "annotations": notes, "ownerReferences": [reference(target)]}
            yield Replace(place(claim), {**claim, "metadata": metadata})


def _freed(scene: Scene, target: Manifest) -> Replace | None:
    if status(target).get("restoreInProgress") != meta(scene.restore)["name"]:
        return None
    new = {
        key: value for key, value in status(target).items() if key not in ("restoreInProgress", "memoryDumpRequest")
    }
    return Replace(place(target, "status"), {**target, "status": new})


def _conclude(scene: Scene) -> Iterator[Step]:
    """A restore that is deleted lets go of the machine, then goes."""
    restore = scene.restore
    if FINALIZER not in meta(restore).get("finalizers", ()):
        return
    freed = _freed(scene, scene.target) if scene.target is not None else None
    if freed is not None:
        yield freed
    written = _changed(scene, _written(scene, {}, _Said(False, _DELETING, _DELETING)))
    if written:
        yield from written
        return
    yield amend(
        restore, {"/metadata/finalizers": [each for each in meta(restore)["finalizers"] if each != FINALIZER]}
    )
