"""A server's metadata (N-18), one JSON object in an annotation (nova/api/openstack/compute/server_metadata.py)."""

from collections.abc import Callable, Mapping
from typing import Any

from ...caller import Caller
from ...cloud.kinds.quota import RESOURCE_QUOTA
from ...cloud.plan import Plan
from ...cloud.resource import MEMBER, READER, Bench, Resource
from ...faults import BadRequest, Conflict, NotFound
from ...names import METADATA
from ...web.call import Call, Reply
from ...web.dialect import Version
from .. import parameters
from ..validation import Schema, check_body
from ..wire import check_bare
from . import notes
from .actions import check
from .lookup import act, current
from .noting import NOTERS, READS, SETTLED, noted
from .present import Present
from .quota import check_items
from .view import launched

POLICY = "os_compute_api:server-metadata"
URL, ITEM = "/servers/<id>/metadata", "/servers/<id>/metadata/<key>"
Metadata = Mapping[str, str]


def _body(name: str, content: Schema) -> Schema:
    return {"type": "object", "properties": {name: content}, "required": [name], "additionalProperties": False}


ALL = _body("metadata", parameters.METADATA)
ONE = _body("meta", {**parameters.METADATA, "minProperties": 1, "maxProperties": 1})


def several(body: object) -> Metadata:
    """The decoder of a whole set."""
    return _checked(ALL, body, "metadata")


def single(body: object) -> Metadata:
    """The decoder of one item."""
    return _checked(ONE, body, "meta")


def _checked(schema: Schema, body: object, name: str) -> Metadata:
    check_body(schema, body)
    assert isinstance(body, dict)
    found: Metadata = body[name]
    return found


def check_change(server: Present, caller: Caller, action: str) -> None:
    """Raises Conflict where Nova lets nobody change metadata: whatever the task, but not before the first launch."""
    check(server, caller, action, SETTLED, None)
    if not server.seen.launched and launched(server.vm, server.seen.vmi) is None:
        raise Conflict(f"Instance {server.row.id} is in an invalid state for '{action}'")


async def change(
    bench: Bench, call: Call[Any], action: str, derive: Callable[[Metadata], Metadata]
) -> dict[str, str]:
    """Gives the server of a call what is derived of its present metadata; that is returned."""
    given: dict[str, str] = {}

    def planned(server: Present) -> Plan:
        check_change(server, call.caller, action)
        wanted = derive(notes.metadata(server.vm))
        check_items(wanted, bench.known(call.caller))
        given.clear()
        given.update(wanted)
        return noted(server, METADATA, dict(wanted), bench.now())

    await act(bench, call, planned)
    return given


def routes(bench: Bench) -> None:
    """Registers the operations."""
    reading(bench)
    writing(bench)


def reading(bench: Bench) -> None:
    """All items, and one."""

    async def found(call: Call[None]) -> dict[str, str]:
        check_bare(call)
        return notes.metadata((await current(bench, call.caller, call.names["id"])).vm)

    @bench.routes.get(URL, f"{POLICY}:index")
    async def index(call: Call[None]) -> Reply:
        return Reply({"metadata": await found(call)})

    @bench.routes.get(ITEM, f"{POLICY}:show")
    async def show(call: Call[None]) -> Reply:
        return Reply({"meta": _item(await found(call), call.names["key"])})


def _item(metadata: Metadata, key: str) -> Metadata:
    if key not in metadata:
        raise NotFound("Metadata item was not found")
    return {key: metadata[key]}


def writing(bench: Bench) -> None:
    """Adding to the items, replacing them, and removing one."""
    everything: Version = (2, 1)

    @bench.routes.write("POST", URL, f"{POLICY}:create", [(everything, several)])
    async def create(call: Call[Metadata]) -> Reply:
        return Reply({"metadata": await change(bench, call, "update metadata", lambda old: {**old, **call.body})})

    @bench.routes.write("PUT", URL, f"{POLICY}:update_all", [(everything, several)])
    async def update_all(call: Call[Metadata]) -> Reply:
        return Reply({"metadata": await change(bench, call, "update metadata", lambda old: call.body)})

    @bench.routes.write("PUT", ITEM, f"{POLICY}:update", [(everything, single)])
    async def update(call: Call[Metadata]) -> Reply:
        await current(bench, call.caller, call.names["id"])
        if call.names["key"] not in call.body:
            raise BadRequest("Request body and URI mismatch")
        await change(bench, call, "update metadata", lambda old: {**old, **call.body})
        return Reply({"meta": call.body})

    @bench.routes.write("DELETE", ITEM, f"{POLICY}:delete")
    async def delete(call: Call[None]) -> Reply:
        key = call.names["key"]
        _item(notes.metadata((await current(bench, call.caller, call.names["id"])).vm), key)
        await change(bench, call, "delete metadata", lambda old: {name: old[name] for name in old if name != key})
        return Reply(None, 204)


SERVER_METADATA = Resource(
    name="server-metadata",
    register=routes,
    reads=(*READS, RESOURCE_QUOTA),
    policy={
        f"{POLICY}:index": READER,
        f"{POLICY}:show": READER,
        f"{POLICY}:create": MEMBER,
        f"{POLICY}:update_all": MEMBER,
        f"{POLICY}:update": MEMBER,
        f"{POLICY}:delete": MEMBER,
    },
    rights=NOTERS,
)
