"""Main rows and what meets them."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from ...config import Config
from ...kube.change import Change
from ...kube.kind import HasMeta, Kind, Row
from ...kube.store import Store
from ..kinds.identity import NAMESPACE
from ..resource import Join, Source
from .cache import Cache
from .index import Index

P = TypeVar("P", bound=HasMeta)
Pairs = tuple[tuple[Row, Any], ...]


class Meeting:
    """Where the rows of a joined kind meet main rows."""

    def __init__(self, join: Join, store: Store[Any]) -> None:
        self.join = join
        self._store = store
        self._places = Index()
        self._keys: dict[str, tuple[str, ...]] = {}

    def place(self, place: str, keys: tuple[str, ...]) -> None:
        """A main row has these keys now; none where it is gone."""
        old = self._keys.pop(place, ())
        if keys:
            self._keys[place] = keys
        if keys != old:
            for key in old:
                self._places.remove(key, place)
            for key in keys:
                self._places.add(key, place)

    def met(self, change: Change) -> Iterator[str]:
        """The places of the main rows that a joined row met, and meets; none where nothing is shown otherwise now."""
        if self._looks_alike(change):
            return
        for row in (change.old, change.new):
            if row is not None:
                links = (row.place,) if self.join.by_name else self.join.kind.links(row, self._store.read(row))
                for link in links:
                    yield from self._places.find(link)

    def _looks_alike(self, change: Change) -> bool:
        shown = self.join.shown
        if shown is None or change.old is None or change.new is None:
            return False
        old, new = (shown(self._store.read(row)) for row in (change.old, change.new))
        return bool(old == new)

    def rows(self, key: str) -> Iterable[Row]:
        """The joined rows that a key meets."""
        if not self.join.by_name:
            return self._store.linked(key)
        namespace, _, name = key.partition("/")
        row = self._store.one(namespace, name)
        return () if row is None else (row,)

    def admits(self, row: Row, key: str) -> bool:
        """Whether a key stays in the main row's namespace, among cluster kinds, or where the kind alone lives."""
        return key.partition("/")[0] in (row.namespace, "", self.join.kind.namespace)


class Strand:
    """One source of a resource: a main kind, and the meetings with what it is joined with."""

    def __init__(self, source: Source, cache: Cache) -> None:
        self.source = source
        self.main = source.main
        self.store = cache.stores[source.main]
        self.meetings = tuple(Meeting(join, cache.stores[join.kind]) for join in source.joins)
        self._cache = cache

    def key(self, place: str) -> str:
        """What the shelf knows a main row by."""
        return f"{self.main.resource} {place}"

    def row(self, place: str) -> Row | None:
        """The main row of a place."""
        namespace, _, name = place.partition("/")
        row: Row | None = self.store.one(namespace, name)
        return row

    def gather(self, row: Row) -> "Gathered":
        """A main row and what meets it."""
        # A Namespace stands for itself: its project is the one that it is.
        namespace = row.name if self.main == NAMESPACE else row.namespace
        return Gathered(row, self, self._cache.projects.of(namespace), self._cache.config)

    def settle(self, gathered: "Gathered") -> None:
        """Note where a main row meets others now."""
        for meeting in self.meetings:
            meeting.place(gathered.row.place, gathered.keys(meeting))

    def leave(self, place: str) -> None:
        """A main row is gone, or not to be seen."""
        for meeting in self.meetings:
            meeting.place(place, ())


class Gathered:
    """Fulfils ``resource.Joined``. Each row is decoded once, when it is first asked for."""

    def __init__(self, row: Row, strand: Strand, project: str, config: Config) -> None:
        self.row = row
        self.project = project
        self.config = config
        self._strand = strand
        self._body: Any = None
        self._found: dict[Kind[Any], Pairs] = {}

    def main(self, kind: Kind[P]) -> P:
        """The main row's projection."""
        if self._body is None:
            self._body = self._strand.store.read(self.row)
        body: P = self._body
        return body

    def all(self, kind: Kind[P]) -> tuple[tuple[Row, P], ...]:
        """The joined rows of a kind, oldest first."""
        found = self._found.get(kind)
        if found is None:
            meetings = [meeting for meeting in self._strand.meetings if meeting.join.kind == kind]
            if not meetings:
                raise LookupError(f"{self._strand.main.resource} is not joined with {kind.resource}")
            rows = {row.place: row for meeting in meetings for key in self.keys(meeting) for row in meeting.rows(key)}
            oldest = sorted(rows.values(), key=lambda row: (row.created, row.name))
            found = self._found[kind] = tuple((row, kind.read(row)) for row in oldest)
        return found

    def first(self, kind: Kind[P]) -> tuple[Row, P] | None:
        """The oldest joined row of a kind."""
        return next(iter(self.all(kind)), None)

    def keys(self, meeting: Meeting) -> tuple[str, ...]:
        """The keys by which the main row meets others."""
        join = meeting.join
        if join.via is None:
            keys = join.ours(self.row, self.main(self._strand.main))
        else:
            keys = tuple(key for row, body in self.all(join.via) for key in join.ours(row, body))
        return tuple(dict.fromkeys(key for key in keys if meeting.admits(self.row, key)))
