"""Finished answers. Free of Twisted."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice

from .entry import Entry as Entry
from .entry import Page as Page
from .entry import Query as Query
from .entry import Shape as Shape
from .entry import UnknownMarker as UnknownMarker
from .entry import newest_first as newest_first
from .fragments import Allowance, Fragments
from .order import Found, Ordered, Rank, first, follows, merged

Build = Callable[[str, Shape], bytes | None]
"""Makes the fragment of a key; None where there is nothing to show."""
Steps = Generator[None, None, Page]
"""Work that may be laid down at each step; its value is the page."""
Keys = Generator[None, None, list[str]]

# Entries looked at in one step: some 0.2 ms.
_STRIDE = 500
# So many are sorted at once; beyond it the order is walked and the filter tried on each.
_FEW = 2000


class Shelf:
    """Entries of one resource by scope, in order, and their fragments.

    A key is the resource of the main kind and the place, "plural.group namespace/name": a resource may have several
    main kinds.
    """

    def __init__(self, build: Build, allowance: Allowance) -> None:
        self._build = build
        self._entries: dict[str, Entry] = {}
        self._scopes: dict[str, Ordered] = {}
        self._whole = Ordered(self._rank)
        self._fragments = Fragments(allowance)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def scopes(self) -> tuple[str, ...]:
        """Every scope that has an entry."""
        return tuple(self._scopes)

    def put(self, key: str, entry: Entry) -> None:
        """Add or replace an entry; its fragments are made anew when they are asked for."""
        old = self._entries.get(key)
        if old is not None and (old.scope, old.order) == (entry.scope, entry.order):
            self._fragments.forget(key)
            self._entries[key] = entry
            self._whole.change(key, old, entry)
            self._scopes[entry.scope].change(key, old, entry)
            return
        self.drop(key)
        self._entries[key] = entry
        self._whole.add(key, entry)
        if entry.scope not in self._scopes:
            self._scopes[entry.scope] = Ordered(self._rank)
        self._scopes[entry.scope].add(key, entry)

    def drop(self, key: str) -> None:
        """Remove an entry, if it is there."""
        old = self._entries.get(key)
        if old is None:
            return
        ordered = self._scopes[old.scope]
        self._whole.remove(key, old)
        ordered.remove(key, old)
        if not ordered.keys:
            del self._scopes[old.scope]
        del self._entries[key]
        self._fragments.forget(key)

    def purge(self, scope: str) -> None:
        """Remove all entries of a scope."""
        ordered = self._scopes.pop(scope, None)
        if ordered is None:
            return
        gone = {key: self._entries.pop(key) for key in ordered.keys}
        self._whole.remove_all(gone)
        for key in gone:
            self._fragments.forget(key)

    def one(self, scopes: Sequence[str], id: str, shape: Shape) -> bytes | None:
        """The fragment of an id, in the first of the scopes that has it."""
        for scope in scopes:
            ordered = self._scopes.get(scope)
            keys = ordered.ids.find(id) if ordered else ()
            if keys:
                return self._fragment(min(keys), shape)
        return None

    def only(self, id: str, shape: Shape) -> bytes | None:
        """The fragment of an id in any scope, unless two entries answer to it: for cloud admins."""
        keys = self._whole.ids.find(id)
        return self._fragment(keys[0], shape) if len(keys) == 1 else None

    def page(self, scopes: Sequence[str], query: Query, shape: Shape) -> Steps:
        """A page over some scopes in one order. Raises UnknownMarker."""
        asked = frozenset(scopes)
        found = yield from self._found(asked, query)
        more = len(found) > query.limit > 0
        del found[query.limit :]
        last = self._entries[found[-1]].id if found else ""
        ready = self._fragments.of(shape)
        parts = [part for part in map(ready.get, found) if part is not None]
        if len(parts) < len(found):
            parts = yield from self._made(found, asked, shape)
        return Page(parts, more, last)

    def _found(self, asked: frozenset[str], query: Query) -> Keys:
        """The keys of a page, and one more where more follow."""
        runs = self._runs(asked)
        if not runs and not query.marker:
            return []
        marker = self._marker(runs, query.marker) if query.marker else None
        if query.is_plain:
            most = query.limit + 1
            return list(islice(merged([run.stretch(marker, most) for run in runs], self._rank), most))
        if query.sort:
            return (yield from self._sorted(self._candidates(runs, query, None), asked, query, marker))
        return (yield from self._filtered(self._candidates(runs, query, marker), asked, query))

    def _runs(self, asked: frozenset[str]) -> list[Ordered]:
        if len(asked) > 1 and self._scopes.keys() <= asked:
            return [self._whole]
        return [self._scopes[scope] for scope in sorted(asked) if scope in self._scopes]

    def _marker(self, runs: Iterable[Ordered], id: str) -> str:
        """The last in order of the keys that answer to it, so that paging always comes to an end."""
        keys = [key for run in runs for key in run.ids.find(id)]
        if not keys:
            raise UnknownMarker(id)
        return max(keys, key=self._rank)

    def _candidates(self, runs: Sequence[Ordered], query: Query, after: str | None) -> Iterator[str]:
        """The keys of a name or a status where they are few, else all, in order and behind the marker."""
        for value, indexes in (
            (query.name, [run.names for run in runs]),
            (query.status, [run.statuses for run in runs]),
        ):
            if value and sum(index.count(value) for index in indexes) <= _FEW:
                few = sorted((key for index in indexes for key in index.find(value)), key=self._rank)
                return iter([key for key in few if after is None or self._rank(key) > self._rank(after)])
        return merged([run.stretch(after) for run in runs], self._rank)

    def _strides(self, keys: Iterator[str], asked: frozenset[str], query: Query) -> Iterator[list[str]]:
        """What a query wants, out of one stride of the keys after the other."""
        while stride := list(islice(keys, _STRIDE)):
            yield [key for key in stride if (entry := self._seen(key, asked)) is not None and query.wants(entry)]

    def _filtered(self, keys: Iterator[str], asked: frozenset[str], query: Query) -> Keys:
        found: list[str] = []
        for wanted in self._strides(keys, asked, query):
            found += wanted
            if len(found) > query.limit:
                break
            yield
        return [key for key in found[: query.limit + 1] if self._seen(key, asked)]

    def _sorted(self, keys: Iterator[str], asked: frozenset[str], query: Query, marker: str | None) -> Keys:
        """The first by the query's columns. No more than some pages of them are held and sorted at a time."""
        behind = (self._entries[marker], marker) if marker else None
        room = query.limit + 1
        found: list[Found] = []
        for wanted in self._strides(keys, asked, query):
            pairs = [(self._entries[key], key) for key in wanted]
            found += [pair for pair in pairs if behind is None or follows(pair, behind, query.sort)]
            if len(found) > 2 * room + _STRIDE:
                found = first(found, query.sort, room)
            yield
        return [key for _, key in first(found, query.sort, room) if self._seen(key, asked)]

    def _made(self, keys: list[str], asked: frozenset[str], shape: Shape) -> Generator[None, None, list[bytes]]:
        """The keys' fragments, with a step after each that had to be made."""
        parts = []
        for key in keys:
            part = self._fragments.of(shape).get(key)
            if part is None and self._seen(key, asked):
                part = self._fragment(key, shape)
                yield
            if part is not None:
                parts.append(part)
        return parts

    def _fragment(self, key: str, shape: Shape) -> bytes | None:
        part = self._fragments.of(shape).get(key)
        if part is None:
            part = self._build(key, shape)
            if part is not None:
                self._fragments.keep(shape, key, part)
        return part

    def _seen(self, key: str, asked: frozenset[str]) -> Entry | None:
        """The entry of a key that was gathered some steps ago, if it is still there and in sight."""
        entry = self._entries.get(key)
        return entry if entry is not None and entry.scope in asked else None

    def _rank(self, key: str) -> Rank:
        entry = self._entries.get(key)
        return (entry.order if entry is not None else "", key)
