"""Bodies and queries checked by JSON Schema, refused in the words of Nova.

The keywords are those that Nova's schemas use; the words are python-jsonschema's (4.26), wrapped as
nova/api/validation/validators.py wraps them. Only the first mistake is told, as there.
"""

import base64
import binascii
import ipaddress
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

from ..faults import BadRequest
from .times import moment

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a value. ``whole`` is a message that says everything, without the field's name."""

    path: Path
    value: object
    message: str
    whole: bool = False


Check = Callable[[Any, Any, Schema, Path], Iterator[Mistake]]


def check_body(schema: Schema, body: object) -> None:
    """Raises BadRequest for a body that does not fit."""
    for mistake in mistakes(schema, body, ()):
        raise BadRequest(_told(mistake, "field/attribute", mistake.path[-1:]))


def check_query(schema: Schema, query: Mapping[str, Sequence[str]]) -> None:
    """Raises BadRequest for a query that does not fit; the schema sees each key with the list of its values."""
    for mistake in mistakes(schema, {key: list(values) for key, values in query.items()}, ()):
        raise BadRequest(_told(mistake, "query parameters", mistake.path[:1]))


def _told(mistake: Mistake, what: str, name: Path) -> str:
    if mistake.whole or not name:
        return mistake.message
    return f"Invalid input for {what} {name[0]}. Value: {mistake.value}. {mistake.message}"


def mistakes(schema: Schema, value: object, path: Path) -> Iterator[Mistake]:
    """Everything that is wrong, in the order of the schema's keywords."""
    for keyword, rule in schema.items():
        check = CHECKS.get(keyword)
        if check is not None:
            yield from check(rule, value, schema, path)


def is_valid(schema: Schema, value: object) -> bool:
    """Whether nothing is wrong."""
    return next(mistakes(schema, value, ()), None) is None


_TYPES: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
}


def _type(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    names = [rule] if isinstance(rule, str) else rule
    if not any(_TYPES[name](value) for name in names):
        yield Mistake(path, value, f"{value!r} is not of type {', '.join(map(repr, names))}")


def _enum(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if not any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in rule):
        yield Mistake(path, value, f"{value!r} is not one of {rule!r}")


def _min_length(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, str) and len(value) < rule:
        yield Mistake(path, value, f"{value!r} {'should be non-empty' if rule == 1 else 'is too short'}")


def _max_length(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, str) and len(value) > rule:
        yield Mistake(path, value, f"{value!r} {'is too long' if rule else 'is expected to be empty'}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Python's $ also matches before a newline at the end, which no name of ours may have.
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _pattern(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, str) and not _compiled(rule).search(value):
        yield Mistake(path, value, f"{value!r} does not match {rule!r}")


def _number(value: object) -> float | None:
    """A number, or a text that is one: Nova compares both."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(value) if len(str(value)) < 400 else None
    except (ValueError, OverflowError):
        return None


def _minimum(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    number = _number(value)
    if number is not None and number < rule:
        yield Mistake(path, value, f"{number!r} is less than the minimum of {rule!r}")


def _maximum(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    number = _number(value)
    if number is not None and number > rule:
        yield Mistake(path, value, f"{number!r} is greater than the maximum of {rule!r}")


def _min_items(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, list) and len(value) < rule:
        yield Mistake(path, value, f"{value!r} {'should be non-empty' if rule == 1 else 'is too short'}")


def _max_items(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, list) and len(value) > rule:
        yield Mistake(path, value, f"{value!r} {'is too long' if rule else 'is expected to be empty'}")


def _unique_items(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if rule and isinstance(value, list) and any(value[place] in value[:place] for place in range(len(value))):
        yield Mistake(path, value, f"{value!r} has non-unique elements")


def _items(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from mistakes(rule, item, (*path, place))


def _properties(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, dict):
        for name, inner in rule.items():
            if name in value:
                yield from mistakes(inner, value[name], (*path, name))


def _pattern_properties(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, dict):
        for pattern, inner in rule.items():
            for name, item in value.items():
                if _compiled(pattern).search(name):
                    yield from mistakes(inner, item, (*path, name))


def _required(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(value, dict):
        for name in rule:
            if name not in value:
                yield Mistake(path, value, f"{name!r} is a required property")


def _additional(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if rule or not isinstance(value, dict):
        return
    patterns = schema.get("patternProperties", {})
    known = schema.get("properties", {})
    extra = sorted(
        name for name in value if name not in known and not any(_compiled(each).search(name) for each in patterns)
    )
    if not extra:
        return
    names = ", ".join(map(repr, extra))
    if patterns:
        verb = "does" if len(extra) == 1 else "do"
        told = f"{names} {verb} not match any of the regexes: {', '.join(map(repr, sorted(patterns)))}"
    else:
        told = f"Additional properties are not allowed ({names} {'was' if len(extra) == 1 else 'were'} unexpected)"
    yield Mistake(path, value, told)


def _one_of(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if not any(is_valid(each, value) for each in rule):
        yield Mistake(path, value, f"{value!r} is not valid under any of the given schemas")


def _all_of(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    for each in rule:
        yield from mistakes(each, value, path)


def printable(letter: str) -> bool:
    """Neither a control character nor a line break; nothing beyond the basic plane (nova parameter_types)."""
    category = unicodedata.category(letter)
    return ord(letter) < 0xFFFF and category[0] != "C" and (category[0] != "Z" or category == "Zs")


def _is_blank(letter: str) -> bool:
    return unicodedata.category(letter) == "Zs"


def _is_name(value: str) -> bool:
    return all(map(printable, value)) and not (value and (_is_blank(value[0]) or _is_blank(value[-1])))


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value.encode())
    except (binascii.Error, ValueError):
        return False
    return True


def is_uuid_like(value: str) -> bool:
    """As oslo_utils.uuidutils: any spelling of a UUID."""
    try:
        return str(uuid.UUID(value)).replace("-", "") == _bare(value)
    except ValueError:
        return False


def _bare(value: str) -> str:
    return value.replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "").lower()


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def test(value: str) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return True

    return test


def regex(pattern: str) -> Any:
    """A compiled filter: found anywhere in a text, in time linear to it. Case does not count, as in MySQL's REGEXP.

    Raises ValueError for what RE2 does not know (back references, look-around), which Python's own engine would
    accept and a hostile text could keep busy for ever.
    """
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ValueError(pattern) from None


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "uuid": is_uuid_like,
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "base64": _is_base64,
    "date-time": lambda value: moment(value) is not None,
    "regex": lambda value: value != "" and _parses(regex)(value),
}
# What is printable is one long character class in Nova, which its answer quotes in full; a word is told instead.
_PRINTABLE = "printable characters"
_NAMES = "printable characters. Can not start or end with whitespace."


def _format(rule: Any, value: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if not isinstance(value, str):
        return
    if rule == "name":
        if not _is_name(value):
            told = f"An invalid 'name' value was provided. The name must be: {_NAMES}"
            yield Mistake(path, value, told, whole=True)
    elif rule == "printable":
        if not all(map(printable, value)):
            yield Mistake(path, value, f"{value!r} does not match '^[{_PRINTABLE}]*$'")
    elif not FORMATS[rule](value):
        yield Mistake(path, value, f"{value!r} is not a {rule!r}")


CHECKS: Mapping[str, Check] = {
    "type": _type,
    "enum": _enum,
    "format": _format,
    "pattern": _pattern,
    "minLength": _min_length,
    "maxLength": _max_length,
    "minimum": _minimum,
    "maximum": _maximum,
    "minItems": _min_items,
    "maxItems": _max_items,
    "uniqueItems": _unique_items,
    "items": _items,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "required": _required,
    "additionalProperties": _additional,
    "oneOf": _one_of,
    "allOf": _all_of,
}
