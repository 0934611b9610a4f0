"""Objects as clients read them: in the version they asked for, alone, in lists, and as their metadata."""

import re
from collections.abc import Iterable

from msgspec import json

from dicot.kube.kind import Manifest

from .resource import Resource

_TYPE = re.compile(rb'\{"kind":"[^"]*","apiVersion":"([^"]*)",')
METADATA_GROUP = "meta.k8s.io/v1"


def alone(resource: Resource, body: bytes) -> bytes:
    """An object in the version of a resource. All versions of it are kept alike (conversion strategy None)."""
    kept = _TYPE.match(body)
    assert kept is not None
    if kept[1].decode() == resource.api_version:
        return body
    return b'{"kind":"%b","apiVersion":"%b",%b' % (
        resource.kind.encode(),
        resource.api_version.encode(),
        body[kept.end() :],
    )


def item(resource: Resource, body: bytes) -> bytes:
    """An object in a list: built-in ones do not say there what they are."""
    if resource.custom:
        return alone(resource, body)
    kept = _TYPE.match(body)
    assert kept is not None
    return b"{" + body[kept.end() :]


def metadata_alone(body: bytes) -> bytes:
    """An object as PartialObjectMetadata."""
    return json.encode(
        {"kind": "PartialObjectMetadata", "apiVersion": METADATA_GROUP, "metadata": json.decode(body)["metadata"]}
    )


def list_head(kind: str, api_version: str, metadata: Manifest) -> bytes:
    """The begin of a list, up to its items."""
    return b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[' % (
        kind.encode(),
        api_version.encode(),
        json.encode(metadata),
    )


def listed(head: bytes, items: Iterable[bytes]) -> list[bytes]:
    """A list in pieces."""
    pieces = [head]
    comma = b""
    for each in items:
        pieces.append(comma + each)
        comma = b","
    pieces.append(b"]}\n")
    return pieces
