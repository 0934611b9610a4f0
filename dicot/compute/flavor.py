"""Flavors, shown and listed."""

from collections.abc import Callable, Iterable

from ..caller import Caller
from ..cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE
from ..cloud.resource import ANY, READER, Bench, Known, Resource
from ..config import Config
from ..faults import BadRequest, NotFound
from ..spellings import FALSE, TRUE
from ..web.call import Call, Reply
from ..web.dialect import Version
from .facts import Flavor, flavor_named, flavor_of
from .links import links
from .parameters import PAGING, TEXTS, Schema
from .patterns import Pattern, regex
from .wire import BARE, STRICT, Document, Query, accepted, check_bare, limit_of, next_links, query_schema, schema_at

DESCRIPTION: Version = (2, 55)
EXTRA_SPECS: Version = (2, 61)


def is_public(flavor: Flavor) -> bool:
    """Whether every project has it: instancetypes of a namespace are that project's alone."""
    return not flavor.namespace


def flavors(known: Known) -> Iterable[Flavor]:
    """The flavors a caller may see; of two with one id the public one, then the caller's own.

    Cloud admins see those of every project. Such without processors or memory are none.
    """
    seen: set[str] = set()
    for kind in (CLUSTER_INSTANCETYPE, INSTANCETYPE):
        own = known.caller.namespace
        rows = known.rows(kind, everywhere=True)
        for row, body in sorted(rows, key=lambda found: (found[0].namespace != own, found[0].created)):
            flavor = flavor_of(row, body, kind)
            if flavor.copy.id not in seen and flavor.copy.vcpus > 0 and flavor.copy.ram > 0:
                seen.add(flavor.copy.id)
                yield flavor


SORT_KEYS: dict[str, Callable[[Flavor], str | int | float | bool]] = {
    "flavorid": lambda flavor: flavor.copy.id,
    "name": lambda flavor: flavor.copy.name,
    "memory_mb": lambda flavor: flavor.copy.ram,
    "vcpus": lambda flavor: flavor.copy.vcpus,
    "root_gb": lambda flavor: flavor.copy.disk,
    "ephemeral_gb": lambda flavor: flavor.copy.ephemeral,
    "swap": lambda flavor: flavor.copy.swap,
    "rxtx_factor": lambda flavor: flavor.rxtx_factor,
    "is_public": lambda flavor: is_public(flavor),
    "description": lambda flavor: flavor.description or "",
}
UNTOLD = ("created_at", "disabled", "id", "updated_at", "vcpu_weight")
"""Sort keys that Nova's schema takes and that tell flavors of a cluster apart no further than their ids do."""


def parameters(sort_keys: Iterable[str]) -> dict[str, Schema]:
    """What a list may be asked, in Nova's order."""
    return {
        **PAGING,
        "is_public": TEXTS,
        "minRam": TEXTS,
        "minDisk": TEXTS,
        "sort_key": {"type": "array", "items": {"type": "string", "enum": sorted(sort_keys)}},
        "sort_dir": {"type": "array", "items": {"type": "string", "enum": ["asc", "desc"]}},
    }


ALL_KEYS = (*SORT_KEYS, *UNTOLD)
BARE_PARAMETERS = {**parameters(key for key in ALL_KEYS if key != "rxtx_factor"), "name": TEXTS}
QUERIES = (
    ((2, 1), query_schema(parameters(ALL_KEYS))),
    (STRICT, query_schema(parameters(ALL_KEYS), strict=True)),
    (BARE, query_schema(BARE_PARAMETERS, strict=True)),
)


def brief(flavor: Flavor, version: Version, config: Config) -> Document:
    """A flavor in a plain list (nova/api/openstack/compute/views/flavors.py)."""
    found: Document = {
        "id": flavor.copy.id,
        "name": flavor.copy.name,
        "links": links(config, "flavors", flavor.copy.id),
    }
    if version >= DESCRIPTION:
        found["description"] = flavor.description
    return found


def whole(flavor: Flavor, version: Version, config: Config, with_specs: bool) -> Document:
    """A flavor with all that it has at a version."""
    found: Document = {
        **brief(flavor, version, config),
        "ram": flavor.copy.ram,
        "disk": flavor.copy.disk,
        "swap": flavor.copy.swap or (0 if version >= STRICT else ""),
        "OS-FLV-EXT-DATA:ephemeral": flavor.copy.ephemeral,
        "vcpus": flavor.copy.vcpus,
        "os-flavor-access:is_public": is_public(flavor),
    }
    if version < BARE:
        found |= {"OS-FLV-DISABLED:disabled": False, "rxtx_factor": flavor.rxtx_factor or ""}
    if version >= EXTRA_SPECS and with_specs:
        found["extra_specs"] = flavor.copy.extraSpecs
    return found


def select(known: Iterable[Flavor], query: Query, caller: Caller) -> list[Flavor]:
    """The flavors of a page (nova/objects/flavor.py, _flavor_get_all_from_db). Raises BadRequest in Nova's words."""
    public = _public(query) if caller.admin else True
    least_ram, least_disk = _least(query, "minRam"), _least(query, "minDisk")
    name = _pattern(query["name"][-1]) if "name" in query else None
    found = [
        flavor
        for flavor in _after(_sorted(known, query), query)
        if (public is None or public == is_public(flavor) or (public and flavor.namespace == caller.namespace))
        and flavor.copy.ram >= least_ram
        and flavor.copy.disk >= least_disk
        and (name is None or name.found(flavor.copy.name))
    ]
    return found[: limit_of(query)]


def _public(query: Query) -> bool | None:
    text = query.get("is_public", ("true",))[-1]
    word = text.strip().lower()
    if word == "none":
        return None
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise BadRequest(f"Invalid is_public filter [{text}]")


def _least(query: Query, key: str) -> int:
    text = query.get(key, ("0",))[-1]
    try:
        return int(text[:20])
    except ValueError:
        raise BadRequest(f"Invalid {key} filter [{text}]") from None


def _pattern(text: str) -> Pattern:
    """A name's pattern. Nova lets any text through to its database, which fails on what is none."""
    try:
        return regex(text)
    except ValueError:
        raise BadRequest(f"Invalid name filter [{text}]") from None


def _sorted(known: Iterable[Flavor], query: Query) -> list[Flavor]:
    key = SORT_KEYS.get(query.get("sort_key", ("flavorid",))[-1], SORT_KEYS["flavorid"])
    backwards = query.get("sort_dir", ("asc",))[-1] == "desc"
    return sorted(known, key=lambda flavor: (key(flavor), flavor.copy.id), reverse=backwards)


def _after(found: list[Flavor], query: Query) -> list[Flavor]:
    marker = query.get("marker", ("",))[-1]
    if not marker:
        return found
    for place, flavor in enumerate(found):
        if flavor.copy.id == marker:
            return found[place + 1 :]
    raise BadRequest(f"marker [{marker}] not found")


def _may_see_specs(call: Call[None]) -> bool:
    return bool(call.caller.personas & READER)


def routes(bench: Bench) -> None:
    """N-26."""

    def listed(call: Call[None], detail: bool) -> Reply:
        query = accepted(schema_at(QUERIES, call.version), call.query)
        page = select(flavors(bench.known(call.caller)), query, call.caller)
        specs = _may_see_specs(call)
        body: Document = {
            "flavors": [
                whole(flavor, call.version, bench.config, specs)
                if detail
                else brief(flavor, call.version, bench.config)
                for flavor in page
            ]
        }
        collection = "flavors/detail" if detail else "flavors"
        further = next_links(bench.config, collection, query, len(page), page[-1].copy.id if page else "")
        return Reply(body | ({"flavors_links": further} if further else {}))

    @bench.routes.get("/flavors", "os_compute_api:flavors")
    def index(call: Call[None]) -> Reply:
        return listed(call, False)

    @bench.routes.get("/flavors/detail", "os_compute_api:flavors")
    def detail(call: Call[None]) -> Reply:
        return listed(call, True)

    @bench.routes.get("/flavors/<id>", "os_compute_api:flavors")
    def show(call: Call[None]) -> Reply:
        flavor = one(bench, call)
        return Reply({"flavor": whole(flavor, call.version, bench.config, _may_see_specs(call))})


def one(bench: Bench, call: Call[None]) -> Flavor:
    """The flavor that a path names, where the query says nothing that it may not. Raises BadRequest and NotFound."""
    check_bare(call)
    flavor = flavor_named(bench.known(call.caller), call.names["id"], everywhere=True)
    if flavor is None:
        raise NotFound(f"Flavor {call.names['id']} could not be found.")
    return flavor


def spec_routes(bench: Bench) -> None:
    """N-27."""

    @bench.routes.get("/flavors/<id>/os-extra_specs", "os_compute_api:os-flavor-extra-specs:index")
    def index(call: Call[None]) -> Reply:
        return Reply({"extra_specs": one(bench, call).copy.extraSpecs})

    @bench.routes.get("/flavors/<id>/os-extra_specs/<key>", "os_compute_api:os-flavor-extra-specs:show")
    def show(call: Call[None]) -> Reply:
        flavor, key = one(bench, call), call.names["key"]
        if key not in flavor.copy.extraSpecs:
            raise NotFound(f"Flavor {flavor.copy.id} has no extra specs with key {key}.")
        return Reply({key: flavor.copy.extraSpecs[key]})


FLAVORS = Resource(
    name="flavors",
    register=routes,
    reads=(CLUSTER_INSTANCETYPE, INSTANCETYPE),
    policy={"os_compute_api:flavors": ANY},
)
EXTRA_SPEC = Resource(
    name="flavor-extra-specs",
    register=spec_routes,
    reads=(CLUSTER_INSTANCETYPE, INSTANCETYPE),
    policy={
        "os_compute_api:os-flavor-extra-specs:index": READER,
        "os_compute_api:os-flavor-extra-specs:show": READER,
    },
)
