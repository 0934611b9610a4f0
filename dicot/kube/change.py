"""What listeners of a store are told."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from .kind import Kind, Row
from .table import Move


class Change(msgspec.Struct, frozen=True, gc=False):
    """Before and after, since a join must leave the place it was in. A new uid under an old name is two changes.

    ``unseen`` marks a delete that nobody told: a list lacks the object, and ``old`` need not be its final state.
    """

    kind: Kind[Any]
    old: Row | None
    new: Row | None
    unseen: bool = False


Listener = Callable[[tuple[Change, ...]], None]


def changes(kind: Kind[Any], moves: Iterable[Move], *, unseen: bool = False) -> Iterator[Change]:
    """The changes that rows' moves stand for; ``unseen`` says that nobody told of the deletes among them."""
    for old, new in moves:
        if old is not None and new is not None and old.uid != new.uid:
            yield Change(kind, old, None, unseen)
            yield Change(kind, None, new)
        else:
            yield Change(kind, old, new, unseen and new is None)
