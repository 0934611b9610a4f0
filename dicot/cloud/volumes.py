"""What a volume is, and a snapshot of one, read from their claims. Free of Twisted.

A volume is a PersistentVolumeClaim that holds a disk, mostly with the DataVolume that made it and has its name.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from .. import moments
from ..kube.deep import shallow
from ..kube.kind import HasMeta, Kind, Row
from ..kube.quantity import whole
from ..names import BOOTABLE, BOUND, DISK, IMAGE, MULTIATTACH
from .images import size_of
from .kinds.kubevirt import VM
from .kinds.storage import CONTENT_TYPE, DATA_SOURCE, DATA_VOLUME, PVC, VOLUME_SNAPSHOT, DataVolume, Pvc
from .resource import Known

P = TypeVar("P", bound=HasMeta)

GIBI = 1 << 30
VOLUME_DISK = "volume"
"""What the label ``dicot.io/disk`` says of volumes; the other disks of servers are none."""
BINDING_IS_YOUNG = 60.0
"""Seconds for which something stays bound to a server that is not there yet: it may be about to be."""
AVAILABLE, RESERVED, IN_USE, CREATING, DOWNLOADING = "available", "reserved", "in-use", "creating", "downloading"
DELETING, ERROR = "deleting", "error"
_WAITING = frozenset({"WaitForFirstConsumer", "PendingPopulation"})
"""Phases of a DataVolume that is filled as soon as somebody uses it."""
_OF_OTHERS = ("prime-", "persistent-state-for-")
"""How the names of claims begin that CDI's populators and KubeVirt keep for themselves."""
_MANY = "ReadWriteMany"


class VolumeImage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/image`` of a volume: what it tells of the image that it was made of.

    ``minDisk`` in GiB, ``minRam`` in MiB.
    """

    id: str = ""
    properties: dict[str, str] = {}
    minDisk: int = 0
    minRam: int = 0


class Binding(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/bound`` of a claim: the id of the server that is about to have it, and since when."""

    server: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of the caller's project. ``status`` as Cinder says it, ``size`` in GiB.

    ``claim`` is None before there is one, ``data`` where there is no DataVolume (any more).
    """

    id: str
    status: str
    size: int
    bootable: bool
    multiattach: bool
    image: VolumeImage
    storage_class: str
    claim: Row | None
    data: Row | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of a volume. ``size`` in GiB, 0 where nothing tells it; ``volume`` None where that is gone.

    ``least`` are the bytes that CDI wants of a claim for it: a file system's own are among them.
    """

    id: str
    row: Row
    size: int
    least: int
    volume: Volume | None


def is_volume(claim: Pvc, data: DataVolume | None) -> bool:
    """Whether a claim is a volume to clients, unless it is an image: what servers keep of their own is none."""
    disk = (data or claim).metadata.labels.get(DISK, VOLUME_DISK)
    if disk != VOLUME_DISK or claim.metadata.name.startswith(_OF_OTHERS):
        return False
    return (
        claim.spec.volumeMode == "Block"
        or claim.metadata.annotations.get(CONTENT_TYPE) == "kubevirt"
        or is_of_data_volume(claim)
    )


def is_of_data_volume(claim: Pvc) -> bool:
    """Whether a DataVolume made it."""
    return any(owner.controller and owner.kind == DATA_VOLUME.singular for owner in claim.metadata.ownerReferences)


def volume_id(row: Row, claim: Pvc) -> str:
    """The id of a volume by its claim: its label, else the uid of the DataVolume that made it, else its own."""
    return row.owner if row.id == row.uid and is_of_data_volume(claim) else row.id


def find_volume(known: Known, id: str, now: float, servers: Collection[str] = ()) -> Volume | None:
    """The volume of an id in the caller's own project; that it is bound to one of ``servers`` is overlooked."""
    data = _own(known, DATA_VOLUME, id)
    claim = known.named(PVC, data[0].name, data[0].namespace) if data else _own(known, PVC, id)
    if data is None and claim is not None and is_of_data_volume(claim[1]):
        data = known.named(DATA_VOLUME, claim[0].name, claim[0].namespace)
    if claim is None:
        return None if data is None or _is_image(known, data[0]) else _unclaimed(data[0], data[1])
    if _is_image(known, claim[0]) or not is_volume(claim[1], data[1] if data else None):
        return None
    found = _volume(claim, data, _status(known, claim, data[1] if data else None, (now, servers)))
    return found if found.id == id else None


def find_snapshot(known: Known, id: str, now: float) -> Snapshot | None:
    """The snapshot of an id in the caller's own project."""
    found = _own(known, VOLUME_SNAPSHOT, id)
    if found is None or _is_image(known, found[0]):
        return None
    row, shot = found
    claim = known.named(PVC, shot.spec.source.persistentVolumeClaimName, row.namespace)
    volume = find_volume(known, volume_id(*claim), now) if claim else None
    least = whole(shot.status.restoreSize)
    size = min((size for size in (gibi(least), volume.size if volume else 0) if size), default=0)
    return Snapshot(row.id, row, size, least, volume)


def gibi(size: int) -> int:
    """Bytes as whole GiB, as Cinder counts them."""
    return -(-size // GIBI)


def _own(known: Known, kind: Kind[P], id: str) -> tuple[Row, P] | None:
    found = known.find(kind, id)
    return found if found is not None and found[0].namespace == known.caller.namespace else None


def _is_image(known: Known, row: Row) -> bool:
    return any(image.namespace == row.namespace for image, _ in known.linked(DATA_SOURCE, row.name))


def _unclaimed(row: Row, data: DataVolume) -> Volume:
    """A volume of which CDI has not made the claim."""
    status = ERROR if _is_broken(data) else CREATING
    size = gibi(size_of(data, None) or 0)
    return Volume(row.id, status, size, _is_bootable(data, data), False, _image(data), "", None, row)


def _volume(claim: tuple[Row, Pvc], data: tuple[Row, DataVolume] | None, status: str) -> Volume:
    row, body = claim
    made = data[1] if data else None
    return Volume(
        id=data[0].id if data else volume_id(row, body),
        status=status,
        size=gibi(size_of(made, body) or 0),
        bootable=_is_bootable(body, made),
        multiattach=body.metadata.annotations.get(MULTIATTACH) == "true" and _MANY in body.spec.accessModes,
        image=_image(body),
        storage_class=body.spec.storageClassName,
        claim=row,
        data=data[0] if data else None,
    )


def _status(
    known: Known, claim: tuple[Row, Pvc], data: DataVolume | None, moment: tuple[float, Collection[str]]
) -> str:
    row, body = claim
    if body.metadata.deletionTimestamp or (data is not None and data.metadata.deletionTimestamp):
        return DELETING
    if body.status.phase == "Lost" or (data is not None and _is_broken(data)):
        return ERROR
    if known.linked(VM, row.name):
        return IN_USE
    if _is_bound(body, *moment):
        return RESERVED
    if data is not None and data.status.phase not in ("Succeeded", *_WAITING):
        return DOWNLOADING if _is_downloaded(data) else CREATING
    return AVAILABLE


def _is_bound(claim: Pvc, now: float, servers: Collection[str]) -> bool:
    """A binding is void once its server is not there and can no longer be about to be."""
    text = claim.metadata.annotations.get(BOUND)
    try:
        binding = shallow(text, Binding) if text else Binding()
    except msgspec.MsgspecError:
        return False
    since = moments.read(binding.at)
    return since is not None and now - since < BINDING_IS_YOUNG and binding.server not in servers


def _is_broken(data: DataVolume) -> bool:
    refused = any(each.reason == "ErrClaimNotValid" and each.status == "False" for each in data.status.conditions)
    return refused or data.status.phase == "Failed"


def _is_downloaded(data: DataVolume) -> bool:
    """Whether it is filled from an image or by somebody's upload, and not from a disk of its own kind."""
    source = data.spec.source
    return source is None or not (source.pvc or source.blank or source.snapshot)


def _is_bootable(told: HasMeta, data: DataVolume | None) -> bool:
    """What is said of it, else whether anything but emptiness is on it."""
    said = told.metadata.annotations.get(BOOTABLE)
    if said is not None:
        return said == "true"
    return data is None or data.spec.source is None or data.spec.source.blank is None


def _image(told: HasMeta) -> VolumeImage:
    text = told.metadata.annotations.get(IMAGE)
    try:
        return shallow(text, VolumeImage) if text else VolumeImage()
    except msgspec.MsgspecError:
        return VolumeImage()
