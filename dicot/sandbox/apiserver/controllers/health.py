"""What a silent kubelet does to its Node, as pure functions (kubernetes, pkg/controller/nodelifecycle)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dicot.kube.kind import Manifest

GRACE, STARTUP = 50.0, 60.0
"""Seconds of silence after which a kubelet is gone, and after which one never was there."""
UNREACHABLE, NOT_READY = "node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"
TAINTS: Mapping[tuple[str, str], str] = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
"""By condition and its status."""
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_KUBELETS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_BETA: Mapping[str, str] = {
    "kubernetes.io/os": "beta.kubernetes.io/os",
    "kubernetes.io/arch": "beta.kubernetes.io/arch",
}


def ready(node: Manifest) -> Mapping[str, Any] | None:
    """The condition Ready."""
    return next((each for each in _conditions(node) if each["type"] == "Ready"), None)


def unknown(node: Manifest, now: str) -> Manifest | None:
    """A Node of whose kubelet nothing was heard; None where it says so already."""
    before = [dict(each) for each in _conditions(node)]
    shown = {each["type"]: each for each in before}
    for kind in _KUBELETS:
        found = shown.get(kind)
        if found is None:
            before.append(_never(kind, node["metadata"]["creationTimestamp"], now))
        elif found["status"] != "Unknown":
            said = {"reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
            found |= {"status": "Unknown", "lastTransitionTime": now, **said}
    if before == _conditions(node):
        return None
    node.setdefault("status", {})["conditions"] = before
    return node


def _never(kind: str, born: str, now: str) -> Manifest:
    return {
        "type": kind,
        "status": "Unknown",
        "reason": "NodeStatusNeverUpdated",
        "message": "Kubelet never posted node status.",
        "lastHeartbeatTime": born,
        "lastTransitionTime": now,
    }


def arranged(node: Manifest, evicts: bool, now: str) -> Manifest | None:
    """A Node with the taints and the old labels that it should have; None where it has them. ``evicts``: Pods shall
    leave it where it is not ready."""
    spec, metadata = node.get("spec") or {}, node["metadata"]
    taints = spec.get("taints") or []
    wanted = _wanted(node, evicts)
    kept = [each for each in taints if not _is_ours(each) or (each["key"], each["effect"]) in wanted]
    have = {(each["key"], each["effect"]) for each in kept}
    kept += [{"key": key, "effect": effect, "timeAdded": now} for key, effect in wanted if (key, effect) not in have]
    labels = {**(metadata.get("labels") or {})}
    labels |= {old: labels[new] for new, old in _BETA.items() if new in labels}
    if kept == taints and labels == (metadata.get("labels") or {}):
        return None
    node["spec"] = {**spec, "taints": kept} if kept else {key: spec[key] for key in spec if key != "taints"}
    if labels:
        metadata["labels"] = labels
    return node


def _wanted(node: Manifest, evicts: bool) -> dict[tuple[str, str], None]:
    """Keys and effects of the taints that conditions and ``spec.unschedulable`` stand for."""
    found = ((each["type"], each["status"]) for each in _conditions(node))
    wanted = {(TAINTS[each], "NoSchedule"): None for each in found if each in TAINTS}
    if (node.get("spec") or {}).get("unschedulable"):
        wanted[UNSCHEDULABLE, "NoSchedule"] = None
    condition = ready(node)
    if evicts and condition is not None and condition["status"] != "True":
        wanted[TAINTS["Ready", condition["status"]], "NoExecute"] = None
    return wanted


def _is_ours(taint: Mapping[str, Any]) -> bool:
    """Whether a taint is one that comes and goes with the Node's state."""
    if taint["effect"] == "NoExecute":
        return taint["key"] in (UNREACHABLE, NOT_READY)
    return taint["effect"] == "NoSchedule" and taint["key"] in (UNSCHEDULABLE, *TAINTS.values())


def _conditions(node: Manifest) -> list[dict[str, Any]]:
    return (node.get("status") or {}).get("conditions") or []


def not_ready(pod: Manifest, now: str) -> Manifest | None:
    """A Pod of a node that is not ready; None where it is not ready already."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] != "False":
            condition |= {"status": "False", "lastTransitionTime": now}
            return pod
    return None


def evicted(pod: Manifest, now: str) -> Manifest | None:
    """A Pod that has to leave, and says why; None where it does."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    if any(each["type"] == "DisruptionTarget" and each["status"] == "True" for each in conditions):
        return None
    why = {"reason": "DeletionByTaintManager", "message": "Taint manager: deleting due to NoExecute taint"}
    target = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": now, **why}
    others = [each for each in conditions if each["type"] != "DisruptionTarget"]
    pod.setdefault("status", {})["conditions"] = [*others, target]
    return pod


def patience(taints: Collection[Mapping[str, Any]], tolerations: Collection[Mapping[str, Any]]) -> float | None:
    """Seconds for which a Pod may stay on a node with these taints; None for ever."""
    used = [next((each for each in tolerations if _tolerates(each, taint)), None) for taint in taints]
    if None in used:
        return 0.0
    limits = [each["tolerationSeconds"] for each in used if each and each.get("tolerationSeconds") is not None]
    return max(0.0, float(min(limits))) if limits else None


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect", "") not in ("", taint["effect"]) or toleration.get("key", "") not in (
        "",
        taint["key"],
    ):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")
