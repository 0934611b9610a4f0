"""What the virt-handlers of two nodes make of a guest that moves from one to the other (pkg/virt-handler).

Both write into the migrationState of its status; virt-controller follows the migration by it.
"""

import copy
from functools import partial

from dicot.kube.kind import Manifest
from dicot.moments import read, stamp

from ..marks import FAULT
from ..steps import REST, Decision
from . import guests
from .instances import Guest, Move
from .kinds import Pod

TARGET_LABEL = "kubevirt.io/migrationTargetNodeName"
NODE_LABEL = "kubevirt.io/nodeName"
_PORTS = {"40000": 0}
_ABORTED = "Live migration has been aborted"
_FAILED = "Live migration failed: operation failed: migration out job: unexpectedly failed"


def decide(guest: Guest, move: Move, target: Pod | None, now: float, work: float) -> Decision:
    """The next step of a guest that is told to move; ``target`` is the launcher that waits for it."""
    if move.completed or guest.status.phase != "Running" or target is None or target.status.phase != "Running":
        return REST
    if not move.targetNodeAddress:
        return guests.rewrite(guest, partial(listen, target=target))
    if move.startTimestamp is None:
        return guests.rewrite(guest, partial(start, now=now))
    if move.abortRequested:
        return guests.rewrite(guest, partial(fail, now=now, why=_ABORTED, aborted=True))
    fault = guest.metadata.annotations.get(FAULT)
    if fault == "slow-migration":
        return REST
    # Moments are whole seconds: it may have begun one later than it says.
    left = (read(move.startTimestamp) or now) + 1 + work - now
    if left > 0:
        return Decision(again=left)
    if fault == "migration":
        return guests.rewrite(guest, partial(fail, now=now, why=_FAILED))
    return guests.rewrite(guest, partial(arrive, target=target, now=now))


def listen(vmi: Manifest, *, target: Pod) -> Manifest | None:
    """The target's virt-handler is ready for it."""
    return _moved(vmi, {"targetNodeAddress": target.status.hostIP, "targetDirectMigrationNodePorts": _PORTS})


def start(vmi: Manifest, *, now: float) -> Manifest | None:
    """The source's virt-handler begins to send it."""
    return _moved(vmi, {"startTimestamp": stamp(now), "mode": "PreCopy"})


def fail(vmi: Manifest, *, now: float, why: str, aborted: bool = False) -> Manifest | None:
    """It stays where it was."""
    ended = {"endTimestamp": stamp(now), "failed": True, "completed": True, "failureReason": why}
    changed = _moved(vmi, ended | ({"abortStatus": "Succeeded"} if aborted else {}))
    if changed is not None:
        changed["metadata"].get("labels", {}).pop(TARGET_LABEL, None)
    return changed


def arrive(vmi: Manifest, *, target: Pod, now: float) -> Manifest | None:
    """It runs on the target."""
    moment = stamp(now)
    detected = {"targetNodeDomainDetected": True, "targetNodeDomainReadyTimestamp": moment}
    changed = _moved(vmi, detected | {"endTimestamp": moment, "completed": True})
    if changed is None:
        return None
    labels, status = changed["metadata"].setdefault("labels", {}), changed["status"]
    labels.pop(TARGET_LABEL, None)
    labels[NODE_LABEL] = status["nodeName"] = target.spec.nodeName
    status.pop("evacuationNodeName", None)
    status.pop("launcherContainerImageVersion", None)
    status["migrationTransport"] = "Unix"
    status["conditions"] = [each for each in status.get("conditions") or () if each["type"] != "MigrationRequired"]
    for interface in status.get("interfaces") or ():
        if "ipAddress" in interface:
            interface |= {"ipAddress": target.status.podIP, "ipAddresses": [target.status.podIP]}
    return changed


def _moved(vmi: Manifest, changes: Manifest) -> Manifest | None:
    """The guest with changes to its migrationState, None where there is nothing to change any more."""
    move = vmi["status"].get("migrationState")
    if move is None or move.get("completed") or vmi["status"].get("phase") != "Running":
        return None
    vmi = copy.deepcopy(vmi)
    vmi["status"]["migrationState"] |= changes
    return vmi
