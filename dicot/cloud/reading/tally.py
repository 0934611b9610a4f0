"""Sums of what the rows of each namespace take, kept while rows come and go."""

from collections import deque
from collections.abc import Generator, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ...kube.change import Change
from ...kube.kind import Row
from ...kube.store import Store
from ..resource import Tallied
from .slices import Slices

log = Logger()
_Taken = tuple[str, Mapping[str, int]]
Sums = Mapping[str, Mapping[str, int]]
"""By whose they are, what they take."""
NOTHING: Sums = {}
_MOST_ALIKE = 4096
_STRIDE = 500
"""Changes that are looked at in one step, which takes some 0.1 ms."""


class Tally:
    """What changed is measured in slices, or as soon as its namespace is asked for: an answer lacks nothing."""

    def __init__(self, tallied: Tallied, store: Store[Any], parts: Store[Any], slices: Slices) -> None:
        self._measure = tallied.measure
        self._store = store
        self._parts = parts
        self._slices = slices
        self._taken: dict[str, dict[str, _Taken]] = {}
        self._alike: dict[tuple[object, ...], _Taken] = {}
        self._by_parts: set[tuple[str, str]] = set()
        self._sums: dict[str, dict[str, dict[str, int]]] = {}
        self._told: deque[tuple[Change, ...]] = deque()
        self._due: dict[str, dict[str, None]] = {}
        self._walk: Deferred[None] | None = None
        for row in store.rows():
            self._mark(row)
        store.listen(self._moved)
        parts.listen(self._parts_moved)

    def of(self, namespace: str) -> Sums:
        """The sums of a namespace, as its rows are now."""
        while self._told:
            self._mark_some()
        for name in self._due.pop(namespace, {}):
            self._settle(namespace, name)
        return self._sums.get(namespace, NOTHING)

    def _moved(self, changes: tuple[Change, ...]) -> None:
        self._told.append(changes)
        self._go_on()

    def _mark_some(self) -> None:
        """A first list may tell of all rows at once."""
        changes = self._told.popleft()
        if len(changes) > _STRIDE:
            self._told.appendleft(changes[_STRIDE:])
        for change in changes[:_STRIDE]:
            row = change.new or change.old
            if row is not None:
                self._mark(row)

    def _parts_moved(self, changes: tuple[Change, ...]) -> None:
        """Only rows that could not be measured by themselves."""
        for change in changes:
            row = change.new or change.old
            if row is not None and (row.namespace, row.name) in self._by_parts:
                self._mark(row)
        self._go_on()

    def _mark(self, row: Row) -> None:
        self._due.setdefault(row.namespace, {})[row.name] = None

    def _go_on(self) -> None:
        if (self._told or self._due) and self._walk is None:
            self._walk = self._slices.spread(self._steps())
            self._walk.addBoth(self._rested).addErrback(lambda failure: log.failure("rows not measured", failure))

    def _rested(self, result: Any) -> Any:
        self._walk = None
        return result

    def _steps(self) -> Generator[None, None, None]:
        while self._told or self._due:
            if self._told:
                self._mark_some()
            else:
                self._settle(*self._next_due())
            yield

    def _next_due(self) -> tuple[str, str]:
        # The last one: to find the first of a dict takes the longer, the more have been taken from its head.
        namespace, names = self._due.popitem()
        name, _ = names.popitem()
        if names:
            self._due[namespace] = names
        return namespace, name

    def _settle(self, namespace: str, name: str) -> None:
        """Takes a row's old amounts from the sums, and adds what it takes now."""
        taken = self._taken.setdefault(namespace, {})
        sums = self._sums.setdefault(namespace, {})
        self._by_parts.discard((namespace, name))
        if name in taken:
            owner, amounts = taken.pop(name)
            _add(sums[owner], amounts, -1)
        row = self._store.one(namespace, name)
        if row is not None:
            owner, amounts = taken[name] = self._held_once(
                *self._measure(self._store.read(row), lambda: self._part(row))
            )
            _add(sums.setdefault(owner, {}), amounts, 1)
        if not taken:
            del self._taken[namespace]
            del self._sums[namespace]

    def _held_once(self, owner: str, amounts: Mapping[str, int]) -> _Taken:
        """What many rows have in common: one owner's of one size."""
        if len(self._alike) >= _MOST_ALIKE:
            self._alike.clear()
        return self._alike.setdefault((owner, *amounts.items()), (owner, amounts))

    def _part(self, row: Row) -> Any:
        """The part of the same name that a row owns; from now on it is measured again when that changes."""
        self._by_parts.add((row.namespace, row.name))
        part = self._parts.one(row.namespace, row.name)
        return None if part is None or part.owner != row.uid else self._parts.read(part)


def _add(sums: dict[str, int], amounts: Mapping[str, int], times: int) -> None:
    for name, amount in amounts.items():
        sums[name] = sums.get(name, 0) + times * amount
