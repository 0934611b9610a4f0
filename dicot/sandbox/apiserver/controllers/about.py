"""What controllers read of any object, and of nothing else in it."""

from __future__ import annotations

import msgspec


class Owner(msgspec.Struct, frozen=True):
    """An ownerReference."""

    apiVersion: str
    kind: str
    name: str
    uid: str
    blockOwnerDeletion: bool = False

    @property
    def group(self) -> str:
        """The API group of its kind."""
        return self.apiVersion.rpartition("/")[0]


class About(msgspec.Struct, frozen=True):
    """metadata, as far as it says whether and how long an object lives."""

    uid: str = ""
    deletionTimestamp: str = ""
    finalizers: tuple[str, ...] = ()
    ownerReferences: tuple[Owner, ...] = ()


class _Object(msgspec.Struct, frozen=True):
    metadata: About


_DECODER = msgspec.json.Decoder(_Object)
_DYING = (b'"ownerReferences"', b'"deletionTimestamp"')


def about(found: bytes) -> About:
    """Of the JSON of an object."""
    return _DECODER.decode(found).metadata


def plain(found: bytes) -> bool:
    """Whether an object neither has owners nor ends: most need not be read to know that."""
    return not any(word in found for word in _DYING)
