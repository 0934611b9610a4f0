"""Rows and the ways to find them. What is newest is decided elsewhere."""

from collections.abc import Iterator, Sequence, Set
from typing import Generic, TypeVar

from msgspec.structs import replace

from .kind import HasMeta, Kind, Row, no_links

P = TypeVar("P", bound=HasMeta)
T = TypeVar("T")
Move = tuple[Row | None, Row | None]
"""A row before and after."""


class Index:
    """Rows by a key. A lone row stands for itself: most keys have one, and a container for each would weigh more."""

    def __init__(self) -> None:
        self._found: dict[str, Row | dict[str, Row]] = {}

    def put(self, key: str, row: Row) -> None:
        """Add a row, or replace that of the same place."""
        held = self._found.get(key)
        if held is None:
            self._found[key] = row
        elif isinstance(held, dict):
            held[row.place] = row
        elif held.name == row.name and held.namespace == row.namespace:
            self._found[key] = row
        else:
            self._found[key] = {held.place: held, row.place: row}

    def add(self, key: str, row: Row) -> bool:
        """Add a row by a key that no other has; False where one has it."""
        return self._found.setdefault(key, row) is row

    def drop(self, key: str, row: Row) -> None:
        """Remove the row of that place, if it is there."""
        held = self._found.get(key)
        if isinstance(held, dict):
            held.pop(row.place, None)
            if not held:
                del self._found[key]
        elif held is not None and held.place == row.place:
            del self._found[key]

    def items(self) -> Iterator[tuple[str, Row]]:
        """Every row with each of its keys."""
        for key, held in self._found.items():
            for row in held.values() if isinstance(held, dict) else (held,):
                yield key, row

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def get(self, key: str) -> tuple[Row, ...]:
        """The rows of a key."""
        held = self._found.get(key)
        if held is None:
            return ()
        return tuple(held.values()) if isinstance(held, dict) else (held,)


class Table(Generic[P]):
    """Rows by (namespace, name), by (namespace, id), by link.

    Within a namespace the oldest object wins a duplicated id. The others answer to their uid, and their rows say so
    in ``id``, until the winner goes. What an object asked for, before that, is its claim.
    """

    def __init__(self, kind: Kind[P]) -> None:
        self._kind = kind
        self._rows: dict[str, dict[str, Row]] = {}
        self._ids = Index()
        self._links = Index()
        self._ceded: dict[tuple[str, str], str] = {}
        self._waiting: dict[tuple[str, str], set[str]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def one(self, namespace: str, name: str) -> Row | None:
        """The row of that name."""
        named = self._rows.get(namespace)
        return None if named is None else named.get(name)

    def by_id(self, namespace: str, id: str) -> Row | None:
        """The row that answers to that id in a namespace."""
        return next((row for row in self._ids.get(id) if row.namespace == namespace), None)

    def with_id(self, id: str) -> tuple[Row, ...]:
        """The rows that answer to that id, in any namespace."""
        return self._ids.get(id)

    def linked(self, link: str) -> tuple[Row, ...]:
        """The rows that have that link."""
        return self._links.get(link)

    def rows(self, namespace: str | None = None) -> list[Row]:
        """The rows of a namespace, or all, as they are now."""
        if namespace is not None:
            return list(self._rows.get(namespace, {}).values())
        return [row for named in self._rows.values() for row in named.values()]

    def namespaces(self) -> Set[str]:
        """Where there are rows."""
        return self._rows.keys()

    def claim(self, row: Row) -> Row:
        """The row as its object has it, whether it won its id or not."""
        wanted = self._ceded.get((row.namespace, row.name))
        return row if wanted is None else replace(row, id=wanted)

    def put(self, row: Row, body: P | None = None) -> tuple[Move, ...]:
        """Add or replace a row, given as its object has it. Others may move too, where an id changes hands."""
        old = self.one(row.namespace, row.name)
        if old is None and row.id not in self._ids:
            self._add(row, body)
            return ((None, row),)
        if old is not None and old.uid == row.uid and self._ceded.get((row.namespace, row.name), old.id) == row.id:
            return ((old, self.swap(old, row, body)),)
        moves: dict[str, Move] = {}
        if old is not None:
            self._leave(old, moves)
        self._enter(row, body, moves)
        return tuple(moves.values())

    def extend(self, rows: Sequence[Row], bodies: Sequence[P]) -> None:
        """Put many rows, which come in order; nobody is told of them."""
        links = None if self._kind.links is no_links else self._kind.links
        namespace, named = None, dict[str, Row]()
        for row, body in zip(rows, bodies, strict=True):
            if row.namespace != namespace:
                namespace = row.namespace
                named = self._rows.setdefault(namespace, {})
            if row.name in named or not self._ids.add(row.id, row):
                self.put(row, body)
                continue
            named[row.name] = row
            self._count += 1
            for link in links(row, body) if links else ():
                self._links.put(link, row)

    def swap(self, old: Row, row: Row, body: P | None = None) -> Row:
        """Replace a row by a later state of the same object with the same claim; answers what is held now."""
        if row.id != old.id:
            row = replace(row, id=old.id)
        self._rows[row.namespace][row.name] = row
        self._ids.put(row.id, row)
        links = self._links_of(row, body)
        for link in self._links_of(old):
            if link not in links:
                self._links.drop(link, old)
        for link in links:
            self._links.put(link, row)
        return row

    def remove(self, row: Row) -> tuple[Move, ...]:
        """Remove a row. One that waited for its id may move."""
        moves: dict[str, Move] = {}
        self._leave(row, moves)
        return tuple(moves.values())

    def graft(self, namespace: str, other: "Table[P]") -> None:
        """Put the rows of another table in the place of those of a namespace. A row that both hold costs nothing."""
        before, after = self._rows.pop(namespace, {}), other._rows.get(namespace, {})
        for name, row in before.items():
            if after.get(name) is not row:
                self._ids.drop(row.id, row)
                for link in self._links_of(row):
                    self._links.drop(link, row)
        for index, grafted in ((self._ids, other._ids), (self._links, other._links)):
            for key, row in grafted.items():
                if before.get(row.name) is not row:
                    index.put(key, row)
        if after:
            self._rows[namespace] = after
        self._count += len(after) - len(before)
        self._ceded = _elsewhere(self._ceded, namespace) | _within(other._ceded, namespace)
        self._waiting = _elsewhere(self._waiting, namespace) | _within(other._waiting, namespace)

    def _enter(self, row: Row, body: P | None, moves: dict[str, Move]) -> None:
        holder = self.by_id(row.namespace, row.id)
        while holder is not None:
            if _precedence(row) < _precedence(holder):
                self._vanish(holder, moves)
                self._appear(row, body, moves)
                row, body = holder, None
            elif row.id == row.uid:
                break  # no API server has two objects of one uid
            self._ceded[row.namespace, row.name] = row.id
            self._waiting.setdefault((row.namespace, row.id), set()).add(row.name)
            row = replace(row, id=row.uid)
            holder = self.by_id(row.namespace, row.id)
        self._appear(row, body, moves)

    def _leave(self, row: Row, moves: dict[str, Move]) -> None:
        wanted = self._ceded.pop((row.namespace, row.name), None)
        if wanted is not None:
            self._wait_no_more(row, wanted)
        self._vanish(row, moves)
        self._inherit(row, moves)

    def _inherit(self, late: Row, moves: dict[str, Move]) -> None:
        """The oldest that waited for the id of a row that went has it now, and so on with the id it had."""
        while names := self._waiting.get((late.namespace, late.id)):
            heir = min((self._rows[late.namespace][name] for name in names), key=_precedence)
            del self._ceded[heir.namespace, heir.name]
            self._wait_no_more(heir, late.id)
            self._vanish(heir, moves)
            self._appear(replace(heir, id=late.id), None, moves)
            late = heir

    def _wait_no_more(self, row: Row, id: str) -> None:
        names = self._waiting[row.namespace, id]
        names.discard(row.name)
        if not names:
            del self._waiting[row.namespace, id]

    def _appear(self, row: Row, body: P | None, moves: dict[str, Move]) -> None:
        self._add(row, body)
        moves[row.place] = (moves.get(row.place, (None, None))[0], row)

    def _add(self, row: Row, body: P | None) -> None:
        named = self._rows.get(row.namespace)
        if named is None:
            named = self._rows[row.namespace] = {}
        named[row.name] = row
        self._ids.put(row.id, row)
        for link in self._links_of(row, body):
            self._links.put(link, row)
        self._count += 1

    def _vanish(self, row: Row, moves: dict[str, Move]) -> None:
        self._ids.drop(row.id, row)
        for link in self._links_of(row):
            self._links.drop(link, row)
        named = self._rows[row.namespace]
        del named[row.name]
        if not named:
            del self._rows[row.namespace]
        self._count -= 1
        moves[row.place] = (moves.get(row.place, (row, None))[0], None)

    def _links_of(self, row: Row, body: P | None = None) -> tuple[str, ...]:
        if self._kind.links is no_links:
            return ()
        return self._kind.links(row, self._kind.read(row) if body is None else body)


def _within(found: dict[tuple[str, str], T], namespace: str) -> dict[tuple[str, str], T]:
    return {key: value for key, value in found.items() if key[0] == namespace}


def _elsewhere(found: dict[tuple[str, str], T], namespace: str) -> dict[tuple[str, str], T]:
    return {key: value for key, value in found.items() if key[0] != namespace}


def _precedence(row: Row) -> tuple[bool, str, str]:
    """Who has an id first: the object whose uid it is (it has no other), then the oldest."""
    return (row.id != row.uid, row.created, row.uid)
