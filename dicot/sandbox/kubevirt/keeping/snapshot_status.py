"""The status of a VirtualMachineSnapshot (pkg/storage/snapshot, updateSnapshotStatus)."""

import copy
from collections.abc import Mapping
from typing import Any

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..machines.objects import is_going, meta, said, with_condition
from ..machines.objects import status as shown
from .scene import Shot, Source, backups

_MESSAGES: Mapping[str, str] = {
    "Online": "Snapshot taken while the VM was running. Consistency depends on guest-agent quiescing.",
    "GuestAgent": "Guest agent was active and attempted to quiesce the filesystem for application consistency.",
    "NoGuestAgent": (
        "Guest agent was not available. Snapshot is crash-consistent and may not be application-consistent."
    ),
    "Paused": (
        "Snapshot taken while the VM was paused. Snapshot is crash-consistent and may not be application-consistent."
    ),
}
_TAKEN = {"creationTime": "creationTime", "readyToUse": "readyToUse", "error": "error"}
_LOCKED = "Source locked and operation in progress"


def compute(shot: Shot, why: str, *, exceeded: bool) -> Manifest:
    """The status as it is to be; ``why`` the machine is not kept as it is."""
    status: dict[str, Any] = copy.deepcopy(shown(shot.snapshot)) or {"readyToUse": False}
    if shot.source is not None:
        status["sourceUID"] = meta(shot.source.machine)["uid"]
    if shot.content is not None and shown(shot.content):
        _take(status, shot.content)
    if exceeded:
        status["phase"] = "Failed"
        _say(shot, status, "Failure", "True", "snapshot deadline exceeded")
        _say(shot, status, "Progressing", "False", "Operation failed")
    elif status.get("phase") == "Succeeded" or status.get("creationTime") is not None:
        status["phase"] = "Succeeded"
        _say(shot, status, "Progressing", "False", "Operation complete")
        _list_volumes(status, shot.content)
    else:
        _go_on(shot, status, why)
    ready = bool(status.get("readyToUse"))
    _say(shot, status, "Ready", str(ready), "Ready" if ready else "Not ready")
    if status.get("error") is not None:
        _say(shot, status, "Progressing", "False", "In error state")
    return status


def _take(status: dict[str, Any], content: Manifest) -> None:
    status["virtualMachineSnapshotContentName"] = meta(content)["name"]
    for name in _TAKEN:
        if shown(content).get(name) is not None:
            status[name] = shown(content)[name]
        else:
            status.pop(name, None)


def _go_on(shot: Shot, status: dict[str, Any], why: str) -> None:
    status["phase"] = "InProgress"
    if shot.source is None:
        _say(shot, status, "Progressing", "False", "Source does not exist")
    else:
        locked = shot.source.is_locked
        _say(shot, status, "Progressing", str(locked), _LOCKED if locked else f"Source not locked{why}")
        _indicate(status, shot.source)
    if is_going(shot.snapshot):
        status["phase"] = "Deleting"
        _say(shot, status, "Progressing", "False", "VM snapshot is deleting")


def _indicate(status: dict[str, Any], source: Source) -> None:
    """What the machine was like meanwhile."""
    if source.guest is None:
        for name in ("indications", "sourceIndications"):
            status.pop(name, None)
        return
    state = "Paused" if source.is_paused else "GuestAgent" if source.has_agent else "NoGuestAgent"
    found = sorted({*(status.get("indications") or ()), "Online", state})
    status["indications"] = found
    status["sourceIndications"] = [{"indication": each, "message": _MESSAGES[each]} for each in found]


def _list_volumes(status: dict[str, Any], content: Manifest | None) -> None:
    """Which volumes are in it, and which are not."""
    if content is None:
        return
    volumes = content["spec"]["source"]["virtualMachine"]["spec"]["template"]["spec"].get("volumes") or ()
    names, kept = [each["name"] for each in volumes], {each["volumeName"] for each in backups(content)}
    lists = {
        "includedVolumes": [each for each in names if each in kept],
        "excludedVolumes": [each for each in names if each not in kept],
    }
    status["snapshotVolumes"] = {name: found for name, found in lists.items() if found}


def _say(shot: Shot, status: dict[str, Any], kind: str, holds: str, reason: str) -> None:
    new = said(kind, holds, reason, since=stamp(shot.now))
    status["conditions"] = with_condition(status.get("conditions") or [], new)
