"""Waiting until a watch has passed a version."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import count

from twisted.internet.defer import Deferred

from .versions import compare, is_number


class Barrier:
    """Deferreds that fire once the watch has applied a version, the lowest first. Cancelling one forgets it."""

    def __init__(self) -> None:
        self.version = ""
        self._queue: list[tuple[int, str, int, Deferred[None]]] = []
        self._unordered: dict[Deferred[None], str] = {}
        self._count = count()

    def reached(self, version: str) -> Deferred[None]:
        """Fires when the watch has passed that version; one without an order, once exactly it was applied."""
        waiting: Deferred[None] = Deferred(self._forget)
        if compare(self.version, version) in (0, 1):
            waiting.callback(None)
        elif is_number(version):
            heappush(self._queue, (len(version), version, next(self._count), waiting))
        else:
            self._unordered[waiting] = version
        return waiting

    @property
    def awaits_equality(self) -> bool:
        """Whether somebody waits for a version without an order."""
        return bool(self._unordered)

    def passed(self, version: str, seen: Iterable[str] = ()) -> None:
        """The watch has applied everything up to that version; ``seen`` are those on the way."""
        self.version = version
        while self._queue and compare(self._queue[0][1], version) in (-1, 0):
            heappop(self._queue)[3].callback(None)
        for each in (*seen, version) if self._unordered else ():
            for waiting in [waiting for waiting, wanted in self._unordered.items() if wanted == each]:
                del self._unordered[waiting]
                waiting.callback(None)

    def hand_over(self, to: "Barrier") -> None:
        """Let another watch bring what this one was awaited for."""
        queue, self._queue = self._queue, []
        unordered, self._unordered = self._unordered, {}
        for version, waiting in (*((entry[1], entry[3]) for entry in queue), *((v, w) for w, v in unordered.items())):
            to.reached(version).addCallback(_relay, waiting)

    def _forget(self, waiting: Deferred[None]) -> None:
        self._unordered.pop(waiting, None)
        self._queue = [entry for entry in self._queue if entry[3] is not waiting]
        heapify(self._queue)


def _relay(_: None, waiting: Deferred[None]) -> None:
    if not waiting.called:
        waiting.callback(None)
