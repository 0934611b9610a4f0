"""Intent record and quota reservation of a project, in one object."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import msgspec
from cachetools import TTLCache
from msgspec.structs import replace
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...kube import errors
from ...kube.address import place
from ...kube.kind import Manifest, Row
from ...kube.media import JSON_PATCH
from ...kube.store import Change
from ...moments import precise, read
from ...names import SYSTEM_NAMESPACE
from ..kinds.identity import LEDGER, LedgerEntry, Named
from ..plan import Reservation
from .amending import amendments
from .cluster import KUBE_ERRORS, Cluster
from .intent import condemned, lasts, released

_log = Logger()

KEPT = 60.0
"""Seconds that an entry with amounts stays, so that every replica has seen the object before it goes."""
_TIDY = 5.0
_LONGEST_WRITE = 15.0
_TRIES = 20

Entries = dict[str, LedgerEntry]


@dataclass(slots=True)
class _Change:
    """Somebody who waits for a Ledger to be written. ``make`` raises where it must not be."""

    make: Callable[[Entries], None]
    until: float
    done: Deferred[None] = field(default_factory=Deferred)


@dataclass(slots=True)
class _Book:
    """What this replica wants of one project's Ledger. ``settled`` maps ids whose work is done."""

    changes: list[_Change] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)
    writing: bool = False
    tidying: IDelayedCall | None = None


class Ledger:
    """Changed only with its resourceVersion; those of a replica who wait share a write.

    The project "" stands for what is Dicot's own.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._books: dict[str, _Book] = {}
        # Commits that this cache has seen come and go: an entry that still names one takes nothing any more.
        self._gone: TTLCache[str, None] = TTLCache(10_000, 2 * KEPT, cluster.now)
        for store in cluster.stores.values():
            store.listen(self._moved)

    async def enter(
        self,
        project: str,
        entries: tuple[LedgerEntry, ...],
        reserve: Callable[[], Reservation | None],
        until: float,
        least: int | None = None,
    ) -> int:
        """Writes entries before anything of theirs; as many of the first as the quota allows, not under ``least``.

        ``reserve`` is asked at the moment of the check, since the cache moves while a batch waits. Raises the
        service's over-quota fault, or what Kubernetes answered.
        """
        needed = len(entries) if least is None else least
        entered = 0

        def make(book: Entries) -> None:
            nonlocal entered
            own = {entry.id for entry in entries}
            others = [entry for id, entry in book.items() if id not in own]
            entered = self._fitting(entries, others, reserve(), needed)
            at = precise(self._cluster.time())
            for entry in entries[:entered]:
                book[entry.id] = replace(entry, at=at)
            for entry in entries[entered:]:
                book.pop(entry.id, None)

        await self._changed(project, make, until)
        return entered

    async def drop(self, project: str, ids: Collection[str], until: float) -> None:
        """Removes entries at once: what was refused, and what was judged."""

        def make(book: Entries) -> None:
            for id in ids:
                book.pop(id, None)

        await self._changed(project, make, until)

    async def decide(self, project: str, batch: str, stays: bool, until: float) -> None:
        """Whether the commits of a batch stay, unless that was decided before."""

        def make(book: Entries) -> None:
            for id, entry in book.items():
                if entry.batch == batch:
                    book[id] = replace(entry, batch="", least=0) if stays else condemned(entry)

        await self._changed(project, make, until)

    async def release(self, project: str, ids: Collection[str], until: float) -> None:
        """The commits of entries exist: what was made before them and lasts stays, whatever becomes of them."""

        def make(book: Entries) -> None:
            for id in ids:
                if id in book and lasts(book[id]):
                    book[id] = released(book[id])

        await self._changed(project, make, until)

    def settle(self, project: str, id: str) -> None:
        """Everything of an entry is done. It names nothing pending from soon on, and goes once it may."""
        self._book(project).settled.add(id)
        self._tidy_in(project, _TIDY)

    def is_settled(self, project: str, id: str) -> bool:
        """Whether this replica did all of an entry's work."""
        return id in self._book(project).settled

    def stop(self) -> None:
        """No further tidying: what is left to do is the steward's."""
        for book in self._books.values():
            if book.tidying is not None and book.tidying.active():
                book.tidying.cancel()

    def _book(self, project: str) -> _Book:
        return self._books.setdefault(project, _Book())

    def _fitting(
        self,
        entries: tuple[LedgerEntry, ...],
        others: list[LedgerEntry],
        reservation: Reservation | None,
        needed: int,
    ) -> int:
        """How many of the first entries fit into what is left; raises where that is less than is needed."""
        if reservation is None:
            return len(entries)
        used = dict(reservation.used)
        for entry in others:
            if not self._is_seen(entry.commit):
                _add(used, entry.amounts)
        taken = dict(used)
        for count, entry in enumerate(entries):
            _add(taken, entry.amounts)
            over = next((name for name in entry.amounts if 0 <= reservation.limits.get(name, -1) < taken[name]), None)
            if over is None:
                continue
            if count >= max(needed, 1) and over not in reservation.firm:
                return count
            raise reservation.refuse(used)
        return len(entries)

    def _is_seen(self, commit: Named) -> bool:
        """Whether the cache counts it already, or has counted it."""
        if self._cluster.row(commit.resource, commit.namespace, commit.name) is not None:
            return True
        return self._is_gone(commit)

    def _is_gone(self, commit: Named) -> bool:
        return _key(commit.resource, commit.namespace, commit.name) in self._gone

    def _moved(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            if change.new is None and change.old is not None:
                self._gone[_key(change.kind.resource, change.old.namespace, change.old.name)] = None
                self._hasten(change.old.id)

    def _hasten(self, id: str) -> None:
        """An entry that waits to be seen by all may go now that what it made is gone."""
        for project, book in self._books.items():
            if id in book.settled:
                self._tidy_in(project, _TIDY)

    async def _changed(self, project: str, make: Callable[[Entries], None], until: float) -> None:
        """Waits until a change is written together with those of others."""
        book = self._book(project)
        change = _Change(make, until)
        book.changes.append(change)
        if not book.writing:
            book.writing = True
            Deferred.fromCoroutine(self._write_all(project, book))
        await change.done

    async def _write_all(self, project: str, book: _Book) -> None:
        """Writes until nobody waits; one at a time for a project."""
        while book.changes:
            batch, book.changes = book.changes, []
            write = Deferred.fromCoroutine(self._write(project, batch))
            [(written, failure)] = await DeferredList([write], consumeErrors=True)
            for change in batch if not written else ():
                change.done.errback(failure)
        book.writing = False

    async def _write(self, project: str, batch: list[_Change]) -> None:
        """One batch: made again on what is there now until its version is the one that was written."""
        until = max(change.until for change in batch)
        name = ledger_name(project)
        row = self._cluster.stores[LEDGER].one(SYSTEM_NAMESPACE, name)
        for _ in range(_TRIES):
            left = until - self._cluster.now()
            if left <= 0:
                break
            old = {entry.id: entry for entry in LEDGER.read(row).spec.entries} if row is not None else {}
            new = dict(old)
            batch[:] = [change for change in batch if _makes(change, new)]
            try:
                if new != old:
                    await self._put(project, name, row, new, min(left, _LONGEST_WRITE))
            except (errors.Conflict, errors.Doubtful, errors.Missing):
                row = await self._cluster.live(LEDGER, SYSTEM_NAMESPACE, name, within=max(left, 1.0))
                continue
            for change in batch:
                change.done.callback(None)
            return
        raise errors.Doubtful("the Ledger could not be written in time")

    async def _put(self, project: str, name: str, row: Row | None, entries: Entries, within: float) -> None:
        kube = self._cluster.kube
        if row is None:
            body = _first(project, name, entries)
            answer = await kube.create(place(LEDGER, SYSTEM_NAMESPACE), body, within=within)
        else:
            steps = amendments(row.version, LEDGER.read(row).spec.entries, entries)
            at = place(LEDGER, SYSTEM_NAMESPACE, name)
            answer = await kube.patch(at, steps, media=JSON_PATCH, within=within)
        self._cluster.learn(LEDGER, answer)

    def _tidy_in(self, project: str, seconds: float) -> None:
        """So soon at the latest; a tidying that is under way looks for itself what came meanwhile."""
        book, clock = self._book(project), self._cluster.clock
        if book.tidying is None:
            book.tidying = clock.callLater(seconds, self._begin_tidying, project, book)
        elif book.tidying.active() and book.tidying.getTime() > clock.seconds() + seconds:
            book.tidying.reset(seconds)

    def _begin_tidying(self, project: str, book: _Book) -> None:
        Deferred.fromCoroutine(self._tidy(project, book)).addErrback(
            lambda failure: _log.failure("Ledger of {project!r} not tidied", failure, project=project)
        )

    async def _tidy(self, project: str, book: _Book) -> None:
        """Entries of settled work are emptied, and removed when they are old and seen."""
        settled = frozenset(book.settled)
        left: set[str] = set()

        def make(entries: Entries) -> None:
            left.clear()
            for id in settled & entries.keys():
                entry = entries[id]
                if not entry.amounts or self._may_go(entry):
                    del entries[id]
                else:
                    entries[id] = replace(entry, pending=())
                    left.add(id)

        try:
            await self._changed(project, make, self._cluster.now() + 2 * _LONGEST_WRITE)
            book.settled -= settled - left
        except KUBE_ERRORS as error:
            _log.warn("Ledger of {project!r} not tidied: {error}", project=project, error=error)
        book.tidying = None
        if book.settled:
            self._tidy_in(project, _TIDY if book.settled - settled else 4 * _TIDY)

    def _may_go(self, entry: LedgerEntry) -> bool:
        """What was and is no more takes nothing, whoever has seen it; a replica that starts now never will."""
        if self._is_gone(entry.commit):
            return True
        at = read(entry.at)
        return (at is None or self._cluster.time() - at >= KEPT) and self._is_seen(entry.commit)


def ledger_name(project: str) -> str:
    """The name of a project's Ledger."""
    return f"ledger-{project or 'system'}"


def _makes(change: _Change, entries: Entries) -> bool:
    """Applies a change. Who asked for one that must not be is told why, and it is left out."""
    refusals: list[Failure] = []
    maybeDeferred(change.make, entries).addErrback(refusals.append)
    for refusal in refusals:
        change.done.errback(refusal)
    return not refusals


def _add(total: dict[str, int], amounts: Mapping[str, int]) -> None:
    for name, amount in amounts.items():
        total[name] = total.get(name, 0) + amount


def _key(resource: str, namespace: str, name: str) -> str:
    return f"{resource} {namespace}/{name}"


def _first(project: str, name: str, entries: Entries) -> Manifest:
    """A Ledger as it is made."""
    return {
        "apiVersion": LEDGER.api_version,
        "kind": LEDGER.singular,
        "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE},
        "spec": {"formatVersion": 1, "project": project, "entries": msgspec.to_builtins(list(entries.values()))},
    }
