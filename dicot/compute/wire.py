"""What Nova's resources have in common: queries, pages (nova/api/openstack/common.py), the refusal by policy."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from ..config import Config
from ..faults import Forbidden
from ..web.call import Call
from ..web.dialect import Version
from .links import here
from .validation import Schema, check_query

Query = Mapping[str, Sequence[str]]
Document = dict[str, Any]
MAX_LIMIT = 1000
STRICT: Version = (2, 75)
"""Since when lists refuse parameters that they do not know."""
BARE: Version = (2, 102)
"""Since when what has no parameters refuses all."""


def limit_of(query: Query) -> int:
    """How many a page may hold, of a checked query: at most 1,000."""
    text = query.get("limit", (str(MAX_LIMIT),))[-1]
    return min(MAX_LIMIT, int(text)) if len(text) < 19 else MAX_LIMIT


def next_links(config: Config, collection: str, query: Query, count: int, last: str) -> list[dict[str, str]]:
    """The link to the next page, where this one is full.

    Of what is repeated all goes along but the limit. Nova keeps one of each, and forgets what else it was to sort by.
    """
    limit = limit_of(query)
    if not limit or count != limit:
        return []
    said = tuple([(key, *values) for key, values in query.items()])
    return [{"rel": "next", "href": f"{here(config, collection)}?{_continued(said, last)}"}]


@lru_cache(64)
def _continued(said: tuple[tuple[str, ...], ...], last: str) -> str:
    """The query of the next page: clients ask for the same page again and again."""
    kept = {key: values[-1:] if key == "limit" else values for key, *values in said if key != "marker"}
    return urlencode([*sorted(kept.items()), ("marker", [last])], doseq=True)


def accepted(schema: Schema, query: Query) -> Query:
    """What of a query counts: nothing that its schema lets pass without a name. Raises BadRequest.

    Names that begin with _ stay, for those who refuse them (nova/api/validation, _strip_additional_query_parameters).
    """
    check_query(schema, query)
    known = schema["properties"]
    return {key: values for key, values in query.items() if key in known or key.startswith("_")}


def query_schema(properties: Mapping[str, Schema], *, strict: bool = False) -> Schema:
    """A schema of query parameters, given as lists of values; ``strict`` refuses unknown ones."""
    return {"type": "object", "properties": properties, "additionalProperties": not strict}


NO_QUERY = query_schema({}, strict=True)


def schema_at(schemas: Sequence[tuple[Version, Schema]], version: Version) -> Schema:
    """The last of the schemas whose version is not above this one."""
    return next(schema for since, schema in reversed(schemas) if since <= version)


def check_bare(call: Call[Any]) -> None:
    """Raises BadRequest for parameters of what has none."""
    if call.version >= BARE:
        check_query(NO_QUERY, call.query)


def forbidden(operation: str) -> Forbidden:
    """A refusal by policy (nova/exception.py, PolicyNotAuthorized)."""
    return Forbidden(f"Policy doesn't allow {operation} to be performed.")
