"""Structural schemas, made ready for use once: objects are walked along Nodes, not along schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Resolve = Callable[[str], Mapping[str, Any]]
"""Finds the schema that a ``$ref`` names."""


class Node:
    """A schema and those of what is in it. ``properties`` hold what is made when it is needed, so that a schema may
    contain itself."""

    __slots__ = (
        "additional",
        "defaults",
        "embedded",
        "items",
        "name",
        "nullable",
        "preserves",
        "properties",
        "schema",
        "stops_null",
    )

    def __init__(self, schema: Mapping[str, Any], name: str) -> None:
        self.schema = schema
        self.name = name
        self.properties: dict[str, Node] = {}
        self.additional: Node | None = None
        self.items: Node | None = None
        self.preserves = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
        self.embedded = bool(schema.get("x-kubernetes-embedded-resource"))
        self.nullable = bool(schema.get("nullable"))
        self.stops_null = not self.nullable and schema.get("default") is None
        self.defaults: tuple[tuple[str, Any, bool], ...] = ()


def compiled(schema: Mapping[str, Any], resolve: Resolve | None = None) -> Node:
    """The node of a schema. ``resolve`` is needed where schemas refer to each other."""
    return _Compiler(resolve).node(schema)


class _Compiler:
    def __init__(self, resolve: Resolve | None) -> None:
        self._resolve = resolve
        self._known: dict[tuple[int, str], Node] = {}
        self._held: list[Mapping[str, Any]] = []

    def node(self, schema: Mapping[str, Any]) -> Node:
        name = schema.get("$ref", "")
        if isinstance(name, str) and name:
            assert self._resolve is not None
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            target = self._resolve(name)
            if not siblings:
                return self._made(target, name)
            return self._made({**target, **siblings}, name)
        return self._made(schema, "")

    def _made(self, schema: Mapping[str, Any], name: str) -> Node:
        # Named types with the same siblings are one node, so that types that contain themselves end.
        key = (0, f"{name} {schema.get('default')!r}") if name else (id(schema), "")
        found = self._known.get(key)
        if found is None:
            self._held.append(schema)
            found = self._known[key] = Node(schema, name)
            self._fill(found)
        return found

    def _fill(self, node: Node) -> None:
        schema = node.schema
        node.properties = {name: self.node(each) for name, each in schema.get("properties", {}).items()}
        additional = schema.get("additionalProperties")
        if isinstance(additional, Mapping):
            node.additional = self.node(additional)
        elif additional:
            node.additional = Node({"x-kubernetes-preserve-unknown-fields": True}, "")
        if isinstance(schema.get("items"), Mapping):
            node.items = self.node(schema["items"])
        node.defaults = tuple(
            (name, child.schema["default"], child.nullable)
            for name, child in node.properties.items()
            if child.schema.get("default") is not None
        )
