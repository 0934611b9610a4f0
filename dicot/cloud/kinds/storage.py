"""Kinds of disks and images: CDI's DataVolume and DataSource, claims, snapshots, StorageClass, Secret."""

import msgspec

from ...kube.kind import Kind, Meta, Row
from .condition import Condition
from .kubevirt import Present, by_owner


class SourceHttp(msgspec.Struct, frozen=True, omit_defaults=True):
    url: str = ""


class SourceRegistry(msgspec.Struct, frozen=True, omit_defaults=True):
    url: str = ""


class SourceClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    namespace: str = ""


class DvSource(msgspec.Struct, frozen=True, omit_defaults=True):
    http: SourceHttp | None = None
    registry: SourceRegistry | None = None
    pvc: SourceClaim | None = None
    blank: Present | None = None
    snapshot: Present | None = None


class SourceRef(msgspec.Struct, frozen=True, omit_defaults=True):
    kind: str = ""
    name: str = ""
    namespace: str = ""


class Requests(msgspec.Struct, frozen=True, omit_defaults=True):
    storage: str | int = ""


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    requests: Requests = Requests()


class Storage(msgspec.Struct, frozen=True, omit_defaults=True):
    resources: Wanted = Wanted()
    storageClassName: str = ""
    volumeMode: str = ""


class DvSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    source: DvSource | None = None
    sourceRef: SourceRef | None = None
    storage: Storage | None = None
    pvc: Storage | None = None


class DvStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    phase: str = ""
    progress: str = ""
    restartCount: int = 0
    conditions: tuple[Condition, ...] = ()


class DataVolume(msgspec.Struct, frozen=True, omit_defaults=True):
    """A DataVolume."""

    metadata: Meta = Meta()
    spec: DvSpec = DvSpec()
    status: DvStatus = DvStatus()


class SnapshotSource(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    namespace: str = ""


class DataSourceSource(msgspec.Struct, frozen=True, omit_defaults=True):
    pvc: SourceClaim | None = None
    snapshot: SnapshotSource | None = None


class DataSourceSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    source: DataSourceSource = DataSourceSource()


class DataSourceStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    conditions: tuple[Condition, ...] = ()
    source: DataSourceSource = DataSourceSource()


class DataSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """A DataSource: an image."""

    metadata: Meta = Meta()
    spec: DataSourceSpec = DataSourceSpec()
    status: DataSourceStatus = DataSourceStatus()


class PvcSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    resources: Wanted = Wanted()
    storageClassName: str = ""
    volumeMode: str = ""
    volumeName: str = ""
    accessModes: tuple[str, ...] = ()


class PvcStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    phase: str = ""
    capacity: dict[str, str] = {}


class Pvc(msgspec.Struct, frozen=True, omit_defaults=True):
    """A PersistentVolumeClaim."""

    metadata: Meta = Meta()
    spec: PvcSpec = PvcSpec()
    status: PvcStatus = PvcStatus()


class ShotSource(msgspec.Struct, frozen=True, omit_defaults=True):
    persistentVolumeClaimName: str = ""


class ShotSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    source: ShotSource = ShotSource()


class ShotStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    readyToUse: bool = False
    restoreSize: str | int = ""


class VolumeSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """A VolumeSnapshot."""

    metadata: Meta = Meta()
    spec: ShotSpec = ShotSpec()
    status: ShotStatus = ShotStatus()


class StorageClassBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A StorageClass."""

    metadata: Meta = Meta()
    provisioner: str = ""
    volumeBindingMode: str = ""


class SecretBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Secret, of which nothing but metadata is ever kept: Secrets are written blind and never listed."""

    metadata: Meta = Meta()


def sources(row: Row, body: DataSource) -> tuple[str, ...]:
    """The claim or snapshot an image points to, within its own namespace only."""
    found = body.spec.source.pvc or body.spec.source.snapshot
    if found is None or (found.namespace or row.namespace) != row.namespace:
        return ()
    return (f"{row.namespace}/{found.name}",)


DATA_VOLUME = Kind("cdi.kubevirt.io", "v1beta1", "datavolumes", "DataVolume", DataVolume, by_owner)
DATA_SOURCE = Kind("cdi.kubevirt.io", "v1beta1", "datasources", "DataSource", DataSource, sources)
CONTENT_TYPE = "cdi.kubevirt.io/storage.contentType"
"""Annotation by which CDI says whether a claim holds a disk ("kubevirt") or files ("archive")."""
PVC = Kind(
    "",
    "v1",
    "persistentvolumeclaims",
    "PersistentVolumeClaim",
    Pvc,
    by_owner,
    annotations=frozenset({CONTENT_TYPE}),
)
VOLUME_SNAPSHOT = Kind(
    "snapshot.storage.k8s.io",
    "v1",
    "volumesnapshots",
    "VolumeSnapshot",
    VolumeSnapshot,
    optional=True,
)
STORAGE_CLASS = Kind(
    "storage.k8s.io",
    "v1",
    "storageclasses",
    "StorageClass",
    StorageClassBody,
    namespaced=False,
    annotations=frozenset({"storageclass.kubernetes.io/is-default-class"}),
)
SECRET = Kind("", "v1", "secrets", "Secret", SecretBody)
