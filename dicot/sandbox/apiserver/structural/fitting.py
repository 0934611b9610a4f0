"""Custom objects made to fit their schema: defaults put in, what is unknown and what is null taken away.

As apiextensions-apiserver does when it decodes (pkg/apiserver/schema/defaulting and pruning).
"""

from typing import Any

from .node import Node

_META = ("apiVersion", "kind", "metadata")


def fit(manifest: dict[str, Any], node: Node) -> list[str]:
    """Change an object in place; the paths of what was not known, in order."""
    unknown: list[str] = []
    _object(manifest, node, "", unknown)
    return sorted(unknown)


def _object(found: dict[str, Any], node: Node, path: str, unknown: list[str]) -> None:
    for name, default, nullable in node.defaults:
        if name not in found or (found[name] is None and not nullable):
            found[name] = copied(default)
    properties, additional = node.properties, node.additional
    for name in list(found):
        # What every object has is looked after elsewhere.
        if name in _META and (not path or node.embedded):
            continue
        child = properties.get(name) or additional
        if child is None:
            if not node.preserves:
                unknown.append(f"{path}.{name}" if path else name)
                del found[name]
            continue
        value = found[name]
        if type(value) is dict:
            _object(value, child, f"{path}.{name}" if path else name, unknown)
        elif type(value) is list:
            _list(value, child, f"{path}.{name}" if path else name, unknown)
        elif value is None and child.stops_null:
            del found[name]


def _list(found: list[Any], node: Node, path: str, unknown: list[str]) -> None:
    items = node.items
    if items is None:
        if not node.preserves:
            for place, value in enumerate(found):
                _nothing(value, f"{path}[{place}]", unknown)
        return
    for place, value in enumerate(found):
        if type(value) is dict:
            _object(value, items, f"{path}[{place}]", unknown)
        elif type(value) is list:
            _list(value, items, f"{path}[{place}]", unknown)


def _nothing(value: Any, path: str, unknown: list[str]) -> None:
    """Below something that has no schema nothing is known."""
    if isinstance(value, dict):
        unknown.extend(f"{path}.{name}" for name in value)
        value.clear()


def copied(value: Any) -> Any:
    """A value that nobody else has."""
    if type(value) is dict:
        return {name: copied(each) for name, each in value.items()}
    if type(value) is list:
        return [copied(each) for each in value]
    return value
