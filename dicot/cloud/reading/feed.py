"""From stores to the shelf: joins, and moments at which to ask again."""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import force_setattr
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...kube.change import Change
from ...kube.kind import Kind, Row, exact
from ..kinds.identity import NAMESPACE
from ..resource import Listed, Resource
from .cache import Cache
from .deadlines import Deadlines
from .entry import Entry, Shape
from .joins import SPOT, Meeting, Strand, by_place
from .shelf import Shelf

log = Logger()
# What a view raises over an object that is not as it thought: tenants write objects, and one of them must not end the
# feed for all. RecursionError is what decoders raise over JSON of great depth.
HOSTILE = (
    msgspec.MsgspecError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
_NOWHERE = ("", False)
_UNLISTED = Listed(None)
_STEP = 4
"""Rows that are asked in one step of the first walk, of which each takes some 0.1 ms."""
_MANY = 1000
"""Rows from which on it is worth while to go side by side with others."""


class Feed:
    """Keeps one resource's shelf. Silent until every kind of the resource and the projects have synced.

    Rows of a namespace count only where it is a recorded project (or, for images, a recorded namespace of images);
    what lives in a kind's own namespace and cluster-scoped objects always do.
    """

    def __init__(self, resource: Resource, cache: Cache) -> None:
        self.resource = resource
        self.shelf = Shelf(self.build, cache.allowance)
        self._cache = cache
        strands = [Strand(source, cache, number == 0) for number, source in enumerate(resource.sources)]
        self._strands = {strand.prefix: strand for strand in strands}
        self._mains = {strand.main: strand for strand in strands}
        if len(self._mains) != len(strands):
            raise ValueError(f"{resource.name}: two sources have the same main kind")
        self._meetings: dict[Kind[Any], list[tuple[Strand, Meeting]]] = defaultdict(list)
        for strand in strands:
            for meeting in strand.meetings:
                self._meetings[meeting.join.kind].append((strand, meeting))
        self._deadlines = Deadlines(cache.clock, cache.now, self._ask_all)
        self._homes: dict[str, tuple[str, bool]] = {}
        self._found: dict[str, Entry] = {}
        self._due: OrderedDict[str, None] = OrderedDict()
        self._walk: Deferred[None] | None = None
        self._is_open = False

    def start(self) -> Deferred[None]:
        """Fires once every row has been asked."""
        kinds = {*self._mains, *self._meetings}
        for kind in kinds:
            self._cache.stores[kind].listen(self.changed)
        self._cache.projects.listen(self._moved)
        synced = [self._cache.projects.synced(), *(self._cache.stores[kind].synced() for kind in kinds)]
        return gatherResults(synced).addCallback(lambda _: self._open())

    def stop(self) -> None:
        """Ask nothing any more."""
        self._is_open = False
        self._due.clear()
        self._deadlines.stop()
        if self._walk is not None:
            self._walk.cancel()

    def changed(self, changes: tuple[Change, ...]) -> None:
        """Ask each main row that is touched once: those that changed themselves first."""
        if self._is_open:
            self._ask_all(dict.fromkeys(self._touched(changes)))

    def build(self, key: str, shape: Shape) -> bytes | None:
        """The fragment of a key; None where its row is gone, does not count, or cannot be shown."""
        strand, place = self._locate(key)
        row = strand.row(place)
        if row is None or not self._counts(strand, row):
            return None
        try:
            document = strand.source.document(strand.gather(row), shape, self._cache.now())
            return exact(msgspec.json.encode(document))
        except HOSTILE as problem:
            self._report(key, problem)
            return None

    def _open(self) -> Deferred[None]:
        self._is_open = True
        projects = self._cache.projects
        recorded = (*(project.namespace for project in projects.all()), *projects.image_namespaces())
        self._homes = {namespace: self._home(namespace) for namespace in recorded}
        return self._spread(self._first_walk())

    def _first_walk(self) -> Generator[None, None, None]:
        """All rows; their entries get their order at the end. The sources go side by side, and with those of other
        feeds."""
        walks = [self._walk_of(strand) for strand in self._strands.values()]
        try:
            while walks:
                for walk in tuple(walks):
                    if next(walk, False) is False:
                        walks.remove(walk)
                yield
        finally:
            for strand in self._strands.values():
                self._cache.front.leave(strand)
        found, self._found = self._found, {}
        yield from self.shelf.fill(found)
        yield from self._walk_due()

    def _walk_of(self, strand: Strand) -> Generator[None, None, None]:
        """The rows of one source."""
        front, rows = self._cache.front, list(strand.store.rows())
        is_long = len(rows) >= _MANY
        if is_long:
            front.enter(strand)
        ordered = yield from by_place(rows)
        while some := tuple(islice(ordered, _STEP)):
            while is_long and not front.may_pass(strand, SPOT(some[0])):
                yield
            self._find(strand, some)
            yield
        front.leave(strand)

    def _walk_due(self) -> Generator[None, None, None]:
        while self._due:
            key, _ = self._due.popitem(last=False)
            self._ask(key)
            yield

    def _spread(self, steps: Generator[None, None, None]) -> Deferred[None]:
        self._walk = self._cache.slices.spread(steps)

        def ended(result: Failure | None) -> Failure | None:
            self._walk = None
            return result

        return self._walk.addBoth(ended)

    def _touched(self, changes: Iterable[Change]) -> Iterator[str]:
        for change in changes:
            row = change.new or change.old
            if change.kind in self._mains and row is not None:
                yield self._mains[change.kind].key_of(row)
        for change in changes:
            for strand, meeting in self._meetings.get(change.kind, ()):
                for place in meeting.met(change):
                    yield strand.key(place)

    def _ask_all(self, keys: Iterable[str]) -> None:
        """Ask within one slice, at least one; what remains is asked in the next ones."""
        waiting = deque(keys)
        is_over = self._cache.slices.budget()
        while waiting:
            self._ask(waiting.popleft())
            if is_over():
                break
        self._due.update(dict.fromkeys(waiting))
        self._go_on()

    def _go_on(self) -> None:
        if self._due and self._walk is None:
            self._spread(self._walk_due()).addErrback(self._stumbled)

    def _stumbled(self, failure: Failure) -> None:
        if self._is_open:
            log.failure("{resource}: a row could not be asked", failure, resource=self.resource.name)
            self._go_on()

    def _moved(self, namespace: str) -> None:
        """A namespace became a project, or one of images, or is none any more."""
        if not self._is_open:
            return
        keys = [self._mains[NAMESPACE].key(f"/{namespace}")] if NAMESPACE in self._mains else []
        home = self._home(namespace)
        if home != self._homes.get(namespace, _NOWHERE):
            self._homes[namespace] = home
            if self.resource.scope in ("project", "images"):
                self.shelf.purge(namespace)
            for strand in self._strands.values():
                keys += [strand.key_of(row) for row in strand.store.rows(namespace)]
        self._ask_all(keys)

    def _home(self, namespace: str) -> tuple[str, bool]:
        projects = self._cache.projects
        return (projects.of(namespace), projects.is_image_namespace(namespace))

    def _ask(self, key: str) -> None:
        """Bring the shelf up to date with one main row."""
        self._ask_at(*self._locate(key))

    def _ask_at(self, strand: Strand, place: str) -> None:
        key = strand.key(place)
        listed = self._looked_at(strand, place, key)
        if self._found:
            self._found.pop(key, None)
        if listed.entry is None:
            self.shelf.drop(key)
        else:
            self.shelf.put(listed.entry)
        self._deadlines.put(key, listed.again)

    def _find(self, strand: Strand, rows: Iterable[Row]) -> None:
        """Ask rows of the first walk, whose entries wait for the others."""
        for row in rows:
            place = row.place
            key = strand.key(place)
            listed = self._looked_at(strand, place, key)
            if listed.entry is not None:
                self._found[key] = listed.entry
            else:
                self._found.pop(key, None)
                self.shelf.drop(key)
            self._deadlines.put(key, listed.again)

    def _looked_at(self, strand: Strand, place: str, key: str) -> Listed:
        """What a place is listed as, by its key."""
        row = strand.row(place)
        if row is None or not self._counts(strand, row):
            strand.leave(place)
            return _UNLISTED
        listed = self._listed(strand, row, place, key)
        entry = listed.entry
        if entry is not None:
            # Its place is the strand's key; and one text for all that know it by that.
            force_setattr(entry, "place", key)
        return listed

    def _listed(self, strand: Strand, row: Row, place: str, key: str) -> Listed:
        gathered = strand.gather(row)
        try:
            strand.settle(place, gathered)
            listed = strand.source.entry(gathered, self._cache.now())
            if listed.entry is not None:
                self._check(strand, row, listed.entry)
            return listed
        except HOSTILE as problem:
            self._report(key, problem)
            return _UNLISTED

    def _check(self, strand: Strand, row: Row, entry: Entry) -> None:
        """What lives in a tenant's namespace is shown there and nowhere else, whatever a view makes of it."""
        if row.namespace not in ("", strand.main.namespace, entry.scope):
            raise ValueError(f"its entry is for {entry.scope!r}, not for its namespace")

    def _counts(self, strand: Strand, row: Row) -> bool:
        namespace = row.namespace
        if namespace in ("", strand.main.namespace) or self._cache.projects.of(namespace):
            return True
        return self.resource.scope == "images" and self._cache.projects.is_image_namespace(namespace)

    def _locate(self, key: str) -> tuple[Strand, str]:
        prefix, space, place = key.rpartition(" ")
        return self._strands[prefix + space], place

    def _report(self, key: str, problem: BaseException) -> None:
        _, place = self._locate(key)
        namespace, _, name = place.rpartition("/")
        text = f"{type(problem).__name__}: {problem}"
        self._cache.complaints.tell(log, self.resource.name, namespace, name, text)
