"""The last changes, for watches that go on from an earlier version and for lists of an earlier state."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Literal

LONGEST = 20_000
"""Changes that are remembered at most."""
HEAVIEST = 64 * 2**20
"""Bytes of objects that are remembered at most."""
Type = Literal["ADDED", "MODIFIED", "DELETED"]


class Event:
    """One change of one object. ``shown`` is what watchers see: the new state, or the last one in the version of its
    end."""

    __slots__ = ("lines", "name", "namespace", "new", "old", "shown", "version", "where")

    def __init__(
        self,
        version: int,
        where: tuple[str, str],
        namespace: str,
        name: str,
        old: bytes | None,
        new: bytes | None,
        shown: bytes,
    ) -> None:
        self.version = version
        self.where = where
        self.namespace = namespace
        self.name = name
        self.old = old
        self.new = new
        self.shown = shown
        self.lines: dict[tuple[Type, str], bytes] = {}
        """Lines of watches by type and version of the API, made once for all who watch."""

    @property
    def type(self) -> Type:
        if self.new is None:
            return "DELETED"
        return "ADDED" if self.old is None else "MODIFIED"

    @property
    def weight(self) -> int:
        """Bytes that nobody else holds, roughly."""
        return len(self.old or b"") + (len(self.shown) if self.new is None else 0)


class History:
    """Changes in the order of their versions, as many as there is room for."""

    def __init__(self, longest: int = LONGEST, heaviest: int = HEAVIEST) -> None:
        self._longest = longest
        self._heaviest = heaviest
        self._events: list[Event] = []
        self._start = 0
        self._weight = 0
        self.floor = 0
        """The newest version that is forgotten: nothing is known of what happened up to it."""

    def begin(self, version: int) -> None:
        """Forget everything up to a version."""
        self._events.clear()
        self._start = self._weight = 0
        self.floor = version

    def add(self, event: Event) -> None:
        """Remember a change, and forget the oldest ones for it."""
        self._events.append(event)
        self._weight += event.weight
        while self._weight > self._heaviest or len(self._events) - self._start > self._longest:
            oldest = self._events[self._start]
            self._weight -= oldest.weight
            self.floor = oldest.version
            self._start += 1
        if self._start > self._longest:
            del self._events[: self._start]
            self._start = 0

    def knows(self, version: int) -> bool:
        """Whether all that happened after a version is remembered."""
        return version >= self.floor

    def since(self, version: int) -> Iterator[Event]:
        """What happened after a version that is known, oldest first."""
        first = bisect_right(self._events, version, self._start, key=lambda event: event.version)
        for index in range(first, len(self._events)):
            yield self._events[index]

    def undone(self, where: tuple[str, str], version: int) -> Mapping[str, bytes | None]:
        """What objects of a resource were at a version that is known, where they have changed since; by key."""
        found: dict[str, bytes | None] = {}
        for event in self.since(version):
            if event.where == where:
                found.setdefault(f"{event.namespace}/{event.name}", event.old)
        return found
