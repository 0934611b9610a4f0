"""Name claims, kept true: held where their holder was seen, released where it is gone, made where one lacks."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet.task import deferLater
from twisted.logger import Logger

from ..kube import errors
from ..kube.client import place
from ..kube.kind import Kind, Row
from ..names import SYSTEM_NAMESPACE
from .claims import YOUNG, Claimed, Claims, claim_name
from .cluster import STUMBLES, Cluster
from .kinds.identity import NAME_CLAIM, NameClaim
from .moments import read
from .plan import Claim, NameTaken

_log = Logger()

HOLD, CHECK, LEAVE = "hold", "check", "leave"
_STRIDE = 500
_LONGEST = 15.0


def judged(claim: NameClaim, is_seen: bool, now: float) -> str:
    """What is to be done about a claim: mark it held, look whether it is void, or leave it."""
    if is_seen:
        return LEAVE if claim.spec.held else HOLD
    made = read(claim.metadata.creationTimestamp)
    return CHECK if claim.spec.held or made is None or now - made >= YOUNG else LEAVE


class Names:
    """The chore of keeping claims.

    An object without one is looked at twice, since claims and objects are watched apart.
    """

    period = 60.0

    def __init__(self, cluster: Cluster, claims: Claims, claimed: Claimed) -> None:
        self._cluster = cluster
        self._claims = claims
        self._claimed = claimed
        self._bare: set[str] = set()
        self._told: set[str] = set()

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore. Nobody waits for it: who wants a name judges its claim himself."""

    async def round(self, may: Callable[[], bool]) -> None:
        """One walk over all claims, and over all objects that should have one."""
        await self._keep(may)
        await self._supply(may)

    async def _keep(self, may: Callable[[], bool]) -> None:
        async for row in self._walk(NAME_CLAIM):
            if not may():
                return
            claim = NAME_CLAIM.read(row)
            todo = judged(claim, self._is_seen(claim), self._cluster.time())
            try:
                if todo == HOLD:
                    await self._hold(row)
                elif todo == CHECK and not await self._claims.is_alive(claim, self._until()):
                    await self._claims.remove(row, self._until())
                    _log.info("claim {name} is void and released", name=row.name)
            except STUMBLES as error:
                _log.warn("claim {name} is judged later: {error}", name=row.name, error=error)

    async def _hold(self, row: Row) -> None:
        at = place(NAME_CLAIM, SYSTEM_NAMESPACE, row.name)
        body = {"metadata": {"resourceVersion": row.version}, "spec": {"held": True}}
        try:
            answer = await self._cluster.kube.patch(at, body, within=_LONGEST)
        except (errors.Missing, errors.Conflict):
            return
        self._cluster.learn(NAME_CLAIM, answer)

    async def _supply(self, may: Callable[[], bool]) -> None:
        """Claims for what kubectl made, where the name is free."""
        bare: set[str] = set()
        for kind, claim_of in self._claimed.items():
            async for row in self._walk(kind):
                claim = claim_of(row, kind.read(row))
                if claim is None or self._cluster.stores[NAME_CLAIM].one(SYSTEM_NAMESPACE, claim_name(claim)):
                    continue
                bare.add(claim.place)
                if claim.place in self._bare and may():
                    await self._claim(kind, row, claim)
        self._bare = bare

    async def _claim(self, kind: Kind[Any], row: Row, claim: Claim) -> None:
        try:
            live = await self._cluster.live(kind, row.namespace, row.name, within=_LONGEST)
            if live is not None and live.uid == row.uid:
                await self._claims.take(claim, self._until())
        except NameTaken:
            if claim.place not in self._told:
                self._told.add(claim.place)
                _log.warn("{place} has a name that is taken: {kind} {name}", **_words(claim))
        except STUMBLES as error:
            _log.warn("{place} is not claimed now: {error}", place=claim.place, error=error)

    async def _walk(self, kind: Kind[Any]) -> AsyncIterator[Row]:
        for count, row in enumerate(list(self._cluster.stores[kind].rows())):
            if count and count % _STRIDE == 0:
                await deferLater(self._cluster.clock, 0)
            yield row

    def _is_seen(self, claim: NameClaim) -> bool:
        resource, _, where = claim.spec.place.partition(" ")
        kind = self._cluster.kind(resource)
        row = self._cluster.row(resource, *where.split("/", 1)) if "/" in where else None
        return kind is not None and self._claims.holds(kind, row, claim)

    def _until(self) -> float:
        return self._cluster.now() + _LONGEST


def _words(claim: Claim) -> dict[str, str]:
    return {"place": claim.place, "kind": claim.kind, "name": claim.name}
