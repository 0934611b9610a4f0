"""What is said to those who may not (apiserver, pkg/endpoints/handlers/responsewriters and pkg/api/errors)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..asked import Attributes, User
from ..refusal import Cause, Refusal

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def forbidden(group: str, plural: str, name: str, why: str) -> Refusal:
    """403 about an object, a collection or (without ``plural``) nothing that is named."""
    where = f"{plural}.{group}" if group else plural
    subject = "" if not plural else f"{where} {json.dumps(name)} is " if name else f"{where} is "
    return Refusal(403, "Forbidden", f"{subject}forbidden: {why}", group, plural, name)


def denied(user: User, asked: Attributes, reason: str = "") -> Refusal:
    """403 for what the authorizer did not allow."""
    said = _cannot(user, asked).translate(_ESCAPES)
    return forbidden(asked.group, asked.resource, asked.name, f"{said}: {reason}" if reason else said)


def _cannot(user: User, asked: Attributes) -> str:
    who = f"User {json.dumps(user.name)} cannot {asked.verb}"
    if not asked.resource:
        return f"{who} path {json.dumps(asked.path)}"
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    what = f"{who} resource {json.dumps(resource)} in API group {json.dumps(asked.group)}"
    if asked.namespace:
        return f"{what} in the namespace {json.dumps(asked.namespace)}"
    return f"{what} at the cluster scope"


def unauthorized() -> Refusal:
    """401 for a token that nobody knows."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def bad_request(message: str) -> Refusal:
    """400."""
    return Refusal(400, "BadRequest", message)


def not_found(group: str, plural: str, name: str) -> Refusal:
    """404."""
    where = f"{plural}.{group}" if group else plural
    return Refusal(404, "NotFound", f"{where} {json.dumps(name)} not found", group, plural, name)


def conflict(group: str, plural: str, name: str, why: str) -> Refusal:
    """409 for a precondition."""
    where = f"{plural}.{group}" if group else plural
    message = f"Operation cannot be fulfilled on {where} {json.dumps(name)}: {why}"
    return Refusal(409, "Conflict", message, group, plural, name)


def invalid(group: str, kind: str, name: str, wrong: Iterable[tuple[str, object, str]]) -> Refusal:
    """422 for values that must not be: (field, value, why) each."""
    return refused_fields(group, kind, name, [wrong_value(*each) for each in wrong])


def refused_fields(group: str, kind: str, name: str, causes: Iterable[Cause]) -> Refusal:
    """422 for all that is wrong with an object."""
    found = tuple(causes)
    said = [f"{each.field}: {each.message}" for each in found]
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    where = f"{kind}.{group}" if group else kind
    message = f"{where} {json.dumps(name)} is invalid: {text}"
    return Refusal(422, "Invalid", message, group, kind, name, causes=found)


def wrong_value(field: str, value: object, why: str) -> Cause:
    """A value that is not allowed, as JSON."""
    shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {why}", field)
