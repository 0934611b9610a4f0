"""Merging of what somebody applies into what is there (structured-merge-diff, merge/update.go)."""

from __future__ import annotations

from typing import Any

from dicot.kube.kind import Manifest

from ..structural.node import Node
from .fieldset import Path, is_atomic, list_type, member, step


def merged(live: Any, applied: Any, node: Node | None, *, root: bool = False) -> Any:
    """The live object with all that was applied; lists with keys and sets are merged."""
    if isinstance(applied, dict) and isinstance(live, dict) and not is_atomic(node):
        found = dict(live)
        for name, value in applied.items():
            part = member(node, name, root=root)
            found[name] = merged(live[name], value, part) if name in live else value
        return found
    if isinstance(applied, list) and isinstance(live, list) and list_type(node) != "atomic":
        return _list(live, applied, node)
    return applied


def _list(live: list[Any], applied: list[Any], node: Node | None) -> list[Any]:
    """In the order that was applied; what it does not name stays behind what it followed."""
    assert node is not None
    given = {step(node, item): item for item in applied}
    there = {step(node, item): item for item in live}
    found: list[Any] = []
    rest = list(given)
    for name, item in there.items():
        if name not in given:
            found.append(item)
            continue
        while rest and name in rest:
            first = rest.pop(0)
            found.append(merged(there[first], given[first], node.items) if first in there else given[first])
    return found + [given[name] for name in rest]


def without(document: Manifest, gone: frozenset[Path], kept: frozenset[Path], node: Node | None) -> Manifest:
    """The object without fields that nobody owns any more. What holds an owned field stays."""
    found: Manifest = _without(document, gone, kept, node, (), root=True)
    return found


def _without(
    value: Any, gone: frozenset[Path], kept: frozenset[Path], node: Node | None, path: Path, *, root: bool = False
) -> Any:
    if isinstance(value, dict) and not is_atomic(node):
        found = {}
        for name, each in value.items():
            inside = (*path, f"f:{name}")
            if inside in gone and inside not in kept:
                continue
            left = _without(each, gone, kept, member(node, name, root=root), inside)
            # An object or list that lost all that was in it goes too, unless somebody owns it.
            if left in ({}, []) and each not in ({}, []) and inside not in kept:
                continue
            found[name] = left
        return found
    if isinstance(value, list) and list_type(node) != "atomic" and node is not None:
        items = []
        for item in value:
            inside = (*path, step(node, item))
            if inside in gone and not any(other[: len(inside)] == inside for other in kept):
                continue
            items.append(_without(item, gone, kept, node.items, inside))
        return items
    return value
