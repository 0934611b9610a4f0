"""Keys of entries in order. Free of Twisted."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from operator import attrgetter

from .entry import Entry
from .index import Index

Rank = tuple[str, str]
"""An entry's order, and its key where two have the same."""
Sort = tuple[tuple[str, bool], ...]
Found = tuple[Entry, str]
"""An entry and its key."""


class Ordered:
    """Keys of one scope (or of all) in the default order, and by what lists ask for."""

    __slots__ = ("_rank", "ids", "keys", "names", "statuses")

    def __init__(self, rank: Callable[[str], Rank]) -> None:
        self._rank = rank
        self.keys: list[str] = []
        self.ids = Index()
        self.names = Index()
        self.statuses = Index()

    def add(self, key: str, entry: Entry) -> None:
        """Put a new key in its place."""
        self.keys.insert(bisect_left(self.keys, (entry.order, key), key=self._rank), key)
        self.ids.add(entry.id, key)
        self.names.add(entry.name, key)
        self.statuses.add(entry.status, key)

    def remove(self, key: str, entry: Entry) -> None:
        """Take a key out of its place."""
        del self.keys[bisect_left(self.keys, (entry.order, key), key=self._rank)]
        self._unlist(key, entry)

    def remove_all(self, gone: dict[str, Entry]) -> None:
        """Take many keys out at once."""
        self.keys = [key for key in self.keys if key not in gone]
        for key, entry in gone.items():
            self._unlist(key, entry)

    def change(self, key: str, old: Entry, new: Entry) -> None:
        """Note what else changed of a key that stays in its place."""
        for index, before, after in (
            (self.ids, old.id, new.id),
            (self.names, old.name, new.name),
            (self.statuses, old.status, new.status),
        ):
            if before != after:
                index.remove(before, key)
                index.add(after, key)

    def stretch(self, after: str | None, most: int | None = None) -> list[str]:
        """The keys behind one (from the first on), as they are now."""
        start = bisect_right(self.keys, self._rank(after), key=self._rank) if after else 0
        return self.keys[start : None if most is None else start + most]

    def _unlist(self, key: str, entry: Entry) -> None:
        self.ids.remove(entry.id, key)
        self.names.remove(entry.name, key)
        self.statuses.remove(entry.status, key)


def merged(stretches: Sequence[list[str]], rank: Callable[[str], Rank]) -> Iterator[str]:
    """Several stretches as one, in order."""
    return iter(stretches[0]) if len(stretches) == 1 else merge(*stretches, key=rank)


def first(found: list[Found], sort: Sort, room: int) -> list[Found]:
    """The first of them by columns, then in the default order."""
    found.sort(key=lambda pair: (pair[0].order, pair[1]))
    for name, ascending in reversed(sort):
        value = _column(name)
        found.sort(key=lambda pair: value(pair[0]), reverse=not ascending)
    return found[:room]


def follows(pair: Found, marker: Found, sort: Sort) -> bool:
    """Whether an entry comes behind another by columns, then in the default order."""
    for name, ascending in sort:
        value = _column(name)
        left, right = value(pair[0]), value(marker[0])
        if left != right:
            return (left > right) == ascending
    return (pair[0].order, pair[1]) > (marker[0].order, marker[1])


def _column(name: str) -> Callable[[Entry], str]:
    if not name.isdigit():
        return attrgetter(name)
    place = int(name)

    def value(entry: Entry) -> str:
        columns = entry.columns.split("\0")
        return columns[place] if place < len(columns) else ""

    return value
