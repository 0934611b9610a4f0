"""Events: what Dicot did to an object, told where people of Kubernetes look (``kubectl describe``).

They are told behind everything else, one at a time, and nothing depends on them: one that cannot be written is
counted, and the first of its sort logged. As client-go's recorder does (tools/record), many of one sort about one
object are counted in a single Event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...kube import errors
from ...kube.address import Account, Place
from ...kube.client import Kube
from ...kube.complaints import one_line
from ...kube.kind import Kind, Manifest, Row
from ...moments import stamp
from ...names import REQUEST_ID, USER_ID, digest
from ..plan import Notice
from .cluster import KUBE_ERRORS

APART = 10
"""Events of one sort about one object that are told apart; those that follow are counted in one."""
WINDOW = 600.0
"""Seconds within which they count as following."""
MOST_WAITING = 1_000
MOST_KNOWN = 4_096
WITHIN = 5.0
"""Seconds that the write of one may take."""
LONGEST = 1_000
"""Bytes of a message: the API server takes 1,024 of newer Events, and describe prints it in a line."""
LONGEST_NAME = 200
_log = Logger()


@dataclass
class _Sort:
    """Those of one sort about one object. ``together`` are the ones that are counted in one Event."""

    since: float
    told: int = 0
    together: int = 0
    is_there: bool = False


@dataclass(frozen=True, slots=True)
class _Event:
    """One to be written: ``counted`` is the sort in whose one Event it is."""

    body: Manifest
    account: Account
    counted: _Sort | None = None


class Events:
    """Tells Events. ``now`` is the API server's clock, in seconds since 1970; ``instance`` this replica."""

    def __init__(self, kube: Kube, clock: IReactorTime, now: Callable[[], float], instance: str) -> None:
        self._kube = kube
        self._clock = clock
        self._now = now
        self._instance = instance
        self._waiting: dict[str, _Event] = {}
        self._sorts: LRUCache[tuple[str, str], _Sort] = LRUCache(MOST_KNOWN)
        self._working: Deferred[None] | None = None
        self._logged: set[str] = set()
        self.written = 0
        self.lost = 0

    def tell(self, notice: Notice, row: Row, account: Account) -> None:
        """An Event about an object, soon, as an account whose extras say who asked. It raises nothing."""
        event = self._event(notice, row, account)
        name = event.body["metadata"]["name"]
        if name not in self._waiting and len(self._waiting) >= MOST_WAITING:
            self.lose("too many are waiting")
            return
        self._waiting[name] = event
        if self._working is None:
            self._working = Deferred.fromCoroutine(self._work())
            self._working.addErrback(_ended)

    def lose(self, why: str, sort: str = "") -> None:
        """One cannot be told."""
        self.lost += 1
        if sort not in self._logged:
            self._logged.add(sort)
            _log.warn("an Event is not told: {why}; from now on such are only counted", why=why)

    async def drain(self, seconds: float) -> None:
        """Waits until all are told, at most so long; the others are lost."""
        if self._working is not None:
            limit = self._clock.callLater(seconds, self._working.cancel)
            await self._working
            if limit.active():
                limit.cancel()

    async def _work(self) -> None:
        try:
            # Whatever was answered to a client goes out first.
            await deferLater(self._clock, 0)
            while self._waiting:
                await self._write(self._waiting.pop(next(iter(self._waiting))))
        finally:
            self._working = None
            self.lost += len(self._waiting)
            self._waiting.clear()

    async def _write(self, event: _Event) -> None:
        try:
            if event.counted is not None and event.counted.is_there:
                await self._count(event)
            else:
                await self._make(event)
        except KUBE_ERRORS as error:
            self.lose(str(error), type(error).__name__)
            return
        self.written += 1

    async def _make(self, event: _Event) -> None:
        at = Place("", "v1", "events", event.body["metadata"]["namespace"])
        try:
            await self._kube.create(at, event.body, acting_as=event.account, within=WITHIN)
        except errors.Exists:
            # A name stands for one Event: it was told before, and its answer got lost.
            pass
        if event.counted is not None:
            event.counted.is_there = True

    async def _count(self, event: _Event) -> None:
        body, metadata = event.body, event.body["metadata"]
        at = Place("", "v1", "events", metadata["namespace"], metadata["name"])
        change = {key: body[key] for key in ("count", "lastTimestamp", "message")}
        noted = {"metadata": {"annotations": metadata["annotations"]}}
        try:
            await self._kube.patch(at, change | noted, acting_as=event.account, within=WITHIN)
        except errors.Missing:
            # The API server forgets Events after an hour.
            await self._make(event)

    def _event(self, notice: Notice, row: Row, account: Account) -> _Event:
        sort = self._sort(row.uid, notice.reason)
        sort.told += 1
        moment, said = stamp(self._now()), dict(account.extra)
        text, counted = _line(notice.message, said), None
        parts: tuple[str, ...] = (row.uid, notice.reason, said.get(REQUEST_ID, ""))
        if sort.told > APART:
            counted, text = sort, f"(combined from similar events): {text}"
            parts = (row.uid, notice.reason, self._instance, str(sort.since))
            sort.together += 1
        body: Manifest = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{row.name[:LONGEST_NAME].rstrip('-.')}.{digest(*parts)[:16]}",
                "namespace": row.namespace,
                "annotations": {key: said[key] for key in (REQUEST_ID, USER_ID) if key in said},
            },
            "involvedObject": _reference(notice.kind, row),
            "type": "Warning" if notice.warning else "Normal",
            "reason": notice.reason,
            "message": _shortened(text),
            "source": {"component": "dicot"},
            "reportingComponent": "dicot",
            "reportingInstance": self._instance,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": sort.together or 1,
        }
        return _Event(body, account, counted)

    def _sort(self, uid: str, reason: str) -> _Sort:
        found = self._sorts.get((uid, reason))
        if found is None or self._clock.seconds() - found.since >= WINDOW:
            found = self._sorts[uid, reason] = _Sort(self._clock.seconds())
        return found


def _reference(kind: Kind[Any], row: Row) -> Manifest:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.singular,
        "namespace": row.namespace,
        "name": row.name,
        "uid": row.uid,
    }


def _line(message: str, said: dict[str, str]) -> str:
    """One line that a terminal can be given: who asked, by which request, and what there is to say of it."""
    asked = f"Requested by user {said.get(USER_ID, '')} ({said.get(REQUEST_ID, '')})"
    text = one_line(message, LONGEST)
    return f"{asked}: {text}" if text else asked


def _shortened(text: str) -> str:
    return text.encode()[:LONGEST].decode(errors="ignore")


def _ended(failure: Failure) -> None:
    if not failure.check(CancelledError):
        _log.failure("Events that were waiting are not told", failure)
