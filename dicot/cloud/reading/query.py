"""What of a collection is wanted. Free of Twisted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .block import Block, Places, grouped
from .entry import Entry

Match = Callable[[Block, Places], Iterable[Places]]
"""Those of some places of a block that pass a filter, in order; in pieces, of which none takes long to find."""


def each(test: Callable[[Entry], bool]) -> Match:
    """A filter of a quick test of one entry."""
    return lambda block, places: (bytes([place for place in places if test(block.entries[place])]),)


@dataclass(frozen=True, slots=True)
class Query:
    """What of a collection is wanted.

    ``sort`` holds (column, ascending) pairs, empty for the default order; a column is a field of Entry, or the place
    of a value in ``Entry.columns`` in digits. ``marker`` is the id after which to begin; ``limit`` the most entries
    to answer with.
    """

    limit: int
    marker: str = ""
    name: str = ""
    status: str = ""
    match: Match | None = None
    sort: tuple[tuple[str, bool], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether everything is wanted, in the default order."""
        return not (self.name or self.status or self.match or self.sort)

    def wanted(self, block: Block) -> Iterable[Places]:
        """The places of those that the filters let pass, in pieces."""
        places = block.known("status", grouped).get(self.status, b"") if self.status else block.places
        if self.name:
            places = bytes([place for place in places if block.entries[place].name == self.name])
        return (places,) if self.match is None or not places else self.match(block, places)

    def wants(self, entry: Entry) -> bool:
        """Whether the filters let an entry pass."""
        return any(self.wanted(Block([entry])))
