"""Applies plans: one commit point each, and nothing left of what was refused."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar

from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...caller import Caller
from ...faults import Fault, Forbidden
from ...kube import errors
from ...kube.address import Account
from ...kube.kind import Row
from ...names import ACCOUNTS_NAMESPACE, REQUEST_ID, USER_ID, account_name
from ...web.works import Works
from ..kinds.kubevirt import NODE
from ..plan import NameTaken, Patch, Plan, Refusals
from .attempt import Attempt, Desk, all_of, together
from .claims import Claims
from .cluster import KUBE_ERRORS, Cluster
from .errand import Errand
from .events import Events
from .intent import target
from .ledger import Ledger
from .refusals import fault

_log = Logger()
T = TypeVar("T")

WHOLE = 30.0
"""Seconds that a write may take."""
LAST_WORDS = 2.0
"""Seconds that Events may take which are still to be told when all writes have ended."""
_PAUSES = (0.05, 0.2, 0.5)
_PAUSES_OF_PATCHES = (0.02, 0.05, 0.05, 0.1, 0.1, 0.2, 0.2, 0.4, 0.4)


class Writer:
    """Owns every write that has begun: a client that leaves ends its wait, never the work.

    ``project_of`` tells the project id of a recorded namespace, "" of any other.
    """

    def __init__(
        self,
        cluster: Cluster,
        ledger: Ledger,
        claims: Claims,
        events: Events,
        project_of: Callable[[str], str],
    ) -> None:
        self._cluster = cluster
        self._ledger = ledger
        self._claims = claims
        self._events = events
        self._project_of = project_of
        self._works = Works()

    def __len__(self) -> int:
        return len(self._works)

    async def apply(self, caller: Caller, request_id: str, derive: Callable[[], Plan]) -> Row | None:
        """Applies a plan; asks ``derive`` again after a conflict, three times; 30 s in all. Raises Fault.

        A patch of one version is tried ten times: all who change one object at once are to get their turn.
        The answer is the commit's row as the API server gave it (None after a Delete or an Ask).
        """

        self._works.admit()
        [attempt] = await self._shielded(self._repeated(caller, request_id, lambda: (derive(),), 1))
        return attempt.row

    async def apply_many(
        self, caller: Caller, request_id: str, derive: Callable[[], tuple[Plan, ...]], least: int
    ) -> tuple[str, ...]:
        """Several plans of one reservation; the ids that were committed. Fewer than ``least``: all are undone."""

        self._works.admit()
        committed = await self._shielded(self._repeated(caller, request_id, derive, least))
        return tuple(attempt.plan.id for attempt in committed)

    async def drain(self, seconds: float) -> None:
        """Takes no new write, and waits until none is open, at most so long."""
        await self._works.drain(self._cluster.clock, seconds)
        await self._events.drain(LAST_WORDS)

    async def _shielded(self, work: Awaitable[T]) -> T:
        return await self._works.shield(work, _orphaned)

    async def _repeated(
        self, caller: Caller, request_id: str, derive: Callable[[], tuple[Plan, ...]], least: int
    ) -> list[Attempt]:
        """Derives and tries, again after each conflict with what others wrote."""
        until = self._cluster.now() + WHOLE
        pauses: Iterator[float] | None = None
        while True:
            plans = derive()
            pauses = iter(_pauses(plans[0])) if pauses is None else pauses
            accounts = self._accounts(caller, request_id)
            errand = Errand(self._cluster, accounts, until, request_id)
            desk = Desk(self._cluster, self._ledger, self._claims, self._project(caller, plans[0]))
            attempts = [Attempt(plan, errand, desk) for plan in plans]
            try:
                committed = await together(attempts, lambda: derive()[0].reserve, least, errand, desk)
            except KUBE_ERRORS as error:
                pause = next(pauses, None) if _may_pass(error) else None
                if pause is None or until - self._cluster.now() <= pause:
                    raise self._told(error, plans[0].refusals) from error
            else:
                for attempt in committed:
                    self._finish(attempt)
                    self._tell(attempt, accounts)
                return committed
            await all_of(errand.refresh(step) for plan in plans for step in (plan.commit, *plan.binds))
            await deferLater(self._cluster.clock, pause)

    def _project(self, caller: Caller, plan: Plan) -> str:
        """The project whose Ledger notes a plan: that of its commit's namespace."""
        namespace = target(plan.commit).namespace
        return caller.project if namespace == caller.namespace else self._project_of(namespace)

    def _finish(self, attempt: Attempt) -> None:
        """What may follow the answer. The steward does what this does not come to."""
        self._works.shield(attempt.finish(), _orphaned).addErrback(
            lambda failure: _log.failure("what follows {id} failed", failure, id=attempt.plan.id)
        )

    def _tell(self, attempt: Attempt, accounts: Callable[[str], Account]) -> None:
        """The Event of a plan that was carried out."""
        notice = attempt.plan.notice
        row = None if notice is None else notice.row or attempt.row
        if notice is None or row is None:
            return
        try:
            self._events.tell(notice, row, accounts(row.namespace))
        except Forbidden as fault:
            # Its project went meanwhile; what was asked for is done all the same.
            self._events.lose(fault.message)

    def _accounts(self, caller: Caller, request_id: str) -> Callable[[str], Account]:
        """The account by namespace: that of the token's project; that of the object's for a cloud admin only."""
        extra = ((USER_ID, caller.user), (REQUEST_ID, request_id))

        def account(namespace: str) -> Account:
            project, role = caller.project, caller.role_account
            if caller.admin and namespace != caller.namespace and (other := self._project_of(namespace)):
                project, role = other, "admin"
            if not project or not role:
                raise Forbidden("You are not authorized to perform the requested action.")
            return Account(ACCOUNTS_NAMESPACE, account_name(project, role), extra)

        return account

    def _told(self, error: Exception, refusals: Refusals) -> Exception:
        """What is raised for it: a fault, or itself where only a defect of ours explains it."""
        return fault(error, refusals, self._nodes()) or error

    def _nodes(self) -> Iterable[str]:
        store = self._cluster.stores.get(NODE)
        return () if store is None else (row.name for row in store.rows())


def _may_pass(error: Exception) -> bool:
    """Whether another derivation may fare better: the objects were changed, not their names taken."""
    return isinstance(error, errors.Conflict) and not isinstance(error, errors.Exists | NameTaken)


def _pauses(plan: Plan) -> tuple[float, ...]:
    """Seconds before each further try. Of patches of one version one is always done, so the next may follow soon."""
    guarded = isinstance(plan.commit, Patch) and plan.commit.version and not plan.binds and not plan.pending
    return _PAUSES_OF_PATCHES if guarded else _PAUSES


def _orphaned(result: Any) -> None:
    """What became of a write for which nobody waited any more."""
    if isinstance(result, Failure) and not result.check(Fault):
        _log.failure("a write failed after its client had left", result)
