"""Names that must be unique, each held by one object."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from twisted.internet.task import deferLater

from ...kube import errors
from ...kube.address import place
from ...kube.kind import Kind, Manifest, Row
from ...moments import read
from ...names import REQUEST_ID, SYSTEM_NAMESPACE, digest
from ..kinds.identity import NAME_CLAIM, NameClaim
from ..plan import Claim, NameTaken
from ..resource import Resource
from .cluster import Cluster
from .errand import marked

Claimed = Mapping[Kind[Any], Callable[[Row, Any], Claim | None]]
"""By kind, the claim that an object of it should have."""
YOUNG = 45.0
"""Seconds, by the API server's clock, in which the holder of a claim may still be about to exist."""
_LONGEST_CALL = 15.0
_PAUSE = 0.25


def claimed(resources: Iterable[Resource]) -> Claimed:
    """What all resources say of the names of their objects."""
    return {kind: claim_of for resource in resources for kind, claim_of in resource.claims.items()}


class Claims:
    """NameClaims: claim first, object second; of two who want a name, one has it.

    A claim whose holder is gone, or has another name by now, is deleted by its uid and made anew, so that its age, by
    which others judge it, is that of its new holder. Of two who do so at once, one finds another uid, and then
    another holder.
    """

    def __init__(self, cluster: Cluster, claimed: Claimed) -> None:
        self._cluster = cluster
        self._claimed = claimed

    async def take(self, claim: Claim, until: float, mark: str = "") -> Row:
        """The claim's row. Raises NameTaken where another holds the name; a doubt that time does not settle rises.

        ``mark`` is the request's id: only the same request may find its own claim already there.
        """
        cluster = self._cluster
        body = marked(manifest(claim), mark)
        doubt = errors.Doubtful("the name could not be claimed in time")
        while (left := min(until - cluster.now(), _LONGEST_CALL)) > 0:
            try:
                at = place(NAME_CLAIM, SYSTEM_NAMESPACE)
                return cluster.learn(NAME_CLAIM, await cluster.kube.create(at, body, within=left))
            except errors.Exists:
                standing = await cluster.live(NAME_CLAIM, SYSTEM_NAMESPACE, claim_name(claim), within=left)
            except errors.Doubtful as error:
                doubt = error
                await deferLater(cluster.clock, min(_PAUSE, left))
                continue
            if standing is None:
                continue
            held = NAME_CLAIM.read(standing)
            if is_of(held, claim) and held.metadata.annotations.get(REQUEST_ID, "") == mark:
                return standing
            if await self.is_alive(held, until):
                raise NameTaken(claim)
            await self.remove(standing, until)
        raise doubt

    async def release(self, claim: Claim, until: float) -> None:
        """Gives a name back, if it is still its holder's."""
        name = claim_name(claim)
        row = self._cluster.stores[NAME_CLAIM].one(SYSTEM_NAMESPACE, name)
        if row is None:
            row = await self._cluster.live(NAME_CLAIM, SYSTEM_NAMESPACE, name, within=self._left(until))
        if row is not None and is_of(NAME_CLAIM.read(row), claim):
            await self.remove(row, until)

    async def remove(self, row: Row, until: float) -> None:
        """Deletes this very claim; one that is gone, or another's by now, is left."""
        at = place(NAME_CLAIM, SYSTEM_NAMESPACE, row.name)
        try:
            await self._cluster.kube.delete(at, uid=row.uid, within=self._left(until))
        except (errors.Missing, errors.Conflict):
            pass
        self._cluster.forget(NAME_CLAIM, SYSTEM_NAMESPACE, row.name, row.uid)

    async def is_alive(self, claim: NameClaim, until: float) -> bool:
        """Whether the holder exists and has the name, or may be about to: by a live read, never by the cache."""
        if await self.holder(claim, until):
            return True
        return not claim.spec.held and self._age(claim) < YOUNG

    async def holder(self, claim: NameClaim, until: float) -> bool:
        """Whether the object that holds a claim exists, and still has that name.

        One of a kind that is not known here counts as holding it.
        """
        resource, _, where = claim.spec.place.partition(" ")
        kind = self._cluster.kind(resource)
        if kind is None:
            return True
        namespace, _, name = where.partition("/")
        row = await self._cluster.live(kind, namespace, name, within=self._left(until))
        return self.holds(kind, row, claim)

    def holds(self, kind: Kind[Any], row: Row | None, claim: NameClaim) -> bool:
        """Whether the object in the place of a claim's holder is the holder, by the name that it has now."""
        if row is None or row.id != claim.spec.holder:
            return False
        claim_of = self._claimed.get(kind)
        own = None if claim_of is None else claim_of(row, kind.read(row))
        return claim_of is None or (own is not None and claim_name(own) == claim.metadata.name)

    def _age(self, claim: NameClaim) -> float:
        made = read(claim.metadata.creationTimestamp)
        return YOUNG if made is None else self._cluster.time() - made

    def _left(self, until: float) -> float:
        left = until - self._cluster.now()
        if left <= 0:
            raise errors.Unreachable("no time is left")
        return min(left, _LONGEST_CALL)


def claim_name(claim: Claim) -> str:
    """The name of the claim's object: its kind, and what stands for scope and name."""
    return f"{claim.kind}-{digest(claim.kind, claim.scope, claim.name)}"


def is_of(held: NameClaim, claim: Claim) -> bool:
    """Whether a claim is held by the same object."""
    return (held.spec.holder, held.spec.place) == (claim.holder, claim.place)


def manifest(claim: Claim) -> Manifest:
    """The claim's object."""
    return {
        "apiVersion": NAME_CLAIM.api_version,
        "kind": NAME_CLAIM.singular,
        "metadata": {"name": claim_name(claim), "namespace": SYSTEM_NAMESPACE},
        "spec": {"formatVersion": 1, **msgspec.to_builtins(claim), "held": False},
    }
