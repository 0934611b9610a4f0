"""JSON patches (RFC 6902), with the freedoms of the API server's library (evanphx/json-patch, v4)."""

from copy import deepcopy
from typing import Any

_NOTHING = object()


class Unfit(Exception):
    """The patch does not apply."""


def patched(document: Any, steps: list[Any]) -> Any:
    """The document (changed in place) after all steps. Raises Unfit."""
    for step in steps:
        document = _step(document, step)
    return document


def _step(document: Any, step: Any) -> Any:
    path = _path(step.get("path"))
    match step.get("op"):
        case "add":
            return _added(document, path, _value(step))
        case "replace":
            return _replaced(document, path, _value(step))
        case "remove":
            _removed(document, path)
        case "test":
            _test(document, path, step.get("value"))
        case "move":
            return _added(document, path, _removed(document, _path(step.get("from"))))
        case "copy":
            return _added(document, path, deepcopy(_found(document, _path(step.get("from")))))
        case other:
            raise Unfit(f"Unexpected kind: {other}")
    return document


def _path(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise Unfit("a path that is none")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _value(step: Any) -> Any:
    return deepcopy(step.get("value"))


def _added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, len(parent)), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise Unfit("the parent of what is added is not there")
    return document


def _replaced(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent[_index(parent, last, len(parent) - 1)] = value
    elif isinstance(parent, dict):
        # What is replaced need not be there.
        parent[last] = value
    else:
        raise Unfit("the parent of what is replaced is not there")
    return document


def _removed(document: Any, path: list[str]) -> Any:
    if not path:
        raise Unfit("all of it cannot be removed")
    parent, last = _found(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        return parent.pop(_index(parent, last, len(parent) - 1))
    if isinstance(parent, dict) and last in parent:
        return parent.pop(last)
    raise Unfit("what is removed is not there")


def _test(document: Any, path: list[str], value: Any) -> None:
    try:
        found = _found(document, path)
    except Unfit:
        # Null is what is not there, as long as its parent is.
        if value is not None or not path:
            raise
        _found(document, path[:-1])
        return
    if not same(found, value):
        raise Unfit("a test failed")


def _found(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, list):
            document = document[_index(document, part, len(document) - 1)]
        elif isinstance(document, dict):
            document = document.get(part, _NOTHING)
        else:
            document = _NOTHING
        if document is _NOTHING:
            raise Unfit("a path leads nowhere")
    return document


def _index(items: list[Any], text: str, last: int) -> int:
    """Where a step goes in a list; negative numbers count from the end."""
    try:
        index = int(text)
    except ValueError:
        raise Unfit("no index of a list") from None
    if index < 0:
        index += len(items)
    if not 0 <= index <= last:
        raise Unfit("an index outside its list")
    return index


def same(one: Any, other: Any) -> bool:
    """Equality of JSON, where true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
