"""Many entries brought into order at once, a little at a time. Free of Twisted."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter

from .block import MOST, Block
from .entry import Entry
from .order import Ordered, rank

_STRIDE = 1000
"""Entries that are looked at in one step, which takes some 0.5 ms."""
_ORDER = attrgetter("order")


class Filling:
    """An order in the making, by entries that come in order."""

    __slots__ = ("_blocks", "_last")

    def __init__(self) -> None:
        self._last: list[Entry] = []
        self._blocks = [self._last]

    def append(self, entry: Entry) -> None:
        """The next entry."""
        if len(self._last) == MOST:
            self._last = []
            self._blocks.append(self._last)
        self._last.append(entry)

    def extend(self, entries: Iterable[Entry]) -> None:
        """The next entries."""
        for entry in entries:
            self.append(entry)

    def ordered(self) -> Ordered:
        """All that came."""
        return Ordered([Block(entries) for entries in self._blocks if entries])


def in_order(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Entries by rank, in steps of which each brings some: dealt by samples of them, then sorted where they lie."""
    splits = sorted(map(_ORDER, entries[MOST // 2 :: MOST]))
    hands: list[list[Entry]] = [[] for _ in range(len(splits) + 1)]
    for start in range(0, len(entries), _STRIDE):
        for entry in entries[start : start + _STRIDE]:
            hands[bisect_right(splits, entry.order)].append(entry)
        yield []
    for hand in hands:
        hand.sort(key=rank)
        yield hand
