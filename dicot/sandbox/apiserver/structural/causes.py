"""What is wrong with a field, in the words of apimachinery (pkg/util/validation/field/errors.go)."""

import json
from collections.abc import Iterable
from typing import Any

from ..refusal import Cause

UNSAID: Any = object()
"""In the place of a value: the message leaves it out."""
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def shown(value: Any) -> str:
    """A value as Go prints it in messages."""
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return text.translate(_HTML)
    return json.dumps(value, ensure_ascii=False)


def _because(text: str, why: str) -> str:
    return f"{text}: {why}" if why else text


def _of(text: str, value: Any) -> str:
    return text if value is UNSAID else f"{text}: {shown(value)}"


def invalid(field: str, value: Any, why: str) -> Cause:
    """A value that is not valid."""
    return Cause("FieldValueInvalid", _because(_of("Invalid value", value), why), field)


def wrong_type(field: str, value: Any, why: str) -> Cause:
    """A value of another type."""
    return Cause("FieldValueTypeInvalid", _because(_of("Invalid value", value), why), field)


def required(field: str, why: str = "") -> Cause:
    """A value that is missing."""
    return Cause("FieldValueRequired", _because("Required value", why), field)


def forbidden(field: str, why: str) -> Cause:
    """A value that may not be there, or may not change."""
    return Cause("FieldValueForbidden", _because("Forbidden", why), field)


def unsupported(field: str, value: Any, supported: Iterable[Any]) -> Cause:
    """A value that is none of those that there are."""
    said = (each if isinstance(each, str) else shown(each) for each in supported)
    listed = ", ".join(json.dumps(each, ensure_ascii=False) for each in said)
    why = f"supported values: {listed}" if listed else ""
    return Cause("FieldValueNotSupported", _because(_of("Unsupported value", value), why), field)


def duplicate(field: str, value: Any) -> Cause:
    """A value that is there already."""
    return Cause("FieldValueDuplicate", _of("Duplicate value", value), field)


def not_found(field: str, value: Any) -> Cause:
    """A name of something that is not there."""
    return Cause("FieldValueNotFound", f"Not found: {shown(value)}", field)


def too_long(field: str, limit: int) -> Cause:
    """A text over its limit."""
    unit = "byte" if limit == 1 else "bytes"
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} {unit}", field)


def too_many(field: str, number: int, limit: int) -> Cause:
    """A list or map over its limit."""
    unit = "item" if limit == 1 else "items"
    return Cause("FieldValueTooMany", f"Too many: {number}: must have at most {limit} {unit}", field)
