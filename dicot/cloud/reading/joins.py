"""Main rows and what meets them."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from ...config import Config
from ...kube.change import Change
from ...kube.kind import HasMeta, Kind, Row
from ...kube.store import Store
from ..kinds.identity import NAMESPACE
from ..resource import Join, Source, same_place
from .cache import Cache
from .front import Spot
from .index import Index

P = TypeVar("P", bound=HasMeta)
Pairs = tuple[tuple[Row, Any], ...]
SPOT: Callable[[Row], Spot] = attrgetter("namespace", "name")
_RUN = 2000
_MOST_ALIKE = 4096


class Meeting:
    """Where the rows of a joined kind meet main rows.

    Where the key of every main row is its own place, or one that its kind's store knows it by, there is nothing to
    remember.
    """

    def __init__(self, join: Join, store: Store[Any], mains: Store[Any], number: int) -> None:
        self.join = join
        self.number = number
        self.read = store.read
        self._store = store
        self._mains = mains
        self.is_of_place = join.ours is same_place and join.via is None
        self._is_of_links = join.ours is mains.kind.links and join.via is None
        self.remembers = not (self.is_of_place or self._is_of_links)
        self._places = Index()
        self._keys: dict[str, tuple[str, ...]] = {}
        self._alike: dict[tuple[str, ...], tuple[str, ...]] = {}

    def remembers_of(self, place: str) -> bool:
        """Whether a main row has had any keys."""
        return place in self._keys

    def place(self, place: str, keys: tuple[str, ...]) -> None:
        """A main row has these keys now; none where it is gone."""
        old = self._keys.get(place, ())
        if keys == old:
            return
        if keys:
            keys = self._keys[place] = self._held_once(keys)
        else:
            del self._keys[place]
        for key in old:
            self._places.remove(key, place)
        for key in keys:
            self._places.add(key, place)

    def _held_once(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Keys that come by way of another are those of many: a node's, a security group's."""
        if self.join.via is None:
            return keys
        if len(self._alike) >= _MOST_ALIKE:
            self._alike.clear()
        return self._alike.setdefault(keys, keys)

    def met(self, change: Change) -> Iterator[str]:
        """The places of the main rows that a joined row met, and meets; none where nothing is shown otherwise now."""
        if self._looks_alike(change):
            return
        for row in (change.old, change.new):
            if row is not None:
                links = (row.place,) if self.join.by_name else self.join.kind.links(row, self.read(row))
                for link in links:
                    yield from self._at(link)

    def _at(self, key: str) -> Iterable[str]:
        """The places of the main rows that have a key."""
        if self.is_of_place:
            # A tenant's object may name anything, and nothing that is there.
            namespace, _, name = key.partition("/")
            return (key,) if self._mains.one(namespace, name) is not None else ()
        if self._is_of_links:
            return [row.place for row in self._mains.linked(key)]
        return self._places.find(key)

    def _looks_alike(self, change: Change) -> bool:
        shown = self.join.shown
        if shown is None or change.old is None or change.new is None:
            return False
        return bool(shown(self.read(change.old)) == shown(self.read(change.new)))

    def rows(self, main: Row, key: str) -> tuple[Row, ...]:
        """The joined rows that a key of a main row meets."""
        if not self.join.by_name:
            return self._store.linked(key)
        namespace, _, name = key.partition("/")
        return self._named(main, namespace, name)

    def of_place(self, main: Row) -> tuple[Row, ...]:
        """The joined rows that the place of a main row meets."""
        if self.join.by_name:
            return self._named(main, main.namespace, main.name)
        return self._store.linked(main.place)

    def _named(self, main: Row, namespace: str, name: str) -> tuple[Row, ...]:
        row = self._store.one(namespace, name)
        if row is None:
            return ()
        fits = self.join.fits
        return (row,) if fits is None or fits(main, row) else ()

    def admitted(self, row: Row, keys: tuple[str, ...]) -> tuple[str, ...]:
        """The keys, each once, that stay in the main row's namespace, among cluster kinds, or where the kind alone
        lives."""
        homes = (row.namespace, "", self.join.kind.namespace)
        if len(keys) == 1:
            return keys if keys[0].partition("/")[0] in homes else ()
        return tuple(dict.fromkeys([key for key in keys if key.partition("/")[0] in homes]))


class _Numbers(dict[Kind[Any], int]):
    """The place of each joined kind in ``Strand.by_kind``. Raises LookupError for one that is not joined."""

    def __init__(self, source: Source) -> None:
        super().__init__((kind, at) for at, kind in enumerate(dict.fromkeys(join.kind for join in source.joins)))
        self._main = source.main

    def __missing__(self, kind: Kind[Any]) -> int:
        raise LookupError(f"{self._main.resource} is not joined with {kind.resource}")


class Strand:
    """One source of a resource: a main kind, and the meetings with what it is joined with."""

    def __init__(self, source: Source, cache: Cache, is_first: bool) -> None:
        self.source = source
        self.main = source.main
        # One resource may have several main kinds. Of the first, whose rows are many, the place alone is the key.
        self.prefix = "" if is_first else f"{source.main.resource} "
        self.store = cache.stores[source.main]
        self.meetings = tuple(
            Meeting(join, cache.stores[join.kind], self.store, number) for number, join in enumerate(source.joins)
        )
        self._remembering = [meeting for meeting in self.meetings if meeting.remembers]
        self.numbers = _Numbers(source)
        self.by_kind = [[each for each in self.meetings if each.join.kind == kind] for kind in self.numbers]
        # A Namespace stands for itself: its project is the one that it is.
        self._is_of_namespaces = self.main == NAMESPACE
        self._cache = cache

    def key(self, place: str) -> str:
        """What the shelf knows a main row by."""
        return self.prefix + place

    def key_of(self, row: Row) -> str:
        """The same, of the row."""
        return self.prefix + row.place

    def row(self, place: str) -> Row | None:
        """The main row of a place."""
        namespace, _, name = place.partition("/")
        row: Row | None = self.store.one(namespace, name)
        return row

    def gather(self, row: Row) -> "Gathered":
        """A main row and what meets it."""
        namespace = row.name if self._is_of_namespaces else row.namespace
        return Gathered(row, self, self._cache.projects.of(namespace), self._cache.config)

    def settle(self, place: str, gathered: "Gathered") -> None:
        """Note where a main row meets others now."""
        for meeting in self._remembering:
            keys = gathered.keys(meeting)
            if keys or meeting.remembers_of(place):
                meeting.place(place, keys)

    def leave(self, place: str) -> None:
        """A main row is gone, or not to be seen."""
        for meeting in self._remembering:
            meeting.place(place, ())


def by_place(rows: list[Row]) -> Generator[None, None, Iterator[Row]]:
    """Rows by namespace and name, sorted in steps.

    Lists come in this order (of etcd's keys), and what came together lies together in memory: in any other order most
    of a long walk would be spent on waiting for memory.
    """
    runs: list[list[Row]] = []
    is_in_order = True
    for start in range(0, len(rows), _RUN):
        run = sorted(rows[start : start + _RUN], key=SPOT)
        is_in_order = is_in_order and (not runs or SPOT(runs[-1][-1]) <= SPOT(run[0]))
        runs.append(run)
        yield
    return chain.from_iterable(runs) if is_in_order else merge(*runs, key=SPOT)


class Gathered:
    """Fulfils ``resource.Joined``. Each row is decoded once, when it is first asked for."""

    __slots__ = ("_body", "_found", "_keys", "_rows", "_strand", "config", "project", "row")

    def __init__(self, row: Row, strand: Strand, project: str, config: Config) -> None:
        self.row = row
        self.project = project
        self.config = config
        self._strand = strand
        self._body: Any = None
        self._rows: list[Sequence[Row] | None] = [None] * len(strand.by_kind)
        self._found: list[Pairs | None] = [None] * len(strand.by_kind)
        self._keys: list[tuple[str, ...] | None] = [None] * len(strand.meetings)

    def main(self, kind: Kind[P]) -> P:
        """The main row's projection."""
        body: P | None = self._body
        if body is None:
            body = self._body = self._strand.store.read(self.row)
        return body

    def rows(self, kind: Kind[Any]) -> Sequence[Row]:
        """The joined rows of a kind, oldest first, without what they say."""
        number = self._strand.numbers[kind]
        rows = self._rows[number]
        return self._gathered(number) if rows is None else rows

    def all(self, kind: Kind[P]) -> tuple[tuple[Row, P], ...]:
        """The joined rows of a kind, oldest first."""
        number = self._strand.numbers[kind]
        found = self._found[number]
        if found is None:
            found = self._found[number] = self._read(number)
        return found

    def first(self, kind: Kind[P]) -> tuple[Row, P] | None:
        """The oldest joined row of a kind."""
        found = self.all(kind)
        return found[0] if found else None

    def keys(self, meeting: Meeting) -> tuple[str, ...]:
        """The keys by which the main row meets others."""
        keys = self._keys[meeting.number]
        if keys is None:
            join = meeting.join
            if meeting.is_of_place:
                keys = (self.row.place,)
            elif join.via is None:
                keys = join.ours(self.row, self.main(self._strand.main))
            else:
                keys = tuple([key for row, body in self.all(join.via) for key in join.ours(row, body)])
            keys = self._keys[meeting.number] = meeting.admitted(self.row, keys) if keys else ()
        return keys

    def _read(self, number: int) -> Pairs:
        rows = self._rows[number]
        if rows is None:
            rows = self._gathered(number)
        if not rows:
            return ()
        read = self._strand.by_kind[number][0].read
        return ((rows[0], read(rows[0])),) if len(rows) == 1 else tuple([(row, read(row)) for row in rows])

    def _gathered(self, number: int) -> Sequence[Row]:
        rows: Sequence[Row] = ()
        for meeting in self._strand.by_kind[number]:
            met = meeting.of_place(self.row) if meeting.is_of_place else self._met(meeting)
            if met:
                rows = (*rows, *met) if rows else met
        if len(rows) > 1:
            rows = sorted({row.place: row for row in rows}.values(), key=lambda row: (row.created, row.name))
        self._rows[number] = rows
        return rows

    def _met(self, meeting: Meeting) -> Sequence[Row]:
        keys = self.keys(meeting)
        if not keys:
            return ()
        if len(keys) == 1:
            return meeting.rows(self.row, keys[0])
        return [row for key in keys for row in meeting.rows(self.row, key)]
