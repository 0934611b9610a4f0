"""Whether a custom object is what its schema says, with the words of kube-openapi (pkg/validation).

Checks are made of a schema once. What an update leaves as it was is not checked again (ratcheting), except for
members of lists that have no keys: nobody knows which of them was which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import re2

from ..refusal import Cause
from . import causes
from .formats import FORMATS
from .node import Node, compiled

Found = list[Cause]
Check = Callable[[Any, str, Found], None]
NOWHERE = "<nil>"
"""The field of what is wrong with no field in particular."""
ABSENT: Any = object()
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
_INFERRED = {int: "int64", float: "float64"}
_BOUNDS = {"int32": 2**31, "int64": 2**63}
_SKIPPED = frozenset(("apiVersion", "kind", "metadata"))


class Validity:
    """The check of one Node, and of those below."""

    __slots__ = ("_additional", "_checks", "_items", "_keys", "_node", "_properties", "_required")

    def __init__(self, node: Node, known: dict[int, Validity]) -> None:
        known[id(node)] = self
        schema = node.schema
        self._node = node
        self._checks: tuple[Check, ...] = tuple(_own(schema))
        self._required: tuple[str, ...] = tuple(schema.get("required", ()))
        self._keys = _keys(schema)
        self._properties = {name: _of(each, known) for name, each in node.properties.items()}
        self._additional = None if node.additional is None else _of(node.additional, known)
        self._items = None if node.items is None else _of(node.items, known)

    def check(self, value: Any, old: Any, path: str, found: Found) -> None:
        """Collect what is wrong with a value that took the place of another one."""
        for each in self._checks:
            each(value, path, found)
        if type(value) is dict:
            self._members(value, old, path, found)
        elif type(value) is list and self._items is not None:
            self._entries(self._items, value, old, path, found)

    def _members(self, value: dict[str, Any], old: Any, path: str, found: Found) -> None:
        before = old if type(old) is dict else {}
        properties, additional = self._properties, self._additional
        prefix = f"{path}." if path else ""
        for name, each in value.items():
            below = properties.get(name) or additional
            if below is None or (not path and name in _SKIPPED):
                continue
            was = before.get(name, ABSENT)
            if was is ABSENT or was != each:
                below.check(each, was, prefix + name, found)
        for name in self._required:
            if name not in value:
                found.append(causes.required(prefix + name))

    def _entries(self, items: Validity, value: list[Any], old: Any, path: str, found: Found) -> None:
        before = keyed(old, self._keys) if self._keys and type(old) is list else {}
        for place, each in enumerate(value):
            was = before.get(key_of(each, self._keys), ABSENT) if before else ABSENT
            if was is ABSENT or was != each:
                items.check(each, was, f"{path}[{place}]", found)


def validity(node: Node) -> Validity:
    """The check of a schema."""
    return Validity(node, {})


def _of(node: Node, known: dict[int, Validity]) -> Validity:
    return known.get(id(node)) or Validity(node, known)


def _keys(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        tuple(schema.get("x-kubernetes-list-map-keys", ())) if schema.get("x-kubernetes-list-type") == "map" else ()
    )


def key_of(entry: Any, keys: Sequence[str]) -> Any:
    """What tells an entry of a list from the others."""
    if type(entry) is not dict:
        return None
    return tuple(causes.shown(entry[key]) if key in entry else None for key in keys)


def keyed(entries: Sequence[Any], keys: Sequence[str]) -> dict[Any, Any]:
    """The entries of a list by their keys."""
    return {key_of(each, keys): each for each in entries}


def _own(schema: Mapping[str, Any]) -> list[Check]:
    """What is checked of a value itself, in the order of kube-openapi."""
    checks: list[Check] = []
    types = _types(schema)
    if types:
        checks.append(_type(types, _format(schema, types), bool(schema.get("nullable"))))
    checks += _compositions(schema)
    checks += _of_strings(schema)
    checks += _of_numbers(schema, types)
    checks += _of_lists(schema)
    if schema.get("enum"):
        checks.append(_enum(schema["enum"]))
    checks += _of_objects(schema)
    return checks


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string")
    return (schema["type"],) if schema.get("type") else ()


def _format(schema: Mapping[str, Any], types: tuple[str, ...]) -> str:
    """Formats that are not supported are as none."""
    name: str = schema.get("format", "")
    match types:
        case ("integer",):
            return name if name in ("int32", "int64") else ""
        case ("number",):
            return name if name in ("float", "double") else ""
        case ("string",):
            return name if name in FORMATS else ""
    return ""


def _type(types: tuple[str, ...], format: str, nullable: bool) -> Check:
    wanted = ",".join(types)
    whole, numeric = "integer" in types, "number" in types

    def check(value: Any, path: str, found: Found) -> None:
        if value is None:
            if not nullable:
                found.append(_wrong_type(path, wanted, "null"))
            return
        kind = _TYPES[type(value)]
        if kind in types or (kind == "integer" and numeric) or (kind == "number" and whole and value.is_integer()):
            return
        if format and kind not in ("string", "array"):
            found.append(_wrong_type(path, format, _INFERRED.get(type(value), "")))
        elif not (format and not whole and not numeric and kind in ("string", "array")):
            found.append(_wrong_type(path, wanted, kind))

    return check


def _wrong_type(path: str, wanted: str, got: str) -> Cause:
    return causes.wrong_type(path, got, f"{path} in body must be of type {wanted}: {causes.shown(got)}")


def _of_strings(schema: Mapping[str, Any]) -> list[Check]:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    text = schema.get("pattern", "")
    pattern = re2.compile(text) if text else None
    format = FORMATS.get(schema.get("format", "")) if schema.get("type") in (None, "string") else None
    name = schema.get("format", "")
    if longest is None and shortest is None and pattern is None and format is None:
        return []

    def check(value: Any, path: str, found: Found) -> None:
        if type(value) is not str:
            return
        if longest is not None and len(value) > longest:
            found.append(causes.too_long(path, longest))
        elif shortest is not None and len(value) < shortest:
            found.append(causes.invalid(path, value, f"{path} in body should be at least {shortest} chars long"))
        elif pattern is not None and not pattern.search(value):
            found.append(causes.invalid(path, value, f"{path} in body should match '{text}'"))
        if format is not None and not format(value):
            why = f"{path} in body must be of type {name}: {causes.shown(value)}"
            found.append(causes.wrong_type(path, value, why))

    return [check]


def _of_numbers(schema: Mapping[str, Any], types: tuple[str, ...]) -> list[Check]:
    least, most = schema.get("minimum"), schema.get("maximum")
    over, under = schema.get("exclusiveMinimum", False), schema.get("exclusiveMaximum", False)
    factor = schema.get("multipleOf")
    name = schema.get("format", "")
    bound = _BOUNDS.get(name, 2**63) if types == ("integer",) else None
    of_type = f"integer with format {name}" if name in _BOUNDS else "integer (default format)"
    if least is None and most is None and factor is None and bound is None:
        return []

    def check(value: Any, path: str, found: Found) -> None:
        if type(value) is not int and type(value) is not float:
            return
        if bound is not None and (value % 1 or not -bound <= value < bound):
            found.append(causes.invalid(NOWHERE, "", f"Checked value must be of type {of_type} in {path}"))
        if factor is not None and value % factor:
            found.append(causes.invalid(path, value, f"{path} in body should be a multiple of {factor}"))
        if least is not None and (value <= least if over else value < least):
            word = "greater than" if over else "greater than or equal to"
            found.append(causes.invalid(path, value, f"{path} in body should be {word} {least}"))
        if most is not None and (value >= most if under else value > most):
            word = "less than" if under else "less than or equal to"
            found.append(causes.invalid(path, value, f"{path} in body should be {word} {most}"))

    return [check]


def _of_lists(schema: Mapping[str, Any]) -> list[Check]:
    least, most, unique = schema.get("minItems"), schema.get("maxItems"), schema.get("uniqueItems")
    if least is None and most is None and not unique:
        return []

    def check(value: Any, path: str, found: Found) -> None:
        if type(value) is not list:
            return
        if least is not None and len(value) < least:
            found.append(causes.invalid(path, len(value), f"{path} in body should have at least {least} items"))
        if most is not None and len(value) > most:
            found.append(causes.too_many(path, len(value), most))
        if unique and len({causes.shown(each) for each in value}) < len(value):
            found.append(causes.invalid(path, "", f"{path} in body shouldn't contain duplicates"))

    return [check]


def _enum(allowed: Sequence[Any]) -> Check:
    def check(value: Any, path: str, found: Found) -> None:
        if value not in allowed and value is not None:
            found.append(causes.unsupported(path, value, allowed))

    return check


def _of_objects(schema: Mapping[str, Any]) -> list[Check]:
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is None and most is None:
        return []

    def check(value: Any, path: str, found: Found) -> None:
        if type(value) is not dict:
            return
        if least is not None and len(value) < least:
            why = f"{path} in body should have at least {least} properties"
            found.append(causes.invalid(path, len(value), why))
        if most is not None and len(value) > most:
            found.append(causes.too_many(path, len(value), most))

    return [check]


def _compositions(schema: Mapping[str, Any]) -> list[Check]:
    """anyOf, oneOf, allOf and not, which are compiled as schemas of their own."""

    def branches(name: str) -> list[Validity]:
        return [validity(compiled(each)) for each in schema.get(name, ())]

    checks: list[Check] = []
    if any_of := branches("anyOf"):
        checks.append(_any(any_of))
    if one_of := branches("oneOf"):
        checks.append(_one(one_of))
    if all_of := branches("allOf"):
        checks.append(_all(all_of))
    if "not" in schema:
        checks.append(_not(validity(compiled(schema["not"]))))
    return checks


def _failures(branches: Sequence[Validity], value: Any, path: str) -> list[Found]:
    failures = []
    for each in branches:
        found: Found = []
        each.check(value, ABSENT, path, found)
        failures.append(found)
    return failures


def _whole(path: str, why: str) -> Cause:
    return causes.invalid(NOWHERE, "", f'"{path}" {why}')


def _any(branches: Sequence[Validity]) -> Check:
    def check(value: Any, path: str, found: Found) -> None:
        failures = _failures(branches, value, path)
        if all(failures):
            found.append(_whole(path, "must validate at least one schema (anyOf)"))
            found.extend(failures[0])

    return check


def _one(branches: Sequence[Validity]) -> Check:
    def check(value: Any, path: str, found: Found) -> None:
        failures = _failures(branches, value, path)
        valid = sum(not each for each in failures)
        if valid == 1:
            return
        said = f"Found {valid} valid alternatives" if valid else "Found none valid"
        found.append(_whole(path, f"must validate one and only one schema (oneOf). {said}"))
        if not valid:
            found.extend(failures[0])

    return check


def _all(branches: Sequence[Validity]) -> Check:
    def check(value: Any, path: str, found: Found) -> None:
        failures = _failures(branches, value, path)
        if not any(failures):
            return
        for each in failures:
            found.extend(each)
        said = ". None validated" if all(failures) else ""
        found.append(_whole(path, f"must validate all the schemas (allOf){said}"))

    return check


def _not(branch: Validity) -> Check:
    def check(value: Any, path: str, found: Found) -> None:
        if not _failures([branch], value, path)[0]:
            found.append(_whole(path, "must not validate the schema (not)"))

    return check
