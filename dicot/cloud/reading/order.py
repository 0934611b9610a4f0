"""Entries in order. Free of Twisted."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, islice
from operator import attrgetter
from typing import NamedTuple

from .block import MOST, Block, column
from .entry import Entry

Rank = tuple[str, str]
"""An entry's order, and its place where two have the same."""
Sort = tuple[tuple[str, bool], ...]
rank: Callable[[Entry], Rank] = attrgetter("order", "place")


class Span(NamedTuple):
    """Some entries of a block in a row, of which the first is at ``place``."""

    block: Block
    place: int
    entries: Sequence[Entry]


class Ordered:
    """Entries of one scope (or of all) in the default order, in blocks of which none is empty."""

    __slots__ = ("_blocks",)

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self._blocks = list(blocks)

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __iter__(self) -> Iterator[Entry]:
        return chain.from_iterable(block.entries for block in self._blocks)

    def add(self, entry: Entry) -> None:
        """Put a new entry in its place. Walks are in order, so that most come to the end."""
        blocks = self._blocks
        if not blocks or _last(blocks[-1]) < rank(entry):
            if not blocks or len(blocks[-1]) == MOST:
                blocks.append(Block([]))
            block = self._own(len(blocks) - 1)
            block.insert(len(block), entry)
            return
        number, place = self._find(entry)
        if number == place == 0 and len(blocks[0]) == MOST:
            blocks.insert(0, Block([entry]))
            return
        if len(blocks[number]) == MOST:
            number, place = self._split(number, place)
        self._own(number).insert(place, entry)

    def remove(self, entry: Entry) -> None:
        """Take an entry out of its place."""
        number, place = self._find(entry)
        block = self._own(number)
        block.remove(place)
        if not block:
            del self._blocks[number]
        elif number + 1 < len(self._blocks) and len(block) + len(self._blocks[number + 1]) <= MOST // 2:
            self._blocks[number : number + 2] = [Block(block.entries + self._blocks[number + 1].entries)]

    def remove_all(self, gone: Collection[str]) -> None:
        """Take many out at once, by their places."""
        self._blocks = _blocks(entry for entry in self if entry.place not in gone)

    def change(self, entry: Entry) -> None:
        """Replace an entry by one that stays in its place."""
        number, place = self._find(entry)
        self._own(number).change(place, entry)

    def stretch(self, after: Entry | None, most: int | None = None) -> list[Entry]:
        """The entries behind one, which may be another's (from the first on), as they are now."""
        blocks, found = self._blocks, list[Entry]()
        number, place = (0, 0) if after is None else self._behind(after)
        while number < len(blocks) and (most is None or len(found) < most):
            entries = blocks[number].entries
            found += entries[place : None if most is None else place + most - len(found)]
            number, place = number + 1, 0
        return found

    def spans(self, after: Entry | None, most: int) -> list[Span]:
        """The same by blocks."""
        blocks, found = self._blocks, list[Span]()
        number, place = (0, 0) if after is None else self._behind(after)
        while number < len(blocks) and most > 0:
            entries = blocks[number].entries
            if place or most < len(entries):
                entries = entries[place : place + most]
            found.append(Span(blocks[number], place, entries))
            most -= len(entries)
            number, place = number + 1, 0
        return found

    def blocks(self, after: Entry | None) -> list[Block]:
        """The same in blocks, to be read only: what changes from now on is not in them."""
        number, place = (0, 0) if after is None else self._behind(after)
        found = self._blocks[number:]
        for block in found:
            block.is_shared = True
        if place:
            found[0] = Block(found[0].entries[place:])
        return found

    def _own(self, number: int) -> Block:
        """A block that may be changed."""
        block = self._blocks[number]
        if block.is_shared:
            block = self._blocks[number] = block.copy()
        return block

    def _split(self, number: int, place: int) -> tuple[int, int]:
        """Make two of a full block; answers where that place is now."""
        entries, half = self._blocks[number].entries, MOST // 2
        self._blocks[number : number + 1] = [Block(entries[:half]), Block(entries[half:])]
        return (number, place) if place <= half else (number + 1, place - half)

    def _find(self, entry: Entry) -> tuple[int, int]:
        """The block and the place in it where an entry is, or should be, unless that is behind all of them."""
        wanted = rank(entry)
        number = bisect_left(self._blocks, wanted, key=_last)
        return number, bisect_left(self._blocks[number].entries, wanted, key=rank)

    def _behind(self, entry: Entry) -> tuple[int, int]:
        """The block and the place in it of the first that comes after an entry."""
        if not self._blocks or _last(self._blocks[-1]) <= rank(entry):
            return len(self._blocks), 0
        number, place = self._find(entry)
        entries = self._blocks[number].entries
        if entries[place].place == entry.place:
            place += 1
        return (number, place) if place < len(entries) else (number + 1, 0)


def _last(block: Block) -> Rank:
    return rank(block.entries[-1])


def _blocks(entries: Iterator[Entry]) -> list[Block]:
    found = []
    while held := list(islice(entries, MOST)):
        found.append(Block(held))
    return found


def merged(stretches: Sequence[list[Entry]]) -> Iterator[Entry]:
    """Several stretches as one, in order."""
    return merge(*stretches, key=rank)


def strides(runs: Sequence[Ordered], after: Entry | None) -> Iterator[Block]:
    """The entries of several runs behind one as one run, in blocks, as they are now."""
    if len(runs) == 1:
        yield from runs[0].blocks(after)
        return
    entries = merged([run.stretch(after) for run in runs])
    while held := list(islice(entries, MOST)):
        yield Block(held)


def first(found: list[Entry], sort: Sort, room: int) -> list[Entry]:
    """The first of them by columns, then in the default order."""
    found.sort(key=rank)
    for name, ascending in reversed(sort):
        found.sort(key=column(name), reverse=not ascending)
    return found[:room]


def follows(entry: Entry, marker: Entry, sort: Sort) -> bool:
    """Whether an entry comes behind another by columns, then in the default order."""
    for name, ascending in sort:
        value = column(name)
        left, right = value(entry), value(marker)
        if left != right:
            return (left > right) == ascending
    return rank(entry) > rank(marker)
