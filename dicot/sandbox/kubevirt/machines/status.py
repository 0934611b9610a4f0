"""The status of a machine, as virt-controller computes it from its instance (pkg/virt-controller/watch/vm)."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dicot.kube.kind import Manifest
from dicot.moments import seconds, stamp

from ...steps import Decision, Replace, act
from .. import volume_requests
from . import storage
from .objects import (
    condition,
    is_final,
    is_going,
    is_migrating,
    meta,
    phase,
    place,
    said,
    says,
    status,
    with_condition,
)
from .objects import without_condition as without
from .scene import Failure, Outcome, Outlook, Scene, strategy

GENERATION = "kubevirt.io/vm-generation"
LONGEST_DELAY = 300
_SHORTEST_DELAY = 10
_RESTARTED = ("Always", "RerunOnFailure", "Once")
_OWN = ("Ready", "Failure", "RestartRequired")
"""Conditions of the machine alone; the others are those of its instance."""
_PATIENCE = 1.0
_LONGEST_PATIENCE = 60.0


def outlook(scene: Scene, outcome: Outcome) -> Outlook:
    """What a status is computed from."""
    return Outlook(scene.guest, scene.volumes, scene.claims, scene.now, scene.dice, outcome)


def failed(scene: Scene, failure: Failure) -> Decision:
    """Say that something failed, and try it again: the longer it has failed, the later."""
    told = compute(scene.machine, outlook(scene, Outcome(failure=failure)))
    return act(*replaced(scene.machine, told), again=patience(scene))


def patience(scene: Scene) -> float:
    """Seconds until what failed is tried again."""
    shown = condition(scene.machine, "Failure")
    since = scene.now - seconds(shown["lastTransitionTime"]) if shown and shown["lastTransitionTime"] else 0.0
    return min(_LONGEST_PATIENCE, max(_PATIENCE, since))


def replaced(machine: Manifest, new: Manifest) -> tuple[Replace, ...]:
    """The write of a new status, if it is one."""
    if new == status(machine):
        return ()
    return (Replace(place(machine, "status"), {**machine, "status": new}),)


def compute(machine: Manifest, seen: Outlook) -> Manifest:
    """The new status."""
    new: dict[str, Any] = copy.deepcopy(status(machine))
    guest = seen.guest
    _mark(new, "created", guest is not None)
    _mark(new, "ready", says(guest, "Ready", "True"))
    generation = meta(guest).get("annotations", {}).get(GENERATION, "") if guest is not None else ""
    if generation.isdigit():
        new |= {"observedGeneration": int(generation), "desiredGeneration": meta(machine)["generation"]}
    if new.get("runStrategy") or guest is not None:
        new["runStrategy"] = strategy(machine)
    _mark(new, "volumeRequests", volume_requests.waiting(machine))
    if _is_done(new.get("stateChangeRequests") or [], guest):
        new["stateChangeRequests"] = new["stateChangeRequests"][1:]
        if not new["stateChangeRequests"]:
            del new["stateChangeRequests"]
    _count_failures(new, machine, seen)
    new["conditions"] = _conditions(new, seen)
    new["printableStatus"] = _printable(machine, new, seen)
    return new


def _mark(new: dict[str, Any], name: str, value: object) -> None:
    """It with what holds, and without what does not."""
    if value:
        new[name] = value
    else:
        new.pop(name, None)


def _is_done(requests: Sequence[Manifest], guest: Manifest | None) -> bool:
    """Whether the first request has been fulfilled, or no longer means anything."""
    if not requests:
        return False
    if requests[0]["action"] == "Stop":
        return guest is None or requests[0].get("uid") != meta(guest)["uid"]
    return guest is not None and not is_going(guest) and not is_final(guest)


def has_run(guest: Manifest) -> bool:
    """Whether a guest has ever been Running."""
    return any(each["phase"] == "Running" for each in status(guest).get("phaseTransitionTimestamps") or ())


def _count_failures(new: dict[str, Any], machine: Manifest, seen: Outlook) -> None:
    guest = seen.guest
    if (guest is not None and has_run(guest)) or strategy(machine) not in _RESTARTED:
        new.pop("startFailure", None)
        return
    before = new.get("startFailure") or {}
    if guest is None or not is_final(guest) or before.get("lastFailedVMIUID") == meta(guest)["uid"]:
        return
    count = before.get("consecutiveFailCount", 0) + 1
    new["startFailure"] = {
        "consecutiveFailCount": count,
        "lastFailedVMIUID": meta(guest)["uid"],
        "retryAfterTimestamp": stamp(seen.now + delay(count, seen.dice)),
    }


def delay(count: int, dice: float) -> int:
    """Seconds until the next start after that many failures in a row."""
    least = max(LONGEST_DELAY // 30, _SHORTEST_DELAY) * count**2
    return min(LONGEST_DELAY, least + int(dice * (least // 2 + 1)))


def backoff(machine: Manifest, now: float) -> int:
    """Seconds that are left until a machine whose starts fail may start again."""
    after = (status(machine).get("startFailure") or {}).get("retryAfterTimestamp")
    return max(0, int(seconds(after)) - int(now)) if after else 0


def _conditions(new: Manifest, seen: Outlook) -> list[Manifest]:
    conditions = with_condition(new.get("conditions") or [], _ready(seen))
    conditions = _failure(conditions, seen)
    restart = seen.outcome.restart
    if restart:
        since = stamp(seen.now)
        conditions = with_condition(conditions, said("RestartRequired", "True", message=restart, since=since))
    elif restart is not None:
        conditions = without(conditions, "RestartRequired")
    if seen.guest is None:
        return conditions
    theirs = [each for each in status(seen.guest).get("conditions") or () if each["type"] not in _OWN]
    for each in theirs:
        conditions = with_condition(conditions, each)
    kept = {each["type"] for each in theirs} | set(_OWN)
    return [each for each in conditions if each["type"] in kept]


def _ready(seen: Outlook) -> Manifest:
    now = stamp(seen.now)
    if seen.guest is None:
        return said("Ready", "False", "VMINotExists", "VMI does not exist", now, now)
    shown = condition(seen.guest, "Ready")
    if shown is None:
        return said("Ready", "False", "VMIConditionMissing", "VMI is missing the Ready condition", now, now)
    return shown


def _failure(conditions: Sequence[Manifest], seen: Outlook) -> list[Manifest]:
    failure = seen.outcome.failure
    if failure is None:
        return without(conditions, "Failure")
    told = said("Failure", "True", failure.reason, failure.message, since=stamp(seen.now))
    return with_condition(conditions, told)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the words are chosen by: the machine, its new status, and the rest."""

    machine: Manifest
    new: Mapping[str, Any]
    seen: Outlook

    @property
    def guest(self) -> Manifest | None:
        return self.seen.guest

    @property
    def phase(self) -> str:
        return phase(self.guest) if self.guest is not None else ""


def _is_stopping(look: _Look) -> bool:
    guest = look.guest
    return guest is not None and not is_final(guest) and (is_going(guest) or look.seen.outcome.stopping)


def _is_moving(look: _Look) -> bool:
    return look.guest is not None and is_migrating(look.guest, look.seen.now)


def _is_starting(look: _Look) -> bool:
    if look.guest is None:
        return look.seen.outcome.starting
    return look.phase in ("", "Pending", "Scheduling", "Scheduled")


def _is_crashing(look: _Look) -> bool:
    if (look.guest is not None and not is_final(look.guest)) or look.seen.outcome.starting:
        return False
    failures = (look.new.get("startFailure") or {}).get("consecutiveFailCount", 0)
    return failures > 0 and strategy(look.machine) in _RESTARTED


def _is_stopped(look: _Look) -> bool:
    return not look.seen.outcome.starting if look.guest is None else is_final(look.guest)


def _waits_for_claim(look: _Look) -> bool:
    return _is_to_start(look) and storage.is_unbound(look.machine, look.seen.claims)


def _is_to_start(look: _Look) -> bool:
    requests = look.new.get("stateChangeRequests") or [{}]
    match strategy(look.machine):
        case "Always":
            return True
        case "Manual" if look.guest is None:
            return bool(requests[0].get("action") == "Start")
        case "Manual":
            return not _is_stopped_by(requests[0], look.guest)
        case "RerunOnFailure":
            return look.phase != "Succeeded"
        case "Once":
            return look.guest is None
    return False


def _is_stopped_by(request: Manifest, guest: Manifest | None) -> bool:
    return guest is not None and (request.get("action"), request.get("uid")) == ("Stop", meta(guest)["uid"])


def _synchronized(reason: str) -> Callable[[_Look], bool]:
    return lambda look: says(look.guest, "Synchronized", "False", reason)


_WORDS: Sequence[tuple[str, Callable[[_Look], bool]]] = (
    ("Terminating", lambda look: is_going(look.machine)),
    ("Stopping", _is_stopping),
    ("Migrating", _is_moving),
    ("Paused", lambda look: look.phase == "Running" and says(look.guest, "Paused", "True")),
    ("Running", lambda look: look.phase == "Running"),
    ("ErrorPvcNotFound", _synchronized("FailedPvcNotFound")),
    ("DataVolumeError", lambda look: storage.is_broken(look.machine, look.seen.volumes)),
    ("ErrorUnschedulable", lambda look: says(look.guest, "PodScheduled", "False", "Unschedulable")),
    ("Provisioning", lambda look: storage.is_filling(look.machine, look.seen.volumes)),
    ("WaitingForVolumeBinding", _waits_for_claim),
    ("ErrImagePull", _synchronized("ErrImagePull")),
    ("ImagePullBackOff", _synchronized("ImagePullBackOff")),
    ("Starting", _is_starting),
    ("CrashLoopBackOff", _is_crashing),
    ("Stopped", _is_stopped),
)
"""printableStatus: the first one that is true."""


def _printable(machine: Manifest, new: Mapping[str, Any], seen: Outlook) -> str:
    look = _Look(machine, new, seen)
    return next((word for word, holds in _WORDS if holds(look)), "Unknown")
