"""Ports: Port objects, and the pod interface of each VM that has none."""

from collections.abc import Mapping
from sys import intern
from types import MappingProxyType

from ..cloud.kinds.kubevirt import VM, VMI, Vm, Vmi
from ..cloud.kinds.network import PORT, PortSpec
from ..cloud.reading.shelf import Entry, Shape, newest_first
from ..cloud.resource import READER, Bench, Join, Joined, Listed, Resource, Right, Source, same_place
from ..names import network_id, synthetic_port
from . import attributes
from .driver import Document, subnet_of
from .reading import Collection, register

BOUND = "compute:nova"
ADMIN_ONLY = ("binding:host_id", "binding:vif_type", "binding:vif_details", "binding:profile")


def interface_of(vm: Vm) -> str:
    """The name of a VM's interface on the pod network, "" where it has none."""
    return next((net.name for net in vm.spec.template.spec.networks if net.multus is None), "")


def state(vmi: Vmi | None, bound: bool) -> str:
    """DOWN where nothing runs, BUILD while it starts, ACTIVE when it runs."""
    if not bound or vmi is None or vmi.status.phase in ("Succeeded", "Failed"):
        return "DOWN"
    return "ACTIVE" if vmi.status.phase == "Running" else "BUILD"


def vmi_of(joined: Joined) -> Vmi | None:
    """The VirtualMachineInstance that a port's interface belongs to."""
    found = joined.first(VMI)
    return found[1] if found else None


def addresses(vmi: Vmi | None, interface: str, joined: Joined) -> tuple[list[Document], str]:
    """The fixed IPs of an interface, and its MAC, as the instance reports them."""
    if vmi is None:
        return [], ""
    for address in vmi.status.interfaces:
        if address.name == interface:
            said = address.ipAddresses or ((address.ipAddress,) if address.ipAddress else ())
            fixed = [
                {"subnet_id": subnet, "ip_address": ip} for ip in said if (subnet := subnet_of(ip, joined.config))
            ]
            return fixed, address.mac
    return [], ""


def body(joined: Joined, id: str, spec: PortSpec, server: str, admin: bool) -> Document:
    """A port as Neutron shows it (neutron/db/db_base_plugin_common.py, the port and binding extensions)."""
    vmi = vmi_of(joined) if server else None
    fixed, mac = addresses(vmi, spec.interface, joined)
    document: Document = {
        "id": id,
        "name": spec.name,
        "network_id": spec.networkId,
        "tenant_id": joined.project,
        "project_id": joined.project,
        "mac_address": spec.macAddress or mac,
        "admin_state_up": spec.adminStateUp,
        "status": state(vmi, bool(server)),
        "device_id": server,
        "device_owner": BOUND if server else "",
        "fixed_ips": fixed,
        "security_groups": list(spec.securityGroups),
        "port_security_enabled": spec.portSecurity,
        "description": spec.description,
        "binding:vnic_type": "normal",
    }
    if admin:
        document |= {
            "binding:host_id": vmi.status.nodeName if vmi else "",
            "binding:vif_type": "other" if server else "unbound",
            "binding:vif_details": {},
            "binding:profile": {},
        }
    return document


def server_of(joined: Joined) -> str:
    """The id of the server that a port is bound to; a binding whose VM does not exist is void."""
    found = joined.rows(VM)
    return found[0].id if found else ""


def entry(joined: Joined, now: float) -> Listed:
    """A Port object, listed."""
    row, spec = joined.row, joined.main(PORT).spec
    server = server_of(joined)
    return Listed(
        Entry(
            place=row.place,
            scope=row.namespace,
            id=row.id,
            order=newest_first(row.created, row.id),
            name=spec.name,
            status=state(vmi_of(joined), bool(server)),
            columns=(server, intern(spec.networkId)),
        )
    )


def document(joined: Joined, shape: Shape, now: float) -> Document:
    """A Port object, shown."""
    return body(joined, joined.row.id, joined.main(PORT).spec, server_of(joined), shape[2])


def lone_entry(joined: Joined, now: float) -> Listed:
    """The interface of a VM without a Port, listed; nothing where the VM has one."""
    # Nearly every VM has one: nothing of it is read then.
    if joined.rows(PORT):
        return Listed(None)
    row, interface = joined.row, interface_of(joined.main(VM))
    if not interface:
        return Listed(None)
    id = synthetic_port(row.id, interface)
    return Listed(
        Entry(
            place=row.place,
            scope=row.namespace,
            id=id,
            order=newest_first(row.created, id),
            status=state(vmi_of(joined), True),
            columns=(row.id, network_id(joined.config.network_name)),
        )
    )


def lone_document(joined: Joined, shape: Shape, now: float) -> Document:
    """The interface of a VM without a Port, shown as the port that it is."""
    interface = interface_of(joined.main(VM))
    spec = PortSpec(networkId=network_id(joined.config.network_name), interface=interface, portSecurity=False)
    return body(joined, synthetic_port(joined.row.id, interface), spec, joined.row.id, shape[2])


COLUMNS: Mapping[str, int] = MappingProxyType({"device_id": 0, "network_id": 1})
"""Where the filter columns of an entry are."""
COLLECTION = Collection(
    name="ports",
    singular="port",
    attributes=attributes.PORT,
    missing=("PortNotFound", "Port {id} could not be found."),
    columns=COLUMNS,
)


def routes(bench: Bench) -> None:
    """Q-05, its reading half."""
    register(bench, COLLECTION)


PORTS = Resource(
    name="ports",
    register=routes,
    sources=(
        Source(PORT, entry, document, (Join(VM, PORT.links, by_name=True), Join(VMI, PORT.links, by_name=True))),
        Source(VM, lone_entry, lone_document, (Join(PORT, same_place), Join(VMI, same_place, by_name=True))),
    ),
    policy={"get_port": READER},
    rights={"own": (Right("network.dicot.io", "ports", ("get",), "looks again at what another changed"),)},
    crds=("ports.network.dicot.io",),
)
