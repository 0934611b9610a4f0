"""What listeners of a store are told."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from .kind import Kind, Row
from .table import Move


class Change(msgspec.Struct, frozen=True, gc=False):
    """Before and after, since a join must leave the place it was in. A new uid under an old name is two changes."""

    kind: Kind[Any]
    old: Row | None
    new: Row | None


Listener = Callable[[tuple[Change, ...]], None]


def changes(kind: Kind[Any], moves: Iterable[Move]) -> Iterator[Change]:
    """The changes that rows' moves stand for."""
    for old, new in moves:
        if old is not None and new is not None and old.uid != new.uid:
            yield Change(kind, old, None)
            yield Change(kind, None, new)
        else:
            yield Change(kind, old, new)
