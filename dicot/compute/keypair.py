"""Key pairs: owned by users, not by projects (N-28)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..caller import Caller
from ..cloud.kinds.quota import RESOURCE_QUOTA
from ..cloud.plan import Claim, Create, Delete, Plan, Reservation
from ..cloud.resource import ANY, Bench, Known, Resource, Right
from ..faults import BadRequest, Conflict, Fault, Forbidden, NotFound
from ..kube.errors import Exists
from ..kube.kind import Row
from ..names import ID, SYSTEM_NAMESPACE, derived
from ..web.call import Call, Reply
from ..web.dialect import Version
from .keys import fingerprint, generated
from .kinds import KEYPAIR, Keypair, keypair_object
from .parameters import NAME, PAGING, TEXTS
from .quota import limits_of
from .validation import Schema, check_body
from .wire import STRICT, Document, Query, accepted, forbidden, limit_of, next_links, query_schema

TYPES: Version = (2, 2)
OF_USERS: Version = (2, 10)
PAGES: Version = (2, 35)
IMPORT_ONLY: Version = (2, 92)
POLICY = "os_compute_api:os-keypairs"
TEXT: Schema = {"type": "string"}
NARROW: Schema = {
    "allOf": [NAME, {"type": "string", "pattern": r"^[_\- a-zA-Z0-9]+$", "minLength": 1, "maxLength": 255}]
}
WIDE: Schema = {
    "allOf": [NAME, {"type": "string", "pattern": r"^[_\-\@\. a-zA-Z0-9]+$", "minLength": 1, "maxLength": 255}]
}
KIND: Schema = {"type": "string", "enum": ["ssh", "x509"]}


def _body(properties: dict[str, Schema], required: list[str]) -> Schema:
    keypair = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"keypair": keypair},
        "required": ["keypair"],
        "additionalProperties": False,
    }


PLAIN: dict[str, Schema] = {"name": NARROW, "public_key": TEXT}
TYPED: dict[str, Schema] = {"name": NARROW, "type": KIND, "public_key": TEXT}
OWNED: dict[str, Schema] = {**TYPED, "user_id": TEXT}
SCHEMAS: tuple[tuple[Version, Schema], ...] = (
    ((2, 1), _body(PLAIN, ["name"])),
    (TYPES, _body(TYPED, ["name"])),
    (OF_USERS, _body(OWNED, ["name"])),
    (IMPORT_ONLY, _body({**OWNED, "name": WIDE}, ["name", "public_key"])),
)
QUERIES = tuple(query_schema({"user_id": TEXTS}, strict=strict) for strict in (False, True))
PAGED_QUERIES = tuple(query_schema({"user_id": TEXTS, **PAGING}, strict=strict) for strict in (False, True))


@dataclass(frozen=True, slots=True)
class NewKeypair:
    """A checked body; without a public key one is made, and its private half given once."""

    name: str
    type: str
    public_key: str | None
    user: str


def decoder(schema: Schema) -> Callable[[object], NewKeypair]:
    """What reads a body of a version."""

    def decode(content: object) -> NewKeypair:
        check_body(schema, content)
        assert isinstance(content, dict)
        said: dict[str, str] = content["keypair"]
        return NewKeypair(
            said["name"].strip(), said.get("type", "ssh"), said.get("public_key"), said.get("user_id", "")
        )

    return decode


def creation(new: NewKeypair, public_key: str, known: Known) -> Plan:
    """The claim of the name, then the Keypair, within the quota of its user."""
    name, id = keypair_object(new.user, new.name), derived("keypair", new.user, new.name)
    spec = {
        "formatVersion": 1,
        "name": new.name,
        "userId": new.user,
        "type": new.type,
        "publicKey": public_key,
        "fingerprint": fingerprint(public_key, new.type),
    }
    body = {
        "apiVersion": KEYPAIR.api_version,
        "kind": KEYPAIR.singular,
        "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": {ID: id}},
        "spec": spec,
    }
    return Plan(
        id=id,
        commit=Create(KEYPAIR, body, own=True),
        claims=(claim(new.user, new.name),),
        reserve=reservation(known, new.user),
        refusals={Exists: taken(new)},
    )


def reservation(known: Known, user: str) -> Reservation | None:
    """One keypair of a user's, of all that are in any project; None where there is no limit."""
    limit = limits_of(known)["key_pairs"]
    if limit < 0:
        return None
    name = f"key_pairs/{user}"
    return Reservation({name: 1}, {name: len(known.linked(KEYPAIR, user))}, {name: limit}, lambda used: too_many())


def check_room(known: Known, user: str) -> None:
    """Raises Forbidden before a key is made in vain; what counts is the reservation."""
    wanted = reservation(known, user)
    if wanted and any(wanted.used[name] >= limit for name, limit in wanted.limits.items()):
        raise too_many()


def too_many() -> Fault:
    """The refusal of a further one."""
    return Forbidden("Quota exceeded, too many key pairs.")


def claim(user: str, name: str) -> Claim:
    """The claim of a keypair's name: exact case, within its user."""
    place = f"{KEYPAIR.resource} {SYSTEM_NAMESPACE}/{keypair_object(user, name)}"
    return Claim("keypair", user, name, derived("keypair", user, name), place)


def taken(new: NewKeypair) -> Callable[[Any], Fault]:
    """The refusal of a name that is used."""
    return lambda error: Conflict(f"Key pair '{new.name}' already exists.")


def found(known: Known, user: str, name: str) -> tuple[Row, Keypair]:
    """A user's keypair by name. Raises NotFound."""
    for row, body in known.linked(KEYPAIR, user):
        if body.spec.name == name:
            return row, body
    raise NotFound(f"Keypair {name} not found for user {user}")


async def sought(bench: Bench, caller: Caller, user: str, name: str) -> None:
    """One live look for a keypair that the cache has not: another replica may have made it just now."""
    if bench.known(caller).named(KEYPAIR, keypair_object(user, name)) is None:
        await bench.seek(KEYPAIR, caller, derived("keypair", user, name))


def shown(body: Keypair, version: Version) -> Document:
    """A keypair in a list (nova/api/openstack/compute/views/keypairs.py)."""
    spec = body.spec
    brief: Document = {"name": spec.name, "public_key": spec.publicKey, "fingerprint": spec.fingerprint}
    return brief | ({"type": spec.type} if version >= TYPES else {})


def whole(row: Row, body: Keypair, version: Version) -> Document:
    """A keypair by itself. Its id is a number in Nova; this one is made of the object's."""
    return {
        **shown(body, version),
        "user_id": body.spec.userId,
        "created_at": f"{row.created.rstrip('Z')}.000000",
        "deleted": False,
        "deleted_at": None,
        "updated_at": None,
        "id": int(hashlib.sha256(row.uid.encode()).hexdigest()[:7], 16) + 1,
    }


def owner(call: Call[Any], operation: str, asked: str) -> str:
    """Whose keypairs are meant: the caller's own, or for admins anybody's. Raises Forbidden."""
    user = asked or call.caller.user
    if user != call.caller.user and not call.caller.admin:
        raise forbidden(f"{POLICY}:{operation}")
    return user


def asked_user(call: Call[Any]) -> str:
    """The query's user_id, from the version on that has it."""
    return call.query.get("user_id", ("",))[0] if call.version >= OF_USERS else ""


def check(call: Call[Any], *, paged: bool) -> Query:
    """What of the query counts, by version."""
    if call.version < OF_USERS:
        return {}
    queries = PAGED_QUERIES if paged and call.version >= PAGES else QUERIES
    return accepted(queries[call.version >= STRICT], call.query)


def routes(bench: Bench) -> None:
    """Reading."""

    @bench.routes.get("/os-keypairs", f"{POLICY}:index")
    def index(call: Call[None]) -> Reply:
        query = check(call, paged=True)
        user = owner(call, "index", asked_user(call))
        mine = sorted(bench.known(call.caller).linked(KEYPAIR, user), key=lambda pair: pair[1].spec.name)
        page = after(mine, query.get("marker", ("",))[-1])[: limit_of(query)]
        body: Document = {"keypairs": [{"keypair": shown(keypair, call.version)} for _, keypair in page]}
        last = page[-1][1].spec.name if page else ""
        further = next_links(bench.config, "os-keypairs", query, len(page), last)
        return Reply(body | ({"keypairs_links": further} if further and call.version >= PAGES else {}))

    @bench.routes.get("/os-keypairs/<name>", f"{POLICY}:show")
    async def show(call: Call[None]) -> Reply:
        check(call, paged=False)
        user, name = owner(call, "show", asked_user(call)), call.names["name"]
        await sought(bench, call.caller, user, name)
        row, body = found(bench.known(call.caller), user, name)
        return Reply({"keypair": whole(row, body, call.version)})

    write_routes(bench)


def write_routes(bench: Bench) -> None:
    """Making and removing."""
    bodies = tuple((since, decoder(schema)) for since, schema in SCHEMAS)

    @bench.routes.write("POST", "/os-keypairs", f"{POLICY}:create", bodies)
    async def create(call: Call[NewKeypair]) -> Reply:
        new = replace(call.body, user=owner(call, "create", call.body.user))
        check_room(bench.known(call.caller), new.user)
        private, public = "", new.public_key
        if public is None:
            private, public = await bench.in_thread(lambda: generated(new.type, new.user))
        row = await bench.writer.apply(
            call.caller, call.request_id, lambda: creation(new, public, bench.known(call.caller))
        )
        assert row is not None
        answer = {**shown(KEYPAIR.read(row), call.version), "user_id": new.user}
        return Reply(
            {"keypair": answer | ({"private_key": private} if private else {})}, 201 if call.version >= TYPES else 200
        )

    @bench.routes.write("DELETE", "/os-keypairs/<name>", f"{POLICY}:delete")
    async def delete(call: Call[None]) -> Reply:
        check(call, paged=False)
        user, name = owner(call, "delete", asked_user(call)), call.names["name"]
        await sought(bench, call.caller, user, name)

        def plan() -> Plan:
            row, _ = found(bench.known(call.caller), user, name)
            step = Delete(KEYPAIR, row.namespace, row.name, row.uid, own=True)
            return Plan(id=row.id, commit=step, drops=(claim(user, name),))

        await bench.writer.apply(call.caller, call.request_id, plan)
        return Reply(None, 204 if call.version >= TYPES else 202)


def after(keypairs: list[tuple[Row, Keypair]], marker: str) -> list[tuple[Row, Keypair]]:
    """Those behind the marker, a name. Raises BadRequest."""
    if not marker:
        return keypairs
    for place, (_, body) in enumerate(keypairs):
        if body.spec.name == marker:
            return keypairs[place + 1 :]
    raise BadRequest(f"Marker {marker} could not be found.")


def claimed(row: Row, body: Keypair) -> Claim:
    """The claim that a Keypair should have, whoever made it."""
    place = f"{KEYPAIR.resource} {row.place}"
    return Claim("keypair", body.spec.userId, body.spec.name, row.id, place)


KEYPAIRS = Resource(
    name="keypairs",
    register=routes,
    reads=(KEYPAIR, RESOURCE_QUOTA),
    policy={f"{POLICY}:{operation}": ANY for operation in ("index", "show", "create", "delete")},
    rights={"own": (Right("compute.dicot.io", "keypairs", ("get", "create", "delete"), "users' key pairs"),)},
    crds=("keypairs.compute.dicot.io",),
    claims={KEYPAIR: claimed},
)
