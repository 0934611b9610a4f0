"""What virt-controller does about a VirtualMachineInstanceMigration (pkg/virt-controller/watch/migration).

It makes the launcher that takes the guest, tells the virt-handlers of both nodes by the guest's migrationState, and
follows what they make of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from dicot.kube.address import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest
from dicot.moments import seconds, stamp

from ...steps import REST, Create, Decision, Patch, Remove, Replace, Step, act
from . import migration_status
from .attachments import attachment_pod, has_plugged
from .migration_status import QUOTA
from .objects import amend, condition, event, is_final, is_going, meta, observes, phase, place, says, with_version
from .scene import Passage
from .target import Unknown, is_target, marked, target_pod

TARGET_NODE = "kubevirt.io/migrationTargetNodeName"
SELECTOR = "kubevirt.io/vmi-name"
_READY_SINCE = "kubevirt.io/migration-target-ready-timestamp"
_KEPT = 5
"""Migrations of a guest that stay when they are over."""
_BUSY = 5.0
"""Seconds until a migration looks again whether others have made room for it."""
_PATIENCE = {"Unschedulable": 300.0, "": 900.0}
"""Seconds that a target may be pending: without a node, and for whatever reason."""
_TIMEOUTS = {
    "Unschedulable": "kubevirt.io/migrationUnschedulablePodTimeoutSeconds",
    "": "kubevirt.io/migrationPendingPodTimeoutSeconds",
}
"""Annotations of a migration that say otherwise."""


@dataclass(frozen=True, slots=True)
class Sync:
    """What is done before the status is written, and when to look again (seconds)."""

    steps: tuple[Step, ...] = ()
    waits: float | None = None


def decide(passage: Passage) -> Decision:
    """The next steps of a migration."""
    migration = passage.migration
    if not observes(migration):
        return act(Replace(place(migration), _labelled(with_version(migration))))
    if passage.guest is None:
        return REST if is_going(migration) else act(Remove(place(migration), meta(migration)["uid"], None))
    sync = _sync(passage, passage.guest)
    new, why = migration_status.compute(passage)
    told = [event(migration, "FailedMigration", why, passage.now, warning=True)] if why else []
    if phase(new) != phase(migration) and phase(new) == "Succeeded":
        told.append(event(migration, "SuccessfulMigration", "Source node reported migration succeeded", passage.now))
    noted = _note_arrival(passage) if phase(migration) == "Running" and not why else ()
    forgotten = _forget(passage) if is_final(migration) else ()
    return Decision((*sync.steps, *noted, *told, *_write(migration, new), *forgotten), sync.waits)


def has_target(migration: Manifest, pods: Sequence[Manifest]) -> bool:
    """Whether a migration that is not over counts among those that are under way."""
    uid = meta(migration)["uid"]
    return phase(migration) not in ("", "Pending") or any(is_target(each, uid) for each in pods)


def _labelled(migration: Manifest) -> Manifest:
    labels = {SELECTOR: migration["spec"].get("vmiName", ""), **(meta(migration).get("labels") or {})}
    return {**migration, "metadata": {**meta(migration), "labels": labels}}


def _write(migration: Manifest, new: Manifest) -> tuple[Step, ...]:
    """The status first: the finalizer falls once it says all."""
    if new["status"] != (migration.get("status") or {}):
        return (Replace(place(migration, "status"), new),)
    if meta(new).get("finalizers", []) != meta(migration).get("finalizers", []):
        return (Replace(place(migration), new),)
    return ()


def _sync(passage: Passage, guest: Manifest) -> Sync:
    over = passage.is_ours and passage.state.get("completed")
    if is_going(guest) or over or not passage.may_go:
        return Sync()
    match phase(passage.migration):
        case "Pending" | "Scheduling" if is_going(passage.migration):
            return Sync(tuple(_cancel(passage)))
        case "Pending" if passage.target is None:
            return _make(passage, guest)
        case "Pending" if passage.is_target_up:
            return Sync(tuple(_bring(passage, guest)))
        case "Pending" | "Scheduling":
            return _wait(passage)
        case "Scheduled" if is_going(passage.migration) and not passage.is_ours:
            return Sync(tuple(_cancel(passage)))
        case "Scheduled" if passage.is_target_up and not passage.is_ours:
            return Sync(tuple(_hand_over(passage, guest)))
        case "PreparingTarget" | "TargetReady" if _has_lost_target(passage):
            return Sync(tuple(_mark_failed(passage, guest)))
        case "Failed" if passage.state and passage.state.get("endTimestamp") is None:
            return Sync(tuple(_mark_failed(passage, guest)))
        case "Running":
            return Sync(tuple(_abort(passage, guest)))
    return Sync()


def _make(passage: Passage, guest: Manifest) -> Sync:
    """The target, as soon as few enough are under way: in the cluster, and from the guest's node."""
    limits, node = passage.limits, guest["status"].get("nodeName", "")
    leaving = [each for each in passage.under_way if node in _nodes(each)]
    full = len(passage.under_way) >= limits["parallelMigrationsPerCluster"]
    if full or len(leaving) >= limits["parallelOutboundMigrationsPerNode"]:
        return Sync(waits=_BUSY)
    if len([each for each in passage.pods if not is_final(each)]) > 1:
        return Sync(waits=1.0)
    if phase(guest) != "Running" or passage.source is None:
        return Sync()
    try:
        made = target_pod(passage.migration, guest, passage.source)
    except Unknown:
        return Sync(waits=_BUSY)
    at = Place("", "v1", "pods", meta(guest)["namespace"])
    message = f"Created migration target pod {meta(made)['name']}"
    told = event(passage.migration, "SuccessfulCreate", message, passage.now)
    return Sync((Create(at, made, partial(_refused, passage, guest)), told))


def _bring(passage: Passage, guest: Manifest) -> Iterator[Step]:
    """Have the volumes that were plugged in brought to the target."""
    plug = passage.plug
    if plug is None or passage.attachment is not None or not has_plugged(guest):
        return
    # All of them are mounted anew there, whatever their status says.
    bare = {**guest, "status": {**guest["status"], "volumeStatus": []}}
    made = attachment_pod(bare, plug.launcher, plug.volumes, plug.claims)
    marked(made, passage.migration)
    yield Create(Place("", "v1", "pods", meta(guest)["namespace"]), made)
    message = f"Created attachment pod {meta(made)['name']}"
    yield event(passage.migration, "SuccessfulCreate", message, passage.now)


def _nodes(guest: Manifest) -> tuple[str, str]:
    """Where a guest that is under way is, and where it came from."""
    status = guest.get("status") or {}
    return status.get("nodeName", ""), (status.get("migrationState") or {}).get("sourceNode", "")


def _refused(passage: Passage, guest: Manifest, reason: Refused) -> tuple[Step, ...]:
    migration = passage.migration
    told = event(guest, "FailedCreate", f"Error creating pod: {reason.message}", passage.now, warning=True)
    if "exceeded quota" not in reason.message or condition(migration, QUOTA) is not None:
        return (told,)
    new = {**migration, "status": migration_status.with_quota(migration, passage.now)}
    return (told, Replace(place(migration, "status"), new))


def _cancel(passage: Passage) -> Iterator[Step]:
    if passage.target is not None:
        yield from _drop(passage, passage.target, "migration canceled and pod {} is deleted")


def _drop(passage: Passage, pod: Manifest, why: str) -> Iterator[Step]:
    yield Remove(place(pod), meta(pod)["uid"], None)
    told = why.format(f"{meta(pod)['namespace']}/{meta(pod)['name']}")
    yield event(passage.migration, "SuccessfulDelete", told, passage.now)


def _wait(passage: Passage) -> Sync:
    """A target that is pending for too long is given up."""
    pod = passage.target
    if pod is None or phase(pod) != "Pending" or is_going(pod):
        return Sync()
    steps: list[Step] = []
    left = _left(passage, pod, "")
    if says(pod, "PodScheduled", "False", "Unschedulable"):
        where = f"{meta(pod)['namespace']}/{passage.migration['spec']['vmiName']}"
        message = f"Migration target pod for VMI [{where}] is currently unschedulable."
        steps.append(event(passage.migration, "migrationTargetPodUnschedulable", message, passage.now, warning=True))
        soon = _left(passage, pod, "Unschedulable")
        if soon <= 0:
            return Sync((*steps, *_drop(passage, pod, "unschedulable pod {} timeout period exceeded")))
        left = min(left, soon)
    if left <= 0:
        return Sync((*steps, *_drop(passage, pod, "pending pod {} timeout period exceeded")))
    return Sync(tuple(steps), left)


def _left(passage: Passage, pod: Manifest, why: str) -> float:
    """Seconds that a target may still be pending."""
    said = meta(passage.migration).get("annotations", {}).get(_TIMEOUTS[why], "")
    patience = float(said) if said.isdigit() else _PATIENCE[why]
    return seconds(meta(pod)["creationTimestamp"]) + patience - passage.now


def _hand_over(passage: Passage, guest: Manifest) -> Iterator[Step]:
    """Tell virt-handler of the target's node of the guest that will come."""
    migration, pod = passage.migration, passage.target
    assert pod is not None, "only to a target that is there"
    node = pod["spec"]["nodeName"]
    state = {
        "migrationUid": meta(migration)["uid"],
        "sourceNode": guest["status"].get("nodeName", ""),
        "targetNode": node,
        "targetPod": meta(pod)["name"],
        **(migration["status"].get("migrationState") or {}),
        "migrationConfiguration": dict(passage.limits),
    }
    if passage.attachment is not None:
        state["targetAttachmentPodUID"] = meta(passage.attachment)["uid"]
    labels = {**(meta(guest).get("labels") or {}), TARGET_NODE: node}
    yield amend(guest, {"/status/migrationState": state, "/metadata/labels": labels})
    message = "Migration target pod is ready for preparation by virt-handler."
    yield event(migration, "SuccessfulHandOver", message, passage.now)


def _has_lost_target(passage: Passage) -> bool:
    """Whether the target has gone before the guest set off."""
    gone = passage.target is None or is_final(passage.target)
    told = ("targetDirectMigrationNodePorts", "startTimestamp", "failed", "completed")
    return gone and bool(passage.state) and not any(passage.state.get(each) for each in told)


def _mark_failed(passage: Passage, guest: Manifest) -> Iterator[Step]:
    now = stamp(passage.now)
    ended = {"endTimestamp": now, "failed": True, "completed": True}
    yield amend(guest, {"/status/migrationState": {"startTimestamp": now, **passage.state, **ended}})
    uid = meta(passage.migration)["uid"]
    message = f"VirtualMachineInstance migration uid {uid} failed. reason: Target pod is down"
    yield event(guest, "FailedMigration", message, passage.now, warning=True)


def _abort(passage: Passage, guest: Manifest) -> Iterator[Step]:
    """Tell virt-handler that a migration that is under way is not wanted any more."""
    if is_going(passage.migration) and passage.state and not passage.state.get("abortRequested"):
        yield amend(guest, {"/status/migrationState/abortRequested": True})
        message = "Migration is ready to be canceled by virt-handler."
        yield event(passage.migration, "SuccessfulAbortMigration", message, passage.now)


def _note_arrival(passage: Passage) -> Iterator[Step]:
    """Say on the target since when it has the guest."""
    since, pod = passage.state.get("targetNodeDomainReadyTimestamp"), passage.target
    if since is not None and pod is not None and _READY_SINCE not in meta(pod).get("annotations", {}):
        moment = datetime.fromtimestamp(seconds(since), UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
        noted = {"uid": meta(pod)["uid"], "annotations": {_READY_SINCE: moment}}
        yield Patch(place(pod), {"metadata": noted})


def _forget(passage: Passage) -> Iterator[Step]:
    """Of those that are over only the last few are kept."""
    over = [each for each in (passage.migration, *passage.others) if is_final(each) and not is_going(each)]
    over.sort(key=lambda each: str(meta(each)["creationTimestamp"]))
    for each in over[: max(0, len(over) - _KEPT)]:
        yield Remove(place(each), meta(each)["uid"], None)
