"""Servers, read: N-03, the reading half of N-05, N-20."""

import msgspec

from ...caller import Caller
from ...cloud.reading.shelf import Shape, Text, UnknownMarker
from ...cloud.resource import Bench, settled
from ...faults import BadRequest, NotFound
from ...web.call import Call, Pieces, Reply, enclosed, pieces
from ...web.dialect import Version
from ..wire import check_bare, next_links
from .actions import missing
from .query import Listing, listing
from .view import BRIEF, DETAIL, SHOW, Document, band

POLICY = "os_compute_api:servers"


def reading(bench: Bench) -> None:
    """Lists, and one server."""

    async def listed(call: Call[None], view: str, path: str, policy: str) -> Reply:
        wanted = listing(call.caller, call.version, call.query, policy)
        shape: Shape = (view, 0, False) if view == BRIEF else (view, band(call.version), call.caller.admin)
        if wanted.nothing:
            return Reply({"servers": []})
        try:
            page = await settled(bench.reader.text(_scopes(bench, call.caller, wanted), wanted.query, shape))
        except UnknownMarker:
            raise BadRequest(f"marker [{wanted.query.marker}] not found") from None
        further = next_links(bench.config, path, wanted.asked, page.count, page.last)
        return Reply(wrapped(page, further))

    @bench.routes.get("/servers", f"{POLICY}:index")
    async def index(call: Call[None]) -> Reply:
        return await listed(call, BRIEF, "servers", f"{POLICY}:index")

    @bench.routes.get("/servers/detail", f"{POLICY}:detail")
    async def detail(call: Call[None]) -> Reply:
        return await listed(call, DETAIL, "servers/detail", f"{POLICY}:detail")

    @bench.routes.get("/servers/<id>", f"{POLICY}:show")
    async def show(call: Call[None]) -> Reply:
        part = await shown(bench, call, call.names["id"])
        return Reply(pieces(b'{"server": ', part, b"}"))


async def shown(bench: Bench, call: Call[None], id: str) -> bytes:
    """One server's document. Raises NotFound."""
    check_bare(call)
    return await fragment(bench, call.caller, call.version, id)


async def fragment(bench: Bench, caller: Caller, version: Version, id: str) -> bytes:
    """A server's finished document. Below 2.71 one server looks as in the long list, so they share it."""
    view = SHOW if version >= (2, 71) else DETAIL
    part = await bench.reader.show(caller, id, (view, band(version), caller.admin))
    if part is None:
        raise missing(id)
    return part


def _scopes(bench: Bench, caller: Caller, wanted: Listing) -> tuple[str, ...]:
    """Own servers; all for a cloud admin who asks for them, of one project where one is named."""
    scopes = bench.reader.scopes(caller, everything=wanted.everything)
    if wanted.project is None:
        return scopes
    namespace = bench.known(caller).project_ids().get(wanted.project)
    return (namespace,) if namespace in scopes else ()


def wrapped(page: Text, further: list[dict[str, str]]) -> Pieces:
    """Documents as a list."""
    links = b', "servers_links": ' + msgspec.json.encode(further) if further else b""
    return enclosed(b'{"servers": [', page.runs, b"]" + links + b"}")


def addresses(bench: Bench) -> None:
    """N-20."""

    async def found(call: Call[None]) -> Document:
        document = msgspec.json.decode(await shown(bench, call, call.names["id"]))
        return {
            network: [{"version": each["version"], "addr": each["addr"]} for each in listed]
            for network, listed in document["addresses"].items()
        }

    @bench.routes.get("/servers/<id>/ips", "os_compute_api:ips:index")
    async def index(call: Call[None]) -> Reply:
        return Reply({"addresses": await found(call)})

    @bench.routes.get("/servers/<id>/ips/<label>", "os_compute_api:ips:show")
    async def show(call: Call[None]) -> Reply:
        networks, label = await found(call), call.names["label"]
        if label not in networks:
            raise NotFound("Instance is not a member of specified network")
        return Reply({label: networks[label]})
