"""What virt-handler makes of volumes that are plugged into a guest of its node, or out of it (pkg/virt-handler)."""

import copy

from dicot.kube.kind import Manifest

from ..steps import REST, Decision
from . import guests
from .instances import Guest, GuestVolume

_COMING = ("Bound", "Pending", "AttachedToNode")
_MOUNTED = "MountedToPod"
_LEAVING = ("Ready", _MOUNTED, "AttachedToNode")


def decide(guest: Guest) -> Decision:
    """The next step of a guest's volumes."""
    names = {each.name for each in guest.spec.volumes}
    if guest.status.phase != "Running" or not any(_is_due(each, names) for each in guest.status.volumeStatus):
        return REST
    return guests.rewrite(guest, follow)


def _is_due(volume: GuestVolume, wanted: set[str]) -> bool:
    if volume.hotplugVolume is None:
        return False
    if volume.name not in wanted:
        return volume.phase in _LEAVING
    return volume.phase == _MOUNTED or (volume.phase in _COMING and bool(volume.hotplugVolume.attachPodUID))


def follow(vmi: Manifest) -> Manifest | None:
    """Volumes that have come to the node are mounted, then attached; those that are to go are taken out."""
    if vmi["status"].get("phase") != "Running":
        return None
    vmi = copy.deepcopy(vmi)
    wanted = {each["name"] for each in vmi["spec"].get("volumes") or ()}
    before = copy.deepcopy(vmi["status"].get("volumeStatus") or [])
    for each in vmi["status"].get("volumeStatus") or ():
        if "hotplugVolume" in each:
            _step(vmi, each, each["name"] in wanted)
    return vmi if vmi["status"].get("volumeStatus") != before else None


def _step(vmi: Manifest, volume: Manifest, wanted: bool) -> None:
    name, phase = volume["name"], volume.get("phase")
    if not wanted and phase in _LEAVING:
        message = f"Volume {name} has been unmounted from virt-launcher pod"
        told = {"phase": "UnMountedFromPod", "reason": "VolumeUnMountedFromPod", "message": message}
        volume |= told | {"target": ""}
    elif wanted and phase in _COMING and volume["hotplugVolume"].get("attachPodUID"):
        message = f"Volume {name} has been mounted in virt-launcher pod"
        volume |= {"phase": _MOUNTED, "reason": "VolumeMountedToPod", "message": message}
    elif wanted and phase == _MOUNTED:
        message = f"Successfully attach hotplugged volume {name} to VM"
        told = {"phase": "Ready", "reason": "VolumeReady", "message": message}
        volume |= told | {"target": _free(vmi, name)}


def _free(vmi: Manifest, name: str) -> str:
    """A device name that no other volume of the guest has."""
    taken = {each.get("target") for each in vmi["status"]["volumeStatus"]}
    letters = guests.letters(vmi, name)
    names = (f"{letters}{chr(each)}" for each in range(ord("a"), ord("z") + 1))
    return next(each for each in names if each not in taken)
