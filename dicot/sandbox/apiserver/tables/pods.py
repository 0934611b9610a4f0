"""The row of a Pod (kubernetes, pkg/printers/internalversion, printPod)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dicot.kube.kind import Manifest

from .words import NONE, since

DONE = {
    "Succeeded": {
        "type": "Completed",
        "status": "True",
        "reason": "Succeeded",
        "message": "The pod has completed successfully.",
    },
    "Failed": {"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."},
}
"""What a row says beside its cells, by the phase."""
_OVER = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class _Tale:
    """What the containers tell."""

    reason: str
    ready: int
    restarts: int
    restarted: str


def pod(found: Manifest, now: float) -> list[Any]:
    """The cells of a Pod."""
    spec, status, metadata = found.get("spec", {}), found.get("status", {}), found["metadata"]
    tale = _tale(spec, status)
    total = len(spec.get("containers") or ()) + sum(map(_stays, spec.get("initContainers") or ()))
    restarts = str(tale.restarts)
    if tale.restarts and tale.restarted:
        restarts = f"{tale.restarts} ({since(tale.restarted, now)} ago)"
    addresses = status.get("podIPs") or ()
    return [
        metadata["name"],
        f"{tale.ready}/{total}",
        _reason(tale.reason, metadata, status),
        restarts,
        since(metadata.get("creationTimestamp"), now),
        (addresses[0].get("ip") if addresses else "") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec, status),
    ]


def _reason(reason: str, metadata: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    if "deletionTimestamp" not in metadata:
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in _OVER else "Terminating"


def _stays(container: Mapping[str, Any]) -> bool:
    """Whether an init container goes on beside the others."""
    return container.get("restartPolicy") == "Always"


def _tale(spec: Mapping[str, Any], status: Mapping[str, Any]) -> _Tale:
    reason = status.get("reason") or status.get("phase", "")
    if any(each.get("reason") == "SchedulingGated" for each in _conditions(status, "PodScheduled")):
        reason = "SchedulingGated"
    stay = {each["name"] for each in spec.get("initContainers") or () if _stays(each)}
    states = status.get("initContainerStatuses") or []
    seen, stuck = _initialising(states, stay, len(spec.get("initContainers") or ()))
    ready = sum(bool(each.get("ready")) for each in seen if _beside(each, stay))
    initialised = any(each.get("status") == "True" for each in _conditions(status, "Initialized"))
    if stuck and not initialised:
        known = states[: len(seen) + 1]
        return _Tale(stuck, ready, _restarts(known), _restarted(known))
    beside = [each for each in states[: len(seen) + bool(stuck)] if each["name"] in stay]
    own = status.get("containerStatuses") or []
    said, running = _running(stuck or reason, own, status)
    together = [*beside, *own]
    return _Tale(said, ready + running, _restarts(together), _restarted(together))


def _initialising(states: list[Mapping[str, Any]], stay: set[str], total: int) -> tuple[list[Mapping[str, Any]], str]:
    """Those that are through, and what the first that is not says."""
    for place, each in enumerate(states):
        ended = each.get("state", {}).get("terminated")
        if (ended is not None and not ended.get("exitCode")) or _beside(each, stay):
            continue
        waiting = each.get("state", {}).get("waiting") or {}
        if ended is not None:
            return states[:place], f"Init:{_end(ended)}"
        if waiting.get("reason") not in (None, "", "PodInitializing"):
            return states[:place], f"Init:{waiting['reason']}"
        return states[:place], f"Init:{place}/{total}"
    return states, ""


def _beside(state: Mapping[str, Any], stay: set[str]) -> bool:
    ended = state.get("state", {}).get("terminated")
    if ended is not None and not ended.get("exitCode"):
        return False
    return state["name"] in stay and bool(state.get("started"))


def _end(ended: Mapping[str, Any]) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _running(reason: str, states: list[Mapping[str, Any]], status: Mapping[str, Any]) -> tuple[str, int]:
    """What the containers say together, and how many are ready."""
    ready, failure = 0, ""
    for each in reversed(states):
        state = each.get("state", {})
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended is not None:
            reason = _end(ended)
            failure = reason if ended.get("exitCode") else failure
        elif each.get("ready") and state.get("running") is not None:
            ready += 1
    if reason == "Completed":
        if ready and any(each.get("status") == "True" for each in _conditions(status, "Ready")):
            return "Running", ready
        return failure or ("NotReady" if ready else reason), ready
    return reason, ready


def _conditions(status: Mapping[str, Any], type: str) -> Iterator[Mapping[str, Any]]:
    return (each for each in status.get("conditions") or () if each.get("type") == type)


def _restarts(states: Iterable[Mapping[str, Any]]) -> int:
    return sum(each.get("restartCount", 0) for each in states)


def _restarted(states: Iterable[Mapping[str, Any]]) -> str:
    ends = [(each.get("lastState") or {}).get("terminated") or {} for each in states]
    return max((each.get("finishedAt") or "" for each in ends), default="")


def _gates(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return NONE
    true = {each["type"] for each in status.get("conditions") or () if each.get("status") == "True"}
    return f"{sum(each['conditionType'] in true for each in gates)}/{len(gates)}"
