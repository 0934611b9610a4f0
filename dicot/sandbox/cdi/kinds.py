"""What CDI's controllers watch, and what they keep of it."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta, Row

from ..snapshots.kinds import snapshot_link
from .names import CLONE_REQUEST, CONFIG, GROUP, SENDER_SUFFIX, TARGET, VERSION, temporary


class Everything:
    """Holds whatever is looked for: CDI copies all annotations of a volume to its claim."""

    def __contains__(self, key: object) -> bool:
        return True


class Finalized(Meta, frozen=True, omit_defaults=True):
    """What is kept of ``metadata`` where finalizers count."""

    finalizers: tuple[str, ...] = ()


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A condition of a volume or a source."""

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    lastTransitionTime: str | None = None
    lastHeartbeatTime: str | None = None


class Resources(msgspec.Struct, frozen=True):
    """What is asked for; a CustomResource may hold a size as a number."""

    requests: dict[str, str | int] = {}
    limits: dict[str, str | int] = {}


class ClaimReference(msgspec.Struct, frozen=True):
    """A claim as a source; where no namespace is said, it is that of the object that names it."""

    name: str
    namespace: str = ""


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


class ClaimSource(msgspec.Struct, frozen=True):
    """What a claim is filled from."""

    name: str = ""


class ClaimSpec(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolumeClaim's spec."""

    dataSourceRef: ClaimSource | None = None

    accessModes: tuple[str, ...] = ()
    resources: Resources = Resources()
    storageClassName: str | None = None
    volumeMode: str = "Filesystem"
    volumeName: str = ""


class ClaimStatus(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolumeClaim's status."""

    phase: str = ""
    capacity: dict[str, str] = {}


class Claim(msgspec.Struct, frozen=True):
    """A PersistentVolumeClaim."""

    metadata: Finalized
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class Mount(msgspec.Struct, frozen=True):
    """A volume in a container."""

    name: str
    readOnly: bool = False


class Container(msgspec.Struct, frozen=True):
    """What is kept of a container."""

    volumeMounts: tuple[Mount, ...] = ()
    volumeDevices: tuple[Mount, ...] = ()


class ClaimVolume(msgspec.Struct, frozen=True):
    """A volume's reference to a claim."""

    claimName: str
    readOnly: bool = False


class PodVolume(msgspec.Struct, frozen=True):
    """A volume of a Pod."""

    name: str
    persistentVolumeClaim: ClaimVolume | None = None


class PodSpec(msgspec.Struct, frozen=True):
    """What is kept of a Pod's spec."""

    containers: tuple[Container, ...] = ()
    volumes: tuple[PodVolume, ...] = ()


class PodStatus(msgspec.Struct, frozen=True):
    """What is kept of a Pod's status."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    containerStatuses: tuple[dict[str, Any], ...] = ()


class Pod(msgspec.Struct, frozen=True):
    """A Pod."""

    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Thing(msgspec.Struct, frozen=True):
    """An object of which nothing but its metadata counts."""

    metadata: Meta


class StorageClass(msgspec.Struct, frozen=True):
    """A StorageClass."""

    metadata: Meta
    provisioner: str = ""


class ClaimProperties(msgspec.Struct, frozen=True):
    """How claims of a class may be."""

    accessModes: tuple[str, ...] = ()
    volumeMode: str | None = None


class ProfileSpec(msgspec.Struct, frozen=True):
    """What an administrator says about a class."""

    snapshotClass: str | None = None
    claimPropertySets: tuple[ClaimProperties, ...] = ()
    cloneStrategy: str | None = None
    dataImportCronSourceFormat: str | None = None


class ProfileStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for a class."""

    storageClass: str = ""
    provisioner: str = ""
    cloneStrategy: str = ""
    dataImportCronSourceFormat: str = ""
    snapshotClass: str = ""
    claimPropertySets: tuple[ClaimProperties, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Profile(msgspec.Struct, frozen=True):
    """A StorageProfile."""

    metadata: Meta
    spec: ProfileSpec = ProfileSpec()
    status: ProfileStatus = ProfileStatus()


class Overhead(msgspec.Struct, frozen=True):
    """Which part of a file system its own records take."""

    # "global" is a word of Python's own.
    globally: str = msgspec.field(default="", name="global")
    storageClass: dict[str, str] = {}


class ConfigSpec(msgspec.Struct, frozen=True):
    """What is kept of a CDIConfig's spec."""

    filesystemOverhead: Overhead | None = None
    podResourceRequirements: Resources = Resources()
    preallocation: bool = False


class ConfigStatus(msgspec.Struct, frozen=True):
    """What is kept of a CDIConfig's status."""

    filesystemOverhead: Overhead | None = None
    defaultPodResourceRequirements: Resources | None = None
    preallocation: bool = False


class Config(msgspec.Struct, frozen=True):
    """The CDIConfig."""

    metadata: Meta
    spec: ConfigSpec = ConfigSpec()
    status: ConfigStatus = ConfigStatus()


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


def link(namespace: str, name: str) -> str:
    """What is found by the claim that it names."""
    return f"{namespace}/{name}"


def source_link(namespace: str, name: str) -> str:
    """What is found by the DataSource that it names."""
    return f"{namespace}/source:{name}"


def worker_link(uid: str) -> str:
    """What the Pods that work for a claim, which may be in two namespaces, are found by."""
    return f"*/{uid}"


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


def _claim_links(row: Row, claim: Claim) -> tuple[str, ...]:
    namespace, _, name = claim.metadata.annotations.get(CLONE_REQUEST, "").partition("/")
    return (link(namespace, name),) if name else ()


def _source_links(row: Row, source: Source) -> tuple[str, ...]:
    claims = [one for one in (source.spec.source.pvc, source.status.source.pvc) if one is not None]
    links = [link(one.namespace or row.namespace, one.name) for one in claims]
    photos = [one for one in (source.spec.source.snapshot, source.status.source.snapshot) if one is not None]
    links += [snapshot_link(one.namespace or row.namespace, one.name) for one in photos]
    if source.spec.source.dataSource is not None:
        links.append(source_link(row.namespace, source.spec.source.dataSource.name))
    return tuple(links)


def _pod_links(row: Row, pod: Pod) -> tuple[str, ...]:
    claims = [each.persistentVolumeClaim.claimName for each in pod.spec.volumes if each.persistentVolumeClaim]
    links = [link(row.namespace, name) for name in claims]
    if row.owner:
        links.append(worker_link(row.owner))
    if TARGET in pod.metadata.annotations:
        links.append(worker_link(row.name.removesuffix(SENDER_SUFFIX)))
    return tuple(links)


ALL = Everything()
VOLUMES = Kind(GROUP, VERSION, "datavolumes", "datavolume", Volume, links=_volume_links, annotations=ALL)
CLAIMS = Kind("", "v1", "persistentvolumeclaims", "persistentvolumeclaim", Claim, links=_claim_links, annotations=ALL)
PODS = Kind("", "v1", "pods", "pod", Pod, links=_pod_links, annotations=frozenset({TARGET}))
SERVICES = Kind("", "v1", "services", "service", Thing)
SOURCES = Kind(GROUP, VERSION, "datasources", "datasource", Source, links=_source_links)
CLASSES = Kind(
    "storage.k8s.io", "v1", "storageclasses", "storageclass", StorageClass, namespaced=False, annotations=ALL
)
PROFILES = Kind(GROUP, VERSION, "storageprofiles", "storageprofile", Profile, namespaced=False, annotations=ALL)
CONFIGS = Kind(GROUP, VERSION, "cdiconfigs", "cdiconfig", Config, namespaced=False, name=CONFIG)
