"""What may be plugged into a guest that runs, and out of it (pkg/storage/admitters/storagehotplug.go)."""

from collections.abc import Iterator, Mapping

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ..settings import Settings
from .causes import held, invalid, listed
from .disks import bus

_SOURCES = ("dataVolume", "persistentVolumeClaim", "memoryDump")
_BUSES = {"disk": ("scsi", "virtio"), "lun": ("scsi",)}


def check(old: Manifest, new: Manifest, settings: Settings) -> Iterator[Cause]:
    """What is wrong with the volumes and disks of an instance that is changed; the first of it."""
    for found in (_count(new["spec"], settings), _fixed(old, new), _plugged(old, new)):
        first = next(found, None)
        if first is not None:
            yield first
            return


def _named(found: list[Manifest]) -> Mapping[str, Manifest]:
    return {each["name"]: each for each in found if each.get("name")}


def _volumes(vmi: Manifest, shown: Manifest) -> tuple[Mapping[str, Manifest], Mapping[str, Manifest]]:
    """The volumes that an instance was made with, and those that were plugged in, as its status tells them apart."""
    fixed = {each["name"] for each in listed(shown, "status", "volumeStatus") if "hotplugVolume" not in each}
    volumes = _named(listed(vmi, "spec", "volumes"))
    plugged = {name: each for name, each in volumes.items() if name not in fixed}
    return {name: each for name, each in volumes.items() if name in fixed}, plugged


def _disks(vmi: Manifest) -> Mapping[str, Manifest]:
    return _named(listed(vmi, "spec", "domain", "devices", "disks"))


def _count(spec: Manifest, settings: Settings) -> Iterator[Cause]:
    names = {each["name"] for each in listed(spec, "volumes") if "memoryDump" not in each}
    devices = held(spec, "domain", "devices")
    empty = "DeclarativeHotplugVolumes" in settings.gates
    shown = [each for each in listed(devices, "disks") if each["name"] in names or not empty or "cdrom" not in each]
    wanted = len(shown) + len(listed(devices, "filesystems"))
    if wanted != len(names):
        yield invalid("", f"mismatch between volumes declared ({len(names)}) and required ({wanted})")


def _fixed(old: Manifest, new: Manifest) -> Iterator[Cause]:
    (had, _), (has, _) = _volumes(old, new), _volumes(new, new)
    before, after = _disks(old), _disks(new)
    if len(had) != len(has):
        yield invalid("", "Number of permanent volumes has changed")
        return
    for name, volume in has.items():
        if name not in had:
            yield invalid("", f"permanent volume {name}, not found")
        elif volume != had[name]:
            yield invalid("", f"permanent volume {name}, changed")
        elif before.get(name) != after.get(name):
            yield invalid("", f"permanent disk {name}, changed")


def _plugged(old: Manifest, new: Manifest) -> Iterator[Cause]:
    (_, had), (_, has) = _volumes(old, new), _volumes(new, new)
    before, after = _disks(old), _disks(new)
    for name, volume in has.items():
        if name in had:
            yield from _kept(name, volume != had[name], before, after)
        elif not any(each in volume for each in _SOURCES):
            yield invalid("", f"volume {name} is not a PVC or DataVolume")
        elif "memoryDump" not in volume:
            if name not in after:
                yield invalid("", f"disk {name} does not exist")
            elif name not in before:
                yield from disk("Hotplug configuration", name, after[name], "")


def _kept(name: str, changed: bool, before: Mapping[str, Manifest], after: Mapping[str, Manifest]) -> Iterator[Cause]:
    if changed:
        yield invalid("", f"hotplug volume {name}, changed")
    elif name not in after:
        yield invalid("", f"volume {name} doesn't have a matching disk")
    elif before.get(name) != after[name]:
        yield invalid("", f"hotplug disk {name}, changed")


def disk(what: str, name: str, given: Manifest, field: str) -> Iterator[Cause]:
    """What is wrong with a disk that is to be plugged in."""
    kind = next((each for each in _BUSES if each in given), "")
    if not kind:
        yield invalid(field, f"{what} for [{name}] requires diskDevice of type 'disk' or 'lun' to be used.")
    elif bus(given) not in _BUSES[kind]:
        called, wanted = {"disk": "disk", "lun": "LUN"}[kind], " or ".join(f"'{each}'" for each in _BUSES[kind])
        yield invalid(
            field, f"{what} for {called} [{name}] requires bus to be {wanted}. [{bus(given)}] is not permitted."
        )
    elif given.get("dedicatedIOThread") and bus(given) != "virtio":
        yield invalid(field, f"{what} for [{name}] requires virtio bus for IOThreads.")
    elif given.get("bootOrder") is not None and given["bootOrder"] < 1:
        message = "spec.domain.devices.disks[1] must have a boot order > 0, if supplied"
        yield invalid("spec.domain.devices.disks[1].bootOrder", message)
