"""The one reader of JSON bodies. Refuses what parsers read in different ways, and what costs too much."""

import json
import math
import re
from collections.abc import Iterable

DEEPEST = 32
LONGEST_NUMBER = 20
"""Digits in a number."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class Malformed(Exception):
    """A body that is not the JSON we accept; the text is for the log, the client reads its service's own words."""


def read(content: bytes) -> object:
    """The value of a body of strict JSON in UTF-8. Raises Malformed."""
    try:
        text = content.decode("utf-8")
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(type(error).__name__) from None
    # Only an escape can bring in NUL or half a surrogate pair, and only brackets nest.
    if "\\u" in text or text.count("[") + text.count("{") > DEEPEST:
        _walk(value, DEEPEST)
    return value


def _walk(value: object, room: int) -> None:
    if isinstance(value, str):
        if "\0" in value or (not value.isascii() and _SURROGATE.search(value)):
            raise Malformed("NUL or lone surrogate")
    elif isinstance(value, dict | list):
        if room == 0:
            raise Malformed("too deep")
        inner: Iterable[object] = [*value, *value.values()] if isinstance(value, dict) else value
        for item in inner:
            _walk(item, room - 1)


def _whole(text: str) -> int:
    if len(text) - text.startswith("-") > LONGEST_NUMBER:
        raise Malformed("number too long")
    return int(text)


def _real(text: str) -> float:
    if sum(map(str.isdigit, text)) > LONGEST_NUMBER:
        raise Malformed("number too long")
    value = float(text)
    if math.isinf(value):
        raise Malformed("number out of range")
    return value


def _constant(text: str) -> object:
    raise Malformed(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("duplicate key")
    return found


_DECODER = json.JSONDecoder(parse_int=_whole, parse_float=_real, parse_constant=_constant, object_pairs_hook=_unique)
