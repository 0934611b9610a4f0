"""/projects and /projects/{id}: all projects, and one."""

from collections.abc import Mapping, Sequence

from ..caller import Caller
from ..cloud.callers.directory import Project
from ..cloud.kinds.identity import NAMESPACE, NAMESPACE_RECORD
from ..cloud.resource import Bench, Resource
from ..faults import BadRequest
from ..web.call import Call, Reply
from . import facts, project_list, words
from .desk import TOOL, Desk


def register(bench: Bench) -> None:
    """The operations of projects."""
    project_list.register(bench)
    desk: Desk = bench.tools[TOOL]

    @bench.routes.get("/projects/<project_id>", "identity:get_project")
    def show(call: Call[None]) -> Reply:
        id = call.names["project_id"]
        found = desk.directory.project(id)
        desk.policy.decide(call.caller, "identity:get_project", _relations(call.caller, found))
        if found is None:
            raise words.no_such("project", id)
        return Reply({"project": facts.project(found, desk.url) | _relatives(found, call.query)})


def _relations(caller: Caller, project: Project | None) -> frozenset[str]:
    """What the caller is to a project; nothing to one that does not exist."""
    if project is None:
        return frozenset()
    related = {"project"} if caller.project == project.id else set()
    if caller.domain and caller.domain == project.domain and "domain_reader" in caller.personas:
        related.add("domain_reader_of")
    return frozenset(related)


def _relatives(project: Project, query: Mapping[str, Sequence[str]]) -> facts.Answer:
    """The domain above, and nothing below. Lists name projects only, so that they are empty."""
    answer: facts.Answer = {}
    for key, by_ids in (("parents", {project.domain: None}), ("subtree", None)):
        as_list, as_ids = _is_true(query, f"{key}_as_list"), _is_true(query, f"{key}_as_ids")
        if as_list and as_ids:
            raise BadRequest(f"Cannot use {key}_as_list and {key}_as_ids query params at the same time.")
        if as_list:
            answer[key] = []
        elif as_ids:
            answer[key] = by_ids
    return answer


def _is_true(query: Mapping[str, Sequence[str]], name: str) -> bool:
    """Keystone takes every value but "0" for true, none at all included."""
    return name in query and "0" not in query[name][:1]


PROJECTS = Resource(
    "projects",
    register,
    reads=(NAMESPACE, NAMESPACE_RECORD),
    policy={
        "identity:get_project": frozenset(("admin", "system_reader", "domain_reader_of", "project")),
        project_list.POLICY: frozenset(("admin", "system_reader", "domain_reader_of")),
    },
    crds=("namespacerecords.identity.dicot.io",),
)
