"""Servers, as data."""

from ...cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE, NODE, VM
from ...cloud.kinds.network import PORT, SECURITY_GROUP
from ...cloud.kinds.quota import RESOURCE_QUOTA
from ...cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from ...cloud.resource import MEMBER, READER, Resource, Right, Source
from ..kinds import KEYPAIR
from .columns import entry
from .joined import JOINS
from .reading import POLICY
from .routes import routes
from .view import document

_WRITES = ("create", "get", "patch", "delete")
_ACTIONS = "subresources.kubevirt.io"
_MEMBERS = (
    Right("kubevirt.io", "virtualmachines", _WRITES),
    Right("", "secrets", _WRITES),
    Right("network.dicot.io", "ports", _WRITES),
    *(Right(_ACTIONS, f"virtualmachines/{each}", ("update",)) for each in ("start", "stop", "restart")),
    Right(_ACTIONS, "virtualmachineinstances/softreboot", ("update",)),
)
_OWN = tuple(
    Right("kubevirt.io", each, ("get", "list", "watch")) for each in ("virtualmachines", "virtualmachineinstances")
)

SERVERS = Resource(
    name="servers",
    register=routes,
    sources=(Source(VM, entry, document, JOINS),),
    reads=(
        *(CLUSTER_INSTANCETYPE, INSTANCETYPE, NODE, PORT, SECURITY_GROUP, DATA_SOURCE, DATA_VOLUME, PVC),
        KEYPAIR,
        RESOURCE_QUOTA,
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
    },
    rights={"member": _MEMBERS, "manager": _MEMBERS, "admin": _MEMBERS, "own": _OWN},
)
