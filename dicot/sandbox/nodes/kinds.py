"""What the nodes watch beside guests, and what they keep of it."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta, Row

from ..marks import BACK, DELAY, FAULT
from ..settled.mark import WOKEN
from ..snapshots.kinds import snapshot_link
from ..snapshots.names import GROUP as SNAPSHOT_GROUP

COMPONENT = "cdi.kubevirt.io"
"""Label by which CDI's worker Pods can be told apart."""
CLONE_SOURCE = "cdi-clone-source"
UPLOAD_SERVER = "cdi-upload-server"
SOURCE_SUFFIX = "-source-pod"
"""What CDI appends to the uid of the target claim to name a clone source."""
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
PROVISION_BY = "volume.kubernetes.io/storage-provisioner"
WANTED = "k8s.v1.cni.cncf.io/networks"
"""Annotation of a Pod: what Multus is to attach it to."""
ATTACHED = "k8s.v1.cni.cncf.io/network-status"
"""Annotation of a Pod: what Multus has attached it to."""
PRE_RESIZE = "volume.alpha.kubernetes.io/pre-resize-capacity"
"""Annotation of a volume whose file system is yet to be enlarged: what it has got."""


class Condition(msgspec.Struct, frozen=True):
    """A condition of any object."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    lastTransitionTime: str | None = None


class Resources(msgspec.Struct, frozen=True):
    """What a container or claim asks for."""

    requests: dict[str, str] = {}


class Container(msgspec.Struct, frozen=True):
    """A container of a Pod's spec; init containers with restartPolicy Always run beside the others."""

    name: str
    image: str = ""
    restartPolicy: str = ""
    resources: Resources = Resources()


class ClaimVolume(msgspec.Struct, frozen=True):
    """A volume's reference to a claim."""

    claimName: str


class Volume(msgspec.Struct, frozen=True):
    """A volume of a Pod."""

    persistentVolumeClaim: ClaimVolume | None = None


class Gate(msgspec.Struct, frozen=True):
    """A readiness gate of a Pod."""

    conditionType: str


class Expression(msgspec.Struct, frozen=True):
    """A requirement on labels."""

    key: str
    operator: str
    values: list[str] = []


class Term(msgspec.Struct, frozen=True):
    """Requirements that must hold together."""

    matchExpressions: list[Expression] = []


class Terms(msgspec.Struct, frozen=True):
    """Alternatives."""

    nodeSelectorTerms: list[Term] = []


class NodeAffinity(msgspec.Struct, frozen=True):
    """The part of a node affinity that must hold."""

    requiredDuringSchedulingIgnoredDuringExecution: Terms | None = None


class LabelSelector(msgspec.Struct, frozen=True):
    """Which Pods are meant."""

    matchLabels: dict[str, str] = {}
    matchExpressions: list[Expression] = []


class PodTerm(msgspec.Struct, frozen=True):
    """Pods, and what counts as one place."""

    topologyKey: str = ""
    labelSelector: LabelSelector | None = None
    namespaces: list[str] = []


class Wish(msgspec.Struct, frozen=True):
    """A term that would better hold."""

    weight: int
    podAffinityTerm: PodTerm


class PodAffinity(msgspec.Struct, frozen=True):
    """Terms that must hold, and such that better did."""

    required: list[PodTerm] = msgspec.field(
        default_factory=list, name="requiredDuringSchedulingIgnoredDuringExecution"
    )
    preferred: list[Wish] = msgspec.field(
        default_factory=list, name="preferredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(msgspec.Struct, frozen=True):
    """Where a Pod may run, and beside whom."""

    nodeAffinity: NodeAffinity | None = None
    podAffinity: PodAffinity | None = None
    podAntiAffinity: PodAffinity | None = None


class Taint(msgspec.Struct, frozen=True):
    """What keeps Pods away from a node."""

    key: str
    value: str = ""
    effect: str = ""


class Toleration(msgspec.Struct, frozen=True):
    """What lets a Pod go there all the same."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class NodeSpec(msgspec.Struct, frozen=True):
    """What is kept of a Node's spec."""

    taints: list[Taint] = []
    unschedulable: bool = False


class NodeStatus(msgspec.Struct, frozen=True):
    """What is kept of a Node's status."""

    allocatable: dict[str, str] = {}


class Node(msgspec.Struct, frozen=True):
    """A Node."""

    metadata: Meta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class PodSpec(msgspec.Struct, frozen=True):
    """What is kept of a Pod's spec."""

    nodeName: str = ""
    hostNetwork: bool = False
    nodeSelector: dict[str, str] = {}
    affinity: Affinity | None = None
    containers: list[Container] = []
    initContainers: list[Container] = []
    volumes: list[Volume] = []
    readinessGates: list[Gate] = []
    tolerations: list[Toleration] = []


class PodStatus(msgspec.Struct, frozen=True):
    """What is kept of a Pod's status."""

    phase: str = ""
    hostIP: str = ""
    podIP: str = ""
    startTime: str | None = None
    conditions: list[Condition] = []
    containerStatuses: list[dict[str, Any]] = []


class Pod(msgspec.Struct, frozen=True):
    """A Pod."""

    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Source(msgspec.Struct, frozen=True):
    """Where a claim's content comes from."""

    kind: str = ""
    name: str = ""
    apiGroup: str | None = None


class ClaimSpec(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolumeClaim's spec."""

    volumeName: str = ""
    storageClassName: str | None = None
    accessModes: list[str] = []
    volumeMode: str = "Filesystem"
    resources: Resources = Resources()
    dataSource: Source | None = None
    dataSourceRef: Source | None = None


class ClaimStatus(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolumeClaim's status."""

    phase: str = ""
    capacity: dict[str, str] = {}
    conditions: list[Condition] = []
    allocatedResources: dict[str, str] = {}
    allocatedResourceStatuses: dict[str, str] = {}


class Claim(msgspec.Struct, frozen=True):
    """A PersistentVolumeClaim."""

    metadata: Meta
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class DiskSpec(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolume's spec."""

    storageClassName: str = ""
    persistentVolumeReclaimPolicy: str = ""
    volumeMode: str = "Filesystem"
    capacity: dict[str, str] = {}


class DiskStatus(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolume's status."""

    phase: str = ""


class Disk(msgspec.Struct, frozen=True):
    """A PersistentVolume."""

    metadata: Meta
    spec: DiskSpec = DiskSpec()
    status: DiskStatus = DiskStatus()


def claims_of(pod: Pod) -> tuple[str, ...]:
    """The names of the claims that a Pod mounts."""
    return tuple(each.persistentVolumeClaim.claimName for each in pod.spec.volumes if each.persistentVolumeClaim)


def clone_link(uid: str) -> str:
    """What the two Pods of a clone, which may be in two namespaces, are found by: the uid of the target claim."""
    return f"*/{uid}"


def _pod_links(row: Row, pod: Pod) -> tuple[str, ...]:
    """By the claims it mounts, by the uid of its owner, and by the claim that is cloned into."""
    component = pod.metadata.labels.get(COMPONENT)
    clones = []
    if component == CLONE_SOURCE:
        clones.append(clone_link(row.name.removesuffix(SOURCE_SUFFIX)))
    elif component == UPLOAD_SERVER:
        clones.append(clone_link(row.owner))
    return (*(f"{row.namespace}/{link}" for link in (*claims_of(pod), row.owner) if link), *clones)


def _claim_links(row: Row, claim: Claim) -> tuple[str, ...]:
    """By the snapshot that it is filled from."""
    source = claim.spec.dataSourceRef or claim.spec.dataSource
    if source is None or source.apiGroup != SNAPSHOT_GROUP:
        return ()
    return (snapshot_link(row.namespace, source.name),)


NODES = Kind("", "v1", "nodes", "node", Node, namespaced=False, annotations=frozenset({FAULT, BACK}))
PODS = Kind(
    "", "v1", "pods", "pod", Pod, links=_pod_links, annotations=frozenset({FAULT, DELAY, WOKEN, WANTED, ATTACHED})
)
CLAIMS = Kind(
    "",
    "v1",
    "persistentvolumeclaims",
    "persistentvolumeclaim",
    Claim,
    links=_claim_links,
    annotations=frozenset({FAULT, DELAY, PROVISION_BY}),
)
DISKS = Kind(
    "",
    "v1",
    "persistentvolumes",
    "persistentvolume",
    Disk,
    namespaced=False,
    annotations=frozenset({PROVISIONED_BY, PRE_RESIZE}),
)
