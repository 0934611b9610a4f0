"""What ``GET /v2/images`` may ask: filters, sorting, paging (glance/api/v2/images.py, glance/common/utils.py)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..faults import BadRequest

Document = dict[str, Any]
Test = Callable[[Document], bool]
SORT_KEYS = ("name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at")
VISIBILITIES = ("community", "public", "private", "shared", "all")
MEMBER_STATUSES = ("pending", "accepted", "rejected", "all")
LISTABLE = frozenset({"container_format", "disk_format", "id", "name", "status"})
MOMENTS = frozenset({"created_at", "updated_at"})
NUMBERS = frozenset({"min_disk", "min_ram"})
DEFAULT_LIMIT = 25
MAX_LIMIT = 1000
COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "gt": lambda value, edge: value > edge,
    "gte": lambda value, edge: value >= edge,
    "lt": lambda value, edge: value < edge,
    "lte": lambda value, edge: value <= edge,
    "neq": lambda value, edge: value != edge,
    "eq": lambda value, edge: value == edge,
}
_ITEM = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)",?|([^,]+),?|,')
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\Z")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query, checked. ``sorts`` are (key, ascending) pairs."""

    tests: tuple[Test, ...]
    sorts: tuple[tuple[str, bool], ...]
    limit: int
    marker: str
    ids: frozenset[str] | None


def wanted(query: Mapping[str, Sequence[str]]) -> Wanted:
    """What a query asks for. Raises BadRequest in Glance's words."""
    filters = {key: values[-1] for key, values in query.items()}
    for key in ("limit", "marker", "sort", "sort_key", "sort_dir", "tag", "member_status"):
        filters.pop(key, None)
    _member_status(query)
    tests = [_tagged(tag.strip()) for tag in query.get("tag", ())]
    tests += [_test(key, value) for key, value in filters.items()]
    if "visibility" not in filters:
        tests.append(lambda image: image["visibility"] != "community")
    if "os_hidden" not in filters:
        tests.append(_flag("os_hidden", "false"))
    ids = filters.get("id", "")
    return Wanted(
        tests=tuple(tests),
        sorts=_sorts(query),
        limit=_limit(query),
        marker=query.get("marker", ("",))[-1],
        ids=frozenset(_listed(ids[3:])) if ids.startswith("in:") else None,
    )


def _member_status(query: Mapping[str, Sequence[str]]) -> None:
    status = query.get("member_status", ("accepted",))[-1]
    if status not in MEMBER_STATUSES:
        raise BadRequest(f"Invalid status: {status}")


def _limit(query: Mapping[str, Sequence[str]]) -> int:
    text = query.get("limit", (str(DEFAULT_LIMIT),))[-1]
    try:
        limit = int(text) if len(text) < 20 else MAX_LIMIT
    except ValueError:
        raise BadRequest("limit param must be an integer") from None
    if limit < 0:
        raise BadRequest("limit param must be positive")
    return min(limit, MAX_LIMIT)


def _sorts(query: Mapping[str, Sequence[str]]) -> tuple[tuple[str, bool], ...]:
    if "sort" in query:
        if "sort_key" in query or "sort_dir" in query:
            raise BadRequest("Old and new sorting syntax cannot be combined")
        pairs = [part.partition(":") for part in query["sort"][-1].strip().split(",")]
        keys = [key.strip() for key, _, _ in pairs]
        directions = [direction.strip() or "desc" for _, _, direction in pairs]
    else:
        keys = [key.strip() for key in query.get("sort_key", ())]
        directions = [direction.strip() for direction in query.get("sort_dir", ())]
        if len(directions) > 1 and len(directions) != len(keys):
            raise BadRequest("Number of sort dirs does not match the number of sort keys")
    for key in keys:
        if key not in SORT_KEYS:
            raise BadRequest(f"Invalid sort key: {key}. It must be one of the following: {', '.join(SORT_KEYS)}.")
    for direction in directions:
        if direction not in ("asc", "desc"):
            raise BadRequest(f"Invalid sort direction: {direction}")
    keys = keys or ["created_at"]
    directions = directions or ["desc"]
    directions = directions * len(keys) if len(directions) == 1 else directions
    return tuple(zip(keys, (direction == "asc" for direction in directions), strict=True))


def _tagged(tag: str) -> Test:
    return lambda image: tag in image["tags"]


def _test(key: str, value: str) -> Test:
    if key == "visibility":
        return _visibility(value)
    if key in ("os_hidden", "protected"):
        return _flag(key, value)
    if key == "changes-since":
        raise BadRequest('The "changes-since" filter is no longer available on v2.')
    if key in ("size_min", "size_max"):
        return _bound(key, value)
    if key in MOMENTS:
        return _moment(key, value)
    if key in LISTABLE and value.startswith("in:"):
        listed = frozenset(_listed(value[3:]))
        return lambda image: image[key] in listed
    if key in NUMBERS:
        return lambda image: str(image[key]) == value
    return lambda image: image.get(key) == value


def _visibility(value: str) -> Test:
    if value not in VISIBILITIES:
        raise BadRequest(f"Invalid visibility value: {value}")
    return lambda image: value in ("all", image["visibility"])


def _flag(key: str, value: str) -> Test:
    word = value.lower() if key == "os_hidden" else value
    if word not in ("true", "false"):
        raise BadRequest(f"Invalid value '{value}' for '{key}' filter. Valid values are 'true' or 'false'.")
    return lambda image: image[key] == (word == "true")


def _bound(key: str, value: str) -> Test:
    if not value.isascii() or not value.isdigit() or len(value) > 20:
        raise BadRequest(f"Unable to filter by invalid value: {value}.")
    bound = int(value)
    if key == "size_min":
        return lambda image: image["size"] is not None and image["size"] >= bound
    return lambda image: image["size"] is not None and image["size"] <= bound


def _moment(key: str, value: str) -> Test:
    operator, separator, edge = value.partition(":")
    if _MOMENT.match(value) or not separator:
        operator, edge = "eq", value
    if operator not in COMPARE:
        raise BadRequest("Unable to filter on a unknown operator.")
    if not _MOMENT.match(edge):
        raise BadRequest(f"Invalid time format for {key}.")
    compare, edge = COMPARE[operator], edge.replace(" ", "T")
    return lambda image: compare(image[key].rstrip("Z"), edge.rstrip("Z"))


def _listed(text: str) -> list[str]:
    """The values of an ``in:`` filter, by commas and quotes."""
    opened = True
    for place, letter in enumerate(text):
        if letter != '"' or (place and text[place - 1] == "\\"):
            continue
        if opened and place and text[place - 1] != ",":
            raise BadRequest(f"Invalid filter value {text}. There is no comma before opening quotation mark.")
        if not opened and place + 1 != len(text) and text[place + 1] != ",":
            raise BadRequest(f"Invalid filter value {text}. There is no comma after closing quotation mark.")
        opened = not opened
    if not opened:
        raise BadRequest(f"Invalid filter value {text}. The quote is not closed.")
    return [quoted or plain for quoted, plain in _ITEM.findall(text)]
