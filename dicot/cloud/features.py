"""What the cluster has: found out, never configured."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ..kube.deep import shallow
from ..kube.errors import Denied, Doubtful, Missing, Refused, Unreachable
from ..kube.kind import Kind, Meta
from .kinds.storage import STORAGE_CLASS, StorageClassBody

log = Logger()
T = TypeVar("T")
Release = tuple[int, int]

# Since which release a gate cannot be closed, and since which it is open unless it was closed
# (kubevirt pkg/virt-config/featuregate, active.go and inactive.go, v1.5 to v1.9).
GA: Mapping[str, Release] = MappingProxyType(
    {
        "HotplugNICs": (1, 4),
        "VMLiveUpdateFeatures": (1, 5),
        "ExpandDisks": (1, 9),
        "LiveUpdateNADRef": (1, 9),
        "VMExport": (1, 9),
    }
)
OPEN: Mapping[str, Release] = MappingProxyType({"DeclarativeHotplugVolumes": (1, 9), "Snapshot": (1, 9)})
_LIVE_UPDATE_BY_DEFAULT: Release = (1, 6)
_BETA_IS_OPEN: Release = (1, 9)
_RELEASE = re.compile(r"v?(\d{1,4})\.(\d{1,4})")
# CDI prefers a default of its own for the disks of VMs (pkg/controller/common/util.go).
_DEFAULT_FOR_DISKS = "storageclass.kubevirt.io/is-default-virt-class"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_DEFAULT_SNAPSHOT = "snapshot.storage.kubernetes.io/is-default-class"


class Developer(msgspec.Struct, frozen=True, omit_defaults=True):
    featureGates: tuple[str, ...] | None = None
    disabledFeatureGates: tuple[str, ...] | None = None


class Configuration(msgspec.Struct, frozen=True, omit_defaults=True):
    developerConfiguration: Developer | None = None
    vmRolloutStrategy: str | None = None


class KubeVirtSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    configuration: Configuration = Configuration()


class KubeVirtStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    phase: str = ""
    observedKubeVirtVersion: str = ""


class KubeVirt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The KubeVirt object, by which KubeVirt is installed."""

    metadata: Meta = Meta()
    spec: KubeVirtSpec = KubeVirtSpec()
    status: KubeVirtStatus = KubeVirtStatus()


class CdiStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    phase: str = ""
    observedVersion: str = ""


class Cdi(msgspec.Struct, frozen=True, omit_defaults=True):
    """The CDI object, by which CDI is installed."""

    metadata: Meta = Meta()
    status: CdiStatus = CdiStatus()


class SnapshotClassBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A VolumeSnapshotClass."""

    metadata: Meta = Meta()
    driver: str = ""


class _Version(msgspec.Struct, frozen=True):
    groupVersion: str = ""


class _Group(msgspec.Struct, frozen=True):
    versions: tuple[_Version, ...] = ()


class _Groups(msgspec.Struct, frozen=True):
    groups: tuple[_Group, ...] = ()


class _Server(msgspec.Struct, frozen=True):
    gitVersion: str = ""


KUBEVIRT = Kind("kubevirt.io", "v1", "kubevirts", "KubeVirt", KubeVirt, optional=True)
CDI = Kind("cdi.kubevirt.io", "v1beta1", "cdis", "CDI", Cdi, namespaced=False, optional=True)
SNAPSHOT_CLASS = Kind(
    "snapshot.storage.k8s.io",
    "v1",
    "volumesnapshotclasses",
    "VolumeSnapshotClass",
    SnapshotClassBody,
    namespaced=False,
    optional=True,
)


@dataclass(frozen=True, slots=True)
class StorageClass:
    """A StorageClass."""

    name: str
    provisioner: str
    binding: str


@dataclass(frozen=True, slots=True)
class SnapshotClass:
    """A VolumeSnapshotClass."""

    name: str
    driver: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Features:
    """What the cluster has. Versions are "" where nothing tells them.

    ``apis`` are group/version pairs; ``gates`` KubeVirt's feature gates that are open; ``live_update`` whether
    changes of a VM reach its running instance; ``default_class`` the StorageClass of disks that name none.
    """

    kubernetes: str = ""
    apis: frozenset[str] = frozenset()
    kubevirt: str = ""
    gates: frozenset[str] = frozenset()
    live_update: bool = False
    cdi: str = ""
    storage_classes: tuple[StorageClass, ...] = ()
    default_class: str = ""
    snapshot_classes: tuple[SnapshotClass, ...] = ()

    def serves(self, kind: Kind[Any]) -> bool:
        """Whether the API that a kind belongs to is there."""
        return not kind.group or kind.api_version in self.apis

    @property
    def hotplug(self) -> str:
        """How disks are attached to a running VM: "declarative", "legacy" (which wins, as in KubeVirt), or ""."""
        if "HotplugVolumes" in self.gates:
            return "legacy"
        return "declarative" if "DeclarativeHotplugVolumes" in self.gates else ""

    def storage_class(self, name: str) -> StorageClass | None:
        """A StorageClass by name, the default where the name is ""."""
        wanted = name or self.default_class
        return next((found for found in self.storage_classes if found.name == wanted), None)

    def snapshot_class(self, provisioner: str) -> str:
        """The VolumeSnapshotClass for what a provisioner made, the default before others; "" where there is none."""
        fit = [found for found in self.snapshot_classes if found.driver == provisioner]
        return min(fit, key=lambda found: (not found.is_default, found.name)).name if fit else ""


@dataclass(frozen=True, slots=True)
class Documents:
    """What features are read from: /version, /apis, and the objects of four kinds, as raw JSON."""

    version: bytes
    groups: bytes
    kubevirts: tuple[bytes, ...] = ()
    cdis: tuple[bytes, ...] = ()
    storage_classes: tuple[bytes, ...] = ()
    snapshot_classes: tuple[bytes, ...] = ()


def features(documents: Documents) -> Features:
    """What the documents say. Objects that do not fit their types count as absent."""
    groups = _fitting((documents.groups,), _Groups)
    server = _fitting((documents.version,), _Server)
    kubevirt = next(iter(_fitting(documents.kubevirts, KubeVirt)), KubeVirt())
    cdi = next(iter(_fitting(documents.cdis, Cdi)), Cdi())
    classes = _fitting(documents.storage_classes, StorageClassBody)
    release = _release(kubevirt.status.observedKubeVirtVersion)
    configuration = kubevirt.spec.configuration
    strategy = configuration.vmRolloutStrategy
    return Features(
        kubernetes=server[0].gitVersion if server else "",
        apis=frozenset(each.groupVersion for found in groups for group in found.groups for each in group.versions),
        kubevirt=kubevirt.status.observedKubeVirtVersion,
        gates=open_gates(release, configuration.developerConfiguration or Developer()),
        live_update=strategy == "LiveUpdate" if strategy else release >= _LIVE_UPDATE_BY_DEFAULT,
        cdi=cdi.status.observedVersion,
        storage_classes=tuple(
            StorageClass(found.metadata.name, found.provisioner, found.volumeBindingMode) for found in classes
        ),
        default_class=_default(classes),
        snapshot_classes=tuple(
            SnapshotClass(found.metadata.name, found.driver, _says(found.metadata, _DEFAULT_SNAPSHOT))
            for found in _fitting(documents.snapshot_classes, SnapshotClassBody)
        ),
    )


def open_gates(release: Release, developer: Developer) -> frozenset[str]:
    """The gates that are open. Until 1.8 a gate was open if it was GA or listed; since 1.9 also if it is Beta."""
    listed = set(developer.featureGates or ())
    closed = set(developer.disabledFeatureGates or ())
    always = {gate for gate, since in GA.items() if release >= since}
    beta = {gate for gate, since in OPEN.items() if release >= max(since, _BETA_IS_OPEN)}
    return frozenset(always | listed | (beta - closed))


def _release(version: str) -> Release:
    """The release of a version; (0, 0) for builds that have none, so that only what is listed counts."""
    found = _RELEASE.match(version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _default(classes: list[StorageClassBody]) -> str:
    """The StorageClass that CDI takes where none is named: of several defaults the newest, as Kubernetes does."""
    for annotation in (_DEFAULT_FOR_DISKS, _DEFAULT):
        defaults = [found.metadata for found in classes if _says(found.metadata, annotation)]
        if defaults:
            newest = max(meta.creationTimestamp for meta in defaults)
            return min(meta.name for meta in defaults if meta.creationTimestamp == newest)
    return ""


def _says(meta: Meta, annotation: str) -> bool:
    return meta.annotations.get(annotation) == "true"


def _fitting(items: tuple[bytes, ...], form: type[T]) -> list[T]:
    found = []
    for item in items:
        try:
            found.append(shallow(item, form))
        except msgspec.DecodeError as problem:
            log.warn("{form} is ignored: {problem}", form=form.__name__, problem=str(problem))
    return found


class Discovery(Protocol):
    """What is asked of Kubernetes here."""

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        """GET a path that is no object's, such as /apis."""
        ...

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        """All objects of a kind, as raw JSON each."""
        ...


async def discover(kube: Discovery) -> Features:
    """Ask the cluster. Raises Refused or Unreachable where it does not answer.

    An API that is absent, or that Dicot may not read, is no error.
    """

    async def objects(kind: Kind[Any]) -> tuple[bytes, ...]:
        try:
            return tuple(await kube.all(kind))
        except (Missing, Denied):
            return ()

    return features(
        Documents(
            version=await kube.fetch("/version"),
            groups=await kube.fetch("/apis"),
            kubevirts=await objects(KUBEVIRT),
            cdis=await objects(CDI),
            storage_classes=await objects(STORAGE_CLASS),
            snapshot_classes=await objects(SNAPSHOT_CLASS),
        )
    )


class Probe:
    """Keeps the features: asks each minute, and soon after a hint that something changed."""

    EVERY = 60.0
    SOON = 1.0

    def __init__(self, kube: Discovery, clock: IReactorTime) -> None:
        self.features = Features()
        self.problem = "not asked yet"
        self._kube = kube
        self._clock = clock
        self._listeners: list[Callable[[Features], None]] = []
        self._timer: IDelayedCall | None = None
        self._asking: Deferred[None] | None = None
        self._is_stale = False

    def start(self) -> Deferred[None]:
        """Begin. Fires after the first answer, or the first try that had none (``problem`` says so)."""
        return self._ask()

    def stop(self) -> None:
        """End; nothing is asked any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._asking is not None:
            self._asking.cancel()

    def listen(self, listener: Callable[[Features], None]) -> None:
        """Tell a listener of features that differ from those before."""
        self._listeners.append(listener)

    def hint(self) -> None:
        """Something of what features are read from has changed."""
        if self._timer is None:
            self._is_stale = True
        elif self._timer.getTime() > self._clock.seconds() + self.SOON:
            self._timer.reset(self.SOON)

    def _again(self) -> None:
        self._ask().addErrback(lambda failure: failure.trap(CancelledError) and None)

    def _ask(self) -> Deferred[None]:
        self._timer, self._is_stale = None, False
        self._asking = Deferred.fromCoroutine(self._refresh())
        return self._asking

    async def _refresh(self) -> None:
        try:
            found = await discover(self._kube)
        except (Refused, Doubtful, Unreachable) as problem:
            self.problem = str(problem)
            log.warn("the cluster's features could not be asked for: {problem}", problem=self.problem)
        else:
            self.problem = ""
            before, self.features = self.features, found
            if found != before:
                for listener in self._listeners:
                    listener(found)
        self._timer = self._clock.callLater(self.SOON if self._is_stale else self.EVERY, self._again)
