"""The disks of a new server: what its devices are made of, looked up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...cloud.images import ImageFacts, read
from ...cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, STORAGE_CLASS, sources
from ...cloud.resource import Known
from ...cloud.volumes import (
    AVAILABLE,
    DOWNLOADING,
    IN_USE,
    Snapshot,
    Volume,
    VolumeImage,
    find_snapshot,
    find_volume,
    gibi,
)
from ...faults import BadRequest
from .devices import INVALID, Device

ROOT, EPHEMERAL, SWAP, VOLUME = "root", "ephemeral", "swap", "volume"
"""Names of disks inside the VirtualMachine, and what they are to the label ``dicot.io/disk``."""
INVALID_VOLUME = "Invalid volume: Invalid input received: Invalid volume: "
"""How Nova passes on what Cinder refuses when a volume is to be reserved."""
NOT_SHARED = "Multiattach volumes are only supported starting with compute API version 2.60."


@dataclass(frozen=True, slots=True)
class Image:
    """An image, and where its disk lies."""

    facts: ImageFacts
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Boot:
    """What is told of the disk that a server boots from, by its image or its volume. ``size`` in bytes if known."""

    id: str | None = None
    status: str = "active"
    properties: Mapping[str, str] = field(default_factory=dict)
    min_disk: int = 0
    min_ram: int = 0
    size: int = 0
    container_disk: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """A device, and the one thing that it is made of or is; a blank one has none.

    ``size`` in GiB and ``storage_class`` ("" the default) are those of a volume that is made with the server.
    """

    device: Device
    image: Image | None = None
    volume: Volume | None = None
    snapshot: Snapshot | None = None
    size: int = 0
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class Stock:
    """What devices may name. That a volume is bound to one of ``servers`` is overlooked: these are to be made."""

    known: Known
    now: float
    servers: Collection[str] = ()

    def image(self, id: str) -> Image | None:
        """The image of an id, however it is spelt."""
        found = self.known.find(DATA_SOURCE, id.lower())
        if found is None:
            return None
        row, source = found
        volume = claim = None
        for place in sources(row, source):
            namespace, _, name = place.partition("/")
            volume, claim = self.known.named(DATA_VOLUME, name, namespace), self.known.named(PVC, name, namespace)
        facts = read(row, source, volume[1] if volume else None, claim[1] if claim else None)
        return Image(facts, row.namespace, row.name)

    def volume(self, id: str) -> Volume | None:
        """The volume of an id, however it is spelt."""
        return find_volume(self.known, id.lower(), self.now, self.servers)

    def snapshot(self, id: str) -> Snapshot | None:
        """The snapshot of an id, however it is spelt."""
        return find_snapshot(self.known, id.lower(), self.now)

    def sized(self, device: Device) -> Device:
        """With the size of the volume that it is, or of the snapshot where none was asked for."""
        if device.image:
            return device
        if device.volume:
            volume = self.volume(device.volume)
            return replace(device, size=volume.size) if volume else device
        snapshot = self.snapshot(device.snapshot) if device.snapshot and not device.size else None
        return replace(device, size=snapshot.size) if snapshot else device

    def storage_class(self, type: str) -> str | None:
        """The StorageClass that a volume type is, by its id or name."""
        rows = [row for row, _ in self.known.rows(STORAGE_CLASS)]
        return next((row.name for row in rows if type in (row.id, row.name)), None)


def boot_of_image(facts: ImageFacts) -> Boot:
    """What an image tells."""
    return Boot(
        id=facts.id,
        status=facts.status,
        properties=facts.properties,
        min_disk=facts.spec.minDisk,
        min_ram=facts.spec.minRam,
        size=facts.virtual_size or 0,
        container_disk=facts.container_disk,
    )


def boot_of_volume(volume: Volume) -> Boot:
    """What a volume tells of the image that it was made of."""
    image = volume.image
    return Boot(properties=image.properties, min_disk=image.minDisk, min_ram=image.minRam)


def check_volume(device: Device, stock: Stock, shares: bool) -> None:
    """Raises BadRequest where an existing volume cannot be had, as Cinder would say it."""
    volume = stock.volume(device.volume)
    if volume is None:
        raise BadRequest(f"{INVALID}failed to get volume {device.volume}.")
    if volume.multiattach and not shares:
        raise BadRequest(NOT_SHARED)
    allowed = (AVAILABLE, IN_USE, DOWNLOADING) if volume.multiattach else (AVAILABLE, DOWNLOADING)
    if volume.status not in allowed:
        raise BadRequest(
            f"{INVALID_VOLUME}Volume {volume.id} status must be {' or '.join(allowed)} to reserve, "
            f"but the current status is {volume.status}."
        )


def furnished(devices: Sequence[Device], stock: Stock) -> tuple[Disk, ...]:
    """The disks of devices that were checked. Raises BadRequest for what CDI would wait for without end."""
    once: set[str] = set()
    found = []
    for device in devices:
        if device.target != "volume":
            found.append(Disk(device, image=stock.image(device.image) if device.source == "image" else None))
        elif device.source == "volume":
            found.append(_existing(device, stock, once))
        else:
            found.append(_made(device, stock))
    return tuple(found)


def _existing(device: Device, stock: Stock, once: set[str]) -> Disk:
    volume = stock.volume(device.volume)
    assert volume is not None  # it was checked
    if volume.id in once:
        raise BadRequest(f"{INVALID_VOLUME}Volume {volume.id} is named twice.")
    once.add(volume.id)
    return Disk(device, volume=volume)


def _made(device: Device, stock: Stock) -> Disk:
    storage_class = stock.storage_class(device.volume_type) or "" if device.volume_type else ""
    if device.source == "image":
        image = stock.image(device.image)
        assert image is not None  # it was checked
        _check_room_for(image, device.size)
        return Disk(device, image=image, size=device.size, storage_class=storage_class)
    if device.source == "snapshot":
        snapshot = stock.snapshot(device.snapshot)
        assert snapshot is not None  # it was checked
        if device.size < snapshot.size or not device.size:
            raise BadRequest(
                f"Invalid input received: Volume size '{device.size}' GB cannot be smaller than the snapshot size "
                f"{snapshot.size}GB. They must be >= original snapshot size."
            )
        own = snapshot.volume.storage_class if snapshot.volume else ""
        return Disk(device, snapshot=snapshot, size=device.size, storage_class=storage_class or own)
    return Disk(device, size=device.size, storage_class=storage_class)


def _check_room_for(image: Image, size: int) -> None:
    facts = image.facts
    if facts.status != "active":
        raise BadRequest(f"Image {facts.id} is not active.")
    needed = gibi(facts.virtual_size or 0)
    if size < needed:
        raise BadRequest(
            f"Invalid input received: Size of specified image {needed}GB is larger than volume size {size}GB."
        )


def told_of(image: ImageFacts) -> VolumeImage:
    """What a volume keeps of the image that it is made of."""
    return VolumeImage(image.id, dict(image.properties), image.spec.minDisk, image.spec.minRam)
