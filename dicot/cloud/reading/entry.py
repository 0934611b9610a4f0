"""What lists are made of. Free of Twisted."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

Shape = tuple[str, int, bool]
"""(view, microversion class, admin or not): everything a finished fragment depends on beside its rows."""


class Entry(msgspec.Struct, gc=False, frozen=True):
    """What lists ask of one resource without opening it: short or interned strings only.

    ``place`` is namespace/name of the main object; ``scope`` who may see it (a namespace, a domain id, a user id, or
    "" for everybody); ``order`` sorts ascending in the service's default order; ``columns`` are further values to
    filter and sort by, in an order that the resource knows.
    """

    place: str
    scope: str
    id: str
    order: str
    name: str = ""
    status: str = ""
    columns: tuple[str, ...] = ()


_BACKWARDS = bytes(127 - place if place < 128 else place for place in range(256))


def newest_first(created: str, id: str) -> str:
    """An ``order`` by which ascending is created_at descending, id descending, as Nova sorts. Both are ASCII."""
    return f"{created}\0{id}".encode("ascii").translate(_BACKWARDS).decode("ascii")


@dataclass(frozen=True, slots=True)
class Page:
    """Fragments in order; ``more`` is True where the page is full and entries follow; ``last`` is the last id."""

    parts: Sequence[bytes]
    more: bool
    last: str


@dataclass(frozen=True, slots=True)
class Text:
    """A page as runs of documents, ``count`` of them; a run of one may be many that are joined already."""

    runs: Sequence[Sequence[bytes]]
    count: int
    more: bool
    last: str


class UnknownMarker(Exception):
    """No entry that the caller may see has the marker's id."""

    def __init__(self, marker: str) -> None:
        super().__init__(marker)
        self.marker = marker
