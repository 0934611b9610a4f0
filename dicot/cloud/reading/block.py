"""Entries in a row, and what was worked out about them. Free of Twisted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

from .entry import Entry

T = TypeVar("T")
MOST = 256
"""Entries of a block."""
Places = bytes
"""Places of entries in a block, in order: each fits a byte."""
_ALL = bytes(range(MOST))


class Block:
    """Some entries of an order. Once it ``is_shared`` nobody changes it: whoever wants to makes another.

    Its ``stamp`` is another with each change.
    """

    __slots__ = ("_known", "entries", "is_shared", "stamp")

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.is_shared = False
        self.stamp = object()
        self._known: dict[tuple[str, Callable[[Sequence[str]], Any]], Any] = {}

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def places(self) -> Places:
        """Of all its entries."""
        return _ALL[: len(self.entries)]

    def at(self, places: Places) -> Iterator[Entry]:
        """The entries at some places."""
        return map(self.entries.__getitem__, places)

    def known(self, name: str, make: Callable[[Sequence[str]], T]) -> T:
        """What ``make`` says of the values of a column, worked out once for as long as these stay what they are."""
        key = name, make
        if key not in self._known:
            self._known[key] = make(list(map(column(name), self.entries)))
        found: T = self._known[key]
        return found

    def copy(self) -> "Block":
        """Another with the same entries."""
        made = Block(self.entries.copy())
        made._known = self._known.copy()
        return made

    def insert(self, place: int, entry: Entry) -> None:
        """Put an entry in front of another."""
        self.entries.insert(place, entry)
        self._known.clear()
        self.stamp = object()

    def remove(self, place: int) -> None:
        """Take an entry out."""
        del self.entries[place]
        self._known.clear()
        self.stamp = object()

    def change(self, place: int, entry: Entry) -> None:
        """Replace an entry. What is known of columns where both have the same stays known."""
        old = self.entries[place]
        self.entries[place] = entry
        self.stamp = object()
        self._known = {
            key: known for key, known in self._known.items() if column(key[0])(old) == column(key[0])(entry)
        }


def grouped(values: Sequence[str]) -> Mapping[str, Places]:
    """The places of each value."""
    found: dict[str, bytearray] = {}
    for place, value in enumerate(values):
        found.setdefault(value, bytearray()).append(place)
    return {value: bytes(places) for value, places in found.items()}


@lru_cache(None)
def column(name: str) -> Callable[[Entry], str]:
    """An entry's value in a column: a field of Entry, or in digits the place of one in ``Entry.columns``."""
    if not name.isdigit():
        return attrgetter(name)
    place = int(name)
    return lambda entry: entry.columns[place] if place < len(entry.columns) else ""
