"""What a project may have, and what it has (N-30)."""

from collections.abc import Mapping
from types import MappingProxyType

from ..cloud.quota import seen_from
from ..cloud.resource import ADMIN, ANY, Bench, Resource
from ..web.call import Call, Reply
from ..web.dialect import Version
from .parameters import TEXTS
from .quota import limits_of, shown
from .taken import READS, SERVERS_TAKE, used
from .validation import check_query
from .wire import STRICT, Document, forbidden, query_schema

NO_IMAGE_META: Version = (2, 39)
QUERY = query_schema({"tenant_id": TEXTS})
STRICT_QUERY = query_schema({"tenant_id": TEXTS}, strict=True)
OTHER = "os_compute_api:limits:other_project"
LIMITS_BY_NAME: Mapping[str, str] = MappingProxyType(
    {
        "maxTotalRAMSize": "ram",
        "maxTotalInstances": "instances",
        "maxTotalCores": "cores",
        "maxTotalKeypairs": "key_pairs",
        "maxTotalFloatingIps": "floating_ips",
        "maxServerMeta": "metadata_items",
        "maxImageMeta": "metadata_items",
        "maxPersonality": "injected_files",
        "maxPersonalitySize": "injected_file_content_bytes",
        "maxSecurityGroups": "security_groups",
        "maxSecurityGroupRules": "security_group_rules",
        "maxServerGroups": "server_groups",
        "maxServerGroupMembers": "server_group_members",
    }
)
USED_BY_NAME: Mapping[str, str] = MappingProxyType(
    {
        "totalRAMUsed": "ram",
        "totalCoresUsed": "cores",
        "totalInstancesUsed": "instances",
        "totalFloatingIpsUsed": "floating_ips",
        "totalSecurityGroupsUsed": "security_groups",
        "totalServerGroupsUsed": "server_groups",
    }
)


def absolute(limits: Mapping[str, int], taken: Mapping[str, int], version: Version) -> Document:
    """The limits as Nova shows them at a version (nova/api/openstack/compute/views/limits.py)."""
    names = shown(version)
    found = {key: limits[name] for key, name in LIMITS_BY_NAME.items() if name in names}
    if version >= NO_IMAGE_META:
        del found["maxImageMeta"]
    return found | {key: taken.get(name, 0) for key, name in USED_BY_NAME.items() if name in names}


def routes(bench: Bench) -> None:
    """N-30."""

    @bench.routes.get("/limits", "os_compute_api:limits")
    def index(call: Call[None]) -> Reply:
        check_query(STRICT_QUERY if call.version >= STRICT else QUERY, call.query)
        if "tenant_id" in call.query and not call.caller.admin:
            raise forbidden(OTHER)
        known = seen_from(bench, call.caller, call.query.get("tenant_id", (call.caller.project,))[-1])
        return Reply({"limits": {"rate": [], "absolute": absolute(limits_of(known), used(known), call.version)}})


LIMITS = Resource(
    name="limits",
    register=routes,
    reads=READS,
    tallies=(SERVERS_TAKE,),
    policy={"os_compute_api:limits": ANY, OTHER: ADMIN},
    extensions={"os-used-limits": "UsedLimits", "os-used-limits-for-admin": "UsedLimitsForAdmin"},
)
