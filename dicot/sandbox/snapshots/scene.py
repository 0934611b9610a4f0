"""A snapshot and what belongs to it, as the snapshot controller sees them."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dicot.kube.kind import Kind, Meta, Row

from .kinds import SNAPSHOTS, Content, Finalized, Reference, Snapshot, SnapshotClass, snapshot_link
from .names import CONTROLLER, GROUP
from .saying import Subject


class DataSource(msgspec.Struct, frozen=True):
    """What a claim is filled from."""

    kind: str = ""
    name: str = ""
    apiGroup: str | None = None


class ClaimSpec(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolumeClaim's spec."""

    volumeName: str = ""
    dataSource: DataSource | None = None


class Phase(msgspec.Struct, frozen=True):
    """What is kept of a status."""

    phase: str = ""


class Claim(msgspec.Struct, frozen=True):
    """A PersistentVolumeClaim."""

    metadata: Finalized
    spec: ClaimSpec = ClaimSpec()
    status: Phase = Phase()


class Csi(msgspec.Struct, frozen=True):
    """A volume of a CSI driver."""

    driver: str = ""
    volumeHandle: str = ""


class DiskSpec(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolume's spec."""

    csi: Csi | None = None
    claimRef: Reference | None = None
    volumeMode: str | None = None


class Disk(msgspec.Struct, frozen=True):
    """A PersistentVolume."""

    metadata: Meta
    spec: DiskSpec = DiskSpec()


def _claim_links(row: Row, claim: Claim) -> tuple[str, ...]:
    source = claim.spec.dataSource
    if source is None or source.apiGroup != GROUP:
        return ()
    return (snapshot_link(row.namespace, source.name),)


CLAIMS = Kind("", "v1", "persistentvolumeclaims", "persistentvolumeclaim", Claim, links=_claim_links)


def volume_link(driver: str, handle: str) -> str:
    """What a volume is found by: how its driver knows it."""
    return f"/{driver}^{handle}"


def _disk_links(row: Row, disk: Disk) -> tuple[str, ...]:
    csi = disk.spec.csi
    return (volume_link(csi.driver, csi.volumeHandle),) if csi is not None else ()


DISKS = Kind("", "v1", "persistentvolumes", "persistentvolume", Disk, links=_disk_links, namespaced=False)


@dataclass(frozen=True, slots=True)
class Scene:
    """``content``: the one of the name that the snapshot leads to. ``bound``: the one that its status names.
    ``claim`` and ``disk``: what it is taken of. ``held``: whether another snapshot is still being taken of that
    claim. ``restored``: whether a claim is being filled from this snapshot. ``parent``: the group that its status
    names, with its uid, as long as that is there. ``group``: the name of the group that the driver took it with, ""
    where it took it alone, None where nobody knows that group."""

    snapshot: Snapshot
    content: Content | None
    bound: Content | None
    claim: Claim | None
    disk: Disk | None
    classes: Mapping[str, SnapshotClass]
    held: bool
    restored: bool
    now: float
    parent: Reference | None = None
    group: str | None = ""

    @property
    def subject(self) -> Subject:
        """The snapshot, as the controller speaks of it."""
        error = self.snapshot.status.error if self.snapshot.status is not None else None
        return Subject(SNAPSHOTS, "VolumeSnapshot", self.snapshot.metadata, error, CONTROLLER, self.now)

    @property
    def claim_name(self) -> str:
        """The name of the claim that the snapshot is taken of; "" where it stands for a content."""
        return self.snapshot.spec.source.persistentVolumeClaimName or ""

    @property
    def is_ready(self) -> bool:
        """Whether it can be used, and is bound."""
        status = self.snapshot.status
        return status is not None and status.readyToUse is True and bool(status.boundVolumeSnapshotContentName)


def content_name(snapshot: Snapshot) -> str:
    """The name of the content that a snapshot of a claim gets, or that it stands for."""
    return snapshot.spec.source.volumeSnapshotContentName or f"snapcontent-{snapshot.metadata.uid}"


def is_bound(claim: Claim, disk: Disk) -> bool:
    """Whether a volume says that it is a claim's."""
    bound, meta = disk.spec.claimRef, claim.metadata
    if bound is None or (bound.namespace, bound.name) != (meta.namespace, meta.name):
        return False
    return bound.uid in ("", meta.uid)


def is_of(content: Content, snapshot: Snapshot) -> bool:
    """Whether a content says that it belongs to the snapshot."""
    reference, meta = content.spec.volumeSnapshotRef, snapshot.metadata
    return (reference.namespace, reference.name, reference.uid) == (meta.namespace, meta.name, meta.uid)
