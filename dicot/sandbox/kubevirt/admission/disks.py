"""Disks of a guest (pkg/storage/admitters/disks.go, and validateBootOrder of vmi-create-admitter.go)."""

import posixpath
import re
from collections.abc import Iterator

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ..settings import Settings
from . import words
from .causes import held, invalid, listed, required, unsupported
from .networks import PCI

TARGETS = ("disk", "lun", "cdrom")
_BUSES = ("virtio", "scsi", "sata", "usb")
_SERIAL = re.compile(r"[A-Za-z0-9_.+-]+\Z")
_LONGEST_SERIAL = 256
_BLOCKS = (512, 2097152)
_VALUES = (
    ("cache", ("none", "writethrough", "writeback"), "{}"),
    ("errorPolicy", ("stop", "ignore", "report", "enospace"), '"{}"'),
)


def target(disk: Manifest) -> str:
    """What a disk is seen as: disk, lun or cdrom, "" where it does not say."""
    return next((each for each in TARGETS if each in disk), "")


def bus(disk: Manifest) -> str:
    """What it is plugged into."""
    found: str = held(disk, target(disk)).get("bus", "") if target(disk) else ""
    return found


def check(at: str, disks: list[Manifest]) -> Iterator[Cause]:
    """Every disk for itself."""
    # KubeVirt appends the whole path once more for some fields.
    strange = f"{at}.domain.devices.disks"
    for index, disk in enumerate(disks):
        here = f"{at}[{index}]"
        yield from _name(at, index, disks)
        yield from _pci(strange, index, disk)
        if disk.get("bootOrder") == 0:
            yield invalid(f"{here}.bootOrder", f"{here} must have a boot order > 0, if supplied")
        yield from _bus(here, f"{strange}[{index}]", disk)
        yield from _serial(here, disk.get("serial", ""))
        yield from _values(at, f"{strange}[{index}]", here, disk)
        yield from (invalid(f"{strange}[{index}].name", each) for each in words.label(disk.get("name", "")))
        yield from _blocks(f"{here}.blockSize", disk)


def _name(at: str, index: int, disks: list[Manifest]) -> Iterator[Cause]:
    for other in range(index):
        if disks[other].get("name", "") == disks[index].get("name", ""):
            message = f"{at}[{index}] and {at}[{other}] must not have the same Name."
            yield invalid(f"{at}[{index}].name", message)
    if sum(each in disks[index] for each in TARGETS) > 1:
        yield invalid(f"{at}[{index}]", f"{at}[{index}] can only have a single target type defined")


def _pci(strange: str, index: int, disk: Manifest) -> Iterator[Cause]:
    address = held(disk, "disk").get("pciAddress", "")
    if not address:
        return
    here = f"{strange}.disk[{index}]"
    if held(disk, "disk").get("bus") != "virtio":
        message = f"disk {here}.name - setting a PCI address is only possible with bus type virtio."
        yield invalid(f"{here}.pciAddress", message)
    if not PCI.match(address):
        yield invalid(f"{here}.pciAddress", f"disk {here}.name has malformed PCI address ({address}).")


def _bus(here: str, strange: str, disk: Manifest) -> Iterator[Cause]:
    kind, plug = target(disk), bus(disk)
    if not plug:
        return
    if plug == "ide":
        yield invalid(f"{here}.{kind}.bus", "IDE bus is not supported")
    elif plug not in _BUSES:
        message = f"{here} is set with an unrecognized bus {plug}, must be one of: [{' '.join(_BUSES)}]"
        yield invalid(f"{here}.{kind}.bus", message)
    elif plug == "virtio" and kind == "cdrom":
        yield invalid(f"{here}.cdrom.bus", f"Bus type {plug} is invalid for CD-ROM device")
    elif plug == "sata" and held(disk, "disk").get("readonly"):
        yield invalid(f"{here}.disk.bus", f"{plug} hard-disks do not support read-only.")
    if disk.get("dedicatedIOThread") and plug != "virtio":
        yield unsupported(strange, f"IOThreads are not supported for disks on a {plug} bus")


def _serial(here: str, serial: str) -> Iterator[Cause]:
    if serial and not _SERIAL.match(serial):
        message = f"{here} must be made up of the following characters [A-Za-z0-9_.+-], if specified"
        yield invalid(f"{here}.serial", message)
    if len(serial) > _LONGEST_SERIAL:
        message = f"{here} must be less than or equal to {_LONGEST_SERIAL} in length, if specified"
        yield invalid(f"{here}.serial", message)


def _values(at: str, strange: str, here: str, disk: Manifest) -> Iterator[Cause]:
    cache, policy = _VALUES
    yield from _value(here, disk, *cache)
    if disk.get("io", "") not in ("", "native", "threads"):
        message = f"Disk IO mode for {at} is not supported. Supported modes are: native, threads."
        yield unsupported(f"{strange}.io", message)
    yield from _value(here, disk, *policy)


def _value(here: str, disk: Manifest, key: str, known: tuple[str, ...], form: str) -> Iterator[Cause]:
    value = disk.get(key)
    if value and value not in known:
        yield invalid(f"{here}.{key}", f"{here}.{key} has invalid value {form.format(value)}")


def _blocks(field: str, disk: Manifest) -> Iterator[Cause]:
    sizes, custom = held(disk, "blockSize"), held(disk, "blockSize", "custom")
    if "custom" not in sizes:
        return
    if "matchVolume" in sizes and held(sizes, "matchVolume").get("enabled", True):
        yield invalid(field, "Block size matching can't be enabled together with a custom value")
        return
    logical, physical = custom.get("logical", 0), custom.get("physical", 0)
    granularity = custom.get("discardGranularity")
    if logical > physical:
        message = f"Logical size {logical} must be the same or less than the physical size of {physical}"
        yield invalid(f"{field}.custom.logical", message)
    elif bus(disk) == "sata" and logical != _BLOCKS[0]:
        message = f"Logical size {logical} must be {_BLOCKS[0]} for SATA devices"
        yield invalid(f"{field}.custom.logical", message)
    elif granularity is not None and logical and granularity % logical:
        message = f"Discard granularity {granularity} must be multiples of logical size {logical}"
        yield invalid(f"{field}.custom.discardGranularity", message)
    else:
        for kind, size in (("logical", logical), ("physical", physical)):
            trouble = _block_trouble(size)
            if trouble:
                yield invalid(f"{field}.custom.{kind}", f"Provided size of {size} is {trouble}")


def _block_trouble(size: int) -> str:
    least, most = _BLOCKS
    if size < least:
        return f"less than the supported minimum size of {least}"
    if size > most:
        return f"greater than the supported maximum size of {most}"
    return "not a power of 2" if size & (size - 1) else ""


def pairs(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Disks beside volumes, and the order that a guest boots from them."""
    volumes = {each.get("name", ""): each for each in listed(spec, "volumes")}
    taken: set[int] = set()
    for index, disk in enumerate(listed(spec, "domain", "devices", "disks")):
        here = f"{at}.domain.devices.disks[{index}]"
        volume = volumes.get(disk.get("name", ""))
        yield from _unpaired(here, disk, settings) if volume is None else _paired(here, disk, volume)
        order = disk.get("bootOrder")
        if order in taken:
            yield _taken(here)
        if order is not None:
            taken.add(order)
    for index, interface in enumerate(listed(spec, "domain", "devices", "interfaces")):
        order = interface.get("bootOrder")
        if order == 0:
            # KubeVirt names the spec's own path here.
            here = f"{at}[{index}]"
            yield invalid(f"{here}.bootOrder", f"{here} must have a boot order > 0, if supplied")
        elif order is not None:
            if order in taken:
                yield _taken(f"{at}.domain.devices.interfaces[{index}]")
            taken.add(order)


def _taken(here: str) -> Cause:
    return invalid(f"{here}.bootOrder", f"Boot order for {here}.bootOrder already set for a different device.")


def _unpaired(here: str, disk: Manifest, settings: Settings) -> Iterator[Cause]:
    if "cdrom" not in disk:
        yield invalid(f"{here}.name", f"{here}.Name '{disk.get('name', '')}' not found.")
    elif "DeclarativeHotplugVolumes" not in settings.gates:
        message = "DeclarativeHotplugVolumes feature gate not enabled, cannot define an empty CD-ROM disk"
        yield invalid(f"{here}.name", message)


def _paired(here: str, disk: Manifest, volume: Manifest) -> Iterator[Cause]:
    if "lun" in disk and "persistentVolumeClaim" not in volume and "dataVolume" not in volume:
        message = f"{here}.lun can only be mapped to a DataVolume or PersistentVolumeClaim volume."
        yield invalid(f"{here}.lun", message)
    if "downwardMetrics" not in volume:
        return
    plug = held(disk, "disk").get("bus", "")
    if "disk" not in disk:
        message = f"DownwardMetrics volume must be mapped to a disk, but disk is not set on {here}.disk."
        yield required(f"{here}.disk", message)
    elif plug not in ("", "virtio"):
        message = f"DownwardMetrics volume must be mapped to virtio bus, but {here}.disk.bus is set to {plug}"
        yield invalid(f"{here}.disk.bus", message)


def path(field: str, given: str) -> Iterator[Cause]:
    """The path of a file within an image."""
    if given == "/":
        yield invalid(field, f"{field} must not point to root")
    elif posixpath.normpath(posixpath.join("/", given)) != given.removesuffix("/"):
        yield invalid(field, f"{field} must be an absolute path to a file without relative components")


def reserved(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Reservations that outlive a connection."""
    luns = (held(each, "lun") for each in listed(spec, "domain", "devices", "disks"))
    if any(each.get("reservation") for each in luns) and "PersistentReservation" not in settings.gates:
        message = "PersistentReservation feature gate is not enabled in kubevirt-config"
        yield invalid(f"{at}.domain.devices.disks.luns.reservation", message)
