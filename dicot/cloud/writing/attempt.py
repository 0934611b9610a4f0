"""One try at a plan: what it claims, notes, makes and commits, and how that is taken back."""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...faults import Fault
from ...kube import errors
from ...kube.kind import Row
from ..plan import Create, Delete, Plan, Reservation
from .claims import Claims
from .cluster import KUBE_ERRORS, Cluster
from .errand import Errand
from .intent import adoptions, batch, entry, lasts
from .ledger import Ledger

_log = Logger()

_TO_UNDO = 10.0
_TO_FINISH = 30.0
_ECHO = 2.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What attempts work with. ``project`` is whose Ledger notes them."""

    cluster: Cluster
    ledger: Ledger
    claims: Claims
    project: str


class Attempt:
    """One plan, tried once."""

    def __init__(self, plan: Plan, errand: Errand, desk: Desk) -> None:
        self.plan = plan
        self.entry = entry(plan)
        self.row: Row | None = None
        self._errand = errand
        self._desk = desk
        self._claims: list[Row] = []
        self._noted = False
        self._made: list[tuple[Create, Row]] = []
        self._may_exist = False
        self._in_doubt = False

    async def claim(self) -> None:
        """Takes the names that the plan claims."""
        for claim in self.plan.claims:
            self._claims.append(await self._desk.claims.take(claim, self._errand.until, self._errand.mark))

    def note(self) -> None:
        """From here on the Ledger may name it."""
        self._noted = self.entry is not None

    async def rehearse(self) -> None:
        """Asks admission by a dry run, where the plan wants it."""
        if self.plan.rehearse:
            await self._errand.rehearse(self.plan.commit)

    async def commit(self) -> None:
        """Binds, makes what is pending, then the commit: after it the resource exists."""
        raise_first(await all_of(self._errand.patch(step) for step in self.plan.binds))
        raise_first(await all_of(self._make(step) for step in self.plan.pending))
        try:
            self.row = await self._errand.carry_out(self.plan.commit)
        except errors.Doubtful:
            self._may_exist = True
            raise

    async def _make(self, step: Create) -> None:
        try:
            self._made.append((step, await self._errand.create(step)))
        except errors.Doubtful:
            self._in_doubt = True
            raise

    async def undo(self) -> None:
        """Deletes what was made, then the entry. What is in doubt, or cannot be deleted, the steward judges."""
        if self._may_exist:
            return
        errand = self._errand.renewed(_TO_UNDO)
        try:
            if self.row is not None and isinstance(self.plan.commit, Create):
                await errand.delete(_removal(self.plan.commit, self.row))
            raise_first(await all_of(self._unmake(errand, step, row) for step, row in self._made))
            if self._in_doubt:
                return
            if self._noted:
                await self._desk.ledger.drop(self._desk.project, (self.plan.id,), errand.until)
            for row in self._claims:
                await self._desk.claims.remove(row, errand.until)
        except KUBE_ERRORS as error:
            _log.warn("{id} is left to the steward: {error}", id=self.plan.id, error=error)

    async def _unmake(self, errand: Errand, step: Create, row: Row) -> None:
        try:
            await errand.delete(_removal(step, row))
        except errors.Missing:
            pass

    async def drop_claims(self) -> None:
        """Gives back the names that the plan no longer holds."""
        try:
            for claim in self.plan.drops:
                await self._desk.claims.release(claim, self._errand.until)
        except KUBE_ERRORS as error:
            _log.warn("{id} keeps a name until the steward sees it: {error}", id=self.plan.id, error=error)

    async def finish(self) -> None:
        """Adoption, which may follow the answer; then the Ledger may forget it."""
        errand = self._errand.renewed(_TO_FINISH)
        commit = self.plan.commit
        try:
            if self.entry is not None and self.row is not None and isinstance(commit, Create):
                steps = adoptions(self.entry, commit.kind, self.row, own=commit.own)
                raise_first(await all_of(errand.patch(step) for step in steps))
        except KUBE_ERRORS as error:
            _log.warn("{id} is finished by the steward: {error}", id=self.plan.id, error=error)
            return
        if self._noted:
            self._desk.ledger.settle(self._desk.project, self.plan.id)


async def together(
    attempts: list[Attempt], reserve: Callable[[], Reservation | None], least: int, errand: Errand, desk: Desk
) -> list[Attempt]:
    """Several plans on one reservation: those that were committed.

    Where they are fewer than ``least``, all is undone and the first refusal is raised.
    """
    try:
        entered = await _prepared(attempts, reserve, least, errand, desk)
    except (*KUBE_ERRORS, Fault):
        await all_of(attempt.undo() for attempt in attempts)
        raise
    failures = await all_of(attempt.commit() for attempt in entered)
    _raise_unexpected(failures)
    refused = [attempt for attempt, failure in zip(entered, failures, strict=True) if failure is not None]
    committed = [attempt for attempt in entered if attempt not in refused]
    if refused and len(committed) < max(least, 1):
        _raise_unexpected(await all_of(attempt.undo() for attempt in entered))
        raise_first(failures)
    if least > 1:
        # Until this is written nobody was answered, and the steward may take all of them back.
        await desk.ledger.decide(desk.project, attempts[0].plan.id, True, errand.until)
    _raise_unexpected(await all_of(attempt.undo() for attempt in attempts if attempt not in committed))
    lasting = [attempt.plan.id for attempt in committed if attempt.entry is not None and lasts(attempt.entry)]
    if lasting:
        # Whoever is answered may delete the commit at once, and the steward would take it for one that never was.
        await desk.ledger.release(desk.project, lasting, errand.until)
    for attempt in committed:
        await attempt.drop_claims()
    await errand.echo(_ECHO)
    return committed


async def _prepared(
    attempts: list[Attempt], reserve: Callable[[], Reservation | None], least: int, errand: Errand, desk: Desk
) -> list[Attempt]:
    """Names claimed, one Ledger write for all, one dry run: the attempts that have room."""
    for attempt in attempts:
        await attempt.claim()
    entries = batch(tuple(attempt.entry for attempt in attempts if attempt.entry is not None), least)
    entered = attempts
    if entries:
        for attempt in attempts:
            attempt.note()
        entered = attempts[: await desk.ledger.enter(desk.project, entries, reserve, errand.until, least)]
    await entered[0].rehearse()
    return entered


async def all_of(works: Iterable[Coroutine[Any, Any, object]]) -> list[Failure | None]:
    """Works side by side, each to its end: their failures, None for those that went well."""
    results = await DeferredList([Deferred.fromCoroutine(work) for work in works], consumeErrors=True)
    return [result if isinstance(result, Failure) else None for _, result in results]


def raise_first(failures: list[Failure | None]) -> None:
    """Raises the failure that says most: a defect of ours, then a refusal, then what left all open."""
    _raise_unexpected(failures)
    for kinds in ((Fault, errors.Refused), (errors.Unreachable, errors.Doubtful)):
        for failure in failures:
            if failure is not None and failure.check(*kinds):
                failure.raiseException()


def _raise_unexpected(failures: list[Failure | None]) -> None:
    for failure in failures:
        if failure is not None and not failure.check(Fault, *KUBE_ERRORS):
            failure.raiseException()


def _removal(step: Create, row: Row) -> Delete:
    return Delete(step.kind, row.namespace, row.name, row.uid, step.own)
