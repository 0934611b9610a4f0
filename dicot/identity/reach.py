"""/auth/projects, /auth/domains, /auth/system: what the caller's user may ask a token for."""

from ..cloud.kinds.identity import DOMAIN, IMPLIED_ROLE, ROLE, ROLE_ASSIGNMENT
from ..cloud.resource import ANY, Bench, Resource, Right
from ..web.call import Call, Reply
from . import facts
from .desk import TOOL, Desk


def register(bench: Bench) -> None:
    """The operations."""
    desk: Desk = bench.tools[TOOL]

    @bench.routes.get("/auth/projects", "identity:get_auth_projects")
    def projects(call: Call[None]) -> Reply:
        found = [facts.project(project, desk.url) for project in desk.directory.projects_of(call.caller.user)]
        return Reply(facts.collection("projects", found, f"{desk.url}/auth/projects", call.query))

    @bench.routes.get("/auth/domains", "identity:get_auth_domains")
    def domains(call: Call[None]) -> Reply:
        found = [facts.domain(domain, desk.url) for domain in desk.directory.domains_of(call.caller.user)]
        return Reply(facts.collection("domains", found, f"{desk.url}/auth/domains", call.query))

    @bench.routes.get("/auth/system", "identity:get_auth_system")
    def system(call: Call[None]) -> Reply:
        held = desk.directory.roles_on_system(call.caller.user)
        return Reply({"system": [{"all": True}] if held else [], "links": {"self": f"{desk.url}/auth/system"}})


_KINDS = ("domains", "roles", "impliedroles", "roleassignments")
REACH = Resource(
    "reach",
    register,
    reads=(DOMAIN, ROLE, IMPLIED_ROLE, ROLE_ASSIGNMENT),
    policy={
        "identity:get_auth_projects": ANY,
        "identity:get_auth_domains": ANY,
        "identity:get_auth_system": ANY,
    },
    rights={
        "own": tuple(Right("identity.dicot.io", plural, ("get", "create"), "founds identity") for plural in _KINDS)
    },
    crds=tuple(f"{plural}.identity.dicot.io" for plural in _KINDS),
)
