"""Built-in objects as their Go types would hold them: what is unknown falls away, and nothing is of another type.

The texts are those of encoding/json (as sigs.k8s.io/json has it), of time.Parse and of apimachinery's Quantity. What
a Go type always writes, such as an empty struct, is a default of its schema and is put in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..admission.quantities import Quantity
from ..kinds.defaults import DERIVED
from .fitting import copied
from .node import Node

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_MICRO = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
_KINDS = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
_LIMITS = {"int32": 2**31, "int64": 2**63}
_GO: Mapping[str, str] = {"boolean": "bool", "string": "string", "number": "float64"}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_LAYOUTS = {"": "2006-01-02T15:04:05Z07:00", _MICRO: "2006-01-02T15:04:05.000000Z07:00"}
_NUMBER = re.compile(r"[+-]?[0-9.]+([eE][-+]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_BAD_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class Undecodable(Exception):
    """What Go says of a value that its type cannot hold."""


def decode(manifest: dict[str, Any], node: Node, skipped: frozenset[str] = frozenset()) -> list[str]:
    """Change an object in place; the paths of what was not known. Raises Undecodable."""
    unknown: list[str] = []
    _struct(manifest, node, _short(node.name), "", "", unknown, skipped)
    return unknown


def _struct(
    found: dict[str, Any],
    node: Node,
    struct: str,
    field: str,
    path: str,
    unknown: list[str],
    skipped: frozenset[str] = frozenset(),
) -> None:
    for name in list(found):
        if name in skipped:
            continue
        child = node.properties.get(name)
        inner = f"{path}.{name}" if path else name
        if child is None:
            unknown.append(inner)
            del found[name]
            continue
        below = f"{field}.{name}" if field else name
        value = _value(found[name], child, struct, below, inner, unknown)
        if value is None or (not value and _falls(child, name, node)):
            del found[name]
        else:
            found[name] = value
    for name, default, _ in node.defaults:
        if name not in found and name not in skipped:
            value = found[name] = copied(default)
            if isinstance(value, dict):
                _struct(value, node.properties[name], "", "", "", unknown)
    derive = DERIVED.get(node.name)
    if derive is not None:
        derive(found)


def _falls(child: Node, name: str, holder: Node) -> bool:
    """Whether Go leaves it out where it is empty."""
    empties = child.additional is not None or child.items is not None
    return empties and name not in holder.schema.get("required", ())


def _value(value: Any, node: Node, struct: str, field: str, path: str, unknown: list[str]) -> Any:
    """A value as it is kept. Raises Undecodable."""
    if value is None:
        return None
    kind = node.schema.get("type")
    if node.name in (_QUANTITY, _INT_OR_STRING):
        return _number_or_text(value, node, struct, field)
    if kind is None or node.preserves:
        return value
    got = _TYPES[type(value)]
    if got != kind and not (got == "integer" and kind == "number"):
        raise _mismatch(_said(value), struct, field, go_type(node))
    match kind:
        case "object":
            return _map(value, node, struct, field, path, unknown)
        case "array":
            return _slice(value, node, struct, field, path, unknown)
        case "integer":
            if not -(limit := _LIMITS.get(node.schema.get("format", ""), 2**63)) <= value < limit:
                raise _mismatch(f"number {value}", struct, field, go_type(node))
        case "string":
            return _text(value, node)
    return value


def _map(found: dict[str, Any], node: Node, struct: str, field: str, path: str, unknown: list[str]) -> dict[str, Any]:
    if node.additional is None:
        if node.properties:
            _struct(found, node, _short(node.name) or struct, field, path, unknown)
        return found
    for name in list(found):
        found[name] = _value(found[name], node.additional, struct, field, f"{path}.{name}", unknown)
        if found[name] is None:
            found[name] = _zero(node.additional)
    return found


def _slice(found: list[Any], node: Node, struct: str, field: str, path: str, unknown: list[str]) -> list[Any]:
    assert node.items is not None
    for place, each in enumerate(found):
        value = _value(each, node.items, struct, field, f"{path}[{place}]", unknown)
        found[place] = _zero(node.items) if value is None else value
    return found


def _zero(node: Node) -> Any:
    return {"string": "", "integer": 0, "boolean": False, "object": {}}.get(node.schema.get("type", ""))


def _number_or_text(value: Any, node: Node, struct: str, field: str) -> Any:
    if node.name == _QUANTITY:
        text = str(value) if type(value) in (int, float) else value
        if not isinstance(text, str) or not _NUMBER.fullmatch(text):
            raise Undecodable(_BAD_QUANTITY)
        return str(Quantity.read(text))
    if type(value) not in (int, str):
        raise _mismatch(_said(value), struct, field, "int32")
    return value


def _text(value: str, node: Node) -> str:
    match node.schema.get("format"):
        case "byte":
            return _base64(value)
        case "date-time":
            return _moment(value, node.name == _MICRO)
    return value


def _base64(text: str) -> str:
    bare = text.rstrip("=")
    wrong = _NOT_BASE64.search(bare)
    if wrong is not None:
        raise Undecodable(f"illegal base64 data at input byte {wrong.start()}")
    if len(text) % 4 or len(text) - len(bare) > 2:
        raise Undecodable(f"illegal base64 data at input byte {len(text) // 4 * 4}")
    return text


def _moment(text: str, micro: bool) -> str:
    """A moment in UTC, to the second or (``micro``) to the millionth."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        layout = _LAYOUTS[_MICRO if micro else ""]
        raise Undecodable(f'parsing time "{text}" as "{layout}": cannot parse "{text}" as "2006"')
    if match[4] == "Z" and not micro and not match[3]:
        return text
    moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[4]}").astimezone(UTC)
    fraction = f".{(match[3] or '.')[1:7]:0<6}" if micro else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def _mismatch(said: str, struct: str, field: str, wanted: str) -> Undecodable:
    return Undecodable(f"json: cannot unmarshal {said} into Go struct field {struct}.{field} of type {wanted}")


def _said(value: Any) -> str:
    if type(value) is float:
        return f"number {value}"
    return _KINDS[type(value)]


def go_type(node: Node) -> str:
    """The name of a Go type, as far as OpenAPI lets one know it."""
    if node.name:
        return ".".join(node.name.split(".")[-2:])
    schema = node.schema
    match schema.get("type"):
        case "integer":
            return str(schema.get("format", "int64"))
        case "array" if node.items is not None:
            return f"[]{go_type(node.items)}"
        case "object" if node.additional is not None:
            return f"map[string]{go_type(node.additional)}"
        case "string" if schema.get("format") == "byte":
            return "[]uint8"
    return _GO.get(schema.get("type", ""), "object")


def _short(name: str) -> str:
    return name.rpartition(".")[2]
