"""Keeps a part of a store like the server: list, watch, rest, resume, relist."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from .audit import Audit
from .course import Course
from .errors import Missing, Refused, Unreachable
from .event import Garbled
from .health import Health, Rate
from .initial import Initial, watch_query
from .lag import Lag
from .pace import Pace
from .part import Part
from .source import Origin, Source
from .store import Store
from .stream import Cut, Lines, Stream

SHORTEST_WATCH, LONGEST_WATCH = 300, 600
"""Seconds that a watch is asked to last; by chance in between, so that they do not all come back at once."""
_TOO_SHORT = 1.0
log = Logger()


@dataclass(frozen=True, slots=True)
class Means:
    """What all watches of a kind use: the server, time, chance, and the time of day."""

    origin: Origin
    clock: IReactorTime
    random: Callable[[], float]
    wall: Callable[[], float] = time.time


class Watch:
    """The watch of one part, from ``start`` to ``stop``. ``turned`` is called when it was refused, or has listed."""

    def __init__(self, store: Store[Any], part: Part, means: Means, turned: Callable[[], None]) -> None:
        clock = means.clock
        self.part = part
        self.course = Course(part.kind, part.tally, clock, means.random)
        self._store = store
        self._clock = clock
        self._random = means.random
        self._turns = means.origin.turns
        self._turned = turned
        self._source = Source(part.kind, means.origin, clock)
        self._initial = Initial(store, part, self._source, self.course, clock)
        self._audit = Audit(store, part, self._source, means.origin.turns, clock)
        self._pace = Pace(clock)
        self._lag = Lag(clock.seconds, means.wall)
        self._rate = Rate()
        self._running: Deferred[None] | None = None
        self._stopping = False
        self._stream: Stream | None = None

    def start(self) -> None:
        """Begin, and go on whatever happens."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    def stop(self) -> Deferred[None]:
        """End, by aborting what is open. Fires once nothing is left behind."""
        self._stopping = True
        self._audit.stop()
        # In a turn of its own: whoever calls this may have been called by what it ends.
        return deferLater(self._clock, 0, self._end)

    @property
    def byte_age(self) -> float | None:
        """Seconds since the last byte; None before the first stream."""
        return None if self._stream is None else self._clock.seconds() - self._stream.last_byte

    def health(self) -> Health:
        """How it fares, for ``/status``."""
        part, tally, now = self.part, self.part.tally, self._clock.seconds()
        return Health(
            kind=part.kind.resource,
            scope="/".join(filter(None, (part.kind.namespace, part.kind.name))),
            namespaces=0,
            state=self.course.state,
            problem=self.course.problem,
            synced=part.is_synced,
            count=len(self._store) if part.namespace is None else len(tuple(self._store.rows(part.namespace))),
            version=part.version,
            byte_age=self.byte_age,
            event_age=None if tally.last_event is None else now - tally.last_event,
            rate=self._rate.at(now),
            lag=self._lag.latest,
            events=tally.events,
            bookmarks=tally.bookmarks,
            duplicates=tally.duplicates,
            skipped=len(part.skipped),
            unknown=tally.unknown,
            vanished=tally.vanished,
            relists=tally.relists,
            gone=tally.gone,
            cuts=tally.cuts,
            fallbacks=tally.fallbacks,
            divergences=tally.divergences,
            apply_seconds=tally.apply_seconds,
        )

    async def _run(self) -> None:
        while not self._stopping:
            # What nobody foresaw must not end the watch: a cache that stands still looks like one that works.
            rest = await Deferred.fromCoroutine(self._round()).addErrback(self._unforeseen)
            if rest and not self._stopping:
                await deferLater(self._clock, rest)

    async def _round(self) -> float:
        """List if need be, and follow one watch to its end. Answers the seconds to rest before the next."""
        try:
            await self._follow(await self._open())
        except Refused as refusal:
            rest = self.course.refused(refusal)
            if isinstance(refusal, Missing) and self.part.kind.optional:
                self._store.empty(self.part)
            self._turned()
            return rest
        except (Cut, Garbled, Unreachable) as reason:
            return self.course.broke(reason)
        return 0.0

    async def _open(self) -> Stream:
        """A watch that goes on where the store is."""
        self._lasts = SHORTEST_WATCH + int(self._random() * (LONGEST_WATCH - SHORTEST_WATCH))
        if self.course.relist:
            stream = await self._sync()
            if stream is not None:
                return stream
        query = {**watch_query(self._lasts), "resourceVersion": self.part.version}
        stream = await self._source.open(query, Lines())
        self.course.state, self.course.problem = "watching", ""
        self._opened(stream)
        return stream

    async def _sync(self) -> Stream | None:
        """Take the state of the server; the stream that goes on with it, if it was streamed."""
        self.course.state = "waiting"
        await self._turns.acquire()
        try:
            self.course.state = "listing"
            again = self.part.is_synced
            stream = await self._initial.streamed(self._lasts, self._opened) if self.course.streams else None
            if stream is None:
                await self._initial.listed()
            self.course.listed()
            self._turned()
            self._audit.postpone(self._random())
            self.part.tally.relists += again
            self.part.tally.last_event = self._clock.seconds()
            return stream
        finally:
            self._turns.release()

    async def _follow(self, stream: Stream) -> None:
        """Apply what comes, until the server ends the watch as it should. Raises what ends it otherwise."""
        tally, began = self.part.tally, self._clock.seconds()
        heard = tally.events + tally.bookmarks
        try:
            while await stream.more(self.course.patience(self._lasts)):
                self._apply(stream)
                if stream.lines:
                    await self._pace.breath()
        finally:
            stream.abort()
        if heard == tally.events + tally.bookmarks and self._clock.seconds() - began < _TOO_SHORT:
            raise Cut("the watch ended at once")

    def _apply(self, stream: Stream) -> None:
        tally, began = self.part.tally, self._clock.seconds()
        heard = tally.events
        self._lag.see(stream.lines[0])
        self._store.apply(self._pace.lines(stream), self.part)
        self.course.went_well()
        tally.last_event = self._clock.seconds()
        tally.apply_seconds += tally.last_event - began
        self._rate.add(tally.events - heard, tally.last_event)
        if self._audit.is_due():
            self._audit.postpone(self._random())
            self._audit.begin(self._diverged)

    def _opened(self, stream: Stream) -> None:
        self._stream = stream

    def _diverged(self) -> None:
        self.part.tally.divergences += 1
        self.course.relist = self.course.newest = True
        if self._stream is not None:
            self._stream.break_off(Cut("the store differs from the server"))

    def _end(self) -> None:
        if self._running is not None:
            self._running.cancel()
        self.course.state = "stopped"

    def _ended(self, failure: Failure) -> None:
        failure.trap(CancelledError)

    def _unforeseen(self, failure: Failure) -> float:
        if self._stopping:
            return 0.0
        log.failure("{kind}: a fault of our own", failure, kind=self.part.kind.resource)
        return self.course.failed(failure.getErrorMessage())
