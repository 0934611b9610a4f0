"""Name claims, kept true: held where their holder was seen, released where it is gone."""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...kube import errors
from ...kube.address import place
from ...kube.kind import Kind, Row
from ...kube.store import Change
from ...moments import read
from ...names import SYSTEM_NAMESPACE
from ..kinds.identity import NAME_CLAIM, NameClaim
from ..writing.claims import YOUNG, Claimed, Claims, claim_name
from ..writing.cluster import STUMBLES, Cluster

_log = Logger()

HOLD, CHECK, LEAVE = "hold", "check", "leave"
SOON = 5.0
"""Seconds in which a writer drops the claim of what it deleted or renamed."""
_EACH = 60.0
_STRIDE = 500
_LONGEST = 15.0


def judged(claim: NameClaim, is_seen: bool, now: float) -> str:
    """What is to be done about a claim: mark it held, look whether it is void, or leave it."""
    if is_seen:
        return LEAVE if claim.spec.held else HOLD
    return CHECK if claim.spec.held or ripe(claim) <= now else LEAVE


def ripe(claim: NameClaim) -> float:
    """When a claim that was never held may be void, by the API server's clock."""
    made = read(claim.metadata.creationTimestamp)
    return float("-inf") if made is None else made + YOUNG


class Tenures:
    """The chore of keeping claims.

    Each is looked at as soon as its holder is seen, and as soon as it may be void: when it is 45 s old and was never
    held, or when its holder is gone or has another name. All are looked at each minute, for what was missed.
    """

    period = 5.0

    def __init__(self, cluster: Cluster, claims: Claims, claimed: Claimed) -> None:
        self._cluster = cluster
        self._claims = claims
        self._claimed = claimed
        self._due: dict[str, float] = {}
        self._walked = float("-inf")
        cluster.stores[NAME_CLAIM].listen(self._claims_moved)
        for kind in claimed:
            cluster.stores[kind].listen(self._holders_moved)

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore. Claims fall due by the clock."""

    async def round(self, may: Callable[[], bool]) -> None:
        """Judges the claims that are due; those that cannot be judged now stay so."""
        for count, name in enumerate(self._names()):
            if count and count % _STRIDE == 0:
                await deferLater(self._cluster.clock, 0)
            if not may():
                self._walked = float("-inf")
                return
            row = self._cluster.stores[NAME_CLAIM].one(SYSTEM_NAMESPACE, name)
            if row is None:
                self._due.pop(name, None)
                continue
            try:
                await self._judge(row, NAME_CLAIM.read(row))
            except STUMBLES as error:
                self._due[name] = self._cluster.now()
                _log.warn("claim {name} is judged later: {error}", name=name, error=error)

    def _names(self) -> list[str]:
        """The claims to look at: those that are due, and each minute all."""
        now = self._cluster.now()
        if now - self._walked >= _EACH:
            self._walked = now
            return [row.name for row in self._cluster.stores[NAME_CLAIM].rows()]
        return [name for name, due in self._due.items() if due <= now]

    async def _judge(self, row: Row, claim: NameClaim) -> None:
        todo = judged(claim, self._is_seen(claim), self._cluster.time())
        self._due.pop(row.name, None)
        if todo == HOLD:
            await self._hold(row)
        elif todo == CHECK and not await self._claims.is_alive(claim, self._until()):
            await self._claims.remove(row, self._until())
            _log.info("claim {name} is void and released", name=row.name)
        elif todo == LEAVE and not claim.spec.held:
            self._wait_for(row.name, claim)

    async def _hold(self, row: Row) -> None:
        at = place(NAME_CLAIM, SYSTEM_NAMESPACE, row.name)
        body = {"metadata": {"resourceVersion": row.version}, "spec": {"held": True}}
        try:
            answer = await self._cluster.kube.patch(at, body, within=_LONGEST)
        except (errors.Missing, errors.Conflict):
            return
        self._cluster.learn(NAME_CLAIM, answer)

    def _is_seen(self, claim: NameClaim) -> bool:
        resource, _, where = claim.spec.place.partition(" ")
        kind = self._cluster.kind(resource)
        row = self._cluster.row(resource, *where.split("/", 1)) if "/" in where else None
        return kind is not None and self._claims.holds(kind, row, claim)

    def _is_known(self, claim: NameClaim) -> bool:
        """Whether objects of its holder's kind were listed yet."""
        kind = self._cluster.kind(claim.spec.place.partition(" ")[0])
        return kind is not None and kind in self._claimed and self._cluster.stores[kind].is_synced

    def _until(self) -> float:
        return self._cluster.now() + _LONGEST

    def _wait_for(self, name: str, claim: NameClaim) -> None:
        """Look at it when it is ripe."""
        self._due[name] = self._cluster.now() + max(0.0, ripe(claim) - self._cluster.time())

    def _claims_moved(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            if change.new is not None:
                self._note(change.new.name, NAME_CLAIM.read(change.new))
            elif change.old is not None:
                self._due.pop(change.old.name, None)

    def _note(self, name: str, claim: NameClaim) -> None:
        """A claim is new, or was changed."""
        if self._is_seen(claim):
            self._settle(name, claim)
        elif not claim.spec.held:
            self._wait_for(name, claim)
        elif not self._is_known(claim):
            self._due.pop(name, None)
        else:
            self._due[name] = self._cluster.now() + SOON

    def _settle(self, name: str, claim: NameClaim) -> None:
        """Its holder is there, which is marked at once: kubectl may delete it before the claim is old enough."""
        if claim.spec.held:
            self._due.pop(name, None)
        else:
            self._due[name] = self._cluster.now()

    def _holders_moved(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            before, after = self._name(change.kind, change.old), self._name(change.kind, change.new)
            if before == after:
                continue
            if self._claim(before) is not None:
                self._due[before] = self._cluster.now() + SOON
            claim = self._claim(after)
            if claim is not None and self._is_seen(claim):
                self._settle(after, claim)

    def _claim(self, name: str) -> NameClaim | None:
        row = self._cluster.stores[NAME_CLAIM].one(SYSTEM_NAMESPACE, name)
        return None if row is None else NAME_CLAIM.read(row)

    def _name(self, kind: Kind[Any], row: Row | None) -> str:
        """The name of the claim that an object should have."""
        claim = None if row is None else self._claimed[kind](row, kind.read(row))
        return "" if claim is None else claim_name(claim)
