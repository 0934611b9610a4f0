"""Sets of fields, as managedFields keep them (structured-merge-diff, fieldpath and typed)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import json

from dicot.kube.kind import Manifest

from ..structural.node import Node, compiled

Step = str
"""As FieldsV1 writes it: f:NAME of a member, k:KEYS of an item that has keys, v:VALUE of an item of a set."""
Path = tuple[Step, ...]
_META = compiled(
    {
        "properties": {
            "finalizers": {"items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "ownerReferences": {
                "items": {"type": "object", "x-kubernetes-map-type": "atomic"},
                "x-kubernetes-list-map-keys": ["uid"],
                "x-kubernetes-list-type": "map",
            },
        },
        "type": "object",
    }
)
_OWNED_BY_NOBODY = frozenset(
    (
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "creationTimestamp",
                "generation",
                "managedFields",
                "name",
                "namespace",
                "resourceVersion",
                "selfLink",
                "uid",
            )
        ),
    )
)


def member(node: Node | None, name: str, *, root: bool = False) -> Node | None:
    """What is known of a member; ``root`` is True of a whole object's."""
    if root and name == "metadata":
        return _META
    return None if node is None else node.properties.get(name, node.additional)


def is_atomic(node: Node | None) -> bool:
    """Whether an object is owned as a whole."""
    return node is not None and node.schema.get("x-kubernetes-map-type") == "atomic"


def list_type(node: Node | None) -> str:
    """atomic, set or map."""
    found: str = "atomic" if node is None else node.schema.get("x-kubernetes-list-type", "atomic")
    return found


def step(node: Node | None, item: Any) -> Step:
    """The step to an item of a list that is none atomic."""
    assert node is not None
    if list_type(node) == "set":
        return f"v:{json.encode(item).decode()}"
    keys = {}
    for name in sorted(node.schema.get("x-kubernetes-list-map-keys", ())):
        value = item.get(name) if isinstance(item, dict) else None
        if value is None and node.items is not None:
            part = node.items.properties.get(name)
            value = None if part is None else part.schema.get("default")
        if value is not None:
            keys[name] = value
    return f"k:{json.encode(keys).decode()}"


def owned(document: Manifest, node: Node | None) -> frozenset[Path]:
    """The fields that an object sets, but for those that are nobody's."""
    return frozenset(_leaves(document, node, (), root=True)) - _OWNED_BY_NOBODY


def _leaves(value: Any, node: Node | None, path: Path, *, root: bool = False) -> Iterator[Path]:
    if isinstance(value, dict) and value and not is_atomic(node):
        for name, each in value.items():
            yield from _leaves(each, member(node, name, root=root), (*path, f"f:{name}"))
    elif isinstance(value, list) and value and list_type(node) != "atomic":
        for item in value:
            inside = (*path, step(node, item))
            yield inside
            if list_type(node) == "map" and node is not None and not is_atomic(node.items):
                yield from (each for each in _leaves(item, node.items, inside) if each != inside)
    else:
        yield path


def values(document: Manifest, node: Node | None) -> dict[Path, Any]:
    """What stands at each field."""
    found: dict[Path, Any] = {}
    _collect(document, node, (), found, root=True)
    return {path: value for path, value in found.items() if path not in _OWNED_BY_NOBODY}


def _collect(value: Any, node: Node | None, path: Path, found: dict[Path, Any], *, root: bool = False) -> None:
    if isinstance(value, dict) and value and not is_atomic(node):
        for name, each in value.items():
            _collect(each, member(node, name, root=root), (*path, f"f:{name}"), found)
    elif isinstance(value, list) and value and list_type(node) != "atomic":
        for item in value:
            inside = (*path, step(node, item))
            found[inside] = None
            if list_type(node) == "map" and node is not None:
                if is_atomic(node.items):
                    found[inside] = item
                elif isinstance(item, dict):
                    _collect(item, node.items, inside, found)
    else:
        found[path] = value


def written(fields: Iterable[Path]) -> Manifest:
    """A set as FieldsV1."""
    found: Manifest = {}
    for path in sorted(fields):
        place = found
        for each in path:
            place = place.setdefault(each, {})
        if path[-1].startswith("k:") or any(other[: len(path)] == path for other in fields if len(other) > len(path)):
            place["."] = {}
    return found


def read(fields: Manifest, path: Path = ()) -> Iterator[Path]:
    """The set that FieldsV1 stands for."""
    for name, inside in fields.items():
        if name == ".":
            yield path
        elif inside:
            yield from read(inside, (*path, name))
        else:
            yield (*path, name)


def shown(path: Path) -> str:
    """A path as messages have it."""
    return "".join(_shown(each) for each in path)


def _shown(each: Step) -> str:
    kind, _, text = each.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    pairs = json.decode(text).items()
    return f"[{','.join(f'{name}={json.encode(value).decode()}' for name, value in pairs)}]"
