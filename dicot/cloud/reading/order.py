"""Entries in order. Free of Twisted."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter

from .entry import Entry

Rank = tuple[str, str]
"""An entry's order, and its place where two have the same."""
Sort = tuple[tuple[str, bool], ...]
rank: Callable[[Entry], Rank] = attrgetter("order", "place")
_ORDER = attrgetter("order")


class Ordered:
    """Entries of one scope (or of all) in the default order."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Put a new entry in its place."""
        self.entries.insert(self._place(entry), entry)

    def remove(self, entry: Entry) -> None:
        """Take an entry out of its place."""
        del self.entries[self._place(entry)]

    def remove_all(self, gone: Collection[str]) -> None:
        """Take many out at once, by their places."""
        self.entries = [entry for entry in self.entries if entry.place not in gone]

    def change(self, entry: Entry) -> None:
        """Replace an entry by one that stays in its place."""
        self.entries[self._place(entry)] = entry

    def stretch(self, after: Entry | None, most: int | None = None) -> list[Entry]:
        """The entries behind one, which may be another's (from the first on), as they are now."""
        if after is None:
            return self.entries[:most]
        start = self._place(after)
        if start < len(self.entries) and self.entries[start].place == after.place:
            start += 1
        return self.entries[start : None if most is None else start + most]

    def _place(self, entry: Entry) -> int:
        """Where an entry is, or should be. Walks are in order, so that most come to the end."""
        entries, order = self.entries, entry.order
        if not entries or entries[-1].order < order:
            return len(entries)
        place = bisect_left(entries, order, key=_ORDER)
        while place < len(entries) and entries[place].order == order and entries[place].place < entry.place:
            place += 1
        return place


def merged(stretches: Sequence[list[Entry]]) -> Iterator[Entry]:
    """Several stretches as one, in order."""
    return iter(stretches[0]) if len(stretches) == 1 else merge(*stretches, key=rank)


def strides(stretches: Sequence[list[Entry]], length: int) -> Iterator[list[Entry]]:
    """The same, so many at a time."""
    if len(stretches) == 1:
        for start in range(0, len(stretches[0]), length):
            yield stretches[0][start : start + length]
        return
    entries = merged(stretches)
    while stride := list(islice(entries, length)):
        yield stride


def first(found: list[Entry], sort: Sort, room: int) -> list[Entry]:
    """The first of them by columns, then in the default order."""
    found.sort(key=rank)
    for name, ascending in reversed(sort):
        found.sort(key=_column(name), reverse=not ascending)
    return found[:room]


def follows(entry: Entry, marker: Entry, sort: Sort) -> bool:
    """Whether an entry comes behind another by columns, then in the default order."""
    for name, ascending in sort:
        value = _column(name)
        left, right = value(entry), value(marker)
        if left != right:
            return (left > right) == ascending
    return rank(entry) > rank(marker)


def _column(name: str) -> Callable[[Entry], str]:
    if not name.isdigit():
        return attrgetter(name)
    place = int(name)
    return lambda entry: entry.columns[place] if place < len(entry.columns) else ""
