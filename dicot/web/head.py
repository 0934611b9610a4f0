"""The head of an answer, as bytes."""

import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus

from twisted.web.http import datetimeToString

from .dialect import Dialect, Version

JSON = b"Content-Type: application/json\r\n"


def fields(
    dialect: Dialect, version: Version, request_id: str, length: int | None, given: Mapping[str, str] | None
) -> Iterable[bytes]:
    """The lines of an answer: what its service says always, then ``given``, which wins.

    ``length`` is None where there can be no body.
    """
    always, ids = _always(dialect, version)
    found = dict(always)
    for key, name in ids:
        found[key] = b"%b: %b\r\n" % (name, request_id.encode("ascii"))
    if length is not None:
        found["content-length"] = b"Content-Length: %d\r\n" % length
        if length:
            found["content-type"] = JSON
    for own, value in (given or {}).items():
        found[own.lower()] = line(own, value)
    return found.values()


def line(name: str, value: str) -> bytes:
    """One header. What would end it early becomes a space, as in Twisted's ``Headers``."""
    return b"%b: %b\r\n" % (name.encode("ascii"), b" ".join(value.encode().splitlines()))


def head(code: int, lines: Iterable[bytes], body: bytes = b"", *, closing: bool) -> bytes:
    """A whole head, with the date, and what follows it."""
    last = b"Connection: close\r\n\r\n" if closing else b"\r\n"
    return b"".join((_status(code), _date(int(time.time())), *lines, last, body))


@lru_cache(maxsize=64)
def _status(code: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (code, HTTPStatus(code).phrase.encode())


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return b"Date: %b\r\n" % datetimeToString(second)


@lru_cache(maxsize=512)
def _always(dialect: Dialect, version: Version) -> tuple[Mapping[str, bytes], tuple[tuple[str, bytes], ...]]:
    """The lines that depend on nothing else, by name, and the names that carry the request's id."""
    stamp = {name.lower(): line(name, value) for name, value in dialect.stamp(version).items()}
    return stamp, tuple((name.lower(), name.encode("ascii")) for name in dialect.id_headers)
