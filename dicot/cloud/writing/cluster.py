"""Kubernetes as those who write see it: the client, and the caches that learn what it answers."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from twisted.internet.interfaces import IReactorTime

from ...kube import errors
from ...kube.address import Account, Place, place
from ...kube.client import Kube
from ...kube.deep import shallow
from ...kube.kind import Kind, Manifest, Row
from ...kube.store import Store
from ..kinds.storage import SECRET

KUBE_ERRORS = (errors.Refused, errors.Doubtful, errors.Unreachable)
"""Everything that a call to Kubernetes may raise."""
STUMBLES = (*KUBE_ERRORS, msgspec.DecodeError)
"""What one object may raise, and must not end the work on all others: a call's errors, or that it does not fit."""


_TRIES = 5
_SHORTEST = 0.5


class _Answer(msgspec.Struct, frozen=True):
    kind: str = ""


class Cluster:
    """One client, the stores of the kinds that are watched, and the clocks.

    Kinds that are written but never watched (Secret) have no store: of them nothing is learned.
    """

    def __init__(
        self,
        kube: Kube,
        stores: Mapping[Kind[Any], Store[Any]],
        clock: IReactorTime,
        unwatched: Iterable[Kind[Any]] = (),
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.kube = kube
        self.stores = stores
        self.clock = clock
        self._wall = wall
        self._kinds = {kind.resource: kind for kind in (SECRET, *unwatched, *stores)}

    def now(self) -> float:
        """Monotonic seconds, for deadlines."""
        return self.clock.seconds()

    def time(self) -> float:
        """The API server's clock, in seconds since 1970; our own before it was heard."""
        heard = self.kube.server_time()
        return self._wall() if heard is None else heard

    def kind(self, resource: str) -> Kind[Any] | None:
        """The kind of a "plural.group", as Ledger entries and claims write it."""
        return self._kinds.get(resource)

    def row(self, resource: str, namespace: str, name: str) -> Row | None:
        """The cached row of an object."""
        kind = self._kinds.get(resource)
        store = self.stores.get(kind) if kind is not None else None
        return None if store is None else store.one(namespace, name)

    def learn(self, kind: Kind[Any], answer: bytes) -> Row:
        """A write's or a read's answer, put into the cache where the kind is watched."""
        store = self.stores.get(kind)
        return kind.decode(answer) if store is None else store.learn(answer)

    def learn_deleted(self, kind: Kind[Any], namespace: str, name: str, uid: str, answer: bytes) -> Row | None:
        """A delete's answer: the row of an object that finalizers keep; None where it is gone at once."""
        if answer and shallow(answer, _Answer).kind == kind.singular:
            return self.learn(kind, answer)
        self.forget(kind, namespace, name, uid)
        return None

    def forget(self, kind: Kind[Any], namespace: str, name: str, uid: str) -> None:
        """An object is known to be gone."""
        store = self.stores.get(kind)
        if store is not None and uid:
            store.forget(namespace, name, uid)

    async def live(
        self,
        kind: Kind[Any],
        namespace: str,
        name: str,
        *,
        acting_as: Account | None = None,
        within: float = 10.0,
    ) -> Row | None:
        """The object as it is now, also for the cache; None where there is none."""
        try:
            answer = await self.kube.read(place(kind, namespace, name), acting_as=acting_as, within=within)
        except errors.Missing:
            return None
        return self.learn(kind, answer)

    async def ensure(self, kind: Kind[Any], body: Manifest, *, within: float = 15.0) -> Row:
        """Makes an object of Dicot's own be as written: created, or replaced where it differs. Own account."""
        until = self.now() + within
        metadata = body["metadata"]
        at = place(kind, metadata.get("namespace", ""), metadata["name"])
        for _ in range(_TRIES):
            left = max(until - self.now(), _SHORTEST)
            try:
                return self.learn(kind, await self._ensured(kind, at, body, left))
            except (errors.Conflict, errors.Doubtful):
                continue
        raise errors.Doubtful(f"{kind.resource} {at.name} could not be settled")

    async def _ensured(self, kind: Kind[Any], at: Place, body: Manifest, within: float) -> bytes:
        try:
            answer = await self.kube.read(at, within=within)
        except errors.Missing:
            return await self.kube.create(place(kind, at.namespace), body, within=within)
        found = shallow(answer, dict)
        if holds(found, body):
            return answer
        version = {"resourceVersion": found["metadata"]["resourceVersion"]}
        return await self.kube.replace(at, {**body, "metadata": {**body["metadata"], **version}}, within=within)


def holds(found: Any, wanted: Any) -> bool:
    """Whether an object already has everything that a merge patch would give it."""
    if not isinstance(wanted, dict):
        return bool(found == wanted)
    if not isinstance(found, dict):
        return False
    return all(
        found.get(key) is None if value is None else holds(found.get(key), value) for key, value in wanted.items()
    )
