"""What is wrong with an object, and how a webhook of KubeVirt says so (pkg/util/webhooks)."""

from collections.abc import Iterable

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause, Refusal

SHOWN = 10
"""Causes that an answer holds; how many more there are is only counted."""


def invalid(field: str, message: str) -> Cause:
    """A value that must not be."""
    return Cause("FieldValueInvalid", message, field)


def required(field: str, message: str) -> Cause:
    """A value that is missing."""
    return Cause("FieldValueRequired", message, field)


def unsupported(field: str, message: str) -> Cause:
    """A value that KubeVirt does not know, or does not let this user write."""
    return Cause("FieldValueNotSupported", message, field)


def duplicate(field: str, message: str) -> Cause:
    """A value that another one has already."""
    return Cause("FieldValueDuplicate", message, field)


def absent(field: str, message: str) -> Cause:
    """A value that names nothing."""
    return Cause("FieldValueNotFound", message, field)


def forbidden(field: str, message: str) -> Cause:
    """A field that this request may not set."""
    return Cause("FieldValueForbidden", message, field)


def refuse(webhook: str, causes: Iterable[Cause]) -> None:
    """Raises Refusal where there is a cause."""
    found = tuple(causes)
    if found:
        raise denied(webhook, found)


def denied(webhook: str, causes: tuple[Cause, ...]) -> Refusal:
    """The answer to an object that is wrong."""
    shown, more = causes[:SHOWN], len(causes) - SHOWN
    message = ", ".join(cause.message for cause in shown)
    if more > 0:
        message += f", and {more} more validation errors"
    return Refusal(422, "Invalid", _said(webhook, message), causes=shown)


def wrong(webhook: str, message: str) -> Refusal:
    """The answer to what is wrong without a field, which has no reason either."""
    return Refusal(400, "", _said(webhook, message))


def _said(webhook: str, message: str) -> str:
    return f'admission webhook "{webhook}" denied the request: {message}'


def held(value: object, *path: str) -> Manifest:
    """The object at a path, empty where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def listed(value: object, *path: str) -> list[Manifest]:
    """The list at a path, empty where there is none."""
    found = held(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, list) else []
