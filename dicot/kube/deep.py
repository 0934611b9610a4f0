"""JSON that is nested deeper than Python follows by itself.

Go's JSON decoder, and so the API server, accepts 10,000 levels, and a schema that keeps unknown fields stores them.
msgspec counts the levels of what it skips by Python's own limit, which is 1,000, and raises RecursionError beyond.
"""

import sys
from typing import TypeVar

import msgspec

T = TypeVar("T")
_DEEPEST = 12_000


def deeply(decoder: "msgspec.json.Decoder[T]", raw: bytes | msgspec.Raw) -> T | None:
    """What is decoded, also where what is skipped is nested deeply; None where it is nested beyond all measure."""
    try:
        return decoder.decode(raw)
    except RecursionError:
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(max(usual, _DEEPEST))
        try:
            return decoder.decode(raw)
        except RecursionError:
            return None
        finally:
            sys.setrecursionlimit(usual)


def shallow(raw: bytes | str | msgspec.Raw, form: type[T]) -> T:
    """One object of usual depth. Raises msgspec.DecodeError for any other, as for one that does not fit."""
    try:
        return msgspec.json.decode(raw, type=form)
    except RecursionError:
        raise msgspec.ValidationError("It is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise msgspec.ValidationError(f"It is no UTF-8: {error.reason}") from None
