"""Name claims for what has none: objects that kubectl made, each told whether it holds its name."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...kube.address import place
from ...kube.kind import Kind, Row
from ...moments import precise
from ...names import SYSTEM_NAMESPACE
from ..kinds.condition import Condition, Conditions
from ..kinds.identity import NAME_CLAIM, NameClaim
from ..plan import Claim, NameTaken
from ..writing.claims import Claimed, Claims, claim_name, is_of
from ..writing.cluster import STUMBLES, Cluster

_log = Logger()

NAME_HELD, NAME_TAKEN = "NameHeld", "NameTaken"
_STRIDE = 500
_LONGEST = 15.0


def standing(has: Conditions, taken: str, at: str) -> tuple[Condition, ...] | None:
    """An object's conditions once it says whether it holds its name; None where it need not be written.

    ``taken`` is why it does not, "" where it does: then nothing is said that was not denied before.
    """
    before = next((found for found in has.conditions if found.type == NAME_HELD), None)
    status = "False" if taken else "True"
    said = Condition(NAME_HELD, status, NAME_TAKEN if taken else NAME_HELD, taken or "The name is held by it.")
    if before is None and not taken:
        return None
    if before is not None and before.status == status:
        at = before.lastTransitionTime or at
    said = msgspec.structs.replace(said, lastTransitionTime=at)
    return None if said == before else (*(found for found in has.conditions if found.type != NAME_HELD), said)


class Names:
    """The chore of making claims where one lacks.

    An object without one is looked at twice, since claims and objects are watched apart.
    """

    period = 60.0

    def __init__(self, cluster: Cluster, claims: Claims, claimed: Claimed) -> None:
        self._cluster = cluster
        self._claims = claims
        self._claimed = claimed
        self._bare: set[str] = set()

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore. Nobody waits for it: who wants a name looks for its holder himself."""

    async def round(self, may: Callable[[], bool]) -> None:
        """One walk over all objects that should have a claim; where the name is taken they say so."""
        bare: set[str] = set()
        for kind, claim_of in self._claimed.items():
            async for row in self._walk(kind):
                claim = claim_of(row, kind.read(row))
                if claim is None or (self._has(claim) and standing(kind.read(row).status, "", "") is None):
                    continue
                bare.add(claim.place)
                if claim.place in self._bare and may():
                    await self._claim(kind, row, claim)
        self._bare = bare

    def _held(self, claim: Claim) -> NameClaim | None:
        """The claim of that name, whoever holds it."""
        row = self._cluster.stores[NAME_CLAIM].one(SYSTEM_NAMESPACE, claim_name(claim))
        return None if row is None else NAME_CLAIM.read(row)

    def _has(self, claim: Claim) -> bool:
        held = self._held(claim)
        return held is not None and is_of(held, claim)

    async def _claim(self, kind: Kind[Any], row: Row, claim: Claim) -> None:
        try:
            live = await self._cluster.live(kind, row.namespace, row.name, within=_LONGEST)
            if live is None or live.uid != row.uid:
                return
            await self._tell(kind, live, await self._taken(claim))
        except STUMBLES as error:
            _log.warn("{place} is not claimed now: {error}", place=claim.place, error=error)

    async def _taken(self, claim: Claim) -> str:
        """Takes the claim where it is free; else who has the name."""
        try:
            if not self._has(claim):
                await self._claims.take(claim, self._until())
        except NameTaken:
            held = self._held(claim)
            return f"The name {claim.name!r} is held by {held.spec.place if held else 'another object'}."
        return ""

    async def _tell(self, kind: Kind[Any], row: Row, taken: str) -> None:
        """Says on an object whether it holds its name, where that is news."""
        conditions = standing(kind.read(row).status, taken, precise(self._cluster.time()))
        if conditions is None:
            return
        at = place(kind, row.namespace, row.name, "status")
        body = {
            "metadata": {"resourceVersion": row.version},
            "status": {"conditions": msgspec.to_builtins(conditions)},
        }
        self._cluster.learn(kind, await self._cluster.kube.patch(at, body, within=_LONGEST))
        _log.warn("{kind} {name} holds its name: {held}", kind=kind.resource, name=row.place, held=taken or "yes")

    async def _walk(self, kind: Kind[Any]) -> AsyncIterator[Row]:
        for count, row in enumerate(list(self._cluster.stores[kind].rows())):
            if count and count % _STRIDE == 0:
                await deferLater(self._cluster.clock, 0)
            yield row

    def _until(self) -> float:
        return self._cluster.now() + _LONGEST
