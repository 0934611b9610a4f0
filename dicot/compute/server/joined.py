"""A VirtualMachine and what meets it."""

from ...cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE, NODE, VM, VMI, Node, Vm, Vmi
from ...cloud.kinds.network import PORT, SECURITY_GROUP, Port
from ...cloud.kinds.storage import CONTENT_TYPE, DATA_VOLUME, PVC, Pvc
from ...cloud.resource import Join, Joined, same_place
from ...kube.kind import Row
from ...names import FLAVOR
from ...names import SERVER_GROUP as GROUP_LABEL
from ..facts import FlavorCopy, copied, flavor_of, flavor_of_vm
from ..server_group import SERVER_GROUP
from .seen import Seen
from .status import State, status

ZONE = "topology.kubernetes.io/zone"
DEFAULT_ZONE = "nova"


def _is_owned(row: Row, instance: Row) -> bool:
    """An instance has the name of its VM (pkg/virt-controller/watch/vm), but not all that has the name is its own."""
    return instance.owner == row.uid


def _volumes(row: Row, vm: Vm) -> tuple[str, ...]:
    names = [volume.dataVolume.name for volume in vm.spec.template.spec.volumes if volume.dataVolume]
    return tuple([f"{row.namespace}/{name}" for name in names]) if names else ()


def _claims(row: Row, vm: Vm) -> tuple[str, ...]:
    """Only of volumes that are named by their claims: of others the DataVolume says enough."""
    volumes = vm.spec.template.spec.volumes
    names = [volume.persistentVolumeClaim.claimName for volume in volumes if volume.persistentVolumeClaim]
    return tuple([f"{row.namespace}/{name}" for name in names]) if names else ()


def _of_claim(claim: Pvc) -> object:
    """What tells which volume it is; bytes and phases do not."""
    return claim.metadata.labels, claim.metadata.annotations.get(CONTENT_TYPE), claim.metadata.ownerReferences


def _node(row: Row, vmi: Vmi) -> tuple[str, ...]:
    return (f"/{vmi.status.nodeName}",) if vmi.status.nodeName else ()


def _of_node(node: Node) -> object:
    """All but annotations: virt-handler's heartbeat is one, and would wake every server of the node each minute."""
    return node.metadata.labels, node.spec, node.status


def _groups(row: Row, port: Port) -> tuple[str, ...]:
    return tuple([f"{row.namespace}/{id}" for id in port.spec.securityGroups])


def _server_group(row: Row, vm: Vm) -> tuple[str, ...]:
    group = vm.metadata.labels.get(GROUP_LABEL)
    return (f"{row.namespace}/{group}",) if group else ()


def _cluster_type(row: Row, vm: Vm) -> tuple[str, ...]:
    """Only where no copy of the flavor is kept: an instancetype's change must not wake every server."""
    wanted = vm.spec.instancetype
    if wanted is None or FLAVOR in vm.metadata.annotations or wanted.kind == INSTANCETYPE.singular:
        return ()
    return (f"/{wanted.name}",)


def _own_type(row: Row, vm: Vm) -> tuple[str, ...]:
    wanted = vm.spec.instancetype
    if wanted is None or FLAVOR in vm.metadata.annotations or wanted.kind != INSTANCETYPE.singular:
        return ()
    return (f"{row.namespace}/{wanted.name}",)


JOINS = (
    Join(VMI, same_place, by_name=True, fits=_is_owned),
    Join(PORT, same_place),
    Join(DATA_VOLUME, _volumes, by_name=True),
    Join(PVC, _claims, by_name=True, shown=_of_claim),
    Join(NODE, _node, by_name=True, via=VMI, shown=_of_node),
    Join(SECURITY_GROUP, _groups, via=PORT),
    Join(SERVER_GROUP, _server_group),
    Join(CLUSTER_INSTANCETYPE, _cluster_type, by_name=True),
    Join(INSTANCETYPE, _own_type, by_name=True),
)


def vmi_of(joined: Joined) -> Vmi | None:
    """The instance of a server."""
    found = joined.first(VMI)
    return found[1] if found else None


def node_of(joined: Joined) -> tuple[Row, Node] | None:
    """Where it runs."""
    return joined.first(NODE)


def state_of(joined: Joined, now: float) -> State:
    """The status of a server."""
    node = node_of(joined)
    volumes = tuple([body for _, body in joined.all(DATA_VOLUME)])
    seen = Seen(joined.main(VM), vmi_of(joined), volumes, node[1] if node else None, now)
    return status(seen, joined.row.id)


def flavor_in(joined: Joined) -> FlavorCopy:
    """The flavor of a server."""
    copy = copied(joined.main(VM).metadata.annotations)
    if copy is not None:
        return copy
    known = None
    for kind in (CLUSTER_INSTANCETYPE, INSTANCETYPE):
        found = joined.first(kind)
        if found is not None:
            known = flavor_of(*found, kind).copy
    return flavor_of_vm(joined.main(VM), vmi_of(joined), known)


def zone_of(node: Node | None) -> str:
    """The availability zone of a node."""
    return "" if node is None else node.metadata.labels.get(ZONE) or DEFAULT_ZONE


def group_names(joined: Joined) -> list[str]:
    """The names of the security groups of a server's ports, one for each port and group, as Nova lists them."""
    names = {row.id: body.spec.name or row.id for row, body in joined.all(SECURITY_GROUP)}
    return [names[id] for _, port in joined.all(PORT) for id in port.spec.securityGroups if id in names]
