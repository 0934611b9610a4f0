"""Comparing a store with its server."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from .course import IDLE
from .deep import deeply
from .errors import Refused, Unreachable
from .event import Garbled, Listing, listing
from .kind import Row
from .pace import Pace
from .part import Part
from .source import Source
from .store import Store
from .stream import Cut, Whole
from .versions import is_newer

EVERY = 1800.0
"""Seconds between two audits, and up to as much again by chance."""
PAGE = "500"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=1,application/json"
log = Logger()


class _Meta(msgspec.Struct, frozen=True, gc=False):
    uid: str = ""
    resourceVersion: str = ""


class _Object(msgspec.Struct, frozen=True, gc=False):
    metadata: _Meta


_OBJECT = msgspec.json.Decoder(_Object)
Pair = tuple[str, str]
"""uid and version."""


class Fingerprint:
    """The number of objects, and a mix of their uids and versions that no order changes."""

    def __init__(self) -> None:
        self.count = 0
        self.mix = 0
        self.newest = "0"

    def adding(self, pairs: Iterable[Pair]) -> Iterator[None]:
        """Take objects in, one at each step."""
        for pair in pairs:
            self.count += 1
            self.mix ^= hash(pair)
            if not is_newer(self.newest, pair[1]):
                self.newest = pair[1]
            yield

    def is_as(self, other: "Fingerprint") -> bool:
        """Whether they are of the same objects in the same versions."""
        return (self.count, self.mix) == (other.count, other.mix)


class Audit:
    """Now and then, a list of exactly the version that the store is at.

    A watch may lose an event by a fault of the server (etcd's own tests found several). While both agree, nothing is
    done: a periodic relist would only tell everybody what they know. ``diverged`` is called if they do not.
    """

    def __init__(
        self, store: Store[Any], part: Part, source: Source, turns: DeferredSemaphore, clock: IReactorTime
    ) -> None:
        self._store = store
        self._part = part
        self._source = source
        self._turns = turns
        self._clock = clock
        self._pace = Pace(clock)
        self._running: Deferred[None] | None = None
        self._due = 0.0

    def postpone(self, chance: float) -> None:
        """The store was just listed, or is compared now."""
        self._due = self._clock.seconds() + EVERY * (1 + chance)

    def is_due(self) -> bool:
        """Whether it is time, and the store waits for no delete that the watch has not told yet."""
        is_time = self._running is None and self._clock.seconds() >= self._due
        return is_time and not self._store.awaits_deletes(self._part)

    def begin(self, diverged: Callable[[], None]) -> None:
        """Compare, beside whatever goes on."""
        rows = list(self._store.rows(self._part.namespace))
        self._running = Deferred.fromCoroutine(self._compare(rows, self._part.version, diverged))
        self._running.addErrback(self._failed).addBoth(self._over)

    def stop(self) -> None:
        """End what is under way."""
        if self._running is not None:
            self._running.cancel()

    async def _compare(self, rows: list[Row], version: str, diverged: Callable[[], None]) -> None:
        ours, theirs = Fingerprint(), Fingerprint()
        unfit = frozenset(self._part.skipped)
        await self._pace.walk(ours.adding((row.uid, row.version) for row in rows if row.uid not in unfit))
        if is_newer(ours.newest, version):
            return  # a write's answer was ahead of the watch
        await self._turns.acquire()
        try:
            async for page in self._pages(version):
                pairs = (pair for pair in map(_pair, page.items) if pair[0] not in unfit)
                await self._pace.walk(theirs.adding(pairs))
        finally:
            self._turns.release()
        if not ours.is_as(theirs):
            log.error(
                "{kind} differs from the server at {version}: {ours} objects here, {theirs} there",
                kind=self._store.kind.resource,
                version=version,
                ours=ours.count,
                theirs=theirs.count,
            )
            diverged()

    async def _pages(self, version: str) -> AsyncIterator[Listing]:
        query = {"resourceVersion": version, "resourceVersionMatch": "Exact", "limit": PAGE}
        while query:
            whole = Whole()
            stream = await self._source.open(query, whole, METADATA_ONLY)
            try:
                await stream.more(IDLE)
            finally:
                stream.abort()
            page = listing(whole.document())
            yield page
            query = {"limit": PAGE, "continue": page.token} if page.token else {}

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError, Refused, Cut, Garbled, Unreachable):
            log.info("{kind}: not compared: {why}", kind=self._store.kind.resource, why=failure.getErrorMessage())
        else:
            log.failure("{kind}: a fault of our own", failure, kind=self._store.kind.resource)

    def _over(self, result: None) -> None:
        self._running = None


def _pair(item: msgspec.Raw) -> Pair:
    found = deeply(_OBJECT, item)
    return ("", "") if found is None else (found.metadata.uid, found.metadata.resourceVersion)
