"""Lists as Neutron gives them: filters, sorting, pages and chosen fields, over documents.

The rules and texts are those of neutron/api/api_common.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any
from urllib.parse import urlencode

from ..faults import BadRequest
from .attributes import Attribute
from .driver import Document

Query = Mapping[str, Sequence[str]]
NO_FILTERS = frozenset({"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query, checked. ``limit`` 0 is no paging; ``sorts`` pairs of attribute and ascending."""

    filters: Mapping[str, tuple[Any, ...]]
    fields: tuple[str, ...]
    sorts: tuple[tuple[str, bool], ...]
    limit: int
    marker: str
    reverse: bool


def wanted(query: Query, attributes: Mapping[str, Attribute]) -> Wanted:
    """What a query asks for. Raises BadRequest in Neutron's words."""
    limit = _limit(query.get("limit", ("0",))[0])
    return Wanted(
        filters=_filters(query, attributes),
        fields=tuple(field for field in query.get("fields", ()) if field),
        sorts=_sorts(query, attributes),
        limit=limit,
        marker=query.get("marker", ("",))[0] if limit else "",
        reverse=query.get("page_reverse", ("false",))[0].lower() == "true",
    )


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    raise BadRequest(f"Bad limit request: Limit must be an integer 0 or greater and not '{text}'.", kind="BadRequest")


def _filters(query: Query, attributes: Mapping[str, Attribute]) -> Mapping[str, tuple[Any, ...]]:
    asked = [key for key in query if key not in NO_FILTERS]
    wrong = [key for key in asked if key not in attributes or not attributes[key].filter]
    if wrong:
        raise BadRequest(f"{wrong} is invalid attribute for filtering", kind="HTTPBadRequest")
    return {key: tuple(attributes[key].read(value) for value in query[key]) for key in asked}


def _sorts(query: Query, attributes: Mapping[str, Attribute]) -> tuple[tuple[str, bool], ...]:
    keys = [key for key in query.get("sort_key", ()) if key]
    directions = [direction for direction in query.get("sort_dir", ()) if direction]
    if len(keys) != len(directions):
        raise BadRequest("The number of sort_keys and sort_dirs must be same")
    absent = [key for key in keys if key not in attributes or not attributes[key].sort]
    if absent:
        raise BadRequest(f"{absent} is invalid attribute for sort_keys")
    invalid = [direction for direction in directions if direction not in ("asc", "desc")]
    if invalid:
        raise BadRequest(f"{invalid} is invalid value for sort_dirs, valid value is 'asc' and 'desc'")
    return tuple(zip(keys, (direction == "asc" for direction in directions), strict=True))


def matches(document: Document, filters: Mapping[str, tuple[Any, ...]]) -> bool:
    """Whether a document has, for each filter, one of its values."""
    return all(_has(document.get(key), key, values) for key, values in filters.items())


def _has(value: Any, key: str, wanted_values: tuple[Any, ...]) -> bool:
    if key == "fixed_ips":
        return any(_has_address(value, text) for text in wanted_values)
    if isinstance(value, list):
        return any(item in wanted_values for item in value)
    return value in wanted_values or (value is None and "" in wanted_values)


def _has_address(addresses: list[Document], text: str) -> bool:
    key, _, value = text.partition("=")
    return any(address.get(key) == value for address in addresses)


def _compare(sorts: tuple[tuple[str, bool], ...]) -> Callable[[Document, Document], int]:
    def compare(one: Document, other: Document) -> int:
        for key, ascending in sorts:
            left, right = one.get(key), other.get(key)
            if left != right:
                less = right is not None and (left is None or left < right)
                return -1 if less == ascending else 1
        return 0

    return compare


def select(documents: Iterable[Document], want: Wanted) -> list[Document]:
    """The documents of a page, whole."""
    found = [document for document in documents if matches(document, want.filters)]
    sorts = want.sorts if any(key == "id" for key, _ in want.sorts) else (*want.sorts, ("id", True))
    if want.sorts or want.limit:
        found.sort(key=cmp_to_key(_compare(sorts)))
    if not want.limit:
        return found
    if want.reverse:
        found.reverse()
    page = _after(found, want.marker)[: want.limit]
    return page[::-1] if want.reverse else page


def _after(found: list[Document], marker: str) -> list[Document]:
    if not marker:
        return found
    for place, document in enumerate(found):
        if document["id"] == marker:
            return found[place + 1 :]
    raise BadRequest(f"Invalid input for operation: marker '{marker}' not found.", kind="InvalidInput")


def trimmed(document: Document, fields: tuple[str, ...]) -> Document:
    """The document with only the fields asked for; all of them where none is named."""
    return {key: document[key] for key in fields if key in document} if fields else document


def answer(name: str, documents: Iterable[Document], want: Wanted, url: str, query: Query) -> Document:
    """The body of a list: ``{name: [...], name_links: [...]}``; ``url`` is the collection's own."""
    page = select(documents, want)
    body: Document = {name: [trimmed(document, want.fields) for document in page]}
    links = _links(page, want, url, query)
    if links:
        body[f"{name}_links"] = links
    return body


def _links(page: list[Document], want: Wanted, url: str, query: Query) -> list[Document]:
    if not want.limit:
        return []
    short = len(page) < want.limit
    kept = [
        (key, value) for key, values in query.items() if key not in ("marker", "page_reverse") for value in values
    ]
    links = []
    if want.reverse or not short:
        marker = [("marker", page[-1]["id"])] if page else []
        links.append({"rel": "next", "href": f"{url}?{urlencode([*kept, *marker])}"})
    if not want.reverse or not short:
        marker = [("marker", page[0]["id"])] if page else []
        links.append({"rel": "previous", "href": f"{url}?{urlencode([*kept, *marker, ('page_reverse', 'True')])}"})
    return links
