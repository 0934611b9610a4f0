"""Quotas, read (Q-15).

Dicot sets none of its own: the limits are those that the ResourceQuotas of a project's namespace give, which
Kubernetes itself enforces.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ..cloud.kinds.kubevirt import VM
from ..cloud.kinds.network import PORT, SECURITY_GROUP
from ..cloud.kinds.quota import RESOURCE_QUOTA
from ..cloud.quota import NO_LIMIT, held, seen_from
from ..cloud.resource import ANY, Bench, Known, Resource
from ..faults import Forbidden
from ..web.call import Call, Reply
from .port import interface_of

KEYS: Mapping[str, str] = MappingProxyType(
    {"port": "count/ports.network.dicot.io", "security_group": "count/securitygroups.network.dicot.io"}
)
"""What Kubernetes counts, under its own name."""
NAMES = ("network", "subnet", "subnetpool", "port", "security_group", "security_group_rule")
"""Networks, subnets and their pools are the cluster's own, so no project has any."""


def limits_of(known: Known) -> dict[str, int]:
    """The limits of the caller's project, by Neutron's names."""
    return dict.fromkeys(NAMES, NO_LIMIT) | held(known, KEYS)


def used(known: Known) -> Mapping[str, int]:
    """What the caller's project has of each."""
    ports = [port for _, port in known.rows(PORT)]
    named = {port.spec.vm for port in ports}
    lone = [row for row, vm in known.rows(VM) if row.name not in named and interface_of(vm)]
    groups = [group for _, group in known.rows(SECURITY_GROUP)]
    return {
        "port": len(ports) + len(lone),
        "security_group": len(groups),
        "security_group_rule": sum(len(group.spec.rules) for group in groups),
    }


def routes(bench: Bench) -> None:
    """Limits, defaults, and both with what is used (neutron/extensions/quotasv2.py, quotasv2_detail.py)."""

    @bench.routes.get("/quotas/<id>", "get_quota")
    def show(call: Call[None]) -> Reply:
        known = asked(bench, call, disallowed())
        return Reply({"quota": limits_of(known)})

    @bench.routes.get("/quotas/<id>/default", "get_quota")
    def default(call: Call[None]) -> Reply:
        asked(bench, call, disallowed())
        return Reply({"quota": dict.fromkeys(NAMES, NO_LIMIT)})

    @bench.routes.get("/quotas/<id>/details", "get_quota")
    def details(call: Call[None]) -> Reply:
        known = asked(bench, call, admin_required())
        taken = used(known)
        amounts = {
            name: {"limit": limit, "used": taken.get(name, 0), "reserved": 0}
            for name, limit in limits_of(known).items()
        }
        return Reply({"quota": amounts})


def asked(bench: Bench, call: Call[None], refusal: Forbidden) -> Known:
    """The cache as the project sees it that is asked for: the caller's own, or for admins any."""
    project = call.names["id"]
    if project != call.caller.project and not call.caller.admin:
        raise refusal
    return seen_from(bench, call.caller, project)


def disallowed() -> Forbidden:
    """The refusal by policy, which Neutron asks only for projects of others."""
    return Forbidden("rule:get_quota is disallowed by policy", kind="PolicyNotAuthorized")


def admin_required() -> Forbidden:
    """Neutron's AdminRequired."""
    reason = "Only admin is authorized to access quotas for another project"
    return Forbidden(f"User does not have admin privileges: {reason}.", kind="AdminRequired")


QUOTAS = Resource(
    name="network-quotas",
    register=routes,
    reads=(PORT, SECURITY_GROUP, VM, RESOURCE_QUOTA),
    policy={"get_quota": ANY},
)
