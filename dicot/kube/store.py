"""The newest of every object of one kind."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred

from .kind import HasMeta, Kind, Row

P = TypeVar("P", bound=HasMeta)


@dataclass(frozen=True, slots=True)
class Change:
    """Before and after, since a join must leave the place it was in. A new uid under an old name is two changes."""

    kind: Kind[Any]
    old: Row | None
    new: Row | None


Listener = Callable[[tuple[Change, ...]], None]


class Store(Generic[P]):
    """Rows by (namespace, name), by (namespace, id), by link; older never wins.

    Within a namespace the oldest object wins a duplicated id; the others answer to their uid.
    """

    def __init__(self, kind: Kind[P]) -> None:
        self.kind = kind

    # what views and resolvers read
    def one(self, namespace: str, name: str) -> Row | None: ...
    def by_id(self, namespace: str, id: str) -> Row | None: ...
    def with_id(self, id: str) -> tuple[Row, ...]:
        """Every row that answers to an id, in any namespace: for cloud admins and cluster-wide kinds only."""
        ...

    def linked(self, link: str) -> tuple[Row, ...]:
        """Rows whose ``kind.links`` hold it."""
        ...

    def rows(self, namespace: str | None = None) -> Iterable[Row]:
        """All rows, or those of a namespace."""
        ...

    def __len__(self) -> int: ...
    def read(self, row: Row) -> P: ...
    def listen(self, listener: Listener) -> None: ...

    # what writers use
    def learn(self, answer: bytes) -> Row:
        """A write's answer: moves the row, never the watch's version."""
        ...

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """A delete's answer for an object that is gone at once: a tombstone, so that nothing older revives it."""
        ...

    def reached(self, version: str) -> Deferred[None]:
        """Fires when the watch has passed that version."""
        ...

    def synced(self) -> Deferred[None]:
        """Fires once the first list is applied; also for an optional kind that the cluster does not serve."""
        ...

    @property
    def is_synced(self) -> bool: ...
