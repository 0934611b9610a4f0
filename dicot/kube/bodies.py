"""What was read of rows last."""

from collections import OrderedDict
from typing import Generic, TypeVar

from .kind import HasMeta, Kind, Row

P = TypeVar("P", bound=HasMeta)

_MOST = 32
_MOST_SHARED = 4096


class Bodies(Generic[P]):
    """The projections of the rows that were read last: what reads one change, or one Node, does so several times.

    Of cluster-scoped kinds more are kept, since they are what many others are joined with.
    """

    def __init__(self, kind: Kind[P]) -> None:
        self._kind = kind
        self._most = _MOST if kind.namespaced else _MOST_SHARED
        # By identity: a later state of an object is another row. A row that is held cannot lose its identity to one.
        self._held: OrderedDict[int, tuple[Row, P]] = OrderedDict()

    def read(self, row: Row) -> P:
        """The kept part of a row. Raises msgspec.DecodeError."""
        held = self._held.get(id(row))
        if held is not None:
            return held[1]
        body = self._kind.read(row)
        self.note(row, body)
        return body

    def note(self, row: Row, body: P) -> None:
        """A row whose projection is known already."""
        if len(self._held) >= self._most:
            self._held.popitem(last=False)
        self._held[id(row)] = (row, body)
