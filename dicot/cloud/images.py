"""What an image is, read from its DataSource and the disk behind it. Free of Twisted: compute and image both ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from ..kube.deep import shallow
from ..kube.kind import Row
from ..kube.quantity import whole
from ..names import CONTAINER_DISK, DESCRIPTION, IMAGE_SPEC, NAME, TAGS
from .kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, DataSource, DataVolume, Pvc
from .resource import Joined


class ImageSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/image-spec``: what Glance knows of an image and Kubernetes has no place for.

    ``size`` is the number of bytes of the data as it was given, ``minDisk`` in GiB, ``minRam`` in MiB.
    """

    minDisk: int = 0
    minRam: int = 0
    protected: bool = False
    hidden: bool = False
    diskFormat: str | None = None
    containerFormat: str | None = None
    size: int | None = None
    checksum: str | None = None
    hashAlgo: str | None = None
    hashValue: str | None = None
    properties: dict[str, str] = {}


NO_SPEC = ImageSpec()
SAVING = frozenset({"UploadScheduled", "UploadReady"})
FAILED = frozenset({"Failed", "ImagePullFailed", "Error"})


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image before it is given a form. ``virtual_size`` in bytes, None where no disk is known."""

    id: str
    name: str
    status: str
    spec: ImageSpec
    virtual_size: int | None
    container_disk: str
    description: str = ""
    tags: tuple[str, ...] = ()
    updated: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


def decoded(text: str, form: type[ImageSpec]) -> ImageSpec:
    """An annotation's JSON; what does not fit counts as not said, since tenants write annotations too."""
    try:
        return shallow(text, form)
    except msgspec.MsgspecError:
        return NO_SPEC


def tags_of(text: str) -> tuple[str, ...]:
    """The tags in an annotation, none where it does not fit."""
    try:
        return tuple(shallow(text, list[str])) if text else ()
    except msgspec.MsgspecError:
        return ()


def status_of(source: DataSource, volume: DataVolume | None, claim: Pvc | None, container_disk: str) -> str:
    """Glance's status (mapping of CDI's phases); an image whose disk does not exist yet is queued."""
    if container_disk:
        return "active"
    if volume is not None and volume.status.phase != "Succeeded":
        return _unfinished(volume)
    ready = any(found.type == "Ready" and found.status == "True" for found in source.status.conditions)
    if claim is not None and claim.status.phase == "Bound" and (ready or volume is not None):
        return "active"
    if source.spec.source.snapshot is not None and ready:
        return "active"
    return "queued"


def _unfinished(volume: DataVolume) -> str:
    phase = volume.status.phase
    if phase in FAILED:
        return "killed"
    if phase in SAVING:
        return "saving"
    uploads = volume.spec.source is not None and not (
        volume.spec.source.http or volume.spec.source.registry or volume.spec.source.pvc
    )
    return "queued" if phase in ("", "Pending") and uploads else "importing"


def size_of(volume: DataVolume | None, claim: Pvc | None) -> int | None:
    """The bytes of the disk: what was asked of CDI, else of the claim."""
    for wanted in (
        volume.spec.storage if volume else None,
        volume.spec.pvc if volume else None,
        claim.spec if claim else None,
    ):
        if wanted is not None and (size := whole(wanted.resources.requests.storage)):
            return size
    return None


def facts(joined: Joined) -> ImageFacts:
    """What the joined rows say of an image."""
    row, source = joined.row, joined.main(DATA_SOURCE)
    volume, claim = joined.first(DATA_VOLUME), joined.first(PVC)
    return read(row, source, volume[1] if volume else None, claim[1] if claim else None)


def read(row: Row, source: DataSource, volume: DataVolume | None, claim: Pvc | None) -> ImageFacts:
    """What a DataSource and the disk behind it say of an image."""
    notes = source.metadata.annotations
    spec = decoded(notes[IMAGE_SPEC], ImageSpec) if IMAGE_SPEC in notes else NO_SPEC
    container_disk = notes.get(CONTAINER_DISK, "")
    moments = [row.created, *(found.lastTransitionTime or "" for found in source.status.conditions)]
    return ImageFacts(
        id=row.id,
        name=notes.get(NAME) or row.name,
        status=status_of(source, volume, claim, container_disk),
        spec=spec,
        virtual_size=size_of(volume, claim),
        container_disk=container_disk,
        description=notes.get(DESCRIPTION, ""),
        tags=tags_of(notes.get(TAGS, "")),
        updated=max(moments),
        properties=spec.properties,
    )
