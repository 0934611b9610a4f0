"""A small cloud of users, roles and projects over a Kubernetes in memory, as each replica of Dicot would see it."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from dicot.cloud.callers.directory import Directory
from dicot.cloud.callers.keys import TOKEN_KEYS, Keyring
from dicot.cloud.callers.revocation import Revocations
from dicot.cloud.callers.standing import Standings
from dicot.cloud.callers.tokens import Tokens
from dicot.cloud.kinds.identity import (
    DOMAIN,
    IMPLIED_ROLE,
    REVOCATION,
    ROLE,
    ROLE_ASSIGNMENT,
    USER,
)
from dicot.kube.address import place
from dicot.kube.kind import Kind, Manifest
from dicot.kube.store import Store
from dicot.names import ID, SYSTEM_NAMESPACE

from ..kube.fake import FakeKube
from .permitted import permitted

T = TypeVar("T")
KINDS: tuple[Kind[Any], ...] = (DOMAIN, USER, ROLE, IMPLIED_ROLE, ROLE_ASSIGNMENT, REVOCATION, TOKEN_KEYS)
NOW = 1_795_255_200.0


async def _awaited(waiting: Awaitable[T]) -> T:
    return await waiting


def now_of(waiting: Awaitable[T]) -> T:
    """The result of what has to wait for nothing."""
    results: list[T] = []
    failures: list[Any] = []
    Deferred.fromCoroutine(_awaited(waiting)).addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    return results[0]


def hex_id(name: str) -> str:
    """An id of 32 hex digits that stands for a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


class Dice:
    """Bytes that look random and are the same each time."""

    def __init__(self, seed: str = "dice") -> None:
        self._seed = seed
        self._rolled = 0

    def __call__(self, length: int) -> bytes:
        self._rolled += 1
        return hashlib.shake_128(f"{self._seed} {self._rolled}".encode()).digest(length)


@dataclass(frozen=True)
class Place_:
    """A recorded project."""

    id: str
    name: str
    namespace: str
    domain: str = "default"
    description: str = ""
    enabled: bool = True
    tags: tuple[str, ...] = ()


@dataclass
class Land:
    """The recorded projects."""

    places: dict[str, Place_] = field(default_factory=dict)
    listeners: list[Callable[[str], None]] = field(default_factory=list)

    def project(self, id: str) -> Place_ | None:
        return self.places.get(id)

    def all(self) -> Iterable[Place_]:
        return self.places.values()

    def listen(self, listener: Callable[[str], None]) -> None:
        self.listeners.append(listener)

    def change(self, id: str, **what: Any) -> None:
        """A project changes, which is told of as ``Projects`` does."""
        self.places[id] = replace(self.places[id], **what)
        self._tell(self.places[id])

    def remove(self, id: str) -> None:
        """A project goes."""
        self._tell(self.places.pop(id))

    def _tell(self, place: Place_) -> None:
        for listener in self.listeners:
            listener(place.namespace)


class Replica:
    """What one daemon holds."""

    def __init__(self, kube: FakeKube, land: Land, clock: Clock, seed: str, life: int = 3600) -> None:
        self.stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind) for kind in KINDS}
        for store in self.stores.values():
            kube.watch(store)
        dice = Dice(seed)
        self.age = 0.0
        self.ring = Keyring(self.stores[TOKEN_KEYS], kube, clock.seconds, clock.seconds, dice)
        self.tokens = Tokens(self.ring, dice, life)
        self.directory = Directory(self.stores, land)
        self.revocations = Revocations(self.stores[REVOCATION], self.stores[USER], kube, clock.seconds, clock.seconds)
        self.standings = Standings(
            self.tokens, self.ring, self.directory, self.revocations, clock.seconds, lambda: self.age
        )


class Town:
    """Objects by their names; ids are ``hex_id`` of them."""

    def __init__(self, replicas: int = 1) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.kube = FakeKube(self.clock, birth=0.0)
        self.kube.permit = permitted
        self.land = Land()
        self.replicas = [Replica(self.kube, self.land, self.clock, f"replica {n}") for n in range(replicas)]
        now_of(self.replicas[0].ring.ensure())
        self.object(DOMAIN, "default", "", {"name": "Default"})
        for name in ("admin", "manager", "member", "reader", "service"):
            self.role(name)
        for prior, implied in (("admin", "manager"), ("manager", "member"), ("member", "reader")):
            self.imply(prior, implied)

    @property
    def one(self) -> Replica:
        """The first replica."""
        return self.replicas[0]

    def object(self, kind: Kind[Any], name: str, id: str, spec: Manifest) -> None:
        labels = {ID: id} if id else {}
        body: Manifest = {
            "apiVersion": kind.api_version,
            "kind": kind.singular,
            "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": labels},
            "spec": spec,
        }
        with self.kube.by_administrator() as kube:
            now_of(kube.create(place(kind, SYSTEM_NAMESPACE), body))

    def change(self, kind: Kind[Any], name: str, **spec: Any) -> None:
        with self.kube.by_administrator() as kube:
            now_of(kube.patch(place(kind, SYSTEM_NAMESPACE, name), {"spec": spec}))

    def remove(self, kind: Kind[Any], name: str) -> None:
        with self.kube.by_administrator() as kube:
            now_of(kube.delete(place(kind, SYSTEM_NAMESPACE, name)))

    def role(self, name: str, domain: str = "") -> None:
        self.object(ROLE, name, hex_id(name), {"name": name, "domainId": domain})

    def imply(self, prior: str, implied: str) -> None:
        spec = {"priorRoleId": hex_id(prior), "impliedRoleId": hex_id(implied)}
        self.object(IMPLIED_ROLE, f"{prior}-{implied}", "", spec)

    def user(self, name: str, **spec: Any) -> str:
        self.object(USER, name, hex_id(name), {"name": name, "domainId": "default", **spec})
        return hex_id(name)

    def project(self, name: str, domain: str = "default", **what: Any) -> Place_:
        made = self.land.places[hex_id(name)] = Place_(hex_id(name), name, f"ns-{name}", domain, **what)
        return made

    def assign(self, user: str, role: str, *, inherited: bool = False, **scope: str) -> str:
        """``scope`` is project=name, domain=id or system="all". Answers the object's name."""
        if "project" in scope:
            scope = {"project": hex_id(scope["project"])}
        name = "-".join((user, role, *(value[:8] for value in scope.values()), *(["inherited"] if inherited else [])))
        spec = {"userId": hex_id(user), "roleId": hex_id(role), "scope": scope, "inherited": inherited}
        self.object(ROLE_ASSIGNMENT, name, "", spec)
        return name
