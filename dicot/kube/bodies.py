"""What was read of rows last."""

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
        self._held: dict[int, tuple[Row, P]] = {}
        self._before: dict[int, tuple[Row, P]] = {}

    def read(self, row: Row) -> P:
        """The kept part of a row. Raises msgspec.DecodeError."""
        key = id(row)
        held = self._held.get(key) or self._before.get(key)
        if held is not None:
            return held[1]
        body = self._kind.read(row)
        self.note(row, body)
        return body

    def note(self, row: Row, body: P) -> None:
        """A row whose projection is known already."""
        if len(self._held) >= self._most:
            # All at once: to let go of one for each that comes takes as long as to decode it.
            self._before, self._held = self._held, {}
        self._held[id(row)] = (row, body)
