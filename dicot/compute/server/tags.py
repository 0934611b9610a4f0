"""A server's tags (N-19), one JSON list in an annotation (nova/api/openstack/compute/server_tags.py).

A lock does not keep them from being changed, in Nova neither.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ...cloud.plan import Plan
from ...cloud.resource import MEMBER, READER, Bench, Resource
from ...faults import BadRequest, NotFound
from ...names import TAGS
from ...web.call import Call, Reply
from ...web.dialect import Version
from .. import parameters
from ..links import here
from ..parameters import MOST_TAGS
from ..validation import Schema, check_body, validator
from . import notes
from .actions import check_state
from .lookup import act, current
from .noting import NOTERS, READS, SETTLED, noted
from .present import Present

POLICY = "os_compute_api:os-server-tags"
SINCE: Version = (2, 26)
URL, ITEM = "/servers/<id>/tags", "/servers/<id>/tags/<tag>"
ALL: Schema = {
    "type": "object",
    "properties": {"tags": parameters.TAGS},
    "required": ["tags"],
    "additionalProperties": False,
}
NONE: Schema = {"type": "null"}
Tags = Sequence[str]


def several(body: object) -> Tags:
    """The decoder of a whole set; each counts once."""
    check_body(ALL, body)
    assert isinstance(body, dict)
    return list(dict.fromkeys(body["tags"]))


def nothing(body: object) -> None:
    """The decoder where the address says all."""
    check_body(NONE, body)


def check_tag(tag: str) -> None:
    """Raises BadRequest for what cannot be a tag."""
    for error in validator(parameters.TAG).iter_errors(tag):
        raise BadRequest(
            f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. "
            f"Validation error message: {error.message}"
        )


def added(server: Present, tag: str) -> list[str] | None:
    """The tags with one more, None where it is there already. A full set has no room even for one that it has."""
    check_state(server, "update tag", SETTLED)
    check_tag(tag)
    held = notes.tags(server.vm)
    if len(held) >= MOST_TAGS:
        raise BadRequest(f"The number of tags exceeded the per-server limit {MOST_TAGS}")
    return None if tag in held else [*held, tag]


def removed(server: Present, tag: str) -> list[str]:
    """The tags without one. Raises NotFound."""
    check_state(server, "delete tag", SETTLED)
    held = notes.tags(server.vm)
    if tag not in held:
        raise NotFound(f"Instance {server.row.id} has no tag '{tag}'")
    return [each for each in held if each != tag]


def routes(bench: Bench) -> None:
    """Registers the operations."""
    reading(bench)
    changing_all(bench)
    changing_one(bench)


def reading(bench: Bench) -> None:
    """All tags, and whether there is one."""

    @bench.routes.get(URL, f"{POLICY}:index", since=SINCE)
    async def index(call: Call[None]) -> Reply:
        server = await current(bench, call.caller, call.names["id"])
        return Reply({"tags": notes.tags(server.vm)})

    @bench.routes.get(ITEM, f"{POLICY}:show", since=SINCE)
    async def show(call: Call[None]) -> Reply:
        server, tag = await current(bench, call.caller, call.names["id"]), call.names["tag"]
        if tag not in notes.tags(server.vm):
            raise NotFound(f"Server {server.row.id} has no tag '{tag}'")
        return Reply(None, 204)


def changing_all(bench: Bench) -> None:
    """Another set, or none."""

    async def replace(call: Call[Any], action: str, tags: Tags) -> None:
        def derive(server: Present) -> Plan:
            check_state(server, action, SETTLED)
            return noted(server, TAGS, tags, bench.now())

        await act(bench, call, derive)

    @bench.routes.write("PUT", URL, f"{POLICY}:update_all", [(SINCE, several)], since=SINCE)
    async def update_all(call: Call[Tags]) -> Reply:
        await replace(call, "update tags", call.body)
        return Reply({"tags": call.body})

    @bench.routes.write("DELETE", URL, f"{POLICY}:delete_all", since=SINCE)
    async def delete_all(call: Call[None]) -> Reply:
        await replace(call, "delete tags", ())
        return Reply(None, 204)


def changing_one(bench: Bench) -> None:
    """One more, or one less."""

    @bench.routes.write("PUT", ITEM, f"{POLICY}:update", [(SINCE, nothing)], since=SINCE)
    async def update(call: Call[None]) -> Reply:
        tag, is_new = call.names["tag"], False

        def derive(server: Present) -> Plan | None:
            nonlocal is_new
            tags = added(server, tag)
            is_new = tags is not None
            return noted(server, TAGS, tags, bench.now()) if is_new else None

        server = await act(bench, call, derive)
        if not is_new:
            return Reply(None, 204)
        return Reply(None, 201, {"Location": here(bench.config, "servers", server.row.id, "tags", quote(tag))})

    @bench.routes.write("DELETE", ITEM, f"{POLICY}:delete", since=SINCE)
    async def delete(call: Call[None]) -> Reply:
        tag = call.names["tag"]
        await act(bench, call, lambda server: noted(server, TAGS, removed(server, tag), bench.now()))
        return Reply(None, 204)


SERVER_TAGS = Resource(
    name="server-tags",
    register=routes,
    reads=READS,
    policy={
        f"{POLICY}:index": READER,
        f"{POLICY}:show": READER,
        f"{POLICY}:update": MEMBER,
        f"{POLICY}:update_all": MEMBER,
        f"{POLICY}:delete": MEMBER,
        f"{POLICY}:delete_all": MEMBER,
    },
    rights=NOTERS,
)
