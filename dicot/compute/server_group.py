"""Server groups: which servers share a node, and which must not (N-32)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ..cloud.kinds.kubevirt import VM, of_group
from ..cloud.kinds.quota import RESOURCE_QUOTA
from ..cloud.plan import Create, Delete, Plan, Reservation
from ..cloud.reading.shelf import Entry, Query, Shape
from ..cloud.resource import (
    ADMIN,
    MEMBER,
    READER,
    Bench,
    Join,
    Joined,
    Known,
    Listed,
    Resource,
    Right,
    Source,
    settled,
)
from ..faults import BadRequest, Fault, Forbidden, NotFound
from ..kube.errors import OverQuota
from ..kube.kind import Kind, Meta, Row
from ..names import ID, is_uuid, object_name
from ..web.call import Call, Reply, enclosed, pieces
from ..web.dialect import Version
from .parameters import MAX_DIGITS, NAME, NON_NEGATIVE_INTEGER, POSITIVE_INTEGER, TEXTS
from .quota import limits_of
from .validation import Schema, check_body, check_query
from .wire import MAX_LIMIT, STRICT, Document, check_bare, query_schema, schema_at

POLICY = "os_compute_api:os-server-groups"
AFFINITY, ANTI_AFFINITY, SOFT_AFFINITY, SOFT_ANTI_AFFINITY = (
    *("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"),
)
HARD = [ANTI_AFFINITY, AFFINITY]
ALL = [*HARD, SOFT_ANTI_AFFINITY, SOFT_AFFINITY]
OWNED: Version = (2, 13)
SOFT: Version = (2, 15)
RULES: Version = (2, 64)
BANDS: tuple[Version, ...] = ((2, 1), OWNED, RULES)
"""The versions at which the document changes."""
NUMBERS: Schema = {"type": "array", "items": NON_NEGATIVE_INTEGER}
PARAMETERS = {"all_projects": TEXTS, "limit": NUMBERS, "offset": NUMBERS}
LIST_QUERIES = (((2, 1), query_schema(PARAMETERS)), (STRICT, query_schema(PARAMETERS, strict=True)))
FURTHEST = 1 << 40
"""An offset behind everything."""


class ServerGroupSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``maxServerPerHost`` is None where nothing was said, which counts as 1."""

    formatVersion: int = 1
    name: str = ""
    policy: str = ANTI_AFFINITY
    maxServerPerHost: int | None = None
    userId: str = ""


class ServerGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """A server group. Its members are the VirtualMachines that carry its id in a label."""

    metadata: Meta = Meta()
    spec: ServerGroupSpec = ServerGroupSpec()


def by_id(row: Row, body: ServerGroup) -> tuple[str, ...]:
    """By its id, which is how servers name it."""
    return (f"{row.namespace}/{row.id}",)


SERVER_GROUP = Kind("compute.dicot.io", "v1", "servergroups", "ServerGroup", ServerGroup, by_id)


def _body(policy: Mapping[str, Schema], required: str) -> Schema:
    group = {
        "type": "object",
        "properties": {"name": NAME, **policy},
        "required": ["name", required],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"server_group": group},
        "required": ["server_group"],
        "additionalProperties": False,
    }


def _policies(words: list[str]) -> Mapping[str, Schema]:
    one = {"type": "string", "enum": words}
    return {"policies": {"type": "array", "prefixItems": [one], "uniqueItems": True, "minItems": 1, "maxItems": 1}}


_RULES: Schema = {
    "type": "object",
    "properties": {"max_server_per_host": POSITIVE_INTEGER},
    "additionalProperties": False,
}
SCHEMAS: tuple[tuple[Version, Schema], ...] = (
    ((2, 1), _body(_policies(HARD), "policies")),
    (SOFT, _body(_policies(ALL), "policies")),
    (RULES, _body({"policy": {"type": "string", "enum": ALL}, "rules": _RULES}, "policy")),
)


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A checked body."""

    name: str
    policy: str
    most: int | None = None


def decoder(schema: Schema) -> Callable[[object], NewGroup]:
    """What reads a body of a version."""

    def decode(content: object) -> NewGroup:
        check_body(schema, content)
        assert isinstance(content, dict)
        said: dict[str, Any] = content["server_group"]
        if "policies" in said:
            return NewGroup(said["name"], said["policies"][0])
        rules = said.get("rules", {})
        if rules and said["policy"] != ANTI_AFFINITY:
            raise BadRequest("Only anti-affinity policy supports rules.")
        most = rules.get("max_server_per_host")
        return NewGroup(said["name"], said["policy"], None if most is None else int(most))

    return decode


def entry(joined: Joined, now: float) -> Listed:
    """A group, listed: the oldest first."""
    row = joined.row
    return Listed(Entry(place=row.place, scope=row.namespace, id=row.id, order=f"{row.created}\0{row.id}"))


def document(joined: Joined, shape: Shape, now: float) -> Document:
    """A group, shown (nova/api/openstack/compute/server_groups.py, _format_server_group)."""
    members = [row.id for row, _ in joined.all(VM)]
    return shown(joined.row.id, joined.main(SERVER_GROUP).spec, joined.project, members, BANDS[shape[1]])


def shown(id: str, spec: ServerGroupSpec, project: str, members: list[str], version: Version) -> Document:
    """A group at a version."""
    found: Document = {"id": id, "name": spec.name, "members": members}
    if version >= RULES:
        most = spec.maxServerPerHost
        found |= {"policy": spec.policy, "rules": {} if most is None else {"max_server_per_host": most}}
    else:
        found |= {"policies": [spec.policy], "metadata": {}}
    return found | ({"project_id": project, "user_id": spec.userId} if version >= OWNED else {})


def shape_of(version: Version) -> Shape:
    """The shape in which a version shows groups."""
    return ("group", sum(since <= version for since in BANDS) - 1, False)


def creation(new: NewGroup, id: str, known: Known) -> Plan:
    """A group of the caller's project, within its quota."""
    spec = ServerGroupSpec(name=new.name, policy=new.policy, maxServerPerHost=new.most, userId=known.caller.user)
    body = {
        "apiVersion": SERVER_GROUP.api_version,
        "kind": SERVER_GROUP.singular,
        "metadata": {"name": object_name(new.name, id), "namespace": known.caller.namespace, "labels": {ID: id}},
        "spec": {"formatVersion": 1, **msgspec.to_builtins(spec)},
    }
    return Plan(
        id=id,
        commit=Create(SERVER_GROUP, body),
        reserve=reservation(known),
        refusals={OverQuota: lambda error: too_many()},
    )


def reservation(known: Known) -> Reservation | None:
    """One group of the quota, None where that has no limit."""
    limit = limits_of(known)["server_groups"]
    if limit < 0:
        return None
    used = sum(row.namespace == known.caller.namespace for row, _ in known.rows(SERVER_GROUP))
    name = "server_groups"
    return Reservation({name: 1}, {name: used}, {name: limit}, lambda taken: too_many())


def too_many() -> Fault:
    """The refusal of a further group."""
    return Forbidden("Quota exceeded, too many server groups.", kind="OverQuota")


def missing(id: str) -> Fault:
    """Nova's InstanceGroupNotFound."""
    return NotFound(f"Instance group {id} could not be found.")


def number(call: Call[Any], key: str) -> int:
    """A number out of a checked query; 0 where it is not said."""
    text = call.query.get(key, ("0",))[-1][:MAX_DIGITS]
    return min(int(text), FURTHEST)


def routes(bench: Bench) -> None:
    """Reading."""

    @bench.routes.get("/os-server-groups", f"{POLICY}:index")
    async def index(call: Call[None]) -> Reply:
        check_query(schema_at(LIST_QUERIES, call.version), call.query)
        offset, limit = number(call, "offset"), min(number(call, "limit") or MAX_LIMIT, MAX_LIMIT)
        scopes = bench.reader.scopes(call.caller, everything="all_projects" in call.query)
        page = await settled(bench.reader.page(scopes, Query(limit=offset + limit), shape_of(call.version)))
        return Reply(enclosed(b'{"server_groups": [', [page.parts[offset:]], b"]}"))

    @bench.routes.get("/os-server-groups/<id>", f"{POLICY}:show")
    async def show(call: Call[None]) -> Reply:
        check_bare(call)
        part = await bench.reader.show(call.caller, call.names["id"], shape_of(call.version))
        if part is None:
            raise missing(call.names["id"])
        return Reply(pieces(b'{"server_group": ', part, b"}"))

    write_routes(bench)


def write_routes(bench: Bench) -> None:
    """Making and removing."""
    bodies = tuple((since, decoder(schema)) for since, schema in SCHEMAS)

    @bench.routes.write("POST", "/os-server-groups", f"{POLICY}:create", bodies)
    async def create(call: Call[NewGroup]) -> Reply:
        id = bench.new_id()
        row = await bench.writer.apply(
            call.caller, call.request_id, lambda: creation(call.body, id, bench.known(call.caller))
        )
        assert row is not None
        made = shown(id, SERVER_GROUP.read(row).spec, call.caller.project, [], call.version)
        return Reply({"server_group": made})

    @bench.routes.write("DELETE", "/os-server-groups/<id>", f"{POLICY}:delete")
    async def delete(call: Call[None]) -> Reply:
        id = call.names["id"]
        if is_uuid(id) and bench.known(call.caller).find(SERVER_GROUP, id) is None:
            await bench.verify(SERVER_GROUP, call.caller, id)

        def plan() -> Plan:
            found = bench.known(call.caller).find(SERVER_GROUP, id)
            if found is None:
                raise missing(id)
            row = found[0]
            return Plan(id=row.id, commit=Delete(SERVER_GROUP, row.namespace, row.name, row.uid))

        await bench.writer.apply(call.caller, call.request_id, plan)
        return Reply(None, 204)


SERVER_GROUPS = Resource(
    name="server-groups",
    register=routes,
    sources=(
        Source(
            SERVER_GROUP, entry, document, (Join(VM, lambda row, body: (f"{row.namespace}/{of_group(row.id)}",)),)
        ),
    ),
    reads=(RESOURCE_QUOTA,),
    policy={
        f"{POLICY}:index": READER,
        f"{POLICY}:index:all_projects": ADMIN,
        f"{POLICY}:show": READER,
        f"{POLICY}:create": MEMBER,
        f"{POLICY}:delete": MEMBER,
    },
    rights={
        "member": (Right("compute.dicot.io", "servergroups", ("create", "get", "delete"), "server groups"),),
        "own": (Right("compute.dicot.io", "servergroups", ("get",), "judges whether a noted group was made"),),
    },
    crds=("servergroups.compute.dicot.io",),
    extensions={"os-server-groups": "ServerGroups"},
)
