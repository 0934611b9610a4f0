"""x-kubernetes-validations (apiextensions-apiserver, pkg/apiserver/schema/cel/validation.go)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..admission.policies import Expression, Undefined
from ..cel import compiled, escaped
from ..refusal import Cause
from . import causes
from .node import Node
from .validity import ABSENT, key_of, keyed

_OLD = re.compile(r"\boldSelf\b")


@dataclass(frozen=True, slots=True)
class Rule:
    """One of them. A ``transition`` compares with what was before, and is asked only where something was."""

    holds: Expression
    says: Expression | None
    message: str
    reason: str
    field: str
    transition: bool


class Rules:
    """Where in a schema there are any. Only ways that lead to one are walked."""

    __slots__ = ("_additional", "_items", "_keys", "_node", "_own", "_properties", "leads")

    def __init__(self, node: Node, within: tuple[Node, ...] = ()) -> None:
        inside = (*within, node)
        self._node = node
        self._own = tuple(_rule(each) for each in node.schema.get("x-kubernetes-validations", ()))
        below = {name: Rules(each, inside) for name, each in node.properties.items() if each not in inside}
        self._properties = {name: each for name, each in below.items() if each.leads}
        self._additional = _leading(node.additional, inside)
        self._items = _leading(node.items, inside)
        self._keys: tuple[str, ...] = ()
        if node.schema.get("x-kubernetes-list-type") == "map":
            self._keys = tuple(node.schema.get("x-kubernetes-list-map-keys", ()))
        self.leads: bool = bool(self._own or self._properties or self._additional or self._items)

    def broken(self, new: Any, old: Any = None) -> list[Cause]:
        """What an object breaks, or a change of one."""
        return list(self._walk(new, ABSENT if old is None else old, "")) if self.leads else []

    def _walk(self, value: Any, old: Any, path: str) -> Iterator[Cause]:
        # What an update leaves as it was is not asked again.
        if value is None or (old is not ABSENT and value == old):
            return
        for rule in self._own:
            yield from _asked(rule, self._node, value, old, path)
        if type(value) is dict:
            yield from self._members(value, old if type(old) is dict else {}, path)
        elif type(value) is list and self._items is not None:
            before = keyed(old, self._keys) if self._keys and type(old) is list else {}
            for place, each in enumerate(value):
                was = before.get(key_of(each, self._keys), ABSENT) if before else ABSENT
                yield from self._items._walk(each, was, f"{path}[{place}]")

    def _members(self, value: dict[str, Any], old: dict[str, Any], path: str) -> Iterator[Cause]:
        for name, below in self._properties.items():
            if name in value:
                yield from below._walk(value[name], old.get(name, ABSENT), f"{path}.{name}" if path else name)
        if self._additional is not None:
            for name, each in value.items():
                if name not in self._node.properties:
                    yield from self._additional._walk(each, old.get(name, ABSENT), f"{path}[{name}]")


def _leading(node: Node | None, within: tuple[Node, ...]) -> Rules | None:
    if node is None or node in within:
        return None
    below = Rules(node, within)
    return below if below.leads else None


def _rule(written: Mapping[str, Any]) -> Rule:
    text = written["rule"].strip()
    says = written.get("messageExpression")
    return Rule(
        holds=compiled(text),
        says=compiled(says) if says else None,
        message=written.get("message", "").strip() or f"failed rule: {text}",
        reason=written.get("reason", "FieldValueInvalid"),
        field=written.get("fieldPath", ""),
        transition=bool(_OLD.search(text)),
    )


def _asked(rule: Rule, node: Node, value: Any, old: Any, path: str) -> Iterator[Cause]:
    if rule.transition and old is ABSENT:
        return
    known = {"self": readable(value, node)}
    if old is not ABSENT:
        known["oldSelf"] = readable(old, node)
    try:
        if rule.holds(known) is True:
            return
        message = _message(rule, known)
    except Undefined as error:
        message = f"rule evaluation error: {error}"
    field = f"{path}{rule.field}" if path else rule.field.lstrip(".")
    yield _cause(rule, causes.UNSAID if type(value) in (dict, list) else value, field, message)


def _message(rule: Rule, known: Mapping[str, Any]) -> str:
    if rule.says is None:
        return rule.message
    try:
        said = rule.says(known)
    except Undefined:
        return rule.message
    return said.strip() if isinstance(said, str) and said.strip() and "\n" not in said else rule.message


def _cause(rule: Rule, value: Any, field: str, message: str) -> Cause:
    match rule.reason:
        case "FieldValueForbidden":
            return causes.forbidden(field, message)
        case "FieldValueRequired":
            return causes.required(field, message)
        case "FieldValueDuplicate":
            return causes.duplicate(field, value)
    return causes.invalid(field, value, message)


def readable(value: Any, node: Node) -> Any:
    """A value with its properties named as expressions write them; one that is null counts as not there."""
    if type(value) is dict and node.properties:
        return {
            escaped(name): readable(each, node.properties[name])
            for name, each in value.items()
            if name in node.properties and each is not None
        }
    if type(value) is dict and node.additional is not None:
        return {name: readable(each, node.additional) for name, each in value.items()}
    if type(value) is list and node.items is not None:
        return [readable(each, node.items) for each in value]
    return value
