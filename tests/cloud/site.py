"""A replica over a Kubernetes in memory, and plans as a server's create would be."""

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from dicot.caller import Caller
from dicot.cloud.kinds.identity import (
    LEDGER,
    NAME_CLAIM,
    NAMESPACE,
    NAMESPACE_RECORD,
    REVOCATION,
    USER,
    LedgerEntry,
    User,
)
from dicot.cloud.kinds.kubevirt import NODE, VM, VMI
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.kinds.storage import DATA_SOURCE, SECRET
from dicot.cloud.plan import Claim, Create, Plan, Reservation
from dicot.cloud.writing.claims import Claimed, Claims
from dicot.cloud.writing.cluster import Cluster
from dicot.cloud.writing.crash import CrashPoints
from dicot.cloud.writing.events import Events
from dicot.cloud.writing.ledger import Ledger, ledger_name
from dicot.cloud.writing.writer import Writer
from dicot.faults import Forbidden
from dicot.kube.kind import Kind, Manifest, Row
from dicot.kube.store import Store

from ..kube.fake import FakeKube
from .permitted import permitted

T = TypeVar("T")
PROJECT = "c" * 32
OTHER = "d" * 32
SPACE = "demo"
PROJECTS = {SPACE: PROJECT, "other": OTHER}
WATCHED: tuple[Kind[Any], ...] = (
    VM,
    VMI,
    PORT,
    NODE,
    LEDGER,
    NAME_CLAIM,
    USER,
    NAMESPACE,
    NAMESPACE_RECORD,
    REVOCATION,
    SECURITY_GROUP,
    DATA_SOURCE,
)


def claim_of(row: Row, body: User) -> Claim:
    """The claim that a user has."""
    return Claim("user", "default", body.spec.name, row.id, f"users.identity.dicot.io {row.place}")


CLAIMED: Claimed = {USER: claim_of}


class Died(BaseException):
    """The process ended here."""


class Fuse:
    """A checkpoint that ends the process at one of its points, and lets nothing happen after."""

    def __init__(self) -> None:
        self.met: list[str] = []
        self.at: int | None = None
        self.dead = False

    def __call__(self, point: str) -> None:
        if self.dead:
            raise Died(point)
        self.met.append(point)
        if len(self.met) - 1 == self.at:
            self.dead = True
            raise Died(point)


class Replica:
    """One process of Dicot: its own caches, and what writes."""

    def __init__(self, clock: Clock, kube: FakeKube, stores: dict[Kind[Any], Store[Any]]) -> None:
        self.fuse = Fuse()
        self.stores = stores
        self.cluster = Cluster(CrashPoints(kube, self.fuse), stores, clock)
        self.ledger = Ledger(self.cluster)
        self.claims = Claims(self.cluster, CLAIMED)
        self.events = Events(kube, clock, self.cluster.time, "replica")
        self.writer = Writer(
            self.cluster, self.ledger, self.claims, self.events, lambda space: PROJECTS.get(space, "")
        )


class Site:
    """A cluster in memory with one replica; more may be made."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind) for kind in WATCHED}
        self.kube = FakeKube(self.clock)
        self.kube.permit = permitted
        self.kube.spaces.update(PROJECTS)
        self.kube.hear()
        for store in self.stores.values():
            self.kube.watch(store)
        self.replica = self.another()
        self.writer = self.replica.writer

    def another(self) -> Replica:
        """A further replica, on the same caches: as if its watches were never behind."""
        return Replica(self.clock, self.kube, self.stores)

    def start(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Begin something."""
        return Deferred.fromCoroutine(work)

    def entries(self, project: str = PROJECT) -> tuple[LedgerEntry, ...]:
        """What a project's Ledger holds."""
        row = self.stores[LEDGER].one("dicot-system", ledger_name(project))
        return LEDGER.read(row).spec.entries if row is not None else ()

    def left(self, namespace: str = SPACE) -> dict[str, list[str]]:
        """Everything that stands in a namespace, by plural."""
        found: dict[str, list[str]] = {}
        for _, plural, space, name in sorted(self.kube.objects):
            if space == namespace:
                found.setdefault(plural, []).append(name)
        return found


def caller(**changes: Any) -> Caller:
    """A member of the project."""
    said: dict[str, Any] = {
        "user": "u" * 32,
        "user_name": "ada",
        "project": PROJECT,
        "project_name": "demo",
        "namespace": SPACE,
        "roles": frozenset({"member", "reader"}),
        "personas": frozenset({"member", "reader", "any"}),
        "admin": False,
        "role_account": "member",
        "audit": "a",
        "expires": 9e9,
    }
    return Caller(**{**said, **changes})


def manifest(kind: Kind[Any], name: str, labels: dict[str, str], namespace: str = SPACE, **more: Any) -> Manifest:
    """An object as plain data."""
    metadata: Manifest = {"name": name, "labels": labels, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": kind.api_version, "kind": kind.singular, "metadata": metadata, **more}


def server_id(number: int = 1) -> str:
    """A server's id."""
    return f"00000000-0000-4000-8000-{number:012x}"


def refuse(used: Mapping[str, int]) -> Forbidden:
    """A service's sentence."""
    return Forbidden(f"Quota exceeded for instances, of which {used['instances']} are used")


def reservation(used: int = 0, limit: int = 10) -> Reservation:
    """One server of so many."""
    return Reservation({"instances": 1}, {"instances": used}, {"instances": limit}, refuse)


def server(number: int = 1, **changes: Any) -> Plan:
    """A server with a Secret and a Port."""
    id = server_id(number)
    name = f"web{number}"
    said: dict[str, Any] = {
        "id": id,
        "commit": Create(VM, manifest(VM, name, {"dicot.io/id": id}, spec={"runStrategy": "RerunOnFailure"})),
        "reserve": reservation(),
        "rehearse": True,
        "pending": (
            Create(SECRET, manifest(SECRET, f"{name}-config", {"dicot.io/server-id": id})),
            Create(PORT, manifest(PORT, f"{name}-port", {"dicot.io/id": server_id(90), "dicot.io/server-id": id})),
        ),
    }
    return Plan(**{**said, **changes})


def user_body(number: int = 1, name: str = "ada") -> Manifest:
    """A user's object."""
    labels = {"dicot.io/id": f"{number:032x}"}
    return manifest(USER, f"user-{number}", labels, "dicot-system", spec={"name": name})


def user(number: int = 1, name: str = "ada") -> Plan:
    """A user, whose name is claimed."""
    id = f"{number:032x}"
    claim = Claim("user", "default", name, id, f"users.identity.dicot.io dicot-system/user-{number}")
    return Plan(id, Create(USER, user_body(number, name), own=True), claims=(claim,))
