"""The newest of every object of one kind."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .barrier import Barrier
from .change import Change as Change
from .change import Listener as Listener
from .change import changes
from .draft import Draft
from .event import ADDED, BOOKMARK, DELETED, MODIFIED, Event, Reader
from .health import Tally
from .kind import HasMeta, Kind, Meta, Row
from .table import Move, Table
from .versions import compare, is_newer

P = TypeVar("P", bound=HasMeta)
log = Logger()
GRAVES = 10_000
"""Deleted objects that are remembered, so that nothing older revives them."""


class Store(Generic[P]):
    """Rows by (namespace, name), by (namespace, id), by link; older never wins.

    Within a namespace the oldest object wins a duplicated id; the others answer to their uid, and their ``Row.id``
    says so.
    """

    def __init__(self, kind: Kind[P]) -> None:
        self.kind = kind
        self.reader = Reader(kind)
        self.tally = Tally()
        self._table: Table[P] = Table(kind)
        self._draft: Draft[P] | None = None
        self._graves: dict[str, str] = {}
        self.skipped: set[str] = set()
        self._listeners: list[Listener] = []
        self._barrier = Barrier()
        self._synced = False
        self._waiting: list[Deferred[None]] = []

    # what views and resolvers read

    def one(self, namespace: str, name: str) -> Row | None:
        """The row of that name."""
        return self._table.one(namespace, name)

    def by_id(self, namespace: str, id: str) -> Row | None:
        """The row that answers to that id in a namespace."""
        return self._table.by_id(namespace, id)

    def with_id(self, id: str) -> tuple[Row, ...]:
        """Every row that answers to an id, in any namespace: for cloud admins and cluster-wide kinds only."""
        return self._table.with_id(id)

    def linked(self, link: str) -> tuple[Row, ...]:
        """Rows whose ``kind.links`` hold it."""
        return self._table.linked(link)

    def rows(self, namespace: str | None = None) -> Iterable[Row]:
        """All rows, or those of a namespace, as they are now."""
        return self._table.rows(namespace)

    def __len__(self) -> int:
        return len(self._table)

    def read(self, row: Row) -> P:
        """The kept part of a row, decoded again."""
        return self.kind.read(row)

    def listen(self, listener: Listener) -> None:
        """Tell a listener of every change from now on; changes that came in one step are told in one call."""
        self._listeners.append(listener)

    @property
    def version(self) -> str:
        """The version that the watch has applied last, "" before the first list."""
        return self._barrier.version

    # what writers use

    def learn(self, answer: bytes) -> Row:
        """A write's answer: moves the row, never the watch's version. Answers the newest known state of the object.

        Raises msgspec.DecodeError for an object that does not fit its kind.
        """
        row = self.kind.decode(answer)
        if self.kind.namespace not in (None, row.namespace) or self.kind.name not in (None, row.name):
            return row
        if not self._is_stale(row.namespace, row.name, row.uid, row.version):
            self._touch(row.namespace, row.name)
            self._tell(self._put(row, None))
        held = self._table.one(row.namespace, row.name)
        return held if held is not None and held.uid == row.uid else row

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """A delete's answer for an object that is gone at once: a tombstone, so that nothing older revives it."""
        self._touch(namespace, name)
        self._bury(uid, "")
        held = self._table.one(namespace, name)
        if held is not None and held.uid == uid:
            self._tell(self._table.remove(held))

    def reached(self, version: str) -> Deferred[None]:
        """Fires when the watch has passed that version. May be cancelled."""
        return self._barrier.reached(version)

    def synced(self) -> Deferred[None]:
        """Fires once the first list is applied; also for an optional kind that the cluster does not serve."""
        waiting: Deferred[None] = Deferred(self._waiting.remove)
        if self._synced:
            waiting.callback(None)
        else:
            self._waiting.append(waiting)
        return waiting

    @property
    def is_synced(self) -> bool:
        """Whether the first list is applied. Stays true during a relist."""
        return self._synced

    # what the watch feeds

    def apply(self, lines: Iterable[bytes]) -> None:
        """Watch lines, in order, as one step. What came before a line that raises stays applied.

        Raises errors.Refused for an ERROR and event.Garbled for a broken line.
        """
        moves: list[Move] = []
        version = self.version
        seen: list[str] = []
        try:
            for line in lines:
                event = self.reader.line(line)
                moves += self._take(event)
                reached = event.meta.resourceVersion
                if reached and compare(reached, version) != -1:
                    version = reached
                    if self._barrier.awaits_equality:
                        seen.append(reached)
        finally:
            self._tell(moves)
            if version != self.version:
                self._barrier.passed(version, seen)

    def draft(self) -> Draft[P]:
        """Begin a list. Only the last one begun can replace the rows."""
        self._draft = Draft(self.kind, self.reader, self._table)
        return self._draft

    def abandon(self) -> None:
        """The list that was begun comes to nothing."""
        self._draft = None

    def replacing(self, draft: Draft[P], version: str) -> Iterator[None]:
        """Put a draft in the place of the rows: many small steps that nobody sees, and a last one that all see.

        Rows newer than ``version`` stay. Only what differs is told. What the list lacks is told as a delete.
        """
        if compare(version, self.version) == -1:
            draft.rewound = True
            self._graves.clear()
        yield from draft.differing(self._graves, version)
        told = draft.closed(self._graves, version)
        self._draft, self._table = None, draft.table
        self.skipped.clear()
        for event in draft.skipped.values():
            self._skip(event)
        for row in draft.removed.values():
            self.tally.vanished += 1
            self._bury(row.uid, version)
        self._graves = {uid: deleted_at for uid, deleted_at in self._graves.items() if deleted_at}
        self._announce(tuple(told))
        self._barrier.passed(version)
        self._be_synced()

    def replace(self, items: Iterable[bytes], version: str) -> None:
        """A whole list at once: raw objects, and the version of their collection."""
        draft = self.draft()
        draft.extend(items)
        for _ in self.replacing(draft, version):
            pass

    @property
    def awaits_deletes(self) -> bool:
        """Whether an object was forgotten whose deletion the watch has not told yet."""
        return "" in self._graves.values()

    def empty(self) -> None:
        """The kind is not served any more, or not yet: no rows, and nothing to wait for."""
        rows = self._table.rows()
        self._table, self._draft = Table(self.kind), None
        self._graves.clear()
        self._barrier.version = ""
        self._announce(tuple(changes(self.kind, [(row, None) for row in rows], unseen=True)))
        self._be_synced()

    def _take(self, event: Event) -> Iterable[Move]:
        meta = event.meta
        if event.type == BOOKMARK:
            self.tally.bookmarks += 1
            return ()
        self.tally.events += 1
        if event.type == DELETED:
            return self._delete(meta)
        if event.type not in (ADDED, MODIFIED):
            self.tally.unknown += 1
            log.warn("{kind}: an event of unknown type {type}", kind=self.kind.resource, type=event.type)
        elif event.body is None or not meta.name:
            self._skip(event)
        elif self._is_stale(meta.namespace, meta.name, meta.uid, meta.resourceVersion):
            self.tally.duplicates += 1
        else:
            return self._put(self.kind.row(event.body), event.body)
        return ()

    def _is_stale(self, namespace: str, name: str, uid: str, version: str) -> bool:
        """Whether what is known already is at least as new."""
        deleted_at = self._graves.get(uid)
        if deleted_at is not None and not (deleted_at and is_newer(version, deleted_at)):
            return True
        held = self._table.one(namespace, name)
        return held is not None and compare(version, held.version) in (-1, 0)

    def _put(self, row: Row, body: P | None) -> Iterable[Move]:
        self.skipped.discard(row.uid)
        held = self._table.one(row.namespace, row.name)
        if held is not None and held.uid != row.uid:
            self._bury(held.uid, row.version)
        elif held is not None and row.shows_as(self._table.claim(held)):
            self._table.swap(held, row, body)
            return ()
        return self._table.put(row, body)

    def _delete(self, meta: Meta) -> Iterable[Move]:
        self._bury(meta.uid, meta.resourceVersion)
        self.skipped.discard(meta.uid)
        held = self._table.one(meta.namespace, meta.name)
        if held is None:
            return ()
        order = compare(meta.resourceVersion, held.version)
        if order == 1 or (held.uid == meta.uid and order != -1):
            return self._table.remove(held)
        self.tally.duplicates += 1
        return ()

    def _skip(self, event: Event) -> None:
        """Count and report an object that does not fit its type; what was known of it stays."""
        self.tally.skipped += 1
        self.skipped.add(event.meta.uid)
        log.warn(
            "{kind} {namespace}/{name} is skipped: {problem}",
            kind=self.kind.resource,
            namespace=event.meta.namespace,
            name=event.meta.name,
            problem=event.problem or "it has no name",
        )

    def _bury(self, uid: str, version: str) -> None:
        self._graves.pop(uid, None)
        self._graves[uid] = version
        if len(self._graves) > GRAVES:
            del self._graves[next(iter(self._graves))]

    def _touch(self, namespace: str, name: str) -> None:
        if self._draft is not None:
            self._draft.touched.add((namespace, name))

    def _tell(self, moves: Iterable[Move]) -> None:
        self._announce(tuple(changes(self.kind, moves)))

    def _announce(self, told: tuple[Change, ...]) -> None:
        if told:
            for listener in self._listeners:
                listener(told)

    def _be_synced(self) -> None:
        self._synced = True
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
