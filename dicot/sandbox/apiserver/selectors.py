"""Label and field selectors (apimachinery, pkg/labels and pkg/fields)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from msgspec import json

from .builtin import built_in
from .refusals import bad_request

_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_SPECIAL = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">"))
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_OPERATORS = "in, notin, =, ==, !=, gt, lt"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label. ``operator`` is one of in, notin, exists, absent, gt, lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
        if value is None or not _INTEGER.match(value):
            return False
        bound = int(self.values[0])
        return int(value) > bound if self.operator == "gt" else int(value) < bound


class _Parser:
    """Reads a label selector. Raises ValueError with the text that the real one has."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._next = 0

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while self._peek():
            found.append(self._requirement())
            if self._peek() == ",":
                self._take()
                if self._peek() != "!" and self._peek() in ("", *_SPECIAL):
                    raise ValueError(f"found '{self._peek()}', expected: identifier after ','")
            elif self._peek():
                raise ValueError(f"found '{self._peek()}', expected: ',' or 'end of string'")
        return found

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _requirement(self) -> Requirement:
        absent = self._peek() == "!"
        if absent:
            self._take()
        key = self._take()
        if key in _SPECIAL or not key:
            raise self._failed(f"found '{key}', expected: identifier")
        if absent or self._peek() in ("", ","):
            return Requirement(key, "absent" if absent else "exists")
        operator = self._take()
        match operator:
            case "=" | "==":
                return Requirement(key, "in", (self._value(),))
            case "!=":
                return Requirement(key, "notin", (self._value(),))
            case "in" | "notin":
                return Requirement(key, operator, self._values())
            case "<" | ">":
                return Requirement(key, "lt" if operator == "<" else "gt", (self._number(),))
        raise self._failed(f"found '{operator}', expected: {_OPERATORS}")

    def _value(self) -> str:
        if self._peek() in ("", ","):
            return ""
        token = self._take()
        if token in _SPECIAL:
            raise self._failed(f"found '{token}', expected: identifier")
        return token

    def _number(self) -> str:
        value = self._value()
        if not _INTEGER.match(value):
            shown = f"values[0]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
            raise ValueError(shown)
        return value

    def _values(self) -> tuple[str, ...]:
        if self._peek() != "(":
            raise self._failed(f"found '{self._peek()}' expected: '('")
        self._take()
        found: list[str] = []
        while True:
            if self._peek() in (",", ")"):
                found.append("")
            else:
                found.append(self._value())
            token = self._take()
            if token == ")":
                return tuple(found)
            if token != ",":
                raise self._failed(f"found '{token}', expected: ',' or ')'")

    def _failed(self, text: str) -> ValueError:
        return ValueError(f"unable to parse requirement: {text}")


@dataclass(frozen=True, slots=True)
class Field:
    """One condition on a field."""

    path: str
    value: str
    equal: bool


_FIELDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "secrets"): ("type",),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "namespaces"): ("status.phase", "name"),
}
"""Fields that built-in resources may be selected by, beside name and namespace."""


class _Meta(msgspec.Struct, frozen=True):
    labels: dict[str, str] = {}


class _Labelled(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()


_LABELS: msgspec.json.Decoder[_Labelled] = msgspec.json.Decoder(_Labelled)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects somebody wants to see."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[Field, ...] = ()

    @property
    def everything(self) -> bool:
        return not self.labels and not self.fields

    @property
    def name(self) -> str:
        """The only name that can match, or ""."""
        return next((each.value for each in self.fields if each.path == "metadata.name" and each.equal), "")

    def takes(self, namespace: str, name: str, body: bytes) -> bool:
        """Whether an object is among them."""
        deep = [each for each in self.fields if not _meta_field(each, namespace, name)]
        if any(each.path in _META for each in deep):
            return False
        if self.labels:
            labels = _LABELS.decode(body).metadata.labels
            if not all(each.holds(labels) for each in self.labels):
                return False
        if deep:
            manifest = json.decode(body)
            return all((_shown(manifest, each.path) == each.value) == each.equal for each in deep)
        return True


_META = ("metadata.name", "metadata.namespace", "name")


def _meta_field(field: Field, namespace: str, name: str) -> bool:
    """Whether it is a condition on name or namespace, and holds."""
    if field.path not in _META:
        return False
    found = namespace if field.path == "metadata.namespace" else name
    return (found == field.value) == field.equal


def _shown(manifest: Any, path: str) -> str:
    """The text that a field is compared by."""
    if path == "source":
        return _shown(manifest, "source.component") or _shown(manifest, "reportingComponent")
    found = manifest
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if found is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return ("false", "true")[found] if isinstance(found, bool) else str(found)


EVERYTHING = Selection()


def selection(labels: str, fields: str, where: tuple[str, str], also: tuple[str, ...] = ()) -> Selection:
    """What a query asks for. ``also`` are fields that a CustomResourceDefinition makes selectable. Raises Refusal."""
    try:
        required = tuple(_Parser(labels).requirements())
        return Selection(required, tuple(_fields(fields, where, also)))
    except ValueError as error:
        raise bad_request(str(error)) from error


def _fields(text: str, where: tuple[str, str], also: tuple[str, ...]) -> list[Field]:
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(where, ()), *also)
    found = []
    for term in _split(text):
        match = re.match(r"((?:[^=!\\]|\\.)*)(!=|==|=)(.*)\Z", term, re.DOTALL)
        if match is None:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
        path, operator, value = match[1], match[2], re.sub(r"\\(.)", r"\1", match[3])
        if path not in known:
            raise ValueError(_unknown(path, where, known))
        found.append(Field(path, value, operator != "!="))
    return found


def _split(text: str) -> list[str]:
    return [term for term in re.split(r"(?<!\\),", text) if term]


@cache
def _built_in() -> frozenset[tuple[str, str]]:
    return frozenset((group, plural) for group, _, plural in built_in())


def _unknown(path: str, where: tuple[str, str], known: tuple[str, ...]) -> str:
    if where in _FIELDS or where not in _built_in():
        return f"field label not supported: {path}"
    listed = ", ".join(f'"{each}"' for each in known)
    return f'"{path}" is not a known field selector: only {listed}'
