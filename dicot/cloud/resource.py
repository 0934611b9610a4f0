"""What one file says of one resource. Free of Twisted."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Protocol, TypeVar

import msgspec

from ..caller import Caller
from ..config import Config
from ..kube.kind import HasMeta, Kind, Row
from ..web.call import Routes
from .plan import Claim, Plan
from .reading.shelf import Entry, Page, Query, Shape, Text

P = TypeVar("P", bound=HasMeta)
T = TypeVar("T")


@dataclass(frozen=True)
class Join:
    """A kind that an answer also shows.

    ``ours`` gives the keys ("namespace/value") of a main row; they meet the joined kind's ``links``, or with
    ``by_name`` the joined row's "namespace/name". Keys stay within one namespace ("" for cluster kinds).
    With ``via``, a kind joined before this one, ``ours`` is asked for the keys of its joined rows instead: a server's
    Node is known only to its VMI, a security group only to its ports.
    ``shown`` is what views read of a joined row: where only the rest of it changes, no main row is asked again.
    ``fits`` tells whether a row that was met by name is the main row's indeed.
    """

    kind: Kind[Any]
    ours: Callable[[Row, Any], tuple[str, ...]]
    by_name: bool = False
    via: Kind[Any] | None = None
    shown: Callable[[Any], object] | None = None
    fits: Callable[[Row, Row], bool] | None = None


def same_place(row: Row, body: Any) -> tuple[str, ...]:
    """The key of a join with what has, or names, the main row's own namespace and name."""
    return (row.place,)


class Joined(Protocol):
    """A main row and what meets it, as a view reads them."""

    @property
    def row(self) -> Row: ...
    @property
    def project(self) -> str:
        """The project id of the main row's namespace; "" outside projects."""
        ...

    @property
    def config(self) -> Config: ...
    def main(self, kind: Kind[P]) -> P:
        """The main row's projection."""
        ...

    def rows(self, kind: Kind[Any]) -> Sequence[Row]:
        """The joined rows of a kind, oldest first, without what they say."""
        ...

    def all(self, kind: Kind[P]) -> tuple[tuple[Row, P], ...]:
        """The joined rows of a kind, oldest first."""
        ...

    def first(self, kind: Kind[P]) -> tuple[Row, P] | None:
        """The oldest joined row of a kind."""
        ...


class Listed(msgspec.Struct, frozen=True, gc=False):
    """What is computed at each event: the entry (None: not to be shown), and the time at which to ask again."""

    entry: Entry | None
    again: float | None = None


@dataclass(frozen=True)
class Source:
    """What a shelf is filled from: a main kind, what it is joined with, and the two views of the joined rows.

    ``entry`` is asked at each event, ``document`` when a fragment of a shape is missing (it is encoded as JSON).
    A resource may have several sources (ports: Port objects, and VMs without one).
    """

    main: Kind[Any]
    entry: Callable[["Joined", float], "Listed"]
    document: Callable[["Joined", Shape, float], object]
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True)
class Right:
    """A line of RBAC: verbs on a resource of a group ("virtualmachines/stop"), and what for."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True)
class Tallied:
    """What the rows of a kind take, to be summed up in each namespace.

    ``measure`` says whose a row is and what it takes of each thing. Where the row's body does not tell it asks for
    the part: the row of kind ``part`` that has its name and is owned by it.
    """

    kind: Kind[Any]
    part: Kind[Any]
    measure: Callable[[Any, Callable[[], Any]], tuple[str, Mapping[str, int]]]


class Known(Protocol):
    """The cache as pure code may read it: only of what the caller may see. The one way from an id to an object."""

    @property
    def caller(self) -> Caller: ...
    @property
    def config(self) -> Config: ...
    def find(self, kind: Kind[P], id: str) -> tuple[Row, P] | None:
        """By id: in the caller's project, then in what is shared with it (cluster kinds, image namespaces)."""
        ...

    def named(self, kind: Kind[P], name: str, namespace: str | None = None) -> tuple[Row, P] | None:
        """By object name: in the caller's namespace, or in the kind's own namespace where it has one."""
        ...

    def linked(self, kind: Kind[P], value: str, *, everywhere: bool = False) -> tuple[tuple[Row, P], ...]:
        """Rows whose links hold "namespace/value" for a namespace the caller may see."""
        ...

    def rows(self, kind: Kind[P], *, everywhere: bool = False) -> Iterable[tuple[Row, P]]:
        """All rows of a kind that the caller may see; for cloud admins in every project, with ``everywhere``."""
        ...

    def tally(self, tallied: Tallied) -> Mapping[str, Mapping[str, int]]:
        """What the rows of the caller's own namespace take: sums by whose they are."""
        ...

    def project(self, namespace: str) -> str:
        """The project id of a namespace, "" where it is none."""
        ...

    def project_ids(self) -> Mapping[str, str]:
        """Namespace by project id, of every recorded project."""
        ...


class Reader(Protocol):
    """One resource's finished answers, as routes ask for them."""

    async def show(self, caller: Caller, id: str, shape: Shape) -> bytes | None:
        """One fragment. A miss by a canonical UUID is verified by one bounded live read before None."""
        ...

    def page(self, scopes: tuple[str, ...], query: Query, shape: Shape) -> Page | Awaitable[Page]:
        """A page over scopes; raises ``UnknownMarker`` of cloud.reading.shelf."""
        ...

    def text(self, scopes: tuple[str, ...], query: Query, shape: Shape) -> Text | Awaitable[Text]:
        """The same for those who do not look into it, in pieces as long as they are known."""
        ...

    def scopes(self, caller: Caller, *, everything: bool = False) -> tuple[str, ...]:
        """The scopes that the caller lists: own, then shared; with ``everything`` (cloud admins) all of them."""
        ...


class Writing(Protocol):
    """The writer, as routes see it."""

    async def apply(self, caller: Caller, request_id: str, derive: Callable[[], Plan]) -> Row | None:
        """Applies a plan; asks ``derive`` again after a conflict, three times; 30 s in all. Raises Fault.

        The answer is the commit's row as the API server gave it (None after a Delete or an Ask).
        """
        ...

    async def apply_many(
        self, caller: Caller, request_id: str, derive: Callable[[], tuple[Plan, ...]], least: int
    ) -> tuple[str, ...]:
        """Several plans of one reservation; the ids that were committed. Fewer than ``least``: all are undone."""
        ...


async def inline(work: Callable[[], Any]) -> Any:
    """Work done at once, where nothing else waits."""
    return work()


async def never(kind: Kind[Any], caller: Caller, id: str) -> bool:
    """What finds nothing, where there is nobody to ask."""
    return False


@dataclass(frozen=True)
class Bench:
    """What a resource's routes are made with."""

    routes: Routes
    reader: Reader
    writer: Writing
    known: Callable[[Caller], Known]
    verify: Callable[[Kind[Any], Caller, str], Awaitable[bool]]
    """Whether a live read found an id that the cache misses (and put it into the cache)."""
    new_id: Callable[[], str]
    now: Callable[[], float]
    config: Config
    in_thread: Callable[[Callable[[], Any]], Awaitable[Any]] = inline
    """Runs what keeps a processor busy (making keys) outside the reactor's thread."""
    tools: Mapping[str, Any] = field(default_factory=dict)
    """Named services of one service's own (identity: tokens, passwords)."""
    seek: Callable[[Kind[Any], Caller, str], Awaitable[bool]] = never
    """The same as ``verify`` for an id in Dicot's own namespace that is made of what the caller may see."""


@dataclass(frozen=True)
class Resource:
    """A resource, as data. Watches, policy table, ClusterRoles and CRD lists are assembled from all of them.

    Without ``sources`` it is a resource of routes only. ``reads`` are further kinds that its routes look up.
    ``policy`` maps each operation's policy name (the real service's own) to the personas that may.
    ``rights`` maps reader, member, manager, admin and own (Dicot's own account) to lines of RBAC for the writes and
    live reads that the operations need; list and watch of all kinds follow by themselves (own).
    ``scope`` says how callers' scopes are found: "project" (namespace), "cluster" (""), "user" (user id), or "images"
    (own namespace and image namespaces).
    ``claims`` gives, by kind, the name claim that an object of it should have, also one that kubectl made.
    ``tallies`` are kept from the start, so that no request waits for the first.
    ``extensions`` are the aliases, with their names, by which clients of Nova ask whether it is served.
    """

    name: str
    register: Callable[[Bench], None]
    sources: tuple[Source, ...] = ()
    reads: tuple[Kind[Any], ...] = ()
    scope: str = "project"
    policy: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rights: Mapping[str, tuple[Right, ...]] = field(default_factory=dict)
    crds: tuple[str, ...] = ()
    claims: Mapping[Kind[Any], Callable[[Row, Any], Claim | None]] = field(default_factory=dict)
    tallies: tuple[Tallied, ...] = ()
    extensions: Mapping[str, str] = field(default_factory=dict)


ANY = frozenset({"any"})
READER = frozenset({"reader", "member", "manager", "admin"})
MEMBER = frozenset({"member", "manager", "admin"})
MANAGER = frozenset({"manager", "admin"})
ADMIN = frozenset({"admin"})


async def settled(page: T | Awaitable[T]) -> T:
    """A page or text, waited for where it is made in slices."""
    return await page if isawaitable(page) else page
