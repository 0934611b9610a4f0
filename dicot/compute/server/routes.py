"""Servers over HTTP: N-03 to N-06 and N-20."""

from dataclasses import replace
from urllib.parse import urlencode

import msgspec

from ...caller import Caller
from ...cloud.kinds.kubevirt import VM
from ...cloud.resource import Bench, Known, settled
from ...cloud.shelf import Page, Shape, UnknownMarker
from ...faults import BadRequest, NotFound
from ...names import is_uuid
from ...web.call import Call, Pieces, Reply
from ...web.dialect import Version
from ..links import here, links
from ..validation import check_query
from . import actions
from .present import Present, present
from .query import MAX_LIMIT, Listing, asked_limit, listing
from .quota import too_many
from .secrets import password, reservation_id
from .spec import create as planned
from .update import update as updated
from .view import BRIEF, DETAIL, SHOW, Document, band
from .wish import CREATES, UPDATES, Changes, NewServer, Reboot, anything, reboot

POLICY = "os_compute_api:servers"
STRICT: Version = (2, 102)
ALL_SHOWN: Version = (2, 75)
NO_QUERY = {"type": "object", "properties": {}, "additionalProperties": False}
LESS_SHOWN = (
    *("OS-EXT-AZ:availability_zone", "config_drive", "key_name", "security_groups", "host_status"),
    *("OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at", "os-extended-volumes:volumes_attached"),
    *("OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-EXT-STS:power_state"),
)
"""What the answer to an update leaves out before 2.75, beside everything of administrators."""


def routes(bench: Bench) -> None:
    """Registers the operations."""
    reading(bench)
    addresses(bench)
    creating(bench)
    changing(bench)
    powering(bench)


async def current(bench: Bench, caller: Caller, id: str) -> Present:
    """The server of an id as the cache has it, after one live look where it has none. Raises NotFound."""
    found = bench.known(caller).find(VM, id)
    if found is None and is_uuid(id) and await bench.verify(VM, caller, id):
        found = bench.known(caller).find(VM, id)
    if found is None:
        raise actions.missing(id)
    server = present(beside(bench, caller, found[0].namespace), id, bench.now())
    if server is None:
        raise actions.missing(id)
    return server


def beside(bench: Bench, caller: Caller, namespace: str) -> Known:
    """The cache as seen from a server's own project: for cloud admins, who find servers of any."""
    if namespace == caller.namespace:
        return bench.known(caller)
    return bench.known(replace(caller, namespace=namespace, project=bench.known(caller).project(namespace)))


def again(bench: Bench, caller: Caller, server: Present) -> Present:
    """The same server as it is by now: plans are derived again after a conflict."""
    found = present(beside(bench, caller, server.row.namespace), server.row.id, bench.now())
    if found is None:
        raise actions.missing(server.row.id)
    return found


def reading(bench: Bench) -> None:
    """Lists, and one server."""

    async def listed(call: Call[None], view: str, path: str, policy: str) -> Reply:
        wanted = listing(call.caller, call.version, call.query, policy)
        shape: Shape = (view, 0, False) if view == BRIEF else (view, band(call.version), call.caller.admin)
        if wanted.nothing:
            return Reply({"servers": []})
        try:
            page = await settled(bench.reader.page(_scopes(bench, call.caller, wanted), wanted.query, shape))
        except UnknownMarker:
            raise BadRequest(f"marker [{wanted.query.marker}] not found") from None
        return Reply(Pieces(wrapped(page, _next(bench, call, path, page))))

    @bench.routes.get("/servers", f"{POLICY}:index", hot=True)
    async def index(call: Call[None]) -> Reply:
        return await listed(call, BRIEF, "servers", f"{POLICY}:index")

    @bench.routes.get("/servers/detail", f"{POLICY}:detail", hot=True)
    async def detail(call: Call[None]) -> Reply:
        return await listed(call, DETAIL, "servers/detail", f"{POLICY}:detail")

    @bench.routes.get("/servers/<id>", f"{POLICY}:show", hot=True)
    async def show(call: Call[None]) -> Reply:
        part = await shown(bench, call, call.names["id"])
        return Reply(Pieces([b'{"server": ', part, b"}"]))


async def shown(bench: Bench, call: Call[None], id: str) -> bytes:
    """One server's document. Raises NotFound."""
    if call.version >= STRICT:
        check_query(NO_QUERY, call.query)
    return await fragment(bench, call.caller, call.version, id)


async def fragment(bench: Bench, caller: Caller, version: Version, id: str) -> bytes:
    """A server's finished document. Below 2.71 one server looks as in the long list, so they share it."""
    view = SHOW if version >= (2, 71) else DETAIL
    part = await bench.reader.show(caller, id, (view, band(version), caller.admin))
    if part is None:
        raise actions.missing(id)
    return part


def _scopes(bench: Bench, caller: Caller, wanted: Listing) -> tuple[str, ...]:
    """Own servers; all for a cloud admin who asks for them, of one project where one is named."""
    scopes = bench.reader.scopes(caller, everything=wanted.everything)
    if wanted.project is None:
        return scopes
    namespace = bench.known(caller).project_ids().get(wanted.project)
    return (namespace,) if namespace in scopes else ()


def wrapped(page: Page, further: list[Document]) -> list[bytes]:
    """Fragments as the pieces of a list."""
    pieces = [b'{"servers": [']
    for number, part in enumerate(page.parts):
        if number:
            pieces.append(b", ")
        pieces.append(part)
    end = b', "servers_links": ' + msgspec.json.encode(further) if further else b""
    return [*pieces, b"]", end, b"}"]


def _next(bench: Bench, call: Call[None], path: str, page: Page) -> list[Document]:
    """The link to what follows, wherever a page is full, as Nova does."""
    most = min(asked_limit(call.query), MAX_LIMIT)
    if not most or len(page.parts) != most:
        return []
    asked = {key: call.query[key][-1] for key in sorted(call.query)} | {"marker": page.last}
    return [{"rel": "next", "href": f"{here(bench.config, path)}?{urlencode(asked)}"}]


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


def creating(bench: Bench) -> None:
    """N-04."""

    @bench.routes.write("POST", "/servers", f"{POLICY}:create", CREATES)
    async def create(call: Call[NewServer]) -> Reply:
        wanted, caller = call.body, call.caller
        ids = tuple(bench.new_id() for _ in range(min(wanted.most, _room(bench, wanted))))
        reservation = reservation_id(bench.new_id())
        made = await bench.writer.apply_many(
            caller,
            call.request_id,
            lambda: planned(wanted, bench.known(caller), ids, reservation, call.request_id, bench.now()),
            wanted.least,
        )
        if wanted.wants_reservation:
            return Reply({"reservation_id": reservation}, 202)
        secret = wanted.admin_pass if wanted.admin_pass is not None else password(bench.new_id())
        first = next(id for id in ids if id in made)
        groups = ["default"] if wanted.security_groups is None else wanted.security_groups
        document = {
            "id": first,
            "links": links(bench.config, "servers", first),
            "OS-DCF:diskConfig": wanted.disk_config,
            "security_groups": [{"name": name} for name in groups],
            "adminPass": secret,
        }
        return Reply({"server": document}, 202, {"Location": here(bench.config, "servers", first)})


def _room(bench: Bench, wanted: NewServer) -> int:
    """No more than the quota could ever hold, so that a great max_count costs nothing; at least what must be."""
    limit = bench.config.quota.get("instances", -1)
    most = MAX_LIMIT if limit < 0 else limit
    if wanted.least > max(most, 1):
        raise too_many("instances", most, 0, wanted.least)
    return max(most, wanted.least)


def changing(bench: Bench) -> None:
    """Update and delete."""

    @bench.routes.write("PUT", "/servers/<id>", f"{POLICY}:update", UPDATES)
    async def update(call: Call[Changes]) -> Reply:
        server = await current(bench, call.caller, call.names["id"])
        await bench.writer.apply(
            call.caller,
            call.request_id,
            lambda: updated(again(bench, call.caller, server), call.body, bench.now()),
        )
        part = await fragment(bench, call.caller, call.version, server.row.id)
        document = msgspec.json.decode(part, type=Document)
        return Reply({"server": document if call.version >= ALL_SHOWN else lessened(document)})

    @bench.routes.write("DELETE", "/servers/<id>", f"{POLICY}:delete")
    async def delete(call: Call[None]) -> Reply:
        server = await current(bench, call.caller, call.names["id"])
        plan = actions.delete(server, call.caller)
        if plan is not None:
            await bench.writer.apply(call.caller, call.request_id, lambda: plan)
        return Reply(None, 204)


def lessened(document: Document) -> Document:
    """The answer to an update before 2.75."""
    found = {
        key: value
        for key, value in document.items()
        if key not in LESS_SHOWN and not key.startswith("OS-EXT-SRV-ATTR:")
    }
    found["addresses"] = {
        network: [{"version": each["version"], "addr": each["addr"]} for each in listed]
        for network, listed in document["addresses"].items()
    }
    return found


def powering(bench: Bench) -> None:
    """N-06."""
    url = "/servers/<id>/action"

    @bench.routes.action(url, "os-start", f"{POLICY}:start", [((2, 1), anything)])
    async def start(call: Call[None]) -> Reply:
        server = await current(bench, call.caller, call.names["id"])
        await bench.writer.apply(
            call.caller, call.request_id, lambda: actions.start(again(bench, call.caller, server), call.caller)
        )
        return Reply(None, 202)

    @bench.routes.action(url, "os-stop", f"{POLICY}:stop", [((2, 1), anything)])
    async def stop(call: Call[None]) -> Reply:
        server = await current(bench, call.caller, call.names["id"])
        await bench.writer.apply(
            call.caller,
            call.request_id,
            lambda: actions.stop(again(bench, call.caller, server), call.caller),
        )
        return Reply(None, 202)

    @bench.routes.action(url, "reboot", f"{POLICY}:reboot", [((2, 1), reboot)])
    async def rebooted(call: Call[Reboot]) -> Reply:
        server = await current(bench, call.caller, call.names["id"])
        if not call.body.hard:
            try:
                await bench.writer.apply(
                    call.caller,
                    call.request_id,
                    lambda: actions.soft_reboot(again(bench, call.caller, server), call.caller),
                )
            except actions.Deaf:
                pass
            else:
                return Reply(None, 202)
        await bench.writer.apply(
            call.caller,
            call.request_id,
            lambda: actions.restart(again(bench, call.caller, server), call.caller, bench.now(), hard=call.body.hard),
        )
        return Reply(None, 202)
