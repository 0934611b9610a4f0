"""The Pods that bring plugged volumes to the node of a running guest, and what is told of these volumes.

pkg/virt-controller/watch/vmi, volume-hotplug.go and storage.go.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ...steps import Create, Remove, Step
from . import launcher_disks as disks
from .hotplug import is_pluggable
from .kinds import claim_of
from .launcher import suffix
from .objects import event, is_going, is_up, meta, phase, place, reference, status

LABEL = "hotplug-disk"
_FOLDER = "hotplug-disks"
_PREFIX = "hp-volume-"
_AT_HAND = ("Ready", "MountedToPod")
_WAITING = ("", "Bound", "Pending")
_STARTED = ("Running", "Succeeded", "Failed")
_UNREADY = "PVCNotReady"


@dataclass(frozen=True)
class Plug:
    """A running guest, its launcher, and what is plugged into it. ``ready`` are those of ``volumes`` that are
    filled, ``pods`` those that bring them."""

    guest: Manifest
    launcher: Manifest
    volumes: Sequence[Manifest]
    ready: Sequence[Manifest]
    claims: Mapping[str, Manifest]
    pods: Sequence[Manifest]
    now: float


def plugged(guest: Manifest, launcher: Manifest) -> list[Manifest]:
    """The volumes of a guest that its launcher was not made with."""
    own = {each["name"] for each in launcher["spec"].get("volumes") or ()}
    return [each for each in guest["spec"].get("volumes") or () if each["name"] not in own and is_pluggable(each)]


def has_plugged(guest: Manifest) -> bool:
    """Whether anything is plugged into a guest, or about to be."""
    shown = any("hotplugVolume" in each for each in status(guest).get("volumeStatus") or ())
    return shown or any(map(is_pluggable, guest["spec"].get("volumes") or ()))


def tend(plug: Plug) -> Iterator[Step]:
    """Make the Pod that brings all of them, and let those go that brought others."""
    if is_going(plug.launcher) or not is_up(plug.launcher):
        return
    if len(plug.pods) == 1 and _brings(plug.pods[0], plug.volumes):
        return
    now, old = _sorted(plug.pods, plug.ready)
    wanted = bool(plug.ready) and now is None and all(phase(each) in _STARTED for each in old)
    if wanted:
        yield from _made(plug)
    keep = next((each for each in old if phase(each) == "Running" and not is_going(each)), None)
    is_late = now is None or phase(now) != "Running"
    for each in old:
        if not (each is keep and plug.ready and is_late) and not _still_holds(plug.guest, each):
            yield from drop(plug.guest, each, plug.now)


def drop(guest: Manifest, pod: Manifest, now: float) -> Iterator[Step]:
    """Let an attachment Pod go."""
    if not is_going(pod):
        yield Remove(place(pod), meta(pod)["uid"])
        yield event(guest, "SuccessfulDelete", f"Deleted attachment pod {meta(pod)['name']}", now)


def _made(plug: Plug) -> Iterator[Step]:
    made = attachment_pod(plug.guest, plug.launcher, plug.ready, plug.claims)
    yield Create(Place("", "v1", "pods", meta(plug.guest)["namespace"]), made)
    yield event(plug.guest, "SuccessfulCreate", f"Created attachment pod {meta(made)['name']}", plug.now)


def _brought(pod: Manifest) -> set[str]:
    return {each["name"] for each in pod["spec"].get("volumes") or () if "persistentVolumeClaim" in each}


def _brings(pod: Manifest, volumes: Sequence[Manifest]) -> bool:
    """Whether a Pod brings these, and nothing else."""
    return _brought(pod) == {each["name"] for each in volumes}


def _sorted(pods: Sequence[Manifest], volumes: Sequence[Manifest]) -> tuple[Manifest | None, list[Manifest]]:
    """The Pod that brings these, and all others, the youngest first."""
    now = next((each for each in pods if _brings(each, volumes) and not is_going(each)), None)
    old = [each for each in pods if not _brings(each, volumes)]
    return now, sorted(old, key=lambda each: str(meta(each)["creationTimestamp"]), reverse=True)


def _still_holds(guest: Manifest, pod: Manifest) -> bool:
    """Whether the guest has not let go of a volume that a Pod brings and that is no longer wanted."""
    wanted = {each["name"] for each in guest["spec"].get("volumes") or () if is_pluggable(each)}
    shown = {each["name"]: each for each in status(guest).get("volumeStatus") or () if "hotplugVolume" in each}
    leaving = [shown[name] for name in _brought(pod) if name in shown and name not in wanted]
    return any(each.get("phase") in _AT_HAND for each in leaving)


def attachment_pod(
    guest: Manifest, launcher: Manifest, volumes: Sequence[Manifest], claims: Mapping[str, Manifest]
) -> Manifest:
    """The Pod: on the launcher's node, with all the volumes (RenderHotplugAttachmentPodTemplate)."""
    named = hashlib.sha256("/".join([meta(launcher)["uid"], *(each["name"] for each in volumes)]).encode())
    shown = {each["name"]: each.get("phase", "") for each in status(guest).get("volumeStatus") or ()}
    mounts = [disks.mount(_FOLDER, "/path", mountPropagation="HostToContainer")]
    devices: list[Manifest] = []
    for each in volumes:
        claim = claims[claim_of(each)]
        if claim["spec"].get("volumeMode") == "Block":
            devices.append({"name": each["name"], "devicePath": f"/path/{each['name']}/{meta(claim)['uid']}"})
        elif shown.get(each["name"]) not in _AT_HAND:
            mounts.append(disks.mount(each["name"], f"/{each['name']}"))
    container = {
        "name": LABEL,
        "image": disks.IMAGE,
        "command": ["/bin/sh", "-c", "/usr/bin/container-disk --copy-path /path/hp"],
        "resources": {"limits": {"cpu": "100m", "memory": "80M"}, "requests": {"cpu": "10m", "memory": "2M"}},
        "securityContext": {
            **disks.security(group=False),
            "seLinuxOptions": {"level": "s0"},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": mounts,
    }
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [launcher["spec"]["nodeName"]]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [here]}]}
    stays = {"effect": "NoSchedule", "key": "node.kubernetes.io/unschedulable", "operator": "Exists"}
    tolerated = [stays, *(launcher["spec"].get("tolerations") or ())]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": _PREFIX,
            "name": _PREFIX + suffix(named.hexdigest()),
            "namespace": meta(guest)["namespace"],
            "labels": {"kubevirt.io": LABEL},
            "ownerReferences": [reference(launcher)],
        },
        "spec": {
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}},
            "containers": [container | ({"volumeDevices": devices} if devices else {})],
            "terminationGracePeriodSeconds": 0,
            "tolerations": [each for index, each in enumerate(tolerated) if each not in tolerated[:index]],
            "volumes": [
                {"name": _FOLDER, "emptyDir": {}},
                *({"name": each["name"], "persistentVolumeClaim": {"claimName": claim_of(each)}} for each in volumes),
            ],
        },
    }


def shown(plug: Plug, known: Manifest, volume: Manifest) -> Manifest:
    """What is told of a volume that is plugged in (processHotplugVolumeStatus)."""
    pod, _ = _sorted(plug.pods, plug.volumes)
    told = {**known, "hotplugVolume": dict(known.get("hotplugVolume") or {})}
    if pod is None:
        if told.get("phase") == "Ready":
            return told
        told["hotplugVolume"].pop("attachPodUID", None)
        return told | _of_claim(claim_of(volume), plug.claims.get(claim_of(volume)))
    told["hotplugVolume"]["attachPodName"] = meta(pod)["name"]
    if is_ready(pod):
        told["hotplugVolume"]["attachPodUID"] = meta(pod)["uid"]
    else:
        told["hotplugVolume"].pop("attachPodUID", None)
    if told.get("phase", "") in _WAITING:
        message = f"Created hotplug attachment pod {meta(pod)['name']}, for volume {volume['name']}"
        return told | {"phase": "AttachedToNode", "message": message, "reason": "SuccessfulCreate"}
    if told["phase"] == "Detaching":
        return told | _of_claim(claim_of(volume), plug.claims.get(claim_of(volume)))
    return told


def is_ready(pod: Manifest) -> bool:
    """Whether its one container is."""
    return [bool(each.get("ready")) for each in status(pod).get("containerStatuses") or ()] == [True]


def _of_claim(name: str, claim: Manifest | None) -> Manifest:
    if claim is None:
        return {"phase": "Pending", "reason": "FailedPvcNotFound", "message": f"PVC {name} not found"}
    told = {"Pending": "ClaimPending", "Bound": "Bound"}.get(phase(claim), "Lost")
    now = "Bound" if told == "Bound" else "Pending"
    return {"phase": now, "reason": _UNREADY, "message": f"PVC is in phase {told}"}


def leaving(plug: Plug, known: Sequence[Manifest]) -> Iterator[Manifest]:
    """What is told of volumes that were unplugged: nothing, once no Pod brings them any more."""
    for each in known:
        pod = next((one for one in plug.pods if each["name"] in _brought(one)), None)
        if pod is None or "hotplugVolume" not in each:
            continue
        brings = {"attachPodName": meta(pod)["name"], "attachPodUID": meta(pod)["uid"]}
        told = {**each, "hotplugVolume": {**each["hotplugVolume"], **brings}}
        if told.get("phase") not in _AT_HAND:
            told["phase"] = "Detaching"
            if is_going(pod):
                told["message"] = f"Deleted hotplug attachment pod {meta(pod)['name']}, for volume {each['name']}"
                told["reason"] = "SuccessfulDelete"
        yield told
