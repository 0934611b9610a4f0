"""Reads a path strictly, and finds hot routes before Klein's map is asked."""

import re
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, unquote_to_bytes

from ..faults import BadRequest, NotFound

T = TypeVar("T")

MOST_FIELDS = 1000
"""Fields in a query."""

_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~:@!$&'()*+,;=-][A-Za-z0-9_.~:@!$&'()*+,;=-]*)*/?")
_ALLOWED = re.compile(rb"(?:[A-Za-z0-9/_.~:@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"<[a-z_]+>")
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HIDDEN = frozenset("/\\%")
"""What may not come percent-encoded: one decoding more or less would make it another path."""


def segments(path: bytes, missing: str) -> tuple[str, ...]:
    """The decoded segments of a path ("" or "/..."); one slash at the end does not count.

    Raises BadRequest where the spelling is broken or hides something, NotFound in the words of ``missing`` for
    ``//``, ``.`` and ``..``.
    """
    parts = path[:-1].split(b"/")[1:] if path.endswith(b"/") else path.split(b"/")[1:]
    if _PLAIN.fullmatch(path):
        return tuple(part.decode("ascii") for part in parts)
    if not _ALLOWED.fullmatch(path):
        raise BadRequest("The path is malformed.")
    return tuple(_segment(part, missing) for part in parts)


def _segment(part: bytes, missing: str) -> str:
    try:
        text = unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The path is not encoded in UTF-8.") from None
    if _CONTROL.search(text) or (b"%" in part and not _HIDDEN.isdisjoint(text)):
        raise BadRequest("The path has a character that is not allowed.")
    if text in ("", ".", ".."):
        raise NotFound(missing)
    return text


def query(text: bytes) -> Mapping[str, Sequence[str]]:
    """The decoded query, each key with its values in order. Raises BadRequest."""
    if not text:
        return {}
    found: dict[str, list[str]] = {}
    for key, value in _fields(text):
        if _CONTROL.search(key) or _CONTROL.search(value):
            raise BadRequest("The query has a character that is not allowed.")
        found.setdefault(key, []).append(value)
    return found


def _fields(text: bytes) -> list[tuple[str, str]]:
    if not text.isascii() or _BROKEN.search(text.decode("ascii")):
        raise BadRequest("The query is malformed.")
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequest("The query is malformed.") from None


class Hot(Generic[T]):
    """Routes that are found by a look into a dict: an exact path, or one id as last segment."""

    def __init__(self) -> None:
        self._exact: dict[bytes, T] = {}
        self._tail: dict[bytes, tuple[str, T]] = {}
        self._fixed: set[bytes] = set()

    def reserve(self, url: str) -> None:
        """A path without variables, of any route, that an id must not shadow."""
        if "<" not in url:
            self._fixed.add(url.encode("ascii"))

    def add(self, url: str, route: T) -> None:
        """``url`` is a Klein rule; it is left to Klein unless fixed, or fixed but for ``/<name>`` at its end."""
        stem, _, last = url.rpartition("/")
        if "<" not in url:
            self._exact[url.encode("ascii")] = route
        elif "<" not in stem and _VARIABLE.fullmatch(last):
            self._tail.setdefault(stem.encode("ascii"), (last[1:-1], route))

    def find(self, path: bytes) -> tuple[T, Mapping[str, str]] | None:
        """The route of a path that needs no decoding, and its variable; None leaves it to Klein."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, {}
        stem, _, last = path.rpartition(b"/")
        tail = self._tail.get(stem)
        if tail is None or not last or path in self._fixed or not _PLAIN.fullmatch(path):
            return None
        return tail[1], {tail[0]: last.decode("ascii")}
