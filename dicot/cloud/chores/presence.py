"""Which replicas there are."""

import re
from dataclasses import dataclass

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...kube import errors
from ...kube.address import place
from ...kube.kind import Manifest
from ...moments import precise
from ...names import MANAGED, SYSTEM_NAMESPACE
from ..writing.cluster import KUBE_ERRORS, Cluster
from .lease import LEASE, LeaseBody, parted

PREFIX = "dicot-replica-"
RENEWAL = 20.0
"""Seconds between two signs of life."""
LIFE = 60.0
"""Seconds without one after which a replica counts as gone."""
LEFT = 600.0
"""Seconds after which the Lease of a replica that died is deleted by another."""
_log = Logger()


def replica_name(host: str, unique: str) -> str:
    """The identity of a replica, fit for the name of an object: the host's, shortened, and 8 digits."""
    slug = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:40].rstrip("-")
    return f"{slug or 'dicot'}-{unique[:8]}"


@dataclass(frozen=True, slots=True)
class Replica:
    """A daemon on this cluster. ``silent`` is for how many seconds it has not been heard by this one."""

    name: str
    silent: float
    alive: bool


class Presence:
    """Renews a Lease of this replica's own, and reads those of the others.

    How long another was silent is judged by how long its Lease was seen unchanged, never by the times in it.
    """

    def __init__(self, cluster: Cluster, identity: str, clock: IReactorTime) -> None:
        self.identity = identity
        self._cluster = cluster
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}
        self._timer: IDelayedCall | None = None
        self._turning: Deferred[None] | None = None
        self._is_running = False

    def replicas(self) -> tuple[Replica, ...]:
        """All that were heard, by name."""
        now = self._clock.seconds()
        silences = {name: now - since for name, (_, since) in self._seen.items()}
        return tuple(Replica(name, silent, silent < LIFE) for name, silent in sorted(silences.items()))

    def start(self) -> None:
        """Renew now, and again and again."""
        self._is_running = True
        self._turn()

    async def stop(self) -> None:
        """Renew no more, and take the Lease back, as far as the cluster answers."""
        self._is_running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        await parted(self._turning, self._clock)
        try:
            await self._cluster.kube.delete(place(LEASE, SYSTEM_NAMESPACE, PREFIX + self.identity), within=2.0)
        except KUBE_ERRORS as error:
            _log.info("the replica's Lease was not taken back: {error}", error=error)

    def _turn(self) -> None:
        turning = Deferred.fromCoroutine(self._renewed())
        self._turning = turning.addErrback(_failed).addCallback(self._turned)

    def _turned(self, _: object) -> None:
        self._turning = None
        if self._is_running:
            self._timer = self._clock.callLater(RENEWAL, self._turn)

    async def _renewed(self) -> None:
        kube = self._cluster.kube
        try:
            await kube.patch(place(LEASE, SYSTEM_NAMESPACE, PREFIX + self.identity), self._body(), within=RENEWAL)
        except errors.Missing:
            await kube.create(place(LEASE, SYSTEM_NAMESPACE), self._body(), within=RENEWAL)
        listed = [msgspec.json.decode(each, type=LeaseBody) for each in await kube.all(LEASE, SYSTEM_NAMESPACE)]
        found = {each.metadata.name.removeprefix(PREFIX): each for each in listed if _is_replica(each)}
        now = self._clock.seconds()
        self._seen = {name: self._since(name, each, now) for name, each in found.items()}
        for name, (_, since) in list(self._seen.items()):
            if now - since > LEFT:
                await self._collect(found[name])
                del self._seen[name]

    def _since(self, name: str, found: LeaseBody, now: float) -> tuple[str, float]:
        version, since = self._seen.get(name, ("", now))
        return (
            (version, since) if version == found.metadata.resourceVersion else (found.metadata.resourceVersion, now)
        )

    async def _collect(self, found: LeaseBody) -> None:
        at = place(LEASE, SYSTEM_NAMESPACE, found.metadata.name)
        try:
            await self._cluster.kube.delete(at, uid=found.metadata.uid)
        except errors.Refused as error:
            _log.info("the Lease {name} stays: {error}", name=at.name, error=error)

    def _body(self) -> Manifest:
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.singular,
            "metadata": {
                "name": PREFIX + self.identity,
                "namespace": SYSTEM_NAMESPACE,
                "labels": {MANAGED: "true"},
            },
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": int(LIFE),
                "renewTime": precise(self._cluster.time()),
            },
        }


def _is_replica(found: LeaseBody) -> bool:
    return found.metadata.name.startswith(PREFIX)


def _failed(failure: Failure) -> None:
    if failure.check(*KUBE_ERRORS, CancelledError):
        _log.info("the replica's Lease is not renewed: {error}", error=failure.value)
    else:
        _log.failure("the replica's Lease is not renewed", failure)
