"""Which replica does what one does for all."""

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ...kube import errors
from ...kube.address import place
from ...kube.kind import Kind, Manifest, Meta
from ...moments import precise
from ...names import SYSTEM_NAMESPACE
from ..writing.cluster import Cluster

LIFE = 15.0
"""Seconds without a renewal after which others may take a Lease."""
RENEWAL = 10.0
"""Seconds after its last renewal in which the holder itself still counts on it."""
RETRY = 2.0
"""Seconds between two attempts."""
PARTING = 1.0
"""Seconds that who stops waits for an answer to what it has begun."""


class LeaseSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    holderIdentity: str | None = None
    leaseDurationSeconds: int | None = None
    acquireTime: str | None = None
    renewTime: str | None = None
    leaseTransitions: int | None = None


class LeaseBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Lease of coordination.k8s.io."""

    metadata: Meta = Meta()
    spec: LeaseSpec = LeaseSpec()


LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease", LeaseBody, namespace=SYSTEM_NAMESPACE)


class Lease:
    """A Lease that one replica holds, by the rules of client-go's leader election.

    Whether another's has run out is judged by how long this replica has seen it unchanged, never by the times in it:
    clocks may differ. Every write is guarded by the version, so of two who try at once one has it.
    """

    def __init__(self, cluster: Cluster, identity: str, name: str = "dicot-steward") -> None:
        self._cluster = cluster
        self._identity = identity
        self._name = name
        self._seen: tuple[str, float] = ("", 0.0)
        self._until = 0.0

    @property
    def is_held(self) -> bool:
        """Whether this replica may act on it now."""
        return self._cluster.now() < self._until

    async def turn(self) -> bool:
        """Takes or renews it, if that may be; whether it is held now. Raises what Kubernetes answered."""
        began = self._cluster.now()
        try:
            found = await self._read()
            if found is None:
                await self._cluster.kube.create(place(LEASE, SYSTEM_NAMESPACE), self._body(None), within=RENEWAL)
            elif self._may_take(found):
                at = place(LEASE, SYSTEM_NAMESPACE, self._name)
                await self._cluster.kube.replace(at, self._body(found), within=RENEWAL)
            else:
                self._until = 0.0
                return False
        except errors.Conflict:
            return self.is_held
        self._until = began + RENEWAL
        return self.is_held

    async def release(self) -> None:
        """Gives it back, so that another need not wait."""
        if not self.is_held:
            return
        self._until = 0.0
        found = await self._read()
        if found is not None and found.spec.holderIdentity == self._identity:
            spec = {"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": _transitions(found)}
            at = place(LEASE, SYSTEM_NAMESPACE, self._name)
            await self._cluster.kube.replace(at, self._manifest(spec, found), within=RETRY)

    async def _read(self) -> LeaseBody | None:
        try:
            answer = await self._cluster.kube.read(place(LEASE, SYSTEM_NAMESPACE, self._name), within=RENEWAL)
        except errors.Missing:
            return None
        found = msgspec.json.decode(answer, type=LeaseBody)
        if self._seen[0] != found.metadata.resourceVersion:
            self._seen = (found.metadata.resourceVersion, self._cluster.now())
        return found

    def _may_take(self, found: LeaseBody) -> bool:
        if not found.spec.holderIdentity or found.spec.holderIdentity == self._identity:
            return True
        life = found.spec.leaseDurationSeconds or LIFE
        return self._cluster.now() >= self._seen[1] + life

    def _body(self, found: LeaseBody | None) -> Manifest:
        now = precise(self._cluster.time())
        is_renewal = found is not None and found.spec.holderIdentity == self._identity
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(LIFE),
            "acquireTime": found.spec.acquireTime if found is not None and is_renewal else now,
            "renewTime": now,
            "leaseTransitions": 0 if found is None else _transitions(found) + (not is_renewal),
        }
        return self._manifest(spec, found)

    def _manifest(self, spec: Manifest, found: LeaseBody | None) -> Manifest:
        metadata: Manifest = {"name": self._name, "namespace": SYSTEM_NAMESPACE}
        if found is not None:
            metadata["resourceVersion"] = found.metadata.resourceVersion
        return {"apiVersion": LEASE.api_version, "kind": LEASE.singular, "metadata": metadata, "spec": spec}


async def parted(turning: Deferred[Any] | None, clock: IReactorTime) -> None:
    """Waits for the renewal under way, if any, and breaks it off where the cluster does not answer soon."""
    if turning is None:
        return
    limit = clock.callLater(PARTING, turning.cancel)
    try:
        await turning
    finally:
        if limit.active():
            limit.cancel()


def _transitions(found: LeaseBody) -> int:
    return found.spec.leaseTransitions or 0
