"""Volume snapshots as controllers and the storage of the nodes see them, and what they keep of them."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta, Row

from ..marks import DELAY, FAULT
from .groups.names import HANDLE
from .groups.names import KIND as GROUP_KIND
from .names import ALLOW_MODE_CHANGE, BEING_CREATED, BEING_DELETED, DEFAULT_CLASS, GROUP, VERSION


class Finalized(Meta, frozen=True, omit_defaults=True):
    """What is kept of ``metadata`` where finalizers count."""

    finalizers: tuple[str, ...] = ()


class SnapshotSource(msgspec.Struct, frozen=True):
    """What a snapshot is taken of, or which content it stands for."""

    persistentVolumeClaimName: str | None = None
    volumeSnapshotContentName: str | None = None


class SnapshotSpec(msgspec.Struct, frozen=True):
    """A VolumeSnapshot's spec."""

    source: SnapshotSource = SnapshotSource()
    volumeSnapshotClassName: str | None = None


class SnapshotError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, and when."""

    message: str = ""
    time: str | None = None


class SnapshotStatus(msgspec.Struct, frozen=True):
    """A VolumeSnapshot's status."""

    boundVolumeSnapshotContentName: str | None = None
    creationTime: str | None = None
    readyToUse: bool | None = None
    restoreSize: str | None = None
    volumeGroupSnapshotName: str | None = None
    error: SnapshotError | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """A VolumeSnapshot."""

    metadata: Finalized
    spec: SnapshotSpec = SnapshotSpec()
    status: SnapshotStatus | None = None


class ContentSource(msgspec.Struct, frozen=True):
    """What the driver makes a snapshot of, or the one it has already."""

    volumeHandle: str | None = None
    snapshotHandle: str | None = None


class Reference(msgspec.Struct, frozen=True):
    """The object that another belongs to: the snapshot of a content, the claim of a volume."""

    name: str = ""
    namespace: str = ""
    uid: str = ""


class ContentSpec(msgspec.Struct, frozen=True):
    """What is kept of a VolumeSnapshotContent's spec."""

    driver: str = ""
    deletionPolicy: str = ""
    source: ContentSource = ContentSource()
    volumeSnapshotRef: Reference = Reference()
    volumeSnapshotClassName: str | None = None
    sourceVolumeMode: str | None = None


class ContentStatus(msgspec.Struct, frozen=True):
    """A VolumeSnapshotContent's status; ``creationTime`` counts nanoseconds."""

    snapshotHandle: str | None = None
    creationTime: int | None = None
    restoreSize: int | None = None
    readyToUse: bool | None = None
    volumeGroupSnapshotHandle: str | None = None
    error: SnapshotError | None = None


class Content(msgspec.Struct, frozen=True):
    """A VolumeSnapshotContent."""

    metadata: Finalized
    spec: ContentSpec = ContentSpec()
    status: ContentStatus | None = None


class SnapshotClass(msgspec.Struct, frozen=True):
    """A VolumeSnapshotClass."""

    metadata: Meta
    driver: str = ""
    deletionPolicy: str = ""


def claim_link(namespace: str, name: str) -> str:
    """What snapshots of a claim are found by."""
    return f"{namespace}/claim:{name}"


def snapshot_link(namespace: str, name: str) -> str:
    """What is found by the snapshot that it names."""
    return f"{namespace}/snapshot:{name}"


def group_link(namespace: str, name: str) -> str:
    """What the members of a group are found by."""
    return f"{namespace}/group:{name}"


def group_of(snapshot: Snapshot) -> str:
    """The name of the group that owns a snapshot; "" where none does."""
    return next((each.name for each in snapshot.metadata.ownerReferences if each.kind == GROUP_KIND), "")


def _snapshot_links(row: Row, snapshot: Snapshot) -> tuple[str, ...]:
    source, group = snapshot.spec.source, group_of(snapshot)
    links = (group_link(row.namespace, group),) if group else ()
    if source.persistentVolumeClaimName is not None:
        return (claim_link(row.namespace, source.persistentVolumeClaimName), *links)
    return (f"/{source.volumeSnapshotContentName}", *links)


def _content_links(row: Row, content: Content) -> tuple[str, ...]:
    reference = content.spec.volumeSnapshotRef
    return (snapshot_link(reference.namespace, reference.name),)


def _kind(plural: str, projection: type[Any], **more: Any) -> Kind[Any]:
    return Kind(GROUP, VERSION, plural, plural.removesuffix("s"), projection, optional=True, **more)


SNAPSHOTS = _kind("volumesnapshots", Snapshot, links=_snapshot_links, annotations=frozenset({FAULT, DELAY}))
CONTENTS = _kind(
    "volumesnapshotcontents",
    Content,
    links=_content_links,
    namespaced=False,
    annotations=frozenset({BEING_CREATED, BEING_DELETED, ALLOW_MODE_CHANGE, HANDLE}),
)
SNAPSHOT_CLASSES = Kind(
    GROUP,
    VERSION,
    "volumesnapshotclasses",
    "volumesnapshotclass",
    SnapshotClass,
    namespaced=False,
    optional=True,
    annotations=frozenset({DEFAULT_CLASS}),
)
