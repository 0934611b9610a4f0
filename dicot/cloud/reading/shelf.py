"""Finished answers. Free of Twisted."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from itertools import islice

from .block import MOST
from .block import Block as Block
from .block import Places as Places
from .block import column as column
from .block import grouped as grouped
from .entry import Entry as Entry
from .entry import Page as Page
from .entry import Shape as Shape
from .entry import Text as Text
from .entry import UnknownMarker as UnknownMarker
from .entry import newest_first as newest_first
from .filling import Filling, in_order
from .fragments import Allowance, Fragments
from .index import Index
from .order import Ordered, first, follows, merged, rank, strides
from .query import Match as Match
from .query import Query as Query
from .query import each as each
from .texts import Texts

Build = Callable[[str, Shape], bytes | None]
"""Makes the fragment of a place; None where there is nothing to show."""
Steps = Generator[None, None, Page]
"""Work that may be laid down at each step; its value is the page."""
Entries = Generator[None, None, list[Entry]]


class Shelf:
    """Entries of one resource by scope, in order, and their fragments; ``Entry.place`` tells one from another."""

    def __init__(self, build: Build, allowance: Allowance) -> None:
        self._build = build
        self._entries: dict[str, Entry] = {}
        self._ids = Index()
        self._scopes: dict[str, Ordered] = {}
        self._whole = Ordered()
        self._fragments = Fragments(allowance)
        self._coming: Mapping[str, Entry] = {}
        self._late: dict[str, None] | None = None
        self._texts = Texts()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, place: str) -> bool:
        return place in self._entries

    def scopes(self) -> tuple[str, ...]:
        """Every scope that has an entry."""
        return tuple(self._scopes)

    def fill(self, found: Mapping[str, Entry]) -> Generator[None, None, None]:
        """Put many entries, by their places, in small steps that nobody sees and a last one that all see.

        What is put or dropped in the meantime is newer, and stays.
        """
        entries, ids, whole = {**self._entries, **found}, Index(), Filling()
        scopes: defaultdict[str, Filling] = defaultdict(Filling)
        late = self._late = dict[str, None]()
        self._coming = entries
        for some in in_order(list(entries.values())):
            whole.extend(some)
            for entry in some:
                ids.add(entry.id, entry.place)
                scopes[entry.scope].append(entry)
            yield
        before, self._late, self._coming = self._entries, None, {}
        self._entries, self._ids, self._whole = entries, ids, whole.ordered()
        self._scopes = {scope: filling.ordered() for scope, filling in scopes.items()}
        for place in late:
            entry_now = before.get(place)
            if entry_now is None:
                self.drop(place)
            else:
                self.put(entry_now)

    def put(self, entry: Entry) -> None:
        """Add or replace an entry; its fragments are made anew when they are asked for."""
        if self._late is not None:
            self._late[entry.place] = None
        old = self._entries.get(entry.place)
        if old is not None and (old.scope, old.order, old.id) == (entry.scope, entry.order, entry.id):
            self._fragments.forget(entry.place)
            self._entries[entry.place] = entry
            self._whole.change(entry)
            self._scopes[entry.scope].change(entry)
            return
        if old is not None:
            self.drop(entry.place)
        self._entries[entry.place] = entry
        self._ids.add(entry.id, entry.place)
        self._whole.add(entry)
        if entry.scope not in self._scopes:
            self._scopes[entry.scope] = Ordered()
        self._scopes[entry.scope].add(entry)

    def drop(self, place: str) -> None:
        """Remove an entry, if it is there."""
        if self._late is not None:
            self._late[place] = None
        old = self._entries.get(place)
        if old is None:
            return
        ordered = self._scopes[old.scope]
        self._whole.remove(old)
        ordered.remove(old)
        if not ordered:
            del self._scopes[old.scope]
        self._forget(old)

    def purge(self, scope: str) -> None:
        """Remove all entries of a scope."""
        if self._late is not None:
            self._late.update(dict.fromkeys(place for place, entry in self._coming.items() if entry.scope == scope))
        ordered = self._scopes.pop(scope, None)
        if ordered is None:
            return
        self._whole.remove_all({entry.place for entry in ordered})
        for entry in ordered:
            self._forget(entry)

    def _forget(self, old: Entry) -> None:
        self._ids.remove(old.id, old.place)
        del self._entries[old.place]
        self._fragments.forget(old.place)

    def one(self, scopes: Sequence[str], id: str, shape: Shape) -> bytes | None:
        """The fragment of an id, in the first of the scopes that has it."""
        places = self._ids.find(id)
        for scope in scopes if places else ():
            within = [place for place in places if self._entries[place].scope == scope]
            if within:
                return self._fragment(min(within), shape)
        return None

    def only(self, id: str, shape: Shape) -> bytes | None:
        """The fragment of an id in any scope, unless two entries answer to it: for cloud admins."""
        places = self._ids.find(id)
        return self._fragment(places[0], shape) if len(places) == 1 else None

    def page(self, scopes: Sequence[str], query: Query, shape: Shape) -> Steps:
        """A page over some scopes in one order. Raises UnknownMarker."""
        asked = frozenset(scopes)
        found = yield from self._found(asked, query)
        more = len(found) > query.limit > 0
        del found[query.limit :]
        last = found[-1].id if found else ""
        try:
            ready = self._fragments.of(shape)
            parts = [ready[entry.place] for entry in found]
        except KeyError:
            parts = yield from self._made(found, asked, shape)
        return Page(parts, more, last)

    def text(self, scopes: Sequence[str], query: Query, shape: Shape) -> Generator[None, None, Text]:
        """The same in few pieces, as far as these are known. Raises UnknownMarker."""
        asked = frozenset(scopes)
        runs = self._runs(asked)
        if query.is_plain and len(runs) == 1 and query.limit > 0:
            marker = self._marker(asked, query.marker) if query.marker else None
            try:
                return self._spelled(runs[0], marker, query, shape)
            except KeyError:
                # A fragment is missing.
                pass
        page = yield from self.page(scopes, query, shape)
        return Text([page.parts], len(page.parts), page.more, page.last)

    def _spelled(self, run: Ordered, marker: Entry | None, query: Query, shape: Shape) -> Text:
        """A page of one run in the default order. Raises KeyError."""
        spans = run.spans(marker, query.limit + 1)
        count = sum(len(span.entries) for span in spans)
        more = count > query.limit
        if more:
            last = spans.pop()
            count -= 1
            spans += [last._replace(entries=last.entries[:-1])] if len(last.entries) > 1 else []
        ready = self._fragments.of(shape)
        runs: list[Sequence[bytes]] = []
        for span in spans:
            texts = self._texts.of(span, shape)
            if texts:
                runs += [(text,) for text in texts]
                continue
            parts = [ready[entry.place] for entry in span.entries]
            runs.append(parts)
            self._texts.offer(span, shape, parts)
        return Text(runs, count, more, spans[-1].entries[-1].id if spans else "")

    def _found(self, asked: frozenset[str], query: Query) -> Entries:
        """The entries of a page, and one more where more follow."""
        runs = self._runs(asked)
        if not runs and not query.marker:
            return []
        marker = self._marker(asked, query.marker) if query.marker else None
        if query.is_plain:
            most = query.limit + 1
            stretches = [run.stretch(marker, most) for run in runs]
            return stretches[0] if len(stretches) == 1 else list(islice(merged(stretches), most))
        found = yield from self._sorted(runs, query, marker) if query.sort else self._filtered(runs, query, marker)
        return self._still(found, asked, query)

    def _runs(self, asked: frozenset[str]) -> list[Ordered]:
        if len(asked) > 1 and self._scopes.keys() <= asked:
            return [self._whole]
        return [self._scopes[scope] for scope in sorted(asked) if scope in self._scopes]

    def _marker(self, asked: frozenset[str], id: str) -> Entry:
        """The last in order of those that answer to it, so that paging always comes to an end."""
        found = [entry for place in self._ids.find(id) if (entry := self._entries[place]).scope in asked]
        if not found:
            raise UnknownMarker(id)
        return max(found, key=rank)

    def _filtered(self, runs: Sequence[Ordered], query: Query, marker: Entry | None) -> Entries:
        """The first that pass, in the default order."""
        found: list[Entry] = []
        for block in strides(runs, marker):
            for places in query.wanted(block):
                found += block.at(places)
                if len(found) > query.limit:
                    return found[: query.limit + 1]
                yield
        return found

    def _sorted(self, runs: Sequence[Ordered], query: Query, marker: Entry | None) -> Entries:
        """The first by the query's columns. No more than some pages of them are held and sorted at a time."""
        room = query.limit + 1
        found: list[Entry] = []
        for block in strides(runs, None):
            for places in query.wanted(block):
                passed = block.at(places)
                found += [entry for entry in passed if marker is None or follows(entry, marker, query.sort)]
                if len(found) > 2 * room + MOST:
                    found = first(found, query.sort, room)
                yield
        return first(found, query.sort, room)

    def _still(self, found: Iterable[Entry], asked: frozenset[str], query: Query) -> list[Entry]:
        """Of what was found some steps ago, what is still there, in sight and wanted."""
        entries = []
        for entry in found:
            now = self._seen(entry.place, asked)
            if now is not None and (now is entry or query.wants(now)):
                entries.append(now)
        return entries

    def _made(self, found: list[Entry], asked: frozenset[str], shape: Shape) -> Generator[None, None, list[bytes]]:
        """The fragments, with a step after each that had to be made."""
        parts = []
        for entry in found:
            part = self._fragments.of(shape).get(entry.place)
            if part is None and self._seen(entry.place, asked):
                part = self._fragment(entry.place, shape)
                yield
            if part is not None:
                parts.append(part)
        return parts

    def _fragment(self, place: str, shape: Shape) -> bytes | None:
        part = self._fragments.of(shape).get(place)
        if part is None:
            part = self._build(place, shape)
            if part is not None:
                self._fragments.keep(shape, place, part)
        return part

    def _seen(self, place: str, asked: frozenset[str]) -> Entry | None:
        """The entry of a place that was found some steps ago, if it is still there and in sight."""
        entry = self._entries.get(place)
        return entry if entry is not None and entry.scope in asked else None
