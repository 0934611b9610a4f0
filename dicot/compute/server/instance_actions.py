"""What was done to a server (N-23; nova/api/openstack/compute/instance_actions.py)."""

from collections.abc import Mapping, Sequence

from ...caller import Caller
from ...cloud.kinds.kubevirt import NODE
from ...cloud.resource import ADMIN, READER, Bench, Resource, Right
from ...faults import BadRequest, NotFound
from ...names import is_uuid
from ...web.call import Call, Reply
from ...web.dialect import Version
from ..kinds import SERVER_LOG, Action
from ..parameters import MOMENTS, PAGING
from ..times import asked_moment, with_microseconds
from ..validation import Schema, check_query
from ..wire import Document, check_bare, limit_of, next_links, query_schema
from .actions import missing
from .gone import left, merged
from .log import actions
from .log import event as named
from .lookup import current
from .noting import READS
from .view import host_id

POLICY = "os_compute_api:os-instance-actions"
URL = "/servers/<id>/os-instance-actions"
GONE: Version = (2, 21)
"""Since when the actions of a server can be read that is gone."""
EVENTS: Version = (2, 51)
PAGES: Version = (2, 58)
HOSTS: Version = (2, 62)
BEFORE: Version = (2, 66)
DETAILS: Version = (2, 84)
SUCCESS, ERROR = "Success", "Error"


def _single(schema: Schema) -> Schema:
    return {**schema, "maxItems": 1}


_PAGED: Mapping[str, Schema] = {key: _single(PAGING[key]) for key in ("limit", "marker")}
QUERIES: Mapping[Version, Schema] = {
    PAGES: query_schema({**_PAGED, "changes-since": _single(MOMENTS)}, strict=True),
    BEFORE: query_schema(
        {**_PAGED, "changes-since": _single(MOMENTS), "changes-before": _single(MOMENTS)}, strict=True
    ),
}
Query = Mapping[str, Sequence[str]]


def brief(id: str, found: Action, version: Version) -> Document:
    """A line of the list."""
    document: Document = {
        "action": found.action,
        "instance_uuid": id,
        "request_id": found.request,
        "user_id": found.user or None,
        "project_id": found.project or None,
        "start_time": with_microseconds(found.start),
        "message": ERROR if found.error else None,
    }
    return document | ({"updated_at": with_microseconds(_updated(found))} if version >= PAGES else {})


def _updated(found: Action) -> str:
    return found.finish or found.start


def event(found: Action, caller: Caller, version: Version, hosted: str) -> Document:
    """What happened in an action. Nobody traces the programs of a cluster, so there never is a traceback."""
    document: Document = {
        "event": named(found.action),
        "start_time": with_microseconds(found.start),
        "finish_time": with_microseconds(found.finish),
        "result": None if not found.finish else ERROR if found.error else SUCCESS,
    }
    if caller.admin:
        document["traceback"] = None
    if version >= HOSTS:
        document |= {"hostId": hosted, **({"host": found.host} if caller.admin else {})}
    if version >= DETAILS and caller.admin:
        document["details"] = found.error or None
    return document


def page(found: Sequence[Action], query: Query) -> Sequence[Action]:
    """Those that a query asks for. Raises BadRequest."""
    since, before = (
        asked_moment(query[key][0]) if key in query else None for key in ("changes-since", "changes-before")
    )
    if since is not None and before is not None and before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    marker = query.get("marker", ("",))[0]
    if limit_of(query) == 0:
        return ()
    if "marker" in query:
        places = [place for place, each in enumerate(found) if each.request == marker]
        if not places:
            raise BadRequest(f"Marker {marker} could not be found.")
        found = found[places[0] + 1 :]
    kept = [each for each in found if _within(each, since, before)]
    return kept[: limit_of(query)]


def _within(found: Action, since: float | None, before: float | None) -> bool:
    at = asked_moment(_updated(found)) or 0.0
    return (since is None or at >= since) and (before is None or at <= before)


def routes(bench: Bench) -> None:
    """Registers the operations."""

    async def known(call: Call[None]) -> tuple[str, list[Action]]:
        try:
            server = await current(bench, call.caller, call.names["id"])
        except NotFound:
            if call.version < GONE:
                raise
            return call.names["id"], await remembered(call)
        found = actions(server, bench.known(call.caller).project(server.row.namespace))
        return server.row.id, merged(found, left(bench.known(call.caller), server.row.id) or [])

    async def remembered(call: Call[None]) -> list[Action]:
        id = call.names["id"]
        found = left(bench.known(call.caller), id)
        if found is None and is_uuid(id) and await bench.verify(SERVER_LOG, call.caller, id):
            found = left(bench.known(call.caller), id)
        if found is None:
            raise missing(id)
        return found

    @bench.routes.get(URL, f"{POLICY}:list")
    async def index(call: Call[None]) -> Reply:
        query = call.query if call.version >= PAGES else {}
        check_query(QUERIES[BEFORE if call.version >= BEFORE else PAGES], query)
        id, found = await known(call)
        wanted = page(found, query)
        document: Document = {"instanceActions": [brief(id, each, call.version) for each in wanted]}
        last = wanted[-1].request if wanted else ""
        further = next_links(bench.config, f"servers/{id}/os-instance-actions", query, len(wanted), last)
        return Reply(document | ({"links": further} if further and call.version >= PAGES else {}))

    @bench.routes.get(f"{URL}/<request_id>", f"{POLICY}:show")
    async def show(call: Call[None]) -> Reply:
        check_bare(call)
        id, listed = await known(call)
        request = call.names["request_id"]
        found = next((each for each in listed if each.request == request), None)
        if found is None:
            raise NotFound(f"Action {request} not found")
        document = brief(id, found, call.version)
        if call.caller.admin or call.version >= EVENTS:
            document["events"] = [event(found, call.caller, call.version, hosted(call, found))]
        return Reply({"instanceAction": document})

    def hosted(call: Call[None], found: Action) -> str:
        node = bench.known(call.caller).named(NODE, found.host) if found.host else None
        return host_id(found.project, node[0] if node else None)


INSTANCE_ACTIONS = Resource(
    name="instance-actions",
    register=routes,
    reads=(*READS, SERVER_LOG),
    policy={
        f"{POLICY}:list": READER,
        f"{POLICY}:show": READER,
        f"{POLICY}:events": ADMIN,
        f"{POLICY}:events:details": ADMIN,
    },
    rights={
        "member": (
            Right("compute.dicot.io", "serverlogs", ("create", "get", "patch"), "keeps the log of what is gone"),
        ),
        "own": (
            Right("compute.dicot.io", "serverlogs", ("get",), "looks again at what another changed"),
            Right("compute.dicot.io", "serverlogs", ("delete",), "forgets logs after a day"),
        ),
    },
    crds=("serverlogs.compute.dicot.io",),
    extensions={"os-instance-actions": "InstanceActions"},
)
