"""Groups of volume snapshots as controllers and the storage of the nodes see them, and what they keep of them."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta

from ...marks import DELAY, FAULT
from ..kinds import Finalized, Reference, SnapshotError
from .names import BEING_CREATED, BEING_DELETED, DEFAULT_CLASS, GROUP, VERSION


class Requirement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A requirement on labels, which is told and not held to."""

    key: str
    operator: str
    values: list[str] = []


class Selector(msgspec.Struct, frozen=True, omit_defaults=True):
    """The claims that are meant."""

    matchLabels: dict[str, str] = {}
    matchExpressions: list[Requirement] = []


class GroupSource(msgspec.Struct, frozen=True):
    """What a group is taken of, or which content it stands for."""

    selector: Selector | None = None
    volumeGroupSnapshotContentName: str | None = None


class GroupSpec(msgspec.Struct, frozen=True):
    """A VolumeGroupSnapshot's spec."""

    source: GroupSource = GroupSource()
    volumeGroupSnapshotClassName: str | None = None


class GroupStatus(msgspec.Struct, frozen=True):
    """A VolumeGroupSnapshot's status."""

    boundVolumeGroupSnapshotContentName: str | None = None
    creationTime: str | None = None
    readyToUse: bool | None = None
    error: SnapshotError | None = None


class Group(msgspec.Struct, frozen=True):
    """A VolumeGroupSnapshot."""

    metadata: Finalized
    spec: GroupSpec = GroupSpec()
    status: GroupStatus | None = None


class Handles(msgspec.Struct, frozen=True):
    """A group that the driver has already, with its snapshots."""

    volumeGroupSnapshotHandle: str = ""
    volumeSnapshotHandles: list[str] = []


class GroupContentSource(msgspec.Struct, frozen=True):
    """What the driver makes a group of, or the one it has already."""

    volumeHandles: list[str] | None = None
    groupSnapshotHandles: Handles | None = None


class GroupContentSpec(msgspec.Struct, frozen=True):
    """What is kept of a VolumeGroupSnapshotContent's spec."""

    driver: str = ""
    deletionPolicy: str = ""
    source: GroupContentSource = GroupContentSource()
    volumeGroupSnapshotRef: Reference = Reference()
    volumeGroupSnapshotClassName: str | None = None


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the driver says of a snapshot of the group (VolumeSnapshotInfo); ``creationTime`` counts nanoseconds."""

    volumeHandle: str = ""
    snapshotHandle: str = ""
    creationTime: int | None = None
    readyToUse: bool | None = None
    restoreSize: int | None = None


class GroupContentStatus(msgspec.Struct, frozen=True):
    """A VolumeGroupSnapshotContent's status."""

    volumeGroupSnapshotHandle: str | None = None
    creationTime: str | None = None
    readyToUse: bool | None = None
    volumeSnapshotInfoList: list[Taken] = []
    error: SnapshotError | None = None


class GroupContent(msgspec.Struct, frozen=True):
    """A VolumeGroupSnapshotContent."""

    metadata: Finalized
    spec: GroupContentSpec = GroupContentSpec()
    status: GroupContentStatus | None = None


class GroupClass(msgspec.Struct, frozen=True):
    """A VolumeGroupSnapshotClass."""

    metadata: Meta
    driver: str = ""
    deletionPolicy: str = ""


def _kind(plural: str, singular: str, projection: type[Any], *annotations: str, **more: Any) -> Kind[Any]:
    return Kind(
        GROUP, VERSION, plural, singular, projection, optional=True, annotations=frozenset(annotations), **more
    )


GROUPS = _kind("volumegroupsnapshots", "volumegroupsnapshot", Group, DELAY, FAULT)
GROUP_CONTENTS = _kind(
    "volumegroupsnapshotcontents",
    "volumegroupsnapshotcontent",
    GroupContent,
    BEING_CREATED,
    BEING_DELETED,
    namespaced=False,
)
GROUP_CLASSES = _kind(
    "volumegroupsnapshotclasses", "volumegroupsnapshotclass", GroupClass, DEFAULT_CLASS, namespaced=False
)
