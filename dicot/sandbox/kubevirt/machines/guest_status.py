"""The status of a guest as far as virt-controller writes it (pkg/virt-controller/watch/vmi/lifecycle.go)."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import json

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount
from dicot.moments import stamp

from . import attachments, networks
from .attachments import Plug
from .kinds import claim_of
from .launcher import IMAGE
from .objects import (
    CONTROLLER_FINALIZER,
    GUEST_FINALIZER,
    condition,
    is_down,
    is_going,
    is_up,
    meta,
    phase,
    said,
    says,
    with_condition,
)
from .objects import status as shown
from .objects import without_condition as without
from .scene import Failure, Stage

EPHEMERAL = "kubevirt.io/ephemeral-hotplug-volumes"
NODE_NAME = "kubevirt.io/nodeName"
_PULLS = ("ErrImagePull", "ImagePullBackOff")
_OVERHEAD = "0.055"
"""What a file system takes of its volume, where CDI says nothing."""


def is_paused(guest: Manifest) -> bool:
    """Whether its processors stand still."""
    return says(guest, "Paused", "True")


def compute(stage: Stage, pod: Manifest | None, failure: Failure | None) -> Manifest:
    """The guest as it is to be."""
    guest = stage.guest
    new = copy.deepcopy(guest)
    status: dict[str, Any] = new.setdefault("status", {})
    if stage.pods or "activePods" in status:
        status["activePods"] = {meta(each)["uid"]: each["spec"].get("nodeName", "") for each in stage.pods}
    status["conditions"] = with_condition(status.get("conditions") or [], _ready(stage, pod))
    if pod is not None:
        status["launcherContainerImageVersion"] = IMAGE
    _aggregate(stage, status)
    failure = _PHASES[phase(guest)](stage, new, pod, failure)
    if phase(guest) not in ("Scheduled", "Running"):
        status["conditions"] = _synchronized(status["conditions"], failure, stage.now)
        _moment(status, phase(guest), stage.now)
    for name in ("conditions", "activePods"):
        if not status.get(name) and name not in shown(guest):
            status.pop(name, None)
    return new


def _moment(status: dict[str, Any], before: str, now: float) -> None:
    moments = status.setdefault("phaseTransitionTimestamps", [])
    if status["phase"] != before and all(each["phase"] != status["phase"] for each in moments):
        moments.append({"phase": status["phase"], "phaseTransitionTimestamp": stamp(now)})


def _ready(stage: Stage, pod: Manifest | None) -> Manifest:
    now = stamp(stage.now)
    if pod is None:
        message = "virt-launcher pod has not yet been scheduled"
        return said("Ready", "False", "PodNotExists", message, now, now)
    if is_down(pod):
        return said("Ready", "False", "PodTerminating", "virt-launcher pod is terminating", now, now)
    if phase(stage.guest) != "Running":
        return said("Ready", "False", "GuestNotRunning", "Guest VM is not reported as running", now, now)
    theirs = condition(pod, "Ready")
    if theirs is None:
        message = "virt-launcher pod is missing the Ready condition"
        return said("Ready", "False", "PodConditionMissing", message, now, now)
    return said(
        "Ready",
        theirs["status"],
        theirs.get("reason", ""),
        theirs.get("message", ""),
        theirs.get("lastProbeTime"),
        theirs.get("lastTransitionTime"),
    )


def _aggregate(stage: Stage, status: dict[str, Any]) -> None:
    """Whether the guest's DataVolumes are ready."""
    names = [claim_of(each) for each in stage.guest["spec"].get("volumes") or ()]
    found = [stage.volumes[name] for name in names if name in stage.volumes]
    if not found:
        return
    states = {(condition(each, "Ready") or {}).get("status", "Unknown") for each in found}
    holds = next(each for each in ("False", "Unknown", "True") if each in states)
    if holds == "True":
        told = said("DataVolumesReady", holds, "AllDVsReady", "All of the VMI's DVs are bound and ready")
    else:
        told = said("DataVolumesReady", holds, "NotAllDVsReady", "Not all of the VMI's DVs are ready")
    status["conditions"] = with_condition(status["conditions"], told)


def _unprocessed(stage: Stage, new: Manifest, pod: Manifest | None, failure: Failure | None) -> Failure | None:
    status = new["status"]
    names = [claim_of(each) for each in stage.guest["spec"].get("volumes") or ()]
    broken = any(phase(stage.volumes[name]) == "Failed" for name in names if name in stage.volumes)
    if pod is not None:
        status["phase"] = "Scheduling"
        return failure
    if is_going(stage.guest) or broken:
        status["phase"] = "Failed"
        return failure
    status["phase"] = "Pending"
    if failure is not None and failure.reason == "FailedPvcNotFound":
        told = said("PodScheduled", "False", "Unschedulable", failure.message)
        status["conditions"] = [*without(status["conditions"], "PodScheduled"), told]
    return failure


def _scheduling(stage: Stage, new: Manifest, pod: Manifest | None, failure: Failure | None) -> Failure | None:
    status = new["status"]
    status["conditions"] = without(status["conditions"], "Provisioning")
    if pod is None:
        status["phase"] = "Failed"
        return failure
    _take_quality(status, pod)
    scheduled = condition(pod, "PodScheduled")
    if scheduled is None or scheduled["status"] != "False":
        status["conditions"] = without(status["conditions"], "PodScheduled")
    elif condition(stage.guest, "PodScheduled") is None:
        status["conditions"] = [*status["conditions"], _copied(scheduled)]
    failure = _pull_error(pod) or failure
    if is_up(pod) and not is_going(stage.guest):
        status |= {"phase": "Scheduled", "nodeName": pod["spec"]["nodeName"], "migrationTransport": "Unix"}
        status["volumeStatus"] = _volumes(stage, pod)
        status["interfaces"] = networks.shown(stage.guest, pod)
        meta(new).setdefault("labels", {})[NODE_NAME] = pod["spec"]["nodeName"]
    elif is_down(pod):
        status["phase"] = "Failed"
    return failure


def _take_quality(status: dict[str, Any], pod: Manifest) -> None:
    quality = shown(pod).get("qosClass")
    if quality:
        status["qosClass"] = quality
    else:
        status.pop("qosClass", None)


def _copied(theirs: Manifest) -> Manifest:
    kept = {name: theirs[name] for name in ("type", "status", "reason", "message") if theirs.get(name)}
    moments = {name: theirs.get(name) for name in ("lastProbeTime", "lastTransitionTime")}
    return kept | moments


def _pull_error(pod: Manifest) -> Failure | None:
    status = shown(pod)
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _PULLS:
            return Failure(waiting["reason"], waiting.get("message", ""))
    return None


def _scheduled(stage: Stage, new: Manifest, pod: Manifest | None, failure: Failure | None) -> Failure | None:
    if pod is None:
        new["status"]["phase"] = "Failed"
    else:
        new["status"]["volumeStatus"] = _volumes(stage, pod)
    return failure


def _running(stage: Stage, new: Manifest, pod: Manifest | None, failure: Failure | None) -> Failure | None:
    status = new["status"]
    if pod is None:
        status["phase"] = "Failed"
        return failure
    status["volumeStatus"] = _volumes(stage, pod)
    status["interfaces"] = networks.shown(stage.guest, pod)
    for holds, kind in ((_wants_processors, "HotVCPUChange"), (_wants_memory, "HotMemoryChange")):
        if holds(stage.guest) and condition(stage.guest, kind) is None:
            status["conditions"] = [*status["conditions"], said(kind, "True")]
    status["conditions"] = networks.with_migration(new, status["conditions"], stage.now)
    _note_ephemeral(stage, meta(new))
    return failure


def _note_ephemeral(stage: Stage, metadata: dict[str, Any]) -> None:
    if stage.ephemeral:
        metadata.setdefault("annotations", {})[EPHEMERAL] = json.encode(list(stage.ephemeral)).decode()
    else:
        metadata.get("annotations", {}).pop(EPHEMERAL, None)


def _final(stage: Stage, new: Manifest, pod: Manifest | None, failure: Failure | None) -> Failure | None:
    """Let go of a guest that has ended, once its launchers are gone."""
    finalizers = meta(new).get("finalizers", [])
    if not stage.pods:
        finalizers = [each for each in finalizers if each != GUEST_FINALIZER]
        new["status"].pop("launcherContainerImageVersion", None)
    if not stage.machine:
        finalizers = [each for each in finalizers if each != CONTROLLER_FINALIZER]
    if finalizers != meta(new).get("finalizers", []):
        meta(new)["finalizers"] = finalizers
    return failure


_PHASES: Mapping[str, Callable[[Stage, Manifest, Manifest | None, Failure | None], Failure | None]] = {
    "": _unprocessed,
    "Pending": _unprocessed,
    "Scheduling": _scheduling,
    "Scheduled": _scheduled,
    "Running": _running,
    "Succeeded": _final,
    "Failed": _final,
}


def _synchronized(conditions: list[Manifest], failure: Failure | None, now: float) -> list[Manifest]:
    """The condition Synchronized is there while something is wrong (CheckFailure)."""
    held = next((each for each in conditions if each["type"] == "Synchronized"), None)
    if failure is None:
        return without(conditions, "Synchronized")
    if held is not None and held["status"] == "False" and held.get("reason") == failure.reason:
        return conditions
    told = said("Synchronized", "False", failure.reason, failure.message, since=stamp(now))
    return [*without(conditions, "Synchronized"), told]


def _wants_processors(guest: Manifest) -> bool:
    wanted, has = guest["spec"]["domain"].get("cpu") or {}, shown(guest).get("currentCPUTopology")
    return bool(has and wanted.get("maxSockets") and _count(wanted) != _count(has))


def _count(cpu: Manifest) -> int:
    return int((cpu.get("cores") or 1) * (cpu.get("sockets") or 1) * (cpu.get("threads") or 1))


def _wants_memory(guest: Manifest) -> bool:
    wanted, has = guest["spec"]["domain"].get("memory") or {}, shown(guest).get("memory") or {}
    if not wanted.get("guest") or not wanted.get("maxGuest") or not has.get("guestRequested"):
        return False
    return amount(wanted["guest"]) != amount(has["guestRequested"])


def is_filled(claim: Manifest, volumes: Mapping[str, Manifest]) -> bool:
    """Whether a claim is filled: one of a DataVolume is when that says so."""
    owner = next((each for each in meta(claim).get("ownerReferences", ()) if each.get("controller")), None)
    if owner is None or owner["kind"] != "DataVolume":
        return True
    found = volumes.get(owner["name"])
    return found is not None and phase(found) in ("Succeeded", "PendingPopulation")


def plug(stage: Stage, pod: Manifest) -> Plug:
    """What is plugged into a guest whose launcher that is."""
    volumes = attachments.plugged(stage.guest, pod)
    claims = {claim_of(each): stage.claims.get(claim_of(each)) for each in volumes}
    known = {name: claim for name, claim in claims.items() if claim is not None}
    ready = [each for each in volumes if claim_of(each) in known and is_filled(known[claim_of(each)], stage.volumes)]
    pods = stage.attachments.get(meta(pod)["uid"], ())
    return Plug(stage.guest, pod, volumes, ready, known, pods, stage.now)


def _volumes(stage: Stage, pod: Manifest) -> list[Manifest]:
    """What is known of each volume, by name."""
    known = {each["name"]: each for each in shown(stage.guest).get("volumeStatus") or ()}
    plugged_in = plug(stage, pod)
    coming = {each["name"] for each in plugged_in.volumes}
    found = []
    for volume in stage.guest["spec"].get("volumes") or ():
        each = known.pop(volume["name"], {"name": volume["name"], "target": ""})
        if volume["name"] in coming:
            each = attachments.shown(plugged_in, each, volume)
        claim = stage.claims.get(claim_of(volume))
        found.append({**each, "persistentVolumeClaimInfo": _claim(stage, claim)} if claim is not None else each)
    found += attachments.leaving(plugged_in, tuple(known.values()))
    return sorted(found, key=lambda each: str(each["name"]))


def _claim(stage: Stage, claim: Manifest) -> Manifest:
    spec = claim["spec"]
    of = spec.get("storageClassName", "")
    block = spec.get("volumeMode") == "Block"
    share = "0" if block else stage.overheads.get(of) or stage.overheads.get("") or _OVERHEAD
    told = {
        "claimName": meta(claim)["name"],
        "accessModes": spec.get("accessModes"),
        "volumeMode": spec.get("volumeMode"),
        "capacity": shown(claim).get("capacity"),
        "requests": spec.get("resources", {}).get("requests"),
        "preallocated": meta(claim).get("annotations", {}).get("cdi.kubevirt.io/storage.preallocation") == "true",
        "filesystemOverhead": share,
    }
    return {key: value for key, value in told.items() if value}
