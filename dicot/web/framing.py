"""What lines of a head say."""

import re
from collections.abc import Mapping

from twisted.web.http_headers import Headers

LONGEST_NAME = 128
"""Bytes of a header's name. Twisted remembers the first 10,000 names it sees for as long as it runs."""
_LENGTH = re.compile(rb"[ \t]*[0-9]{1,18}[ \t]*")


def joined(headers: Headers) -> Mapping[bytes, bytes]:
    """Headers by name in lower case; several lines of one are joined by commas."""
    return {name.lower(): b",".join(lines) for name, lines in headers.getAllRawHeaders()}


def path_in(line: bytes) -> bytes:
    """The path that a request line names, however broken the rest of it is: it tells whose words refuse it."""
    words = line.split(b" ", 2)
    return words[1].partition(b"?")[0] if len(words) > 1 else b""


def misframed(line: bytes) -> bool:
    """Whether a header gives the length of the body in a way that two parsers may read differently."""
    name, _, value = line.lower().partition(b":")
    if name == b"content-length":
        return _LENGTH.fullmatch(value) is None
    return name == b"transfer-encoding" and value.strip(b" \t") != b"chunked"
