"""Bodies and queries checked by JSON Schema, refused in the words of Nova.

Nova's refusals are python-jsonschema's texts, of which it tells the first in wrappings of its own; the dialect is
that of nova/api/validation/validators.py. Patterns alone are matched by another engine, in time linear to the text.
"""

import base64
import uuid
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import re2
from cachetools import LRUCache, cached
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators
from jsonschema.protocols import Validator

from ..faults import BadRequest
from .letters import NAME
from .patterns import regex
from .times import asked_moment

Schema = Mapping[str, Any]
FORMATS = FormatChecker(("ipv4", "ipv6"))
_SHORT = 1000
"""Characters of a query that is remembered."""


class InvalidName(ValueError):
    """A name that Nova tells of without its field."""


def check_body(schema: Schema, body: Any) -> None:
    """Raises BadRequest for a body that does not fit."""
    for error in validator(schema).iter_errors(body):
        raise BadRequest(_told(error, "field/attribute", list(error.path)[-1:]))


def check_query(schema: Schema, query: Mapping[str, Sequence[str]]) -> None:
    """Raises BadRequest for a query that does not fit; the schema sees each key with the list of its values.

    No query of Nova's has to say anything, so an empty one fits.
    """
    if query:
        is_short = sum([len(text) for key, values in query.items() for text in (key, *values)]) <= _SHORT
        (_accept_once if is_short else _accept)(schema, query)


def _seen(schema: Schema, query: Mapping[str, Sequence[str]]) -> Hashable:
    return id(schema), *((key, *values) for key, values in query.items())


def _accept(schema: Schema, query: Mapping[str, Sequence[str]]) -> None:
    for error in validator(schema).iter_errors({key: list(values) for key, values in query.items()}):
        raise BadRequest(_told(error, "query parameters", list(error.path)[:1]))


# Clients poll with the same few queries; what is raised is not remembered.
_accept_once = cached(LRUCache[Hashable, None](256), key=_seen)(_accept)


def _told(error: ValidationError, what: str, name: list[str | int]) -> str:
    if isinstance(error.cause, InvalidName):
        return str(error.cause)
    if not name:
        return error.message
    return f"Invalid input for {what} {name[0]}. Value: {error.instance}. {error.message}"


@cached({}, key=id)
def validator(schema: Schema) -> Validator:
    """What checks by a schema, made once. It keeps the schema, so that no other gets the same id."""
    found: Validator = _Dialect(schema, format_checker=FORMATS)
    return found


def _number(value: Any) -> float | None:
    """A number, or a text that is one: Nova compares both."""
    for parse in (int, float):
        try:
            return parse(value)
        except (TypeError, ValueError):
            continue
    return None


def _bounded(keyword: str) -> Any:
    plain = Draft202012Validator.VALIDATORS[keyword]

    def check(validator: Validator, bound: float, value: object, schema: Schema) -> Iterator[ValidationError]:
        number = _number(value)
        if number is not None:
            yield from plain(validator, bound, number, schema)

    return check


@cache
def _linear(pattern: str) -> Any:
    """A pattern in RE2, where $ does not match before a last line break, as it does in Python."""
    return re2.compile(pattern.removesuffix("$") + r"\n?\z" if pattern.endswith("$") else pattern)


def _pattern(validator: Validator, pattern: str, value: object, schema: Schema) -> Iterator[ValidationError]:
    if isinstance(value, str) and not _linear(pattern).search(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Dialect = validators.extend(
    Draft202012Validator, {"minimum": _bounded("minimum"), "maximum": _bounded("maximum"), "pattern": _pattern}
)


@FORMATS.checks("name", InvalidName)
def _is_name(value: object) -> bool:
    if isinstance(value, str) and not _linear(NAME).search(value):
        raise InvalidName(
            "An invalid 'name' value was provided. The name must be: "
            "printable characters. Can not start or end with whitespace."
        )
    return True


@FORMATS.checks("base64", ValueError)
def _is_base64(value: object) -> bool:
    return not isinstance(value, str) or base64.b64decode(value.encode("ascii")) is not None


@FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or asked_moment(value) is not None


@FORMATS.checks("regex", ValueError)
def _is_regex(value: object) -> bool:
    return not isinstance(value, str) or (value != "" and regex(value) is not None)


@FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or is_uuid_like(value)


def is_uuid_like(value: str) -> bool:
    """As oslo_utils.uuidutils: any spelling of a UUID."""
    try:
        return str(uuid.UUID(value)).replace("-", "") == _bare(value)
    except ValueError:
        return False


def _bare(value: str) -> str:
    return value.replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "").lower()
