"""Servers, as data."""

from ...cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE, NODE, VM
from ...cloud.kinds.network import PORT, SECURITY_GROUP
from ...cloud.kinds.quota import RESOURCE_QUOTA
from ...cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, STORAGE_CLASS, VOLUME_SNAPSHOT
from ...cloud.reading.shelf import Shape
from ...cloud.resource import ADMIN, MEMBER, READER, Joined, Resource, Right, Source
from ..kinds import KEYPAIR, SERVER_LOG
from ..server_group import SERVER_GROUP
from ..taken import SERVERS_TAKE
from .columns import entry
from .joined import JOINS
from .reading import POLICY
from .routes import routes
from .usage import POLICY as USAGE_POLICY
from .usage import SHAPE as USAGE
from .usage import document as usage
from .view import document

_WRITES = ("create", "get", "patch", "delete")
_ACTIONS = "subresources.kubevirt.io"
_MEMBERS = (
    Right("kubevirt.io", "virtualmachines", _WRITES, "servers"),
    Right("", "secrets", _WRITES, "user data, which nobody else shall read"),
    Right("network.dicot.io", "ports", _WRITES, "the ports of servers"),
    Right("", "events", ("create", "patch"), "tells people of Kubernetes what was done to a server"),
    Right("cdi.kubevirt.io", "datavolumes", _WRITES, "volumes that are made with servers, or go with them"),
    Right("", "persistentvolumeclaims", ("get", "patch"), "binds volumes to servers; lets them go with them"),
    *(
        Right(_ACTIONS, f"virtualmachines/{each}", ("update",), "stops, starts, reboots")
        for each in ("start", "stop", "restart")
    ),
    Right(_ACTIONS, "virtualmachineinstances/softreboot", ("update",), "stops, starts, reboots"),
)


_OWN = (
    Right("cdi.kubevirt.io", "datavolumes", ("get",), "looks again at what another changed"),
    Right("", "persistentvolumeclaims", ("get",), "looks again at what another changed"),
)


def shown(joined: Joined, shape: Shape, now: float) -> object:
    """A server in the form of a shape."""
    return usage(joined, now) if shape == USAGE else document(joined, shape, now)


SERVERS = Resource(
    name="servers",
    register=routes,
    sources=(Source(VM, entry, shown, JOINS),),
    reads=(
        *(CLUSTER_INSTANCETYPE, INSTANCETYPE, NODE, PORT, SECURITY_GROUP),
        *(DATA_SOURCE, DATA_VOLUME, PVC, STORAGE_CLASS, VOLUME_SNAPSHOT),
        KEYPAIR,
        SERVER_LOG,
        RESOURCE_QUOTA,
        SERVER_GROUP,
    ),
    policy={
        f"{POLICY}:index": READER,
        f"{POLICY}:detail": READER,
        f"{POLICY}:show": READER,
        f"{POLICY}:create": MEMBER,
        f"{POLICY}:update": MEMBER,
        f"{POLICY}:delete": MEMBER,
        f"{POLICY}:start": MEMBER,
        f"{POLICY}:stop": MEMBER,
        f"{POLICY}:reboot": MEMBER,
        "os_compute_api:ips:index": READER,
        "os_compute_api:ips:show": READER,
        f"{USAGE_POLICY}:list": ADMIN,
        f"{USAGE_POLICY}:show": READER,
    },
    rights={"member": _MEMBERS, "own": _OWN},
    tallies=(SERVERS_TAKE,),
    extensions={"os-simple-tenant-usage": "SimpleTenantUsage"},
)
