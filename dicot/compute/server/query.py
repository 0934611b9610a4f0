"""What a list of servers is asked for (nova/api/openstack/compute/servers.py, ``_get_servers``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ...caller import Caller
from ...cloud.reading.shelf import Query
from ...faults import BadRequest, Forbidden
from ...moments import stamp
from ...spellings import FALSE, TRUE
from ...web.dialect import Version
from ..parameters import MOMENTS, PAGING, REGEXES, TEXTS, Schema
from ..times import asked_moment
from ..wire import accepted, forbidden
from .filters import TAG_FILTERS, Wanted, matching
from .sorting import sort_keys, sorted_by
from .states import states_of

Asked = Mapping[str, Sequence[str]]
MAX_LIMIT = 1000
"""Nova's [api] max_limit."""
JOINED = (
    *("block_device_mapping", "services", "metadata", "system_metadata", "info_cache"),
    *("security_groups", "pci_devices"),
)
"""Tables of Nova's that nobody may filter by."""
_SHORT = 200
"""Characters of a query that is remembered."""
# In Nova's order, in which the first mistake is told.
_BEFORE_SORT: Mapping[str, Schema] = {
    **dict.fromkeys(("user_id", "project_id", "tenant_id", "launch_index", "image_ref", "image"), TEXTS),
    **dict.fromkeys(("kernel_id", "ramdisk_id", "hostname", "key_name", "power_state"), REGEXES),
    **dict.fromkeys(("vm_state", "task_state", "host"), TEXTS),
    **dict.fromkeys(("node", "flavor", "reservation_id", "launched_at", "terminated_at"), REGEXES),
    **dict.fromkeys(("availability_zone", "name", "display_name", "description"), REGEXES),
    **dict.fromkeys(("display_description", "locked_by"), REGEXES),
    "uuid": TEXTS,
    **dict.fromkeys(("root_device_name", "config_drive", "access_ip_v4", "access_ip_v6"), REGEXES),
    **dict.fromkeys(("auto_disk_config", "progress"), REGEXES),
}
_AFTER_SORT: Mapping[str, Schema] = {
    **dict.fromkeys(("sort_dir", "all_tenants", "soft_deleted", "deleted", "status"), TEXTS),
    "changes-since": MOMENTS,
    **dict.fromkeys(("ip", "ip6", "created_at"), REGEXES),
    **dict.fromkeys(JOINED, TEXTS),
    **PAGING,
}
# What others than administrators may filter by, and since when.
_ALLOWED: Mapping[Version, tuple[str, ...]] = {
    (2, 1): ("reservation_id", "name", "status", "image", "flavor", "ip", "changes-since", "all_tenants"),
    (2, 5): ("ip6",),
    (2, 26): TAG_FILTERS,
    (2, 66): ("changes-before",),
    (2, 73): ("locked",),
    (2, 83): (
        *("availability_zone", "config_drive", "key_name", "created_at", "launched_at", "terminated_at"),
        *("power_state", "task_state", "vm_state", "progress", "user_id"),
    ),
    (2, 90): ("hostname",),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is wanted: ``project`` narrows a list over all projects to one.

    ``asked`` is what of the query counts at its version.
    """

    query: Query
    everything: bool = False
    project: str | None = None
    nothing: bool = False
    asked: Asked = field(default_factory=dict)


NOTHING = Listing(Query(limit=0), nothing=True)


def schema(version: Version) -> Schema:
    """What a query may say at a version."""
    properties: dict[str, object] = {
        **_BEFORE_SORT,
        "sort_key": {"type": "array", "items": {"type": "string", "enum": sort_keys(version)}},
        **_AFTER_SORT,
    }
    if version >= (2, 26):
        properties |= dict.fromkeys(TAG_FILTERS, REGEXES)
    if version >= (2, 66):
        properties["changes-before"] = MOMENTS
    if version >= (2, 73):
        properties["locked"] = TEXTS
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": version < (2, 75),
        "patternProperties": {"^_": TEXTS},
    }


SCHEMAS: Mapping[Version, Schema] = {since: schema(since) for since in ((2, 1), (2, 26), (2, 66), (2, 73), (2, 75))}


def listing(caller: Caller, version: Version, query: Asked, policy: str) -> Listing:
    """A query, checked. ``policy`` is the operation's name, by which listing all projects is refused.

    Clients ask the same again and again. Raises BadRequest and Forbidden in Nova's words.
    """
    said = tuple([(key, *values) for key, values in query.items()])
    read = _read_once if sum([len(text) for texts in said for text in texts]) <= _SHORT else _read
    return read(caller.admin, version, said, policy)


def _read(admin: bool, version: Version, said: tuple[tuple[str, ...], ...], policy: str) -> Listing:
    query: Asked = {key: values for key, *values in said}
    query = accepted([found for since, found in SCHEMAS.items() if since <= version][-1], query)
    asked = _permitted(admin, version, {key: values[-1] for key, values in query.items()})
    for key in asked:
        if key in JOINED or key.startswith("_"):
            raise BadRequest(f"Invalid filter field: {key}.")
    everything = _is_everything(admin, asked, policy)
    states, tasks = _states(version, query, asked)
    if not states and "status" in query:
        return NOTHING
    if "deleted" in states and not admin and len(states) == 1:
        raise Forbidden("Only administrators may list deleted instances")
    wanted = _wanted(asked, states, tasks)
    if asked.get("deleted", "").strip().lower() in TRUE:
        return NOTHING
    return Listing(
        query=Query(
            limit=min(int(asked_limit(query)), MAX_LIMIT),
            marker=query.get("marker", ("",))[-1],
            match=matching(wanted),
            sort=sorted_by(admin, version, query),
        ),
        everything=everything,
        project=(asked.get("project_id") or asked.get("tenant_id")) if everything else None,
        asked=query,
    )


_read_once = lru_cache(128)(_read)


def asked_limit(query: Asked) -> int:
    """The limit that a query names."""
    return int(query.get("limit", (str(MAX_LIMIT),))[-1])


def _permitted(admin: bool, version: Version, asked: dict[str, str]) -> dict[str, str]:
    """Without what this caller may not filter by: it is left out, not refused."""
    if admin:
        return {key: value for key, value in asked.items() if key not in ("sort_key", "sort_dir", "limit", "marker")}
    allowed = {key for since, keys in _ALLOWED.items() if since <= version for key in keys}
    return {key: value for key, value in asked.items() if key in allowed}


def _is_everything(admin: bool, asked: dict[str, str], policy: str) -> bool:
    if "all_tenants" not in asked:
        return False
    if asked["all_tenants"] and not _flag(asked["all_tenants"]):
        return False
    if not admin:
        raise forbidden(f"{policy}:get_all_tenants")
    return True


def _flag(text: str) -> bool:
    """As oslo_utils.strutils.bool_from_string, strict."""
    word = text.strip().lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    acceptable = ", ".join(f"'{each}'" for each in sorted(TRUE | FALSE))
    raise BadRequest(f"Unrecognized value '{text}', acceptable values are: {acceptable}")


def _states(version: Version, query: Asked, asked: dict[str, str]) -> tuple[frozenset[str], frozenset[str]]:
    """The states and tasks that the wanted statuses stand for, none where no status is named."""
    if "status" not in query:
        return frozenset(), frozenset()
    found = states_of(query["status"])
    if not found[0] and version >= (2, 38):
        raise BadRequest("Invalid status value")
    return found


def _wanted(asked: dict[str, str], states: frozenset[str], tasks: frozenset[str]) -> Wanted:
    since, before = (asked_moment(asked.get(key)) for key in ("changes-since", "changes-before"))
    if since is not None and before is not None and before < since:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    texts = {key: value for key, value in asked.items() if key not in TAG_FILTERS}
    if states:
        texts.pop("vm_state", None)
        if tasks:
            texts.pop("task_state", None)
    return Wanted(
        texts=texts,
        tags={key: tuple(asked[key].split(",")) for key in TAG_FILTERS if key in asked},
        states=states,
        tasks=tasks,
        since="" if since is None else stamp(since),
        before="" if before is None else stamp(before),
        locked=None if "locked" not in asked else _flag(asked["locked"]),
    )
