"""The list of what used to be extensions (nova/api/openstack/compute/extension_info.py): those that are served."""

from collections.abc import Iterable, Mapping

from ..cloud.resource import ANY, Bench, Resource
from ..faults import NotFound
from ..web.call import Call, Reply
from .wire import Document

SERVED: Mapping[str, str] = {
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
    "os-user-data": "UserData",
}
"""Those of servers, flavors, key pairs and zones."""


def document(alias: str, name: str) -> Document:
    """An extension as Nova shows it."""
    return {
        "alias": alias,
        "name": name,
        "description": f"{name} is served.",
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
        "links": [],
    }


def extensions(resources: Iterable[Resource]) -> Resource:
    """N-02, of these resources and of itself."""
    names = dict(
        sorted({**SERVED, **{key: name for each in resources for key, name in each.extensions.items()}}.items())
    )
    return Resource(
        name="extensions",
        register=lambda bench: routes(bench, names),
        policy={"os_compute_api:extensions": ANY},
    )


def routes(bench: Bench, names: Mapping[str, str]) -> None:
    """The list, and one of it."""

    @bench.routes.get("/extensions", "os_compute_api:extensions")
    def index(call: Call[None]) -> Reply:
        return Reply({"extensions": [document(alias, name) for alias, name in names.items()]})

    @bench.routes.get("/extensions/<alias>", "os_compute_api:extensions")
    def show(call: Call[None]) -> Reply:
        alias = call.names["alias"]
        if alias not in names:
            raise NotFound("The resource could not be found.")
        return Reply({"extension": document(alias, names[alias])})
