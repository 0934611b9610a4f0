"""What virt-controller does about a VirtualMachineSnapshotContent (pkg/storage/snapshot, updateVMSnapshotContent).

While the guest's file systems are held still, a VolumeSnapshot is taken of each of its claims.
"""

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

from dicot.kube.address import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ...snapshots.names import GROUP as VOLUMES_GROUP
from ...snapshots.names import VERSION as VOLUMES_VERSION
from ...steps import REST, Call, Create, Decision, Replace, Step, act
from ..machines.objects import event, is_going, meta, place, reference, status, without_finalizer
from .scene import Kept, Source, backups
from .snapshot import CONTENT_FINALIZER, deletes, freeze_limit, is_terminating

_RETRY = 5.0
_SOURCE = "snapshot.kubevirt.io/source-vm-"


def decide(kept: Kept) -> Decision:
    """The next steps of a content."""
    content, snapshot = kept.content, kept.snapshot
    if snapshot is None or is_terminating(snapshot, kept.now):
        left = tuple(_let_go(kept))
        if left:
            return act(*left)
        if snapshot is not None and deletes(snapshot, content):
            return REST
    if is_going(content):
        return Decision(again=_RETRY)
    missing = [each for each in backups(content) if each["volumeSnapshotName"] not in kept.taken]
    may_take = snapshot is not None and not is_going(snapshot) and kept.source is not None
    if missing and may_take and status(content).get("creationTime") is None:
        return act(*_take(kept, missing))
    return Decision(tuple(_show(kept, [each["volumeSnapshotName"] for each in missing])))


def _let_go(kept: Kept) -> Iterator[Step]:
    if CONTENT_FINALIZER in meta(kept.content).get("finalizers", ()):
        yield from _thaw(kept.source)
        yield without_finalizer(kept.content, CONTENT_FINALIZER)


def _take(kept: Kept, missing: list[Manifest]) -> Iterator[Step]:
    """Hold the guest still, then have snapshots taken."""
    yield from _freeze(kept)
    for each in missing:
        made = _snapshot(kept, each)
        if made is None:
            continue
        yield Create(Place(VOLUMES_GROUP, VOLUMES_VERSION, "volumesnapshots", meta(kept.content)["namespace"]), made)
        message = f"Successfully created VolumeSnapshot {each['volumeSnapshotName']}"
        yield event(kept.content, "SuccessfulVolumeSnapshotCreate", message, kept.now)


def _freeze(kept: Kept) -> Iterator[Step]:
    source = kept.source
    if source is None or source.is_frozen or source.is_paused or not source.has_agent or kept.snapshot is None:
        return
    body = {"unfreezeTimeout": freeze_limit(kept.snapshot)}
    yield Call(_guest(source, "freeze"), body, partial(_unfrozen, kept))


def _unfrozen(kept: Kept, reason: Refused) -> tuple[Step, ...]:
    """Say that the guest could not be held still."""
    error = {"time": stamp(kept.now), "message": reason.message}
    new = {**status(kept.content), "error": error, "readyToUse": False}
    return (Replace(place(kept.content, "status"), {**kept.content, "status": new}),)


def _thaw(source: Source | None) -> Iterator[Step]:
    if source is not None and source.is_locked and source.has_agent and not source.is_paused:
        yield Call(_guest(source, "unfreeze"), {})


def _guest(source: Source, action: str) -> Place:
    """Where virt-api is told what a guest is to do."""
    metadata = meta(source.machine)
    group = "subresources.kubevirt.io"
    return Place(group, "v1", "virtualmachineinstances", metadata["namespace"], metadata["name"], action)


def _snapshot(kept: Kept, backup: Manifest) -> Manifest | None:
    claim = backup["persistentVolumeClaim"]
    of = kept.class_of(claim["spec"].get("storageClassName") or "")
    if not of:
        return None
    machine = meta(kept.content["spec"]["source"]["virtualMachine"])
    return {
        "apiVersion": f"{VOLUMES_GROUP}/{VOLUMES_VERSION}",
        "kind": "VolumeSnapshot",
        "metadata": {
            "name": backup["volumeSnapshotName"],
            "namespace": meta(kept.content)["namespace"],
            "labels": {f"{_SOURCE}name": machine["name"], f"{_SOURCE}namespace": machine["namespace"]},
            "ownerReferences": [reference(kept.content)],
        },
        "spec": {
            "source": {"persistentVolumeClaimName": meta(claim)["name"]},
            "volumeSnapshotClassName": of,
        },
    }


def _show(kept: Kept, missing: list[str]) -> Iterator[Step]:
    """Say what the VolumeSnapshots say."""
    content = kept.content
    new: dict[str, Any] = copy.deepcopy(status(content))
    told = [_told(kept.taken[name]) for name in _names(content) if name in kept.taken]
    created, ready, error = _sum(told)
    if missing:
        created = ready = False
        gone = status(content).get("creationTime") is not None
        why = "missing" if gone else "skipped because vm snapshot is deleted"
        error = f"VolumeSnapshots ({','.join(missing)}) {why}"
        for name in missing if gone else ():
            message = f"VolumeSnapshot {name} no longer exists"
            yield event(content, "VolumeSnapshotMissing", message, kept.now, warning=True)
    if created and new.get("creationTime") is None:
        yield from _thaw(kept.source)
        new["creationTime"] = stamp(kept.now)
    if error and not ready and (new.get("error") or {}).get("message") != error:
        new["error"] = {"time": stamp(kept.now), "message": error}
    elif not error:
        new.pop("error", None)
    new["readyToUse"] = ready
    if told:
        new["volumeSnapshotStatus"] = told
    else:
        new.pop("volumeSnapshotStatus", None)
    if new != status(content):
        yield Replace(place(content, "status"), {**content, "status": new})


def _names(content: Manifest) -> list[str]:
    return [each["volumeSnapshotName"] for each in backups(content)]


def _told(taken: Manifest) -> Manifest:
    found: Manifest = {
        each: status(taken)[each] for each in ("creationTime", "readyToUse", "error") if each in status(taken)
    }
    return {"volumeSnapshotName": meta(taken)["name"], **found}


def _sum(told: list[Manifest]) -> tuple[bool, bool, str]:
    """Whether all have been taken, whether all are ready, and what is wrong with one."""
    created = all(each.get("creationTime") is not None for each in told)
    ready = all(each.get("readyToUse") for each in told)
    for each in told:
        message = (each.get("error") or {}).get("message")
        if message:
            return created, ready, f"VolumeSnapshot {each['volumeSnapshotName']} error: {message}"
    return created, ready, ""
