"""The newest of every object of one kind."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .bodies import Bodies
from .change import Change as Change
from .change import Listener as Listener
from .change import changes
from .complaints import Complaints
from .draft import Draft
from .event import ADDED, BOOKMARK, DELETED, MODIFIED, Event, Reader
from .graves import Graves
from .health import Tally
from .kind import HasMeta, Kind, Meta, Row
from .part import Part
from .table import Move, Table
from .versions import compare

P = TypeVar("P", bound=HasMeta)
log = Logger()


class Store(Generic[P]):
    """Rows by (namespace, name), by (namespace, id), by link; older never wins.

    Within a namespace the oldest object wins a duplicated id; the others answer to their uid, and their ``Row.id``
    says so. One watch feeds the whole; where it is ``divided``, one for each namespace feeds a part.
    """

    def __init__(self, kind: Kind[P], complaints: Complaints | None = None) -> None:
        self.kind = kind
        self.complaints = complaints or Complaints()
        self.reader = Reader(kind)
        self.whole = Part(kind)
        self._table: Table[P] = Table(kind)
        self._bodies = Bodies(kind)
        self._parts: dict[str, Part] | None = None
        self._graves = Graves()
        self._listeners: list[Listener] = []
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
        """The kept part of a row; to be read only, since others may have it too."""
        return self._bodies.read(row)

    def listen(self, listener: Listener) -> None:
        """Tell a listener of every change from now on; changes that came in one step are told in one call."""
        self._listeners.append(listener)

    @property
    def version(self) -> str:
        """The version that the watch of the whole has applied last, "" before the first list."""
        return self.whole.version

    @property
    def tally(self) -> Tally:
        """What was counted of the watch of the whole."""
        return self.whole.tally

    @property
    def skipped(self) -> set[str]:
        """The uids of what did not fit in the watch of the whole."""
        return self.whole.skipped

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
            self._part_of(row.namespace).skipped.discard(row.uid)
            self._tell(self._put(row, None))
        held = self._table.one(row.namespace, row.name)
        return held if held is not None and held.uid == row.uid else row

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """A delete's answer for an object that is gone at once: a tombstone, so that nothing older revives it."""
        self._touch(namespace, name)
        self._graves.bury(uid, namespace, "")
        held = self._table.one(namespace, name)
        if held is not None and held.uid == uid:
            self._tell(self._table.remove(held))

    def reached(self, version: str, namespace: str = "") -> Deferred[None]:
        """Fires when the watch of that namespace has passed that version. May be cancelled."""
        return self._part_of(namespace).reached(version)

    def synced(self) -> Deferred[None]:
        """Fires once the first list is applied, of every part where it is divided; also for an optional kind that the
        cluster does not serve."""
        waiting: Deferred[None] = Deferred(self._waiting.remove)
        if self._synced:
            waiting.callback(None)
        else:
            self._waiting.append(waiting)
        return waiting

    @property
    def is_synced(self) -> bool:
        """Whether the first list is applied. Stays true during a relist, and whatever is divided later."""
        return self._synced

    # what the watch feeds

    def divide(self, namespaces: Iterable[str]) -> Mapping[str, Part]:
        """Have a part for each of these namespaces, and nothing beside. What is elsewhere is not watched: it goes."""
        wanted, held = set(namespaces), self._parts or {}
        for namespace in held.keys() - wanted:
            self._end(held[namespace])
        self._parts = {namespace: held.get(namespace) or Part(self.kind, namespace) for namespace in sorted(wanted)}
        for namespace in self._table.namespaces() - wanted:
            rows = self._table.rows(namespace)
            self._table.graft(namespace, Table(self.kind))
            self._lose(rows)
        self._look_around()
        return self._parts

    @property
    def is_divided(self) -> bool:
        """Whether parts are fed, and not the whole."""
        return self._parts is not None

    def apply(self, lines: Iterable[bytes], part: Part | None = None) -> None:
        """Watch lines, in order, as one step. What came before a line that raises stays applied.

        Raises errors.Refused for an ERROR and event.Garbled for a broken line.
        """
        part = part or self.whole
        if part.is_over:
            return
        moves: list[Move] = []
        version = part.version
        seen: list[str] = []
        try:
            for line in lines:
                event = self.reader.line(line)
                moves += self._take(event, part)
                reached = event.meta.resourceVersion
                if reached and compare(reached, version) != -1:
                    version = reached
                    if part.barrier.awaits_equality:
                        seen.append(reached)
        finally:
            self._tell(moves)
            if version != part.version:
                part.barrier.passed(version, seen)

    def draft(self, part: Part | None = None) -> Draft[P]:
        """Begin a list. Only the last one begun can replace the rows."""
        part = part or self.whole
        draft = Draft(self.kind, self.reader, self._table, part.namespace)
        part.draft = draft
        return draft

    def replacing(self, draft: Draft[P], version: str, part: Part | None = None) -> Iterator[None]:
        """Put a draft in the place of the rows: many small steps that nobody sees, and a last one that all see.

        Rows newer than ``version`` stay. Only what differs is told. What the list lacks is told as a delete. Where
        the store is divided and the list is of the whole, the parts are over.
        """
        part = part or self.whole
        if compare(version, part.version) == -1:
            draft.rewound = True
            self._graves.clear(part.namespace)
        yield from draft.differing(self._graves.versions, version)
        if part.is_over:
            return
        told = draft.closed(self._graves.versions, version)
        part.draft = None
        self._set(draft.table, part)
        part.skipped.clear()
        for event in draft.skipped.values():
            self._skip(event, part)
        for row in draft.removed.values():
            part.tally.vanished += 1
            self._graves.bury(row.uid, row.namespace, version)
        self._graves.settle(part.namespace)
        self._announce(tuple(told))
        part.barrier.passed(version)
        part.is_synced = True
        self._look_around()

    def replace(self, items: Iterable[bytes], version: str) -> None:
        """A whole list at once: raw objects, and the version of their collection."""
        draft = self.draft()
        draft.extend(items)
        for _ in self.replacing(draft, version):
            pass

    def awaits_deletes(self, part: Part) -> bool:
        """Whether an object was forgotten whose deletion the watch has not told yet."""
        return self._graves.awaits(part.namespace)

    def empty(self, part: Part | None = None) -> None:
        """The kind is not served any more, or not yet: no rows, and nothing to wait for."""
        part = part or self.whole
        rows = self._table.rows(part.namespace)
        part.draft = None
        self._set(Table(self.kind), part)
        self._graves.clear(part.namespace)
        part.barrier.version = ""
        self._lose(rows)
        part.is_synced = True
        self._look_around()

    def _set(self, table: Table[P], part: Part) -> None:
        """Put rows in the place of a part's, as one step."""
        if part.namespace is not None:
            self._table.graft(part.namespace, table)
            return
        self._table = table
        for over in (self._parts or {}).values():
            self._end(over)
            over.barrier.hand_over(part.barrier)
        self._parts = None

    def _end(self, part: Part) -> None:
        part.is_over = True
        self.whole.tally.absorb(part.tally)

    def _lose(self, rows: Iterable[Row]) -> None:
        self._announce(tuple(changes(self.kind, [(row, None) for row in rows], unseen=True)))

    def _take(self, event: Event, part: Part) -> Iterable[Move]:
        meta, tally = event.meta, part.tally
        if event.type == BOOKMARK:
            tally.bookmarks += 1
            return ()
        tally.events += 1
        if self._is_uniting:
            self._touch(meta.namespace, meta.name)
        if event.type == DELETED:
            return self._delete(meta, part)
        if event.type not in (ADDED, MODIFIED):
            tally.unknown += 1
            log.warn("{kind}: an event of unknown type {type}", kind=self.kind.resource, type=event.type)
        elif event.body is None or not meta.name:
            self._skip(event, part)
        elif self._is_stale(meta.namespace, meta.name, meta.uid, meta.resourceVersion):
            tally.duplicates += 1
        else:
            return self._fit(event, part)
        return ()

    def _fit(self, event: Event, part: Part) -> Iterable[Move]:
        try:
            row = self.kind.row(event.body)
        except msgspec.ValidationError as problem:
            self._skip(replace(event, problem=str(problem)), part)
            return ()
        part.skipped.discard(row.uid)
        return self._put(row, event.body)

    def _is_stale(self, namespace: str, name: str, uid: str, version: str) -> bool:
        """Whether what is known already is at least as new."""
        if self._graves.hold(uid, version):
            return True
        held = self._table.one(namespace, name)
        return held is not None and compare(version, held.version) in (-1, 0)

    def _put(self, row: Row, body: P | None) -> Iterable[Move]:
        if body is not None:
            self._bodies.note(row, body)
        held = self._table.one(row.namespace, row.name)
        if held is not None and held.uid != row.uid:
            self._graves.bury(held.uid, held.namespace, row.version)
        elif held is not None and row.shows_as(self._table.claim(held)):
            self._table.swap(held, row, body)
            return ()
        return self._table.put(row, body)

    def _delete(self, meta: Meta, part: Part) -> Iterable[Move]:
        self._graves.bury(meta.uid, meta.namespace, meta.resourceVersion)
        part.skipped.discard(meta.uid)
        held = self._table.one(meta.namespace, meta.name)
        if held is None:
            return ()
        order = compare(meta.resourceVersion, held.version)
        if order == 1 or (held.uid == meta.uid and order != -1):
            return self._table.remove(held)
        part.tally.duplicates += 1
        return ()

    def _skip(self, event: Event, part: Part) -> None:
        """Count and report an object that does not fit its type; what was known of it stays."""
        part.tally.skipped += 1
        part.skipped.add(event.meta.uid)
        problem = event.problem or "it has no name"
        self.complaints.tell(log, self.kind.resource, event.meta.namespace, event.meta.name, problem)

    def _part_of(self, namespace: str) -> Part:
        return self.whole if self._parts is None else self._parts.get(namespace, self.whole)

    def _touch(self, namespace: str, name: str) -> None:
        """What is moved while a list comes is compared again when that list closes."""
        for part in (self.whole, self._part_of(namespace)):
            if part.draft is not None:
                part.draft.touched.add((namespace, name))

    @property
    def _is_uniting(self) -> bool:
        """Whether the whole is listed while parts go on."""
        return self._parts is not None and self.whole.draft is not None

    def _tell(self, moves: Iterable[Move]) -> None:
        self._announce(tuple(changes(self.kind, moves)))

    def _announce(self, told: tuple[Change, ...]) -> None:
        for change in told if self._is_uniting else ():
            row = change.old or change.new
            if row is not None:
                self._touch(row.namespace, row.name)
        if told:
            for listener in self._listeners:
                listener(told)

    def _look_around(self) -> None:
        """It is synced once the whole is, or every part where it is divided, and remains so."""
        parts = [self.whole] if self._parts is None else self._parts.values()
        if self._synced or not all(part.is_synced for part in parts):
            return
        self._synced = True
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
