"""Quota sets, read (N-31)."""

from typing import Any

from ..cloud.quota import seen_from
from ..cloud.resource import ANY, READER, Bench, Resource
from ..faults import BadRequest
from ..web.call import Call, Reply
from ..web.dialect import Version
from .parameters import TEXTS
from .quota import defaults, limits_of, shown
from .taken import READS, SERVERS_TAKE, used
from .validation import check_query
from .wire import STRICT, Document, forbidden, query_schema

QUERIES = tuple(query_schema({"user_id": TEXTS}, strict=strict) for strict in (False, True))
POLICY = "os_compute_api:os-quota-sets"


def quota_set(project: str, amounts: dict[str, Any], version: Version) -> Document:
    """The quotas that there are at a version, of a project."""
    return {"quota_set": {"id": project, **{name: amounts[name] for name in shown(version)}}}


def routes(bench: Bench) -> None:
    """Amounts, defaults, and both with what is used."""

    @bench.routes.get("/os-quota-sets/<id>", f"{POLICY}:show")
    def show(call: Call[None]) -> Reply:
        project = asked(bench, call, "show")
        return Reply(quota_set(project, limits_of(seen_from(bench, call.caller, project)), call.version))

    @bench.routes.get("/os-quota-sets/<id>/defaults", f"{POLICY}:defaults")
    def default(call: Call[None]) -> Reply:
        check_project(bench, call)
        return Reply(quota_set(call.names["id"], defaults(bench.config), call.version))

    @bench.routes.get("/os-quota-sets/<id>/detail", f"{POLICY}:detail")
    def detail(call: Call[None]) -> Reply:
        project = asked(bench, call, "detail")
        known = seen_from(bench, call.caller, project)
        taken = used(known, call.query.get("user_id", ("",))[-1])
        amounts = {
            name: {"limit": limit, "in_use": taken.get(name, 0), "reserved": 0}
            for name, limit in limits_of(known).items()
        }
        return Reply(quota_set(project, amounts, call.version))


def asked(bench: Bench, call: Call[None], operation: str) -> str:
    """The project that is asked for: the caller's own, or for admins any. Raises Faults in Nova's words."""
    check_query(QUERIES[call.version >= STRICT], call.query)
    project = call.names["id"]
    if project != call.caller.project and not call.caller.admin:
        raise forbidden(f"{POLICY}:{operation}")
    check_project(bench, call)
    return project


def check_project(bench: Bench, call: Call[None]) -> None:
    """As nova/api/openstack/identity.py: who may not ask Keystone of a project is believed that it exists."""
    project = call.names["id"]
    if call.caller.admin and project not in bench.known(call.caller).project_ids():
        raise BadRequest(f"Project ID {project} is not a valid project.")


QUOTA_SETS = Resource(
    name="quota-sets",
    register=routes,
    reads=READS,
    tallies=(SERVERS_TAKE,),
    policy={f"{POLICY}:show": READER, f"{POLICY}:defaults": ANY, f"{POLICY}:detail": READER},
    extensions={
        "os-quota-sets": "Quotas",
        "os-extended-quotas": "ExtendedQuotas",
        "os-server-group-quotas": "ServerGroupQuotas",
        "os-user-quotas": "UserQuotas",
    },
)
