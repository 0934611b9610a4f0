"""KubeVirt's kinds: VirtualMachine, VirtualMachineInstance, instancetypes; and Node.

Field names are those of kubevirt.io/api v1 (1.8) and instancetype v1beta1; only what views read is kept.
"""

import msgspec

from ...kube.deep import shallow
from ...kube.kind import Kind, Meta, Row
from ...names import FLAVOR_SPEC, SERVER_GROUP
from .condition import Condition


class Named(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reference by name."""

    name: str = ""
    kind: str = ""


class Present(msgspec.Struct, frozen=True):
    """Something of which only the presence matters."""


class ClaimSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """A volume's PersistentVolumeClaim."""

    claimName: str = ""


class Volume(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of ``volumes``: one of its sources is set."""

    name: str = ""
    dataVolume: Named | None = None
    persistentVolumeClaim: ClaimSource | None = None
    cloudInitConfigDrive: Present | None = None


class Network(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of ``networks``."""

    name: str = ""
    multus: Present | None = None


class Cpu(msgspec.Struct, frozen=True, omit_defaults=True):
    cores: int = 0
    sockets: int = 0
    threads: int = 0


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    guest: str | None = None


class Resources(msgspec.Struct, frozen=True, omit_defaults=True):
    requests: dict[str, str | int | float] = {}


class Domain(msgspec.Struct, frozen=True, omit_defaults=True):
    cpu: Cpu | None = None
    memory: Memory | None = None
    resources: Resources = Resources()


class InstanceSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """The spec of a VMI."""

    domain: Domain = Domain()
    networks: tuple[Network, ...] = ()


class TemplateSpec(InstanceSpec, frozen=True, omit_defaults=True):
    """The spec of a VM's template."""

    volumes: tuple[Volume, ...] = ()
    hostname: str = ""
    nodeSelector: dict[str, str] = {}


class Template(msgspec.Struct, frozen=True, omit_defaults=True):
    spec: TemplateSpec = TemplateSpec()


class SourceRef(msgspec.Struct, frozen=True, omit_defaults=True):
    kind: str = ""
    name: str = ""
    namespace: str = ""


class VolumeTemplateSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    sourceRef: SourceRef | None = None


class VolumeTemplate(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of ``dataVolumeTemplates``."""

    metadata: Named = Named()
    spec: VolumeTemplateSpec = VolumeTemplateSpec()


class VmSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    runStrategy: str = ""
    running: bool | None = None
    instancetype: Named | None = None
    preference: Named | None = None
    template: Template = Template()
    dataVolumeTemplates: tuple[VolumeTemplate, ...] = ()


class StateChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of ``stateChangeRequests``: action Start or Stop."""

    action: str = ""


class StartFailure(msgspec.Struct, frozen=True, omit_defaults=True):
    consecutiveFailCount: int = 0
    retryAfterTimestamp: str | None = None


class VmStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    printableStatus: str = ""
    created: bool = False
    ready: bool = False
    conditions: tuple[Condition, ...] = ()
    stateChangeRequests: tuple[StateChange, ...] = ()
    startFailure: StartFailure | None = None
    runStrategy: str = ""


class Vm(msgspec.Struct, frozen=True, omit_defaults=True):
    """A VirtualMachine."""

    metadata: Meta = Meta()
    spec: VmSpec = VmSpec()
    status: VmStatus = VmStatus()


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of a VMI's ``status.interfaces``."""

    name: str = ""
    ipAddress: str = ""
    ipAddresses: tuple[str, ...] = ()
    mac: str = ""
    interfaceName: str = ""


class PhaseTime(msgspec.Struct, frozen=True, omit_defaults=True):
    phase: str = ""
    phaseTransitionTimestamp: str | None = None


class MigrationState(msgspec.Struct, frozen=True, omit_defaults=True):
    completed: bool = False
    failed: bool = False
    startTimestamp: str | None = None


class VmiStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    phase: str = ""
    nodeName: str = ""
    conditions: tuple[Condition, ...] = ()
    interfaces: tuple[Address, ...] = ()
    phaseTransitionTimestamps: tuple[PhaseTime, ...] = ()
    migrationState: MigrationState | None = None


class Vmi(msgspec.Struct, frozen=True, omit_defaults=True):
    """A VirtualMachineInstance."""

    metadata: Meta = Meta()
    spec: InstanceSpec = InstanceSpec()
    status: VmiStatus = VmiStatus()


class TypeCpu(msgspec.Struct, frozen=True, omit_defaults=True):
    guest: int = 0


class TypeMemory(msgspec.Struct, frozen=True, omit_defaults=True):
    guest: str | int = ""


class InstancetypeSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    cpu: TypeCpu = TypeCpu()
    memory: TypeMemory = TypeMemory()


class Instancetype(msgspec.Struct, frozen=True, omit_defaults=True):
    """A VirtualMachineClusterInstancetype or VirtualMachineInstancetype: a flavor."""

    metadata: Meta = Meta()
    spec: InstancetypeSpec = InstancetypeSpec()


class Taint(msgspec.Struct, frozen=True, omit_defaults=True):
    key: str = ""
    effect: str = ""


class NodeSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    unschedulable: bool = False
    podCIDRs: tuple[str, ...] = ()
    taints: tuple[Taint, ...] = ()


class NodeStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    conditions: tuple[Condition, ...] = ()
    capacity: dict[str, str] = {}


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Node."""

    metadata: Meta = Meta()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


def vm_links(row: Row, body: Vm) -> tuple[str, ...]:
    """The DataVolumes and claims that a VM names, and the server group that it is of."""
    names = []
    for volume in body.spec.template.spec.volumes:
        if volume.dataVolume:
            names.append(volume.dataVolume.name)
        if volume.persistentVolumeClaim:
            names.append(volume.persistentVolumeClaim.claimName)
    group = body.metadata.labels.get(SERVER_GROUP)
    if group:
        names.append(of_group(group))
    return tuple([f"{row.namespace}/{name}" for name in names]) if names else ()


def of_group(id: str) -> str:
    """The link by which the VMs of a server group are found; no object is named so."""
    return f"{SERVER_GROUP}={id}"


class FlavorName(msgspec.Struct, frozen=True):
    """What of the annotation ``dicot.io/flavor-spec`` names a flavor."""

    id: str = ""


def flavor_id(row: Row, body: Instancetype) -> str:
    """Nova's id of an instancetype: a free string in an annotation, else the object's id."""
    text = body.metadata.annotations.get(FLAVOR_SPEC)
    try:
        return (text and shallow(text, FlavorName).id) or row.id
    except msgspec.MsgspecError:
        return row.id


def by_flavor(row: Row, body: Instancetype) -> tuple[str, ...]:
    """By the id of the flavor that it is."""
    return (f"{row.namespace}/{flavor_id(row, body)}",)


def by_owner(row: Row, body: object) -> tuple[str, ...]:
    """By the uid of the controlling owner."""
    return (f"{row.namespace}/{row.owner}",) if row.owner else ()


VM = Kind("kubevirt.io", "v1", "virtualmachines", "VirtualMachine", Vm, vm_links, labels=frozenset(), owners=False)
VMI = Kind(
    "kubevirt.io",
    "v1",
    "virtualmachineinstances",
    "VirtualMachineInstance",
    Vmi,
    labels=frozenset(),
    owners=False,
    labelled=False,
)
CLUSTER_INSTANCETYPE = Kind(
    "instancetype.kubevirt.io",
    "v1beta1",
    "virtualmachineclusterinstancetypes",
    "VirtualMachineClusterInstancetype",
    Instancetype,
    by_flavor,
    namespaced=False,
)
INSTANCETYPE = Kind(
    "instancetype.kubevirt.io",
    "v1beta1",
    "virtualmachineinstancetypes",
    "VirtualMachineInstancetype",
    Instancetype,
    by_flavor,
)
NODE = Kind("", "v1", "nodes", "Node", Node, namespaced=False, annotations=frozenset({"kubevirt.io/heartbeat"}))
