"""DataVolumes and DataSources, and what CDI's controllers keep of them."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta, Row

from ...snapshots.kinds import snapshot_link
from ..names import GROUP, VERSION, temporary
from .parts import ALL, ClaimReference, Condition, Resources, link, source_link


class Http(msgspec.Struct, frozen=True):
    """An image behind a URL."""

    url: str = ""
    secretRef: str = ""
    checksum: str = ""
    extraHeaders: tuple[str, ...] = ()


class Platform(msgspec.Struct, frozen=True):
    """Which of a registry's images is meant."""

    architecture: str = ""


class Registry(msgspec.Struct, frozen=True):
    """A containerDisk."""

    url: str | None = None
    pullMethod: str | None = None
    secretRef: str | None = None
    platform: Platform | None = None


class VolumeSource(msgspec.Struct, frozen=True):
    """Where a volume's content comes from, of what is simulated."""

    pvc: ClaimReference | None = None
    snapshot: ClaimReference | None = None
    http: Http | None = None
    registry: Registry | None = None
    blank: dict[str, Any] | None = None
    upload: dict[str, Any] | None = None


class SourceRef(msgspec.Struct, frozen=True):
    """The DataSource that a volume is made from."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None


class Storage(msgspec.Struct, frozen=True):
    """``spec.pvc`` or ``spec.storage`` of a volume."""

    accessModes: tuple[str, ...] = ()
    resources: Resources = Resources()
    storageClassName: str | None = None
    volumeMode: str | None = None
    volumeName: str = ""
    selector: dict[str, Any] | None = None


class VolumeSpec(msgspec.Struct, frozen=True):
    """What is kept of a DataVolume's spec."""

    source: VolumeSource | None = None
    sourceRef: SourceRef | None = None
    pvc: Storage | None = None
    storage: Storage | None = None
    contentType: str = ""
    preallocation: bool | None = None
    priorityClassName: str = ""
    serviceAccountName: str = ""


class VolumeStatus(msgspec.Struct, frozen=True):
    """The status of a DataVolume."""

    phase: str = ""
    progress: str = ""
    claimName: str = ""
    restartCount: int = 0
    conditions: tuple[Condition, ...] = ()


class Volume(msgspec.Struct, frozen=True):
    """A DataVolume."""

    metadata: Meta
    spec: VolumeSpec = VolumeSpec()
    status: VolumeStatus = VolumeStatus()


class AnySource(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a DataSource names."""

    pvc: ClaimReference | None = None
    snapshot: ClaimReference | None = None
    dataSource: ClaimReference | None = None


class SourceSpec(msgspec.Struct, frozen=True):
    """A DataSource's spec."""

    source: AnySource = AnySource()


class SourceStatus(msgspec.Struct, frozen=True):
    """A DataSource's status."""

    source: AnySource = AnySource()
    conditions: tuple[Condition, ...] = ()


class Source(msgspec.Struct, frozen=True):
    """A DataSource."""

    metadata: Meta
    spec: SourceSpec = SourceSpec()
    status: SourceStatus = SourceStatus()


WAITING = "*/waiting"
"""What volumes without a phase are found by."""


def _volume_links(row: Row, volume: Volume) -> tuple[str, ...]:
    links = [] if volume.status.phase else [WAITING]
    source, reference = volume.spec.source, volume.spec.sourceRef
    if source is not None and source.pvc is not None:
        links.append(link(source.pvc.namespace or row.namespace, source.pvc.name))
    if source is not None and source.snapshot is not None:
        links.append(snapshot_link(source.snapshot.namespace or row.namespace, source.snapshot.name))
        links.append(link(source.snapshot.namespace or row.namespace, temporary(row.uid)))
    if reference is not None:
        links.append(source_link(reference.namespace or row.namespace, reference.name))
        links.append(link(reference.namespace or row.namespace, temporary(row.uid)))
    return tuple(links)


def _source_links(row: Row, source: Source) -> tuple[str, ...]:
    claims = [one for one in (source.spec.source.pvc, source.status.source.pvc) if one is not None]
    links = [link(one.namespace or row.namespace, one.name) for one in claims]
    photos = [one for one in (source.spec.source.snapshot, source.status.source.snapshot) if one is not None]
    links += [snapshot_link(one.namespace or row.namespace, one.name) for one in photos]
    if source.spec.source.dataSource is not None:
        links.append(source_link(row.namespace, source.spec.source.dataSource.name))
    return tuple(links)


VOLUMES = Kind(GROUP, VERSION, "datavolumes", "datavolume", Volume, links=_volume_links, annotations=ALL)
SOURCES = Kind(GROUP, VERSION, "datasources", "datasource", Source, links=_source_links)
