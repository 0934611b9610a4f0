"""Lists that are sets or maps hold nothing twice (apiextensions-apiserver, pkg/apiserver/schema/listtype)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..refusal import Cause
from . import causes
from .node import Node


class Lists:
    """Where in a schema such lists are. Only ways that lead to one are walked."""

    __slots__ = ("_additional", "_items", "_keys", "_properties", "_set", "leads")

    def __init__(self, node: Node, within: tuple[Node, ...] = ()) -> None:
        inside = (*within, node)
        kind = node.schema.get("x-kubernetes-list-type")
        self._set = kind == "set"
        self._keys: tuple[str, ...] = ()
        if kind == "map":
            self._keys = tuple(node.schema.get("x-kubernetes-list-map-keys", ()))
        below = {name: Lists(each, inside) for name, each in node.properties.items() if each not in inside}
        self._properties = {name: each for name, each in below.items() if each.leads}
        self._additional = _leading(node.additional, inside)
        self._items = _leading(node.items, inside)
        self.leads: bool = bool(self._set or self._keys or self._properties or self._additional or self._items)

    def doubled(self, value: Any, path: str = "") -> list[Cause]:
        """What is there twice."""
        return list(self._walk(value, path)) if self.leads else []

    def _walk(self, value: Any, path: str) -> Iterator[Cause]:
        if type(value) is dict:
            for name, each in value.items():
                below = self._properties.get(name)
                if below is not None:
                    yield from below._walk(each, f"{path}.{name}" if path else name)
                elif self._additional is not None:
                    yield from self._additional._walk(each, f"{path}[{name}]")
        elif type(value) is list:
            yield from self._entries(value, path)

    def _entries(self, found: list[Any], path: str) -> Iterator[Cause]:
        if self._set:
            yield from _twice(found, path)
        elif self._keys:
            wrong = [place for place, each in enumerate(found) if each is not None and type(each) is not dict]
            if wrong:
                why = "must be an object for an array of list-type map"
                yield causes.invalid(f"{path}[{wrong[0]}]", found[wrong[0]], why)
                return
            keys = [{key: each[key] for key in self._keys if key in each} for each in (each or {} for each in found)]
            yield from _twice(keys, path)
        if self._items is not None:
            for place, each in enumerate(found):
                yield from self._items._walk(each, f"{path}[{place}]")


def _leading(node: Node | None, within: tuple[Node, ...]) -> Lists | None:
    if node is None or node in within:
        return None
    below = Lists(node, within)
    return below if below.leads else None


def _twice(values: Sequence[Any], path: str) -> Iterator[Cause]:
    seen: dict[str, int] = {}
    for place, value in enumerate(values):
        text = json.dumps(value, sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            yield causes.duplicate(f"{path}[{place}]", value)
