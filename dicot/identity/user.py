"""/users/{id}: a user, and the projects that the user may enter."""

from collections.abc import Callable, Mapping, Sequence

from ..caller import Caller
from ..cloud.callers.directory import Project, UserFacts
from ..cloud.kinds.identity import USER
from ..cloud.resource import Bench, Resource, Right
from ..spellings import FALSE
from ..web.call import Call, Reply
from . import facts, words
from .desk import TOOL, Desk
from .names import CLAIMED

_FILTERS: Mapping[str, Callable[[Project, str], bool]] = {
    "name": lambda project, value: project.name == value,
    "domain_id": lambda project, value: project.domain == value,
    "enabled": lambda project, value: project.enabled == (value.lower() not in FALSE),
}


def register(bench: Bench) -> None:
    """The operations of users."""
    desk: Desk = bench.tools[TOOL]

    @bench.routes.get("/users/<user_id>", "identity:get_user")
    def show(call: Call[None]) -> Reply:
        id = call.names["user_id"]
        found = desk.directory.user(id)
        desk.policy.decide(call.caller, "identity:get_user", _relations(call.caller, found))
        if found is None:
            raise words.no_such("user", id)
        return Reply({"user": facts.user(found, desk.url)})

    @bench.routes.get("/users/<user_id>/projects", "identity:list_user_projects")
    def projects(call: Call[None]) -> Reply:
        id = call.names["user_id"]
        found = desk.directory.user(id)
        desk.policy.decide(call.caller, "identity:list_user_projects", _relations(call.caller, found))
        held = desk.directory.projects_of(id) if found else ()
        items = [facts.project(project, desk.url) for project in held if _wanted(project, call.query)]
        return Reply(facts.collection("projects", items, f"{desk.url}/users/{id}/projects", call.query))


def _relations(caller: Caller, user: UserFacts | None) -> frozenset[str]:
    """What the caller is to a user; nothing to one that does not exist."""
    if user is None:
        return frozenset()
    related = {"owner"} if caller.user == user.id else set()
    if caller.domain and caller.domain == user.domain and "domain_reader" in caller.personas:
        related.add("domain_reader_of")
    return frozenset(related)


def _wanted(project: Project, query: Mapping[str, Sequence[str]]) -> bool:
    return all(_FILTERS[key](project, values[0]) for key, values in query.items() if key in _FILTERS and values)


_ROW = frozenset(("admin", "system_reader", "domain_reader_of", "owner"))
USERS = Resource(
    "users",
    register,
    reads=(USER,),
    policy={"identity:get_user": _ROW, "identity:list_user_projects": _ROW},
    rights={
        "own": (
            Right("identity.dicot.io", "users", ("get", "create"), "founds identity"),
            Right("identity.dicot.io", "users", ("patch",), "ends the tokens of a user"),
        )
    },
    crds=("users.identity.dicot.io",),
    claims=CLAIMED,
)
