"""What a project may have, and what it has (N-30)."""

from collections.abc import Mapping
from dataclasses import replace

from ..cloud.kinds.kubevirt import VM, VMI
from ..cloud.resource import ADMIN, ANY, Bench, Resource
from ..config import Config
from ..faults import Forbidden
from ..web.call import Call, Reply
from ..web.dialect import Version
from .parameters import TEXTS
from .server.quota import used
from .validation import check_query
from .wire import Document, query_schema

STRICT: Version = (2, 75)
NO_NETWORKS: Version = (2, 36)
NO_IMAGE_META: Version = (2, 39)
NO_PERSONALITY: Version = (2, 57)
QUERY = query_schema({"tenant_id": TEXTS})
STRICT_QUERY = query_schema({"tenant_id": TEXTS}, strict=True)
OTHER = "os_compute_api:limits:other_project"


def absolute(config: Config, taken: Mapping[str, int], version: Version) -> Document:
    """The limits as Nova shows them at a version (nova/api/openstack/compute/views/limits.py)."""
    quota = config.quota
    found: Document = {
        "maxTotalInstances": quota["instances"],
        "maxTotalCores": quota["cores"],
        "maxTotalRAMSize": quota["ram"],
        "maxTotalKeypairs": quota["key_pairs"],
        "maxServerMeta": quota["metadata_items"],
        "maxServerGroups": 0,
        "maxServerGroupMembers": 0,
        "totalInstancesUsed": taken["instances"],
        "totalCoresUsed": taken["cores"],
        "totalRAMUsed": taken["ram"],
        "totalServerGroupsUsed": 0,
    }
    if version < NO_IMAGE_META:
        found["maxImageMeta"] = quota["metadata_items"]
    if version < NO_PERSONALITY:
        found |= {"maxPersonality": 0, "maxPersonalitySize": 0}
    if version < NO_NETWORKS:
        found |= {
            "maxTotalFloatingIps": -1,
            "maxSecurityGroups": -1,
            "maxSecurityGroupRules": -1,
            "totalFloatingIpsUsed": 0,
            "totalSecurityGroupsUsed": 0,
        }
    return found


def routes(bench: Bench) -> None:
    """N-30."""

    @bench.routes.get("/limits", "os_compute_api:limits")
    def index(call: Call[None]) -> Reply:
        check_query(STRICT_QUERY if call.version >= STRICT else QUERY, call.query)
        asked = call.query.get("tenant_id", (call.caller.project,))[-1]
        if asked != call.caller.project and not call.caller.admin:
            raise Forbidden(f"Policy doesn't allow {OTHER} to be performed.")
        known = bench.known(call.caller)
        if asked != call.caller.project:
            namespace = known.project_ids().get(asked, "")
            known = bench.known(replace(call.caller, project=asked, namespace=namespace))
        return Reply({"limits": {"rate": [], "absolute": absolute(bench.config, used(known), call.version)}})


LIMITS = Resource(
    name="limits",
    register=routes,
    reads=(VM, VMI),
    policy={"os_compute_api:limits": ANY, OTHER: ADMIN},
)
