"""What servers have used of a period (N-33; nova/api/openstack/compute/simple_tenant_usage.py).

Of a server that was deleted by way of Nova its log tells for a day; after that, and of what kubectl deleted, nothing
is left in the cluster.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

import msgspec

from ...cloud.kinds.kubevirt import VM
from ...cloud.reading.shelf import Entry, Query, Shape, UnknownMarker, each
from ...cloud.resource import Bench, Joined, Known, settled
from ...faults import BadRequest
from ...moments import stamp
from ...web.call import Call, Reply
from ...web.dialect import Version
from ..parameters import PAGING, TEXTS
from ..times import seconds_of
from ..validation import check_query
from ..wire import MAX_LIMIT, STRICT, forbidden, limit_of, next_links, query_schema, schema_at
from . import notes
from .columns import PLACE
from .departed import Used, departed
from .joined import flavor_in, state_of, vmi_of
from .states import ACTIVE
from .view import Document, launched

POLICY = "os_compute_api:os-simple-tenant-usage"
COLLECTION = "os-simple-tenant-usage"
SHAPE: Shape = ("usage", 0, False)
PAGES: Version = (2, 40)
PERIOD = {"start": TEXTS, "end": TEXTS}
FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")
MOMENT = "%Y-%m-%dT%H:%M:%S.%f"
_LAUNCHED, _PROJECT = PLACE["launched_at"], PLACE["project_id"]
SORT = ((str(_PROJECT), True), ("id", True))
LIST_PERIOD = {**PERIOD, "detailed": TEXTS}
SHOW_QUERIES = (
    ((2, 1), query_schema(PERIOD)),
    (PAGES, query_schema({**PERIOD, **PAGING})),
    (STRICT, query_schema({**PERIOD, **PAGING}, strict=True)),
)
LIST_QUERIES = (
    ((2, 1), query_schema(LIST_PERIOD)),
    (PAGES, query_schema({**LIST_PERIOD, **PAGING})),
    (STRICT, query_schema({**LIST_PERIOD, **PAGING}, strict=True)),
)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time; ``now`` is when it was asked for."""

    start: datetime
    stop: datetime
    now: datetime

    def hours(self, started: datetime, ended: datetime | None) -> float:
        """For how much of it a server has been there. Whether it runs does not matter to Nova."""
        stop = self.stop if ended is None else min(self.stop, ended)
        return max((stop - max(started, self.start)).total_seconds() / 3600, 0.0)

    def wants(self, entry: Entry) -> bool:
        """Whether a server was launched before its end."""
        return "" < entry.columns[_LAUNCHED] < self._end

    def counts(self, gone: Used) -> bool:
        """Whether a server that is gone was there in it."""
        return gone.started_at < self._end and datetime.fromisoformat(gone.ended_at) > self.start

    @property
    def _end(self) -> str:
        return stamp(max(ceil(self.stop.timestamp()), 0))


def document(joined: Joined, now: float) -> Used:
    """What is kept of a server."""
    vm, flavor = joined.main(VM), flavor_in(joined)
    return Used(
        instance_id=joined.row.id,
        name=notes.display_name(vm),
        tenant_id=joined.project,
        flavor=flavor.name,
        vcpus=flavor.vcpus,
        memory_mb=flavor.ram,
        local_gb=flavor.disk + flavor.ephemeral,
        state=state_of(joined, now).vm_state or ACTIVE,
        started_at=seconds_of(launched(vm, vmi_of(joined))),
    )


def period(call: Call[None], now: float) -> Period:
    """The period that is asked for. Raises BadRequest in Nova's words."""
    moment = datetime.fromtimestamp(now, UTC)
    start = _moment(call, "start", moment)
    # Nova looks at the clock twice, so that nothing but now is a period too.
    stop = _moment(call, "end", moment + timedelta(microseconds=1))
    if not start < stop:
        raise BadRequest("Invalid start time. The start time cannot occur after the end time.")
    return Period(start, min(stop, moment), moment)


def _moment(call: Call[None], key: str, otherwise: datetime) -> datetime:
    text = next((value for value in call.query.get(key, ()) if value), "")
    if not text:
        return otherwise
    for form in FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise BadRequest("Invalid datetime string: Datetime is in invalid format")


def usages(servers: Sequence[Used], asked: Period, detailed: bool) -> list[Document]:
    """What each project has used, in the order in which they come."""
    found: dict[str, Document] = {}
    for server in servers:
        line = _line(server, asked)
        summary = found.setdefault(server.tenant_id, _nothing(server.tenant_id, asked, detailed))
        hours = line["hours"]
        summary["total_local_gb_usage"] += server.local_gb * hours
        summary["total_vcpus_usage"] += server.vcpus * hours
        summary["total_memory_mb_usage"] += server.memory_mb * hours
        summary["total_hours"] += hours
        if detailed:
            summary["server_usages"].append(line)
    return list(found.values())


def _nothing(project: str, asked: Period, detailed: bool) -> Document:
    return {
        "tenant_id": project,
        **({"server_usages": []} if detailed else {}),
        "total_local_gb_usage": 0.0,
        "total_vcpus_usage": 0.0,
        "total_memory_mb_usage": 0.0,
        "total_hours": 0.0,
        "start": asked.start.strftime(MOMENT),
        "stop": asked.stop.strftime(MOMENT),
    }


def _line(server: Used, asked: Period) -> Document:
    started = datetime.fromisoformat(server.started_at)
    ended = datetime.fromisoformat(server.ended_at) if server.ended_at else None
    return {
        **msgspec.structs.asdict(server),
        "started_at": started.strftime(MOMENT),
        "ended_at": ended.strftime(MOMENT) if ended else None,
        "hours": asked.hours(started, ended),
        "uptime": max(int(((ended or asked.now) - started).total_seconds()), 0),
    }


def _after(known: Known, gone: Sequence[Used], marker: str) -> tuple[str, str] | None:
    """The rank of the server after which a page begins; None where it begins with the first, or nobody knows."""
    there = known.find(VM, marker) if marker else None
    if there is not None:
        return known.project(there[0].namespace), marker
    return next((server.rank for server in gone if server.instance_id == marker), None)


def _wants(asked: Period, after: tuple[str, str] | None) -> Callable[[Entry], bool]:
    """What of the servers that are there a page is of: those behind one that is gone, where that is its marker."""

    def wants(entry: Entry) -> bool:
        return asked.wants(entry) and (after is None or (str(entry.columns[_PROJECT]), entry.id) > after)

    return wants


def using(bench: Bench) -> None:
    """Of all projects, and of one."""

    async def found(
        call: Call[None], scopes: tuple[str, ...], asked: Period, path: str
    ) -> tuple[list[Used], list[dict[str, str]]]:
        paged = call.version >= PAGES
        query = call.query if paged else {}
        limit = limit_of(query) if paged else MAX_LIMIT
        marker = query.get("marker", ("",))[-1]
        known = bench.known(call.caller)
        gone = [server for server in departed(known, call.caller, scopes) if asked.counts(server)]
        after = _after(known, gone, marker)
        is_gone = any(server.rank == after for server in gone)
        wanted = Query(
            limit, "" if is_gone else marker, match=each(_wants(asked, after if is_gone else None)), sort=SORT
        )
        try:
            page = await settled(bench.reader.page(scopes, wanted, SHAPE))
        except UnknownMarker:
            raise BadRequest(f"Marker {marker} could not be found.") from None
        servers = [msgspec.json.decode(part, type=Used) for part in page.parts]
        if gone:
            here = {server.instance_id for server in servers}
            late = (
                server for server in gone if server.instance_id not in here and (after is None or server.rank > after)
            )
            servers = sorted((*servers, *late), key=lambda server: server.rank)[:limit]
        last = servers[-1].instance_id if servers else ""
        return servers, next_links(bench.config, path, query, len(servers), last) if paged else []

    @bench.routes.get(f"/{COLLECTION}", f"{POLICY}:list")
    async def index(call: Call[None]) -> Reply:
        check_query(schema_at(LIST_QUERIES, call.version), call.query)
        asked = period(call, bench.now())
        admin, everywhere = call.caller.admin, bench.known(call.caller).project_ids().values()
        scopes = tuple(everywhere) if admin else bench.reader.scopes(call.caller)
        servers, links = await found(call, scopes, asked, COLLECTION)
        detailed = call.query.get("detailed", ("0",))[0] == "1"
        body: Document = {"tenant_usages": usages(servers, asked, detailed)}
        return Reply(body | ({"tenant_usages_links": links} if links else {}))

    @bench.routes.get(f"/{COLLECTION}/<id>", f"{POLICY}:show")
    async def show(call: Call[None]) -> Reply:
        check_query(schema_at(SHOW_QUERIES, call.version), call.query)
        project = call.names["id"]
        if project != call.caller.project and not call.caller.admin:
            raise forbidden(f"{POLICY}:show")
        asked = period(call, bench.now())
        namespace = bench.known(call.caller).project_ids().get(project)
        servers, links = await found(call, (namespace,) if namespace else (), asked, f"{COLLECTION}/{project}")
        body: Document = {"tenant_usage": next(iter(usages(servers, asked, True)), {})}
        return Reply(body | ({"tenant_usage_links": links} if links else {}))
