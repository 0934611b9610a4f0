"""The status of a migration, as virt-controller computes it from its guest (watch/migration, updateStatus)."""

import copy
from collections.abc import Mapping

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from .objects import condition, is_changing, is_final, is_going, meta, phase, said, with_condition
from .objects import status as shown
from .objects import without_condition as without
from .scene import Passage

FINALIZER = "kubevirt.io/migrationJobFinalize"
QUOTA = "migrationRejectedByResourceQuota"
_ABORT = "migrationAbortRequested"
_WITHOUT_TARGET = ("", "Pending")
_BEFORE_HANDOFF = (*_WITHOUT_TARGET, "Scheduling", "Scheduled")


def compute(passage: Passage) -> tuple[Manifest, str]:
    """The migration as it is to be, and why it has failed ("": it has not, or had before)."""
    migration = passage.migration
    new = copy.deepcopy(migration)
    status = new.setdefault("status", {})
    if is_final(migration):
        if passage.is_ours:
            status["migrationState"] = passage.state
        meta(new)["finalizers"] = [each for each in meta(new).get("finalizers", ()) if each != FINALIZER]
        return new, ""
    why = _failure(passage)
    aborted = is_going(migration) and condition(migration, _ABORT) is None
    if aborted and (not why or why == _CANCELED):
        told = said(_ABORT, "True", probed=stamp(passage.now))
        status["conditions"] = [*(status.get("conditions") or ()), told]
    elif not why:
        why = _proceed(passage, status)
    if why:
        status["phase"] = "Failed"
    _note(passage, status)
    return new, why


_CANCELED = "Migration failed due to being canceled"


def _failure(passage: Passage) -> str:
    """Why it cannot go on, "" where it can."""
    pod, now = passage.target, phase(passage.migration)
    assert passage.guest is not None, "a migration without its guest has no status"
    if is_final(passage.guest):
        return "Migration failed vmi shutdown during migration."
    if is_going(passage.migration) and not passage.is_ours:
        return _CANCELED
    if pod is not None and is_final(pod):
        return "Migration failed because target pod shutdown during migration"
    if now not in _WITHOUT_TARGET and pod is None:
        return "Migration target pod was removed during active migration."
    if now not in _BEFORE_HANDOFF and not passage.state:
        return "VMI's migration state was cleared during the active migration."
    if now not in _BEFORE_HANDOFF and not passage.is_ours:
        return "VMI's migration state was taken over by another migration job during active migration."
    if passage.is_ours and passage.state.get("failed"):
        return "source node reported migration failed"
    if passage.attachment is not None and is_final(passage.attachment):
        return "Migration failed because target attachment pod shutdown during migration"
    return ""


def _proceed(passage: Passage, status: Manifest) -> str:
    """Enter the next phase, if it has come; why it cannot."""
    now, state = phase(passage.migration), passage.state
    assert passage.guest is not None, "it does not go on either"
    if now == "" and not passage.may_go:
        return "VMI is not eligible for migration because another migration job is in progress."
    if now == "Scheduling" and condition(passage.migration, QUOTA) is not None:
        status["conditions"] = without(status["conditions"], QUOTA)
    following: Mapping[str, tuple[str, bool]] = {
        "": ("Pending", True),
        "Pending": ("Scheduling", passage.target is not None and passage.has_volumes),
        "Scheduling": ("Scheduled", passage.is_target_up and passage.has_volumes),
        "Scheduled": ("PreparingTarget", passage.is_ours and bool(state.get("targetNode"))),
        "PreparingTarget": ("TargetReady", bool(state.get("targetNode") and state.get("targetNodeAddress"))),
        "TargetReady": ("Running", state.get("startTimestamp") is not None),
        "Running": ("Succeeded", bool(state.get("completed")) and not is_changing(passage.guest)),
    }
    then, has_come = following[now]
    if has_come:
        status["phase"] = then
    return ""


def _note(passage: Passage, status: Manifest) -> None:
    """When it entered its phase, and where the guest comes from."""
    now: str = status.get("phase", "")
    moments = status.get("phaseTransitionTimestamps") or []
    if now != phase(passage.migration) and all(each["phase"] != now for each in moments):
        entered = {"phase": now, "phaseTransitionTimestamp": stamp(passage.now)}
        status["phaseTransitionTimestamps"] = [*moments, entered]
    if now == "Pending" and passage.source is not None:
        status["migrationState"] = {**(status.get("migrationState") or {}), "sourcePod": meta(passage.source)["name"]}


def with_quota(migration: Manifest, now: float) -> Manifest:
    """The status of a migration for whose target there is no room in a quota."""
    conditions = with_condition(shown(migration).get("conditions") or [], said(QUOTA, "True", probed=stamp(now)))
    return {**shown(migration), "conditions": conditions}
