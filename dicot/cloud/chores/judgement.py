"""Ledger entries that nobody finished: judged by whether their commit exists."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from twisted.logger import Logger

from ...kube import errors
from ...kube.address import Account, place
from ...kube.deep import shallow
from ...kube.kind import Kind, Meta, Row
from ...moments import read
from ...names import ACCOUNTS_NAMESPACE, account_name
from ..kinds.identity import LEDGER, NAMESPACE, LedgerEntry, Named
from ..kinds.identity import Ledger as Book
from ..writing.cluster import STUMBLES, Cluster
from ..writing.errand import Errand
from ..writing.intent import adoptions, is_condemned, is_of
from ..writing.ledger import Ledger

_log = Logger()

RIPE = 45.0
"""Seconds, by the API server's clock, after which no writer can still be at work on an entry.

Entries carry the API server's time of their writing as the writer read it from ``Date`` (the object's managedFields
hold one time for all of them). A write ends within 30 s of its start by the writer's own monotonic clock, so 15 s are
left for whole seconds in ``Date``, for API servers that differ, and for requests on their way.
"""
_LONGEST = 15.0


@dataclass(frozen=True, slots=True)
class Case:
    """An entry that is ripe."""

    project: str
    entry: LedgerEntry


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about a case: adopt what is pending, or delete it; and whether the entry goes at once."""

    adopts: bool = False
    collects: tuple[Named, ...] = ()
    is_closed: bool = False


def cases(books: Iterable[Book], now: float) -> tuple[Case, ...]:
    """The ripe entries. One without a readable time is ripe: no writer of ours wrote it."""
    return tuple(
        Case(book.spec.project, entry)
        for book in books
        for entry in book.spec.entries
        if (at := read(entry.at)) is None or now - at >= RIPE
    )


def verdict(entry: LedgerEntry, commit: Row | None) -> Verdict:
    """The judgement on an entry, given what stands in the place of its commit."""
    if stands(entry, commit) and not is_condemned(entry):
        return Verdict(adopts=True)
    return Verdict(collects=entry.pending, is_closed=True)


def stands(entry: LedgerEntry, commit: Row | None) -> bool:
    """Whether what is found in the place of a commit is that commit."""
    return commit is not None and commit.id == entry.id


def batches(found: Iterable[Case]) -> list[tuple[Case, ...]]:
    """The cases of each request of which it is not decided yet whether its commits stay."""
    together: dict[tuple[str, str], tuple[Case, ...]] = {}
    for case in found:
        if case.entry.batch:
            key = (case.project, case.entry.batch)
            together[key] = (*together.get(key, ()), case)
    return list(together.values())


class Judge:
    """The chore of judging. What it deletes a Ledger entry names, and it carries the entry's id."""

    period = 5.0

    def __init__(self, cluster: Cluster, ledger: Ledger) -> None:
        self._cluster = cluster
        self._ledger = ledger

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore. Entries ripen by the clock."""

    async def round(self, may: Callable[[], bool]) -> None:
        """Judges what is ripe, one case after the other; a case that cannot be closed now waits."""
        for batch in batches(self._ripe()):
            if not may():
                return
            try:
                await self._decide(batch)
            except STUMBLES as error:
                _log.warn("{id} cannot be decided now: {error}", id=batch[0].entry.batch, error=error)
        for case in self._ripe():
            if not may():
                return
            if case.entry.batch or self._ledger.is_settled(case.project, case.entry.id):
                continue
            try:
                await self._close(case)
            except STUMBLES as error:
                _log.warn("{id} cannot be judged now: {error}", id=case.entry.id, error=error)

    def _ripe(self) -> tuple[Case, ...]:
        return cases([LEDGER.read(row) for row in self._cluster.stores[LEDGER].rows()], self._cluster.time())

    async def _decide(self, batch: tuple[Case, ...]) -> None:
        """All or nothing where a client wanted so many: nobody was answered, or the Ledger would say so.

        It is written before anything follows from it: what is deleted later, by anybody, changes nothing then.
        """
        project, first = batch[0].project, batch[0].entry
        errand = self._errand(project)
        standing = [stands(case.entry, await self._commit(case.entry, errand)) for case in batch]
        await self._ledger.decide(project, first.batch, sum(standing) >= first.least, errand.until)

    async def _commit(self, entry: LedgerEntry, errand: Errand) -> Row | None:
        """What stands in the place of a commit."""
        at = entry.commit
        return await self._cluster.live(self._kind(at), at.namespace, at.name, within=errand.left())

    def _kind(self, named: Named) -> Kind[Any]:
        kind = self._cluster.kind(named.resource)
        if kind is None:
            raise errors.Doubtful(f"{named.resource} is not known here")
        return kind

    def _errand(self, project: str) -> Errand:
        return Errand(self._cluster, lambda namespace: _account(project), self._cluster.now() + _LONGEST)

    async def _close(self, case: Case) -> None:
        entry = case.entry
        kind, errand = self._kind(entry.commit), self._errand(case.project)
        commit = await self._commit(entry, errand)
        judged = verdict(entry, commit)
        if judged.adopts and commit is not None:
            for step in adoptions(entry, kind, commit, own=not case.project):
                try:
                    await errand.patch(step)
                except errors.Missing:
                    _log.warn("{id} lacks {name}, which was to be adopted", id=entry.id, name=step.name)
            self._ledger.settle(case.project, entry.id)
        for named in judged.collects:
            await self._collect(case, named, errand)
        if judged.is_closed:
            await self._ledger.drop(case.project, (entry.id,), errand.until)
            _log.info("{id} is not to be and is cleared away", id=entry.id)

    async def _collect(self, case: Case, named: Named, errand: Errand) -> None:
        """Deletes one pending object, if it is that one: by its uid, and only with the entry's id on it."""
        kind = self._kind(named)
        acting_as = _account(case.project) if case.project else None
        at = place(kind, named.namespace, named.name)
        try:
            found = await self._cluster.kube.read(at, acting_as=acting_as, within=errand.left())
            meta = shallow(found, _Standing).metadata
            if not is_of(case.entry.id, meta.labels):
                _log.warn("{name} is not of {id} and stays", name=named.name, id=case.entry.id)
                return
            answer = await self._cluster.kube.delete(at, uid=meta.uid, acting_as=acting_as, within=errand.left())
        except errors.Missing:
            return
        except errors.Denied:
            if await self._exists(named.namespace, errand):
                raise
            return
        self._cluster.learn_deleted(kind, named.namespace, named.name, meta.uid, answer)

    async def _exists(self, namespace: str, errand: Errand) -> bool:
        """Whether a namespace is there; the accounts of a project lose their rights with it."""
        at = place(NAMESPACE, "", namespace)
        try:
            await self._cluster.kube.read(at, within=errand.left())
        except errors.Missing:
            return False
        return True


class _Standing(msgspec.Struct, frozen=True):
    metadata: Meta = Meta()


def _account(project: str) -> Account:
    return Account(ACCOUNTS_NAMESPACE, account_name(project, "member"))
