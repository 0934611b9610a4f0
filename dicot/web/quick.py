"""Heads of requests as clients write them, read in one pass. What is unusual is left to Twisted's reader of lines."""

import re
from collections.abc import Mapping

import msgspec

from .framing import LONGEST_NAME

LONGEST = 8_192
"""Bytes of such a head."""
_NAME = rb"[!#$%%&'*+.^_`|~0-9A-Za-z-]{1,%d}+" % LONGEST_NAME
_HEAD = re.compile(rb"(GET|HEAD) (/[!-~]*+) HTTP/1\.1\r\n((?:" + _NAME + rb":[\t -~]*+\r\n){1,64})\r\n")
_OTHERWISE = frozenset(
    (b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"te", b"trailer", b"proxy-connection")
)
"""Headers by which a request has a body, or its connection another use."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """A request without a body. ``fields`` are its headers by name in lower case."""

    method: bytes
    target: bytes
    fields: Mapping[bytes, bytes]


def quick(data: bytes) -> Head | None:
    """The one GET or HEAD that these bytes are, whole and nothing beside it.

    Twisted would read every such head alike; None where it might not, or where a header comes twice.
    """
    found = _HEAD.fullmatch(data)
    if found is None:
        return None
    lines = found[3].split(b"\r\n")
    del lines[-1]
    fields = {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip(b" \t")
    if len(fields) < len(lines) or not _OTHERWISE.isdisjoint(fields):
        return None
    if fields.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    return Head(found[1], found[2], fields)
