"""The list of what used to be extensions (nova/api/openstack/compute/extension_info.py): those that are served."""

from ..cloud.resource import ANY, Bench, Resource
from ..faults import NotFound
from ..web.call import Call, Reply
from .wire import Document

NAMES = {
    "OS-DCF": "DiskConfig",
    "OS-EXT-AZ": "ExtendedAvailabilityZone",
    "OS-EXT-IPS": "ExtendedIps",
    "OS-EXT-IPS-MAC": "ExtendedIpsMac",
    "OS-EXT-SRV-ATTR": "ExtendedServerAttributes",
    "OS-EXT-STS": "ExtendedStatus",
    "OS-FLV-DISABLED": "FlavorDisabled",
    "OS-FLV-EXT-DATA": "FlavorExtraData",
    "OS-SRV-USG": "ServerUsage",
    "os-access-ips": "AccessIPs",
    "os-availability-zone": "AvailabilityZone",
    "os-config-drive": "ConfigDrive",
    "os-flavor-extra-specs": "FlavorExtraSpecs",
    "os-flavor-rxtx": "FlavorRxtx",
    "os-flavor-swap": "FlavorSwap",
    "os-keypairs": "Keypairs",
    "os-multiple-create": "MultipleCreate",
    "os-server-list-multi-status": "ServerListMultiStatus",
    "os-server-sort-keys": "ServerSortKeys",
    "os-server-start-stop": "ServerStartStop",
    "os-used-limits": "UsedLimits",
    "os-used-limits-for-admin": "UsedLimitsForAdmin",
    "os-user-data": "UserData",
}


def document(alias: str) -> Document:
    """An extension as Nova shows it."""
    return {
        "alias": alias,
        "name": NAMES[alias],
        "description": f"{NAMES[alias]} is served.",
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
        "links": [],
    }


def routes(bench: Bench) -> None:
    """N-02."""

    @bench.routes.get("/extensions", "os_compute_api:extensions")
    def index(call: Call[None]) -> Reply:
        return Reply({"extensions": [document(alias) for alias in NAMES]})

    @bench.routes.get("/extensions/<alias>", "os_compute_api:extensions")
    def show(call: Call[None]) -> Reply:
        alias = call.names["alias"]
        if alias not in NAMES:
            raise NotFound("The resource could not be found.")
        return Reply({"extension": document(alias)})


EXTENSIONS = Resource(name="extensions", register=routes, policy={"os_compute_api:extensions": ANY})
