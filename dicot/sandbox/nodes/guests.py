"""What virt-handler makes of the VirtualMachineInstances of its node, as functions of the whole object.

virt-handler writes by PUT: a merge patch would drop the nulls that virt-controller's own patches test for.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..marks import FAULT
from ..steps import REST, Decision, Rewrite, act
from . import interfaces, networks
from .instances import GUEST_AGENT, Guest
from .kinds import Pod

MACHINE = "pc-q35-rhel9.6.0"
_NOT_SHARED = (
    "cannot migrate VMI: PVC {claim} is not shared, live migration requires that all PVCs must be shared "
    "(using ReadWriteMany access mode)"
)
_BRIDGED = (
    "cannot migrate VMI which does not use masquerade, bridge with {annotation} VM annotation or a migratable plugin"
)
_BRIDGE_ANNOTATION = "kubevirt.io/allow-pod-bridge-network-live-migration"
_BUS_LETTERS: Mapping[str, str] = {"virtio": "vd", "": "vd"}


def place(guest: Guest) -> Place:
    """Where a guest is."""
    return Place("kubevirt.io", "v1", "virtualmachineinstances", guest.metadata.namespace, guest.metadata.name)


def decide(guest: Guest, launcher: Pod | None, now: float) -> Decision:
    """The next step of a guest, by its launcher (None: there is none)."""
    next_phase = _next(guest, launcher)
    if next_phase == "Running" and launcher is not None:
        attached = networks.attached(launcher)
        return rewrite(guest, partial(run, address=launcher.status.podIP, attached=attached, now=now))
    if next_phase:
        return rewrite(guest, partial(finish, phase=next_phase, now=now))
    return REST


def rewrite(guest: Guest, change: Callable[[Manifest], Manifest | None]) -> Decision:
    """Change that very guest as a whole."""
    uid = guest.metadata.uid
    return act(Rewrite(place(guest), lambda found: change(found) if found["metadata"]["uid"] == uid else None))


def _next(guest: Guest, launcher: Pod | None) -> str:
    fault = guest.metadata.annotations.get(FAULT, "")
    going = guest.metadata.deletionTimestamp is not None
    if guest.status.phase == "Scheduled":
        if going or fault == "crash-loop" or launcher is None:
            return "Failed"
        return "Running" if launcher.status.phase == "Running" and launcher.status.podIP else ""
    if guest.status.phase == "Running":
        if fault == "crash":
            return "Failed"
        left = launcher is None or launcher.metadata.deletionTimestamp is not None
        return "Succeeded" if going or left or fault == "shutdown" else ""
    return ""


def run(vmi: Manifest, *, address: str, now: float, attached: Sequence[Manifest] = ()) -> Manifest | None:
    """The guest is up: its devices, its addresses, and what can be done with it."""
    if vmi["status"].get("phase") != "Scheduled":
        return None
    vmi = copy.deepcopy(vmi)
    status = vmi["status"]
    _enter(status, "Running", now)
    status["machine"] = {"type": MACHINE}
    status["interfaces"] = interfaces.at_start(vmi, address, attached)
    status["guestOSInfo"] = {}
    status["selinuxContext"] = "none"
    for volume in status.get("volumeStatus") or ():
        if "hotplugVolume" not in volume:
            volume["target"] = _targets(vmi).get(volume["name"], "")
    memory = status.get("memory")
    if memory and memory.get("guestRequested"):
        memory["guestCurrent"] = memory["guestRequested"]
    for condition in _migratable(vmi, now):
        _set(status, condition)
    if vmi["metadata"].get("annotations", {}).get(GUEST_AGENT) == "true":
        _greet(vmi, now)
    return vmi


def finish(vmi: Manifest, *, phase: str, now: float) -> Manifest | None:
    """The guest is down, for good or ill."""
    if vmi["status"].get("phase") not in ("Scheduled", "Running"):
        return None
    vmi = copy.deepcopy(vmi)
    _enter(vmi["status"], phase, now)
    return vmi


def pause(vmi: Manifest, now: float) -> Manifest | None:
    """Its processors stand still."""
    if any(each["type"] == "Paused" for each in vmi["status"].get("conditions") or ()):
        return None
    vmi = copy.deepcopy(vmi)
    told = {"status": "True", "reason": "PausedByUser", "message": "VMI was paused by user"}
    _set(vmi["status"], _condition("Paused", now, told) | {"lastProbeTime": stamp(now)})
    return vmi


def unpause(vmi: Manifest, now: float) -> Manifest | None:
    """They go on."""
    vmi = copy.deepcopy(vmi)
    status = vmi["status"]
    status["conditions"] = [each for each in status.get("conditions") or () if each["type"] != "Paused"]
    return vmi


def freeze(vmi: Manifest, now: float) -> Manifest | None:
    """Its file systems hold still."""
    vmi = copy.deepcopy(vmi)
    vmi["status"]["fsFreezeStatus"] = "frozen"
    return vmi


def thaw(vmi: Manifest, now: float) -> Manifest | None:
    """They move again."""
    vmi = copy.deepcopy(vmi)
    vmi["status"].pop("fsFreezeStatus", None)
    return vmi


def facts(vmi: Manifest) -> Manifest:
    """What the agent tells of its guest (VirtualMachineInstanceGuestAgentInfo)."""
    name, status = vmi["metadata"]["name"], vmi["status"]
    frozen = {"fsFreezeStatus": status["fsFreezeStatus"]} if "fsFreezeStatus" in status else {}
    commands = ("guest-fsfreeze-freeze", "guest-fsfreeze-thaw", "guest-get-fsinfo", "guest-get-users", "guest-info")
    return {
        "guestAgentVersion": "9.2.0",
        "supportedCommands": [{"name": each, "enabled": True} for each in commands],
        "hostname": name,
        "os": {**status.get("guestOSInfo", {}), "kernelRelease": "6.12.0", "machine": "x86_64", "versionId": "13"},
        "timezone": "UTC, 0",
        "userList": users(vmi)["items"],
        "fsInfo": {"disks": file_systems(vmi)["items"]},
        **frozen,
    }


def users(vmi: Manifest) -> Manifest:
    """Who is logged in."""
    return {"metadata": {}, "items": [{"userName": "debian"}]}


def file_systems(vmi: Manifest) -> Manifest:
    """What is mounted: each disk whole, the first of them at the root."""
    mounted = []
    for index, (volume, target) in enumerate(_targets(vmi).items()):
        disk = {"diskName": target, "mountPoint": f"/mnt/{volume}" if index else "/", "fileSystemType": "ext4"}
        mounted.append(disk | {"usedBytes": 1 << 28, "totalBytes": 1 << 30})
    return {"metadata": {}, "items": mounted}


def reboot(vmi: Manifest, now: float) -> None:
    """The guest starts again in the same launcher: its object does not show it."""


def _enter(status: Manifest, phase: str, now: float) -> None:
    """Without the moments of each phase, virt-controller takes every stop for a crash loop."""
    status["phase"] = phase
    moments = status.setdefault("phaseTransitionTimestamps", [])
    moments.append({"phase": phase, "phaseTransitionTimestamp": stamp(now)})


def _set(status: Manifest, condition: Manifest) -> None:
    kept = [each for each in status.get("conditions") or () if each["type"] != condition["type"]]
    status["conditions"] = [*kept, condition]


def _targets(vmi: Manifest) -> dict[str, str]:
    """The device names of the disks, by volume: counted for each kind of bus."""
    counts: dict[str, int] = {}
    targets = {}
    for disk in vmi["spec"]["domain"]["devices"].get("disks") or ():
        begin = letters(vmi, disk["name"])
        counts[begin] = counts.get(begin, 0) + 1
        targets[disk["name"]] = begin + chr(ord("a") + counts[begin] - 1)
    return targets


def letters(vmi: Manifest, name: str) -> str:
    """What the device name of a disk begins with: its bus."""
    disks = vmi["spec"]["domain"]["devices"].get("disks") or ()
    disk: Manifest = next((each for each in disks if each["name"] == name), {})
    device: Mapping[str, Any] = next((disk[kind] for kind in ("disk", "cdrom", "lun") if kind in disk), {})
    return _BUS_LETTERS.get((device or {}).get("bus", ""), "sd")


def _migratable(vmi: Manifest, now: float) -> list[Manifest]:
    """LiveMigratable and StorageLiveMigratable, by networks and volumes."""
    bridged = _bridged(vmi)
    private = _private_claim(vmi)
    vmi["status"]["migrationMethod"] = "BlockMigration" if private else "LiveMigration"
    if bridged:
        message = _BRIDGED.format(annotation=_BRIDGE_ANNOTATION)
        refused = {"status": "False", "reason": "InterfaceNotLiveMigratable", "message": message}
        return [_condition("LiveMigratable", now, refused), _condition("StorageLiveMigratable", now, refused)]
    yes = {"status": "True"}
    disks = {"status": "False", "reason": "DisksNotLiveMigratable", "message": _NOT_SHARED.format(claim=private)}
    return [
        _condition("LiveMigratable", now, disks if private else yes),
        _condition("StorageLiveMigratable", now, yes),
    ]


def _condition(kind: str, now: float, rest: Manifest) -> Manifest:
    return {"type": kind, "lastProbeTime": None, "lastTransitionTime": stamp(now), **rest}


def _bridged(vmi: Manifest) -> bool:
    """Whether the Pod's own address is given to the guest, which then cannot move."""
    if _BRIDGE_ANNOTATION in vmi["metadata"].get("annotations", {}):
        return False
    pod_networks = {each["name"] for each in vmi["spec"].get("networks") or () if "pod" in each}
    ports = vmi["spec"]["domain"]["devices"].get("interfaces") or ()
    return any(each["name"] in pod_networks and "bridge" in each for each in ports)


def _private_claim(vmi: Manifest) -> str:
    """The first claim that only one node can mount."""
    for volume in vmi["status"].get("volumeStatus") or ():
        claim = volume.get("persistentVolumeClaimInfo")
        if claim and "ReadWriteMany" not in claim.get("accessModes", ()):
            name: str = claim.get("claimName") or volume["name"]
            return name
    return ""


def _greet(vmi: Manifest, now: float) -> None:
    """The guest's agent has connected."""
    status = vmi["status"]
    _set(status, _condition("AgentConnected", now, {"status": "True"}))
    status["guestOSInfo"] = {"id": "debian", "name": "Debian GNU/Linux", "prettyName": "Debian GNU/Linux 13 (trixie)"}
    status["interfaces"] = [interfaces.heard(each, index) for index, each in enumerate(status["interfaces"])]
