"""Names that CDI 1.65.0 writes and reads (its pkg/common and pkg/controller/common)."""

from collections.abc import Mapping

GROUP = "cdi.kubevirt.io"
VERSION = "v1beta1"
NAMESPACE = "cdi"
CONFIG = "config"
"""The name of the one CDIConfig."""

_STORAGE = f"{GROUP}/storage."

# annotations of volumes and claims
IMMEDIATE = f"{_STORAGE}bind.immediate.requested"
POPULATOR = f"{_STORAGE}populator.kind"
PRIME = f"{_STORAGE}populator.pvcPrime"
PROGRESS = f"{_STORAGE}populator.progress"
CONFIG_AUTHORITY = f"{GROUP}/configAuthority"
CREATED_FOR = f"{GROUP}/createdForDataVolume"
USE_POPULATOR = f"{_STORAGE}usePopulator"
PRE_POPULATED = f"{_STORAGE}prePopulated"
STATIC_VOLUME = f"{_STORAGE}checkStaticVolume"
POPULATED_FOR = f"{_STORAGE}populatedFor"
CONTENT_TYPE = f"{_STORAGE}contentType"
PREALLOCATION = f"{_STORAGE}preallocation.requested"
PRIORITY_CLASS = f"{_STORAGE}pod.priorityclassname"
SERVICE_ACCOUNT = f"{_STORAGE}pod.serviceAccountName"
RETAIN_POD = f"{_STORAGE}pod.retainAfterCompletion"
POD_PHASE = f"{_STORAGE}pod.phase"
POD_READY = f"{_STORAGE}pod.ready"
POD_RESTARTS = f"{_STORAGE}pod.restarts"
POD_SCHEDULABLE = f"{_STORAGE}pod.schedulable"
RUNNING = f"{_STORAGE}condition.running"
SOURCE_RUNNING = f"{_STORAGE}condition.source.running"
BOUND = f"{_STORAGE}condition.bound"
SOURCE = f"{_STORAGE}import.source"
ENDPOINT = f"{_STORAGE}import.endpoint"
SECRET = f"{_STORAGE}import.secretName"
CHECKSUM = f"{_STORAGE}import.checksum"
EXTRA_HEADERS = f"{_STORAGE}import.extraHeaders"
PULL_METHOD = f"{_STORAGE}import.registryImportMethod"
ARCHITECTURE = f"{_STORAGE}import.registryImageArchitecture"
IMPORT_POD = f"{_STORAGE}import.importPodName"
FATAL = f"{_STORAGE}import.fatalError"
REQUIRES_SCRATCH = f"{_STORAGE}import.requiresScratch"
CLONE_TOKEN = f"{_STORAGE}clone.token"
EXTENDED_TOKEN = f"{_STORAGE}extended.clone.token"
CLONE_REQUEST = "k8s.io/CloneRequest"
CLONE_OF = "k8s.io/CloneOf"
CLONE_TYPE = f"{GROUP}/cloneType"
CLONE_FALLBACK = f"{GROUP}/cloneFallbackReason"
CLONE_SOURCE_POD = f"{_STORAGE}sourceClonePodName"
UPLOAD_REQUEST = f"{_STORAGE}upload.target"
UPLOAD_POD = f"{_STORAGE}uploadPodName"
UPLOAD_CLIENT = f"{GROUP}/uploadClientName"
MINIMUM_SIZE = f"{GROUP}/minimumSupportedPvcSize"
PROXY = "client.upload-server.cdi.kubevirt.io"
"""The name of the upload proxy, by which upload servers know it."""

# annotations and labels of what works for claims
CREATED_BY = f"{_STORAGE}createdByController"
CREATED_BY_UPLOAD = f"{_STORAGE}createdByUploadController"
TARGET = f"{_STORAGE}ownerRef"
COMPONENT = GROUP
IMPORTER, UPLOAD_SERVER, CLONE_SENDER = "importer", "cdi-upload-server", "cdi-clone-source"
UPLOAD_TARGET = f"{GROUP}/uploadTarget"
UNIQUE_CLONE = f"{_STORAGE}clone.cloneUniqeId"
SENDS_FOR = f"{GROUP}/hostAssistedSourcePodCloneSource"
SCRAPED = f"prometheus.{GROUP}"
SENDER_SUFFIX = "-source-pod"
CLONE_FINALIZER = f"{GROUP}/cloneSource"
TRANSFERRED_BY = f"{GROUP}/objectTransferName"
TRANSFER_FINALIZER = f"{GROUP}/objectTransfer"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
OWNED_BY = f"{GROUP}/ownedByDataVolume"
OWNER_UID = f"{GROUP}/ownerUID"
FROM_SNAPSHOT = "cdi-clone-from-snapshot-source-host-assisted-fallback-pvc"
"""Component of a temporary claim."""

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
DEFAULT_VIRT_CLASS = "storageclass.kubevirt.io/is-default-virt-class"
INSTANCETYPES = tuple(
    f"instancetype.kubevirt.io/default-{each}"
    for each in ("instancetype", "instancetype-kind", "preference", "preference-kind")
)
"""Labels that go from a source to what is made of it."""

APP: Mapping[str, str] = {"app": "containerized-data-importer"}
RECOMMENDED: Mapping[str, str] = {
    "app.kubernetes.io/component": "storage",
    "app.kubernetes.io/managed-by": "cdi-controller",
}

_LONGEST = 253
_LONGEST_SERVICE = 63


def temporary(volume: str) -> str:
    """The claim that a snapshot is put into, to be cloned from; of the volume's uid."""
    return f"{volume}-host-assisted-source-pvc"


def joined(base: str, suffix: str, longest: int = _LONGEST) -> str:
    """base-suffix, cut and hashed where it would be too long (openshift/library-go, pkg/build/naming)."""
    name = f"{base}-{suffix}"
    if len(name) <= longest:
        return name
    room = longest - 10 - len(suffix)
    if room <= 0:
        return f"{base[: longest - 9]}-{_hash(name)}"[:longest]
    return f"{base[:room]}-{_hash(base)}-{suffix}"


def service(resource: str) -> str:
    """The Service of an upload Pod."""
    base = resource.replace(".", "-")
    return base if len(base) <= _LONGEST_SERVICE else joined(base, "cdi", _LONGEST_SERVICE)


def _hash(text: str) -> str:
    """FNV-1a, 32 bits."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 % (1 << 32)
    return f"{value:08x}"
