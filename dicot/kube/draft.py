"""A list in the making, beside the rows that it will replace."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from .change import Change, changes
from .event import ADDED, DELETED, MODIFIED, Event, Reader, ends_initial_events
from .kind import HasMeta, Kind, Row
from .table import Move, Table
from .versions import compare, is_newer

P = TypeVar("P", bound=HasMeta)

_STRIDE = 250
"""Rows of a first list that are gone through in one step, some 0.1 ms."""


class Draft(Generic[P]):
    """Rows that nobody sees yet, and how they differ from the live ones (of one ``namespace``, or all).

    ``version`` is "" until the bookmark that ends the initial events of a streamed list. ``skipped`` are objects
    that do not fit their type, by uid. ``removed`` are the live rows that it lacks. ``touched`` are places that a
    write's answer (or the watch of a part) has moved in the meantime. ``rewound`` lists are of a server that has gone
    back in time (etcd restored): what seems newer is void.
    """

    def __init__(self, kind: Kind[P], reader: Reader, live: Table[P], namespace: str | None = None) -> None:
        self.table: Table[P] = Table(kind)
        self.version = ""
        self.rewound = False
        self.skipped: dict[str, Event] = {}
        self.removed: dict[tuple[str, str], Row] = {}
        self.touched: set[tuple[str, str]] = set()
        self._kind = kind
        self._reader = reader
        self._live = live
        self._namespace = namespace
        self._differing: dict[tuple[str, str], Change] = {}
        self._first: list[Change] = []

    def apply(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Lines of a streamed list, up to and with the one that ends the initial events; answers those behind it.

        Raises as Store.apply.
        """
        bodies = self._reader.added(lines)
        if bodies is not None and self._add_all(bodies):
            return ()
        for number, line in enumerate(lines, 1):
            event = self._reader.line(line)
            if ends_initial_events(event):
                self.version = event.meta.resourceVersion
                return lines[number:]
            if event.type == DELETED:
                held = self.table.one(event.meta.namespace, event.meta.name)
                if held is not None:
                    self.table.remove(held)
            elif event.type in (ADDED, MODIFIED):
                self._add(event)
        return ()

    def extend(self, items: Iterable[Any]) -> None:
        """Raw objects of a list, bytes or msgspec.Raw."""
        for item in items:
            self._add(self._reader.object(item))

    def differing(self, graves: Mapping[str, str], version: str) -> Iterator[None]:
        """Compare with the live rows, step by step."""
        if not self._live.rows(self._namespace) and not graves:
            kind, rows = self._kind, self.table.rows()
            for start in range(0, len(rows), _STRIDE):
                self._first += [Change(kind, None, row) for row in rows[start : start + _STRIDE]]
                yield
            return
        for row in self._live.rows(self._namespace):
            self._settle(row.namespace, row.name, graves, version)
            yield
        for row in self.table.rows():
            self._settle(row.namespace, row.name, graves, version)
            yield
        for row in self._live.rows(self._namespace):
            self._compare(row.namespace, row.name)
            yield
        for row in self.table.rows():
            self._compare(row.namespace, row.name)
            yield

    def closed(self, graves: Mapping[str, str], version: str) -> list[Change]:
        """All changes, with what was touched since the comparison began."""
        if not self.touched and not self._differing:
            return self._first
        for change in self._first:
            if change.new is not None:
                self._differing[change.new.namespace, change.new.name] = change
        for namespace, name in self.touched:
            for move in self._settle(namespace, name, graves, version):
                for row in move:
                    if row is not None:
                        self._compare(row.namespace, row.name)
            self._compare(namespace, name)
        if all(self._differing[place].new is None for place in self.removed):
            return list(self._differing.values())
        moves = ((each.old, each.new) for each in self._differing.values())
        return list(changes(self._kind, moves, unseen=True))

    def _add_all(self, bodies: Sequence[P]) -> bool:
        """Objects of a first list; False, and nothing is added, where they are not to be taken all alike."""
        if len(self._live):
            return False
        try:
            rows = list(map(self._kind.row, bodies))
        except msgspec.ValidationError:
            return False
        self.table.extend(rows, bodies)
        return True

    def _add(self, event: Event) -> None:
        """One object. A row that is held live already is not held twice."""
        meta, body = event.meta, event.body
        if body is None or not meta.name:
            self.skipped[meta.uid] = event
            return
        try:
            row = self._kind.row(body)
        except msgspec.ValidationError as problem:
            self.skipped[meta.uid] = replace(event, problem=str(problem))
            return
        held = self._live.one(meta.namespace, meta.name)
        if held is not None and self._live.claim(held) == row:
            row = self._live.claim(held)
        self.table.put(row, body)

    def _settle(self, namespace: str, name: str, graves: Mapping[str, str], version: str) -> tuple[Move, ...]:
        """Keep what a write's answer has told and the list could not know yet, and what it could not read."""
        live, new = self._live.one(namespace, name), self.table.one(namespace, name)
        if new is not None and graves and _is_buried(graves.get(new.uid), version):
            return self.table.remove(new)
        if live is None:
            return ()
        if new is None and live.uid in self.skipped:
            return self.table.put(self._live.claim(live))
        if not self.rewound and is_newer(live.version, version if new is None else new.version):
            return self.table.put(self._live.claim(live))
        return ()

    def _compare(self, namespace: str, name: str) -> None:
        place = namespace, name
        old, new = self._live.one(namespace, name), self.table.one(namespace, name)
        self._differing.pop(place, None)
        self.removed.pop(place, None)
        if old is new or (old is not None and new is not None and new.shows_as(old)):
            return
        self._differing[place] = Change(self._kind, old, new, new is None)
        if old is not None and (new is None or new.uid != old.uid):
            self.removed[place] = old


def _is_buried(deleted_at: str | None, version: str) -> bool:
    """Whether a list of that version may still hold an object that is known to be deleted."""
    return deleted_at is not None and (deleted_at == "" or compare(version, deleted_at) == -1)
