"""Keeps a store like the server: list, watch, rest, resume, relist."""

from collections.abc import Callable
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
from .health import Health
from .initial import Initial, watch_query
from .pace import Pace
from .source import Origin, Source
from .store import Store
from .stream import Cut, Lines, Stream

SHORTEST_WATCH, LONGEST_WATCH = 300, 600
"""Seconds that a watch is asked to last; by chance in between, so that they do not all come back at once."""
_TOO_SHORT = 1.0
log = Logger()


class Reflector:
    """The watch of one kind, from ``start`` to ``stop``."""

    def __init__(self, store: Store[Any], origin: Origin, clock: IReactorTime, random: Callable[[], float]) -> None:
        self.store = store
        self._clock = clock
        self._random = random
        self._turns = origin.turns
        self._source = Source(store.kind, origin, clock)
        self._course = Course(store.kind, store.tally, clock, random)
        self._initial = Initial(store, self._source, self._course, clock)
        self._audit = Audit(store, self._source, origin.turns, clock)
        self._pace = Pace(clock)
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

    def health(self) -> Health:
        """How it fares, for ``/status``."""
        store, tally, now = self.store, self.store.tally, self._clock.seconds()
        return Health(
            kind=store.kind.resource,
            scope="/".join(filter(None, (store.kind.namespace, store.kind.name))),
            state=self._course.state,
            problem=self._course.problem,
            synced=store.is_synced,
            count=len(store),
            version=store.version,
            byte_age=None if self._stream is None else now - self._stream.last_byte,
            event_age=None if tally.last_event is None else now - tally.last_event,
            events=tally.events,
            bookmarks=tally.bookmarks,
            duplicates=tally.duplicates,
            skipped=len(store.skipped),
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
            rest = self._course.refused(refusal)
            if isinstance(refusal, Missing) and self.store.kind.optional:
                self.store.empty()
            return rest
        except (Cut, Garbled, Unreachable) as reason:
            return self._course.broke(reason)
        return 0.0

    async def _open(self) -> Stream:
        """A watch that goes on where the store is."""
        self._lasts = SHORTEST_WATCH + int(self._random() * (LONGEST_WATCH - SHORTEST_WATCH))
        if self._course.relist:
            stream = await self._sync()
            if stream is not None:
                return stream
        query = {**watch_query(self._lasts), "resourceVersion": self.store.version}
        stream = await self._source.open(query, Lines())
        self._course.state, self._course.problem = "watching", ""
        self._opened(stream)
        return stream

    async def _sync(self) -> Stream | None:
        """Take the state of the server; the stream that goes on with it, if it was streamed."""
        self._course.state = "waiting"
        await self._turns.acquire()
        try:
            self._course.state = "listing"
            again = self.store.is_synced
            stream = await self._initial.streamed(self._lasts, self._opened) if self._course.streams else None
            if stream is None:
                await self._initial.listed()
            self._course.listed()
            self._audit.postpone(self._random())
            self.store.tally.relists += again
            self.store.tally.last_event = self._clock.seconds()
            return stream
        finally:
            self._turns.release()

    async def _follow(self, stream: Stream) -> None:
        """Apply what comes, until the server ends the watch as it should. Raises what ends it otherwise."""
        tally, began = self.store.tally, self._clock.seconds()
        heard = tally.events + tally.bookmarks
        try:
            while await stream.more(self._course.patience(self._lasts)):
                self._apply(stream)
                if stream.lines:
                    await self._pace.breath()
        finally:
            stream.abort()
        if heard == tally.events + tally.bookmarks and self._clock.seconds() - began < _TOO_SHORT:
            raise Cut("the watch ended at once")

    def _apply(self, stream: Stream) -> None:
        began = self._clock.seconds()
        self.store.apply(self._pace.lines(stream))
        self._course.went_well()
        self.store.tally.last_event = self._clock.seconds()
        self.store.tally.apply_seconds += self._clock.seconds() - began
        if self._audit.is_due():
            self._audit.postpone(self._random())
            self._audit.begin(self._diverged)

    def _opened(self, stream: Stream) -> None:
        self._stream = stream

    def _diverged(self) -> None:
        self.store.tally.divergences += 1
        self._course.relist = self._course.newest = True
        if self._stream is not None:
            self._stream.break_off(Cut("the store differs from the server"))

    def _end(self) -> None:
        if self._running is not None:
            self._running.cancel()
        self._course.state = "stopped"

    def _ended(self, failure: Failure) -> None:
        failure.trap(CancelledError)

    def _unforeseen(self, failure: Failure) -> float:
        if self._stopping:
            return 0.0
        log.failure("{kind}: a fault of our own", failure, kind=self.store.kind.resource)
        return self._course.failed(failure.getErrorMessage())
