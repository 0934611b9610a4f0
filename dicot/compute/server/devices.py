"""Block device mappings of a create, in both of Nova's forms.

Nova checks them in three steps with others between them: as they are read, as they are merged with what image and
flavor bring (nova/compute/api.py, ``_check_and_transform_bdm``), and at the end (``_validate_bdm``).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ...faults import BadRequest
from ..facts import FlavorCopy
from ..parameters import MAX_DIGITS, truth

INVALID = "Block Device Mapping is Invalid: "
BOOT_ORDER = f"{INVALID}Boot sequence for the instance and image/block device mapping combination is not valid."
LOCALS = f"{INVALID}You specified more local devices than the limit allows"
EPHEMERAL = (
    "Ephemeral disks requested are larger than the instance type allows. "
    "If no size is given in one block device mapping, flavor ephemeral size will be used."
)
SWAP = "Swap drive requested is larger than instance type allows."
SWAP_FORMAT = "swap"
MOST_LOCALS = 3
"""Nova's max_local_block_devices."""
ROOT_NAME = "vda"
BUSES = frozenset(("virtio", "scsi", "sata", "usb"))
"""What KubeVirt connects disks by."""
NOVAS_BUSES = BUSES | {"fdc", "ide", "xen", "lxc", "uml"}
CDROM = "cdrom"
TYPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"local": frozenset(("disk",)), "volume": frozenset(("disk", CDROM))}
)
"""What KubeVirt shows a disk as, by where it is."""
NOVAS_TYPES = frozenset(("disk", CDROM, "floppy", "fs", "lun"))
_DEVICE_PREFIX = re.compile(r"^/dev/")
_LETTER = re.compile(r"^((x?v|s|h)d)|\d+")
_EPHEMERAL_NAME = re.compile(r"^ephemeral(\d|[1-9]\d+)$")
_ONLY_LEGACY = "virtual_name"


@dataclass(frozen=True, slots=True)
class Device:
    """One mapping. ``boot`` is None or below 0 for what is not booted from; ``size`` in GiB, of swap in MiB.

    ``deletes`` tells that a volume goes with its server; ``unread`` that ``boot`` came as text that Nova leaves as it
    is, so that it is no first one yet where the image of a server is looked for (``BlockDeviceDict._validate``).
    """

    source: str = ""
    target: str = ""
    image: str = ""
    volume: str = ""
    snapshot: str = ""
    size: int = 0
    boot: int | None = None
    name: str = ""
    bus: str = ""
    type: str | None = None
    format: str = ""
    tag: str = ""
    volume_type: str = ""
    deletes: bool = False
    nothing: bool = False
    unread: bool = False
    legacy: bool = False

    @property
    def is_local_blank(self) -> bool:
        """An empty disk beside the root disk: ephemeral or swap."""
        return self.source == "blank" and self.target == "local"

    @property
    def is_swap(self) -> bool:
        """Whether an empty disk is for swapping, by its format."""
        return self.format == SWAP_FORMAT


def read_devices(server: dict[str, Any]) -> tuple[Device, ...]:
    """The mappings of a body. Raises BadRequest for what does not fit together (nova/block_device.py)."""
    legacy, mappings = server.get("block_device_mapping", []), server.get("block_device_mapping_v2", [])
    if legacy and mappings:
        raise BadRequest("Using different block_device_mapping syntaxes is not allowed in the same request.")
    if legacy:
        return tuple(_legacy(each) for each in legacy)
    return tuple(_mapping(each, bool(server.get("imageRef"))) for each in mappings)


def _legacy(said: dict[str, Any]) -> Device:
    """Of Nova's oldest form, which tells the source by the id that is given."""
    found = replace(_common(said), legacy=True)
    virtual = said.get(_ONLY_LEGACY, "")
    if virtual == SWAP_FORMAT or _EPHEMERAL_NAME.match(virtual):
        return replace(found, source="blank", target="local", format=virtual if virtual == SWAP_FORMAT else "")
    for source in ("snapshot", "volume"):
        if said.get(f"{source}_id"):
            return replace(found, source=source, target="volume")
    return found


def _common(said: dict[str, Any]) -> Device:
    return Device(
        volume=said.get("volume_id", ""),
        snapshot=said.get("snapshot_id", ""),
        size=int(said.get("volume_size", 0)),
        name=_DEVICE_PREFIX.sub("", said.get("device_name", "")),
        deletes=truth(said.get("delete_on_termination", False)),
        nothing=bool(said.get("no_device")),
    )


def _mapping(said: dict[str, Any], has_image: bool) -> Device:
    found = replace(
        _common(said),
        source=said.get("source_type", ""),
        target=said.get("destination_type", ""),
        image=said.get("image_id", ""),
        bus=said.get("disk_bus", ""),
        type=said.get("device_type"),
        format=said.get("guest_format", ""),
        tag=said.get("tag", ""),
        volume_type=said.get("volume_type") or "",
    )
    boot = said.get("boot_index")
    if not found.nothing:
        found = _sourced(found, said.get("uuid", ""), has_image and _is_first(boot))
    if _ONLY_LEGACY in said:
        raise BadRequest(f"{INVALID}Following fields are invalid: {_ONLY_LEGACY}")
    if not found.nothing and not found.source:
        raise BadRequest(f"{INVALID}Some required fields are missing")
    return replace(found, boot=_boot(boot), unread=found.nothing and isinstance(boot, str))


def _is_first(boot: int | str | None) -> bool:
    return boot is not None and len(str(boot)) <= MAX_DIGITS and int(boot) == 0


def _boot(said: int | str | None) -> int | None:
    if len(str(said)) > MAX_DIGITS:
        raise BadRequest(f"{INVALID}Boot index is invalid.")
    return None if said is None else int(said)


def _sourced(device: Device, id: str, is_root: bool) -> Device:
    """With the id of what it is made from."""
    source, local = device.source, device.target == "local"
    if source == "blank" and id:
        raise BadRequest(f"{INVALID}Invalid device UUID.")
    if source != "blank" and not id:
        raise BadRequest(f"{INVALID}Missing device UUID.")
    if source == "image" and local and not is_root:
        raise BadRequest(f"{INVALID}Mapping image to local is not supported.")
    if local and device.volume_type:
        raise BadRequest(f"{INVALID}Specifying a volume_type with destination_type=local is not supported.")
    if source == "volume" and device.volume_type:
        raise BadRequest(f"{INVALID}Specifying volume type to existing volume is not supported.")
    if source == "volume":
        return replace(device, volume=id)
    if source == "snapshot":
        return replace(device, snapshot=id)
    return replace(device, image=id) if source == "image" else device


def boots_from(devices: Sequence[Device]) -> Device | None:
    """What a server without an image would be told by (nova/block_device.py, ``get_bdm_image_metadata``)."""
    for device in devices:
        is_first = device.boot == 0 and not device.unread
        if device.legacy:
            is_first = _LETTER.sub("", device.name) == "a"
        if is_first and (device.image or device.volume or device.snapshot):
            return device
    return None


def merged(devices: Sequence[Device], image: str, flavor: FlavorCopy, most: int) -> tuple[Device, ...]:
    """With the root disk that an image brings, and the blank ones of a flavor that nobody asked for in person."""
    if image and any(each.target == "volume" and each.name == ROOT_NAME and not each.legacy for each in devices):
        raise BadRequest(f"The volume cannot be assigned the same device name as the root device {ROOT_NAME}")
    if any(each.legacy and not each.source and not each.nothing for each in devices):
        raise BadRequest(f"{INVALID}Unrecognized legacy format.")
    if any(each.legacy for each in devices) or not devices:
        devices = _rooted(devices, image)
    if most > 1 and any(each.source == "volume" for each in devices):
        raise BadRequest("Cannot attach one or more volumes to multiple instances")
    for device in devices:
        if device.type is not None and device.type not in NOVAS_TYPES:
            raise BadRequest(f"{INVALID}Device type {device.type!r} is not known.")
    return (*devices, *_blanks(devices, flavor))


def _rooted(devices: Sequence[Device], image: str) -> list[Device]:
    found = [
        replace(each, boot=0 if each.source in ("volume", "snapshot") and each.name == ROOT_NAME else None)
        for each in devices
    ]
    if image and not any(each.boot == 0 for each in found):
        found.insert(0, Device("image", "local", image=image, boot=0))
    return found


def _blanks(devices: Sequence[Device], flavor: FlavorCopy) -> Iterator[Device]:
    swaps = [each.is_swap for each in devices if each.is_local_blank]
    if flavor.ephemeral and False not in swaps:
        yield Device("blank", "local")
    if flavor.swap and True not in swaps:
        yield Device("blank", "local", format=SWAP_FORMAT)


def sized(device: Device, flavor: FlavorCopy) -> Device:
    """Of blank disks a size that nobody gave is the flavor's."""
    if not device.is_local_blank or device.size:
        return device
    return replace(device, size=flavor.swap if device.is_swap else flavor.ephemeral)


def check_order(devices: Sequence[Device]) -> None:
    """Raises BadRequest where it is not clear what to boot from."""
    boots = sorted(each.boot for each in devices if each.boot is not None and each.boot >= 0)
    if not boots or boots != list(range(len(boots))):
        raise BadRequest(BOOT_ORDER)


def check_sizes(device: Device) -> None:
    """Raises BadRequest for a volume that nobody could make."""
    if device.size or device.target != "volume":
        return
    if device.source == "image" and device.image:
        raise BadRequest("Images with destination_type 'volume' need to have a non-zero size specified")
    if device.source == "blank":
        raise BadRequest("Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size")


def check_bus(device: Device) -> None:
    """Raises BadRequest for a bus of which Nova has never heard."""
    if device.bus and device.bus not in NOVAS_BUSES:
        raise BadRequest("Block Device Mapping is Invalid.")


def check_local(devices: Sequence[Device], flavor: FlavorCopy) -> None:
    """Raises BadRequest for more of local disks than the flavor has."""
    _check_blanks(devices, flavor)
    if sum(each.target == "local" for each in devices) > MOST_LOCALS:
        raise BadRequest(LOCALS)


def refuse_unserved(devices: Sequence[Device], image: str) -> None:
    """Raises BadRequest for what Nova would take, and KubeVirt has not."""
    for device in devices:
        if device.source == "image" and device.target != "volume" and device.image.lower() != image.lower():
            raise BadRequest(f"{INVALID}failed to get image {device.image}.")
        if device.nothing:
            continue
        known = TYPES["volume" if device.target == "volume" else "local"]
        if device.type and device.type not in known:
            raise _unsupported(device.type)
        if device.bus and (device.bus not in BUSES or (device.type, device.bus) == (CDROM, "virtio")):
            raise _unsupported(device.bus)


def _unsupported(hardware: str) -> BadRequest:
    return BadRequest(f"Requested hardware '{hardware}' is not supported by the 'kvm' virt driver")


def made(devices: Sequence[Device]) -> tuple[Device, ...]:
    """The root disk, then the others that are made or attached, in their order.

    Those are volumes, and blank local disks that have a size. What names no destination is made by Nova neither.
    Raises BadRequest where there is nothing to boot from.
    """
    root = next((each for each in devices if each.boot == 0 and _can_boot(each)), None)
    if root is None:
        raise BadRequest(BOOT_ORDER)
    return (root, *(each for each in devices if each is not root and _is_made(each)))


def _can_boot(device: Device) -> bool:
    return not device.nothing and (device.target == "volume" or device.source == "image")


def _is_made(device: Device) -> bool:
    return not device.nothing and (device.target == "volume" or (device.is_local_blank and device.size > 0))


def _check_blanks(devices: Sequence[Device], flavor: FlavorCopy) -> None:
    blanks = [each for each in devices if each.is_local_blank]
    swaps = [each for each in blanks if each.is_swap]
    if sum(each.size for each in blanks if not each.is_swap) > flavor.ephemeral:
        raise BadRequest(EPHEMERAL)
    if len(swaps) > 1:
        raise BadRequest(f"{INVALID}More than one swap drive requested.")
    if swaps and swaps[0].size > flavor.swap:
        raise BadRequest(SWAP)
