"""From ids to objects: the one way, and only within what a caller may see."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec
from cachetools import TTLCache
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...caller import Caller
from ...config import Config
from ...kube.allowance import Allowance, Rate
from ...kube.errors import Doubtful, Refused, Unreachable
from ...kube.kind import HasMeta, Kind, Row
from ...names import ID, is_uuid
from ..kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from ..resource import Tallied
from .cache import Cache

log = Logger()
P = TypeVar("P", bound=HasMeta)

SHARED = frozenset({DATA_SOURCE, DATA_VOLUME, PVC})
"""Kinds of which everybody sees the rows in namespaces of images."""
WITHIN = 2.0
"""Seconds that a live read may take."""
REMEMBERED = 1.0
"""Seconds for which an id that was not found is not asked for again."""
READS = Rate(20, 0.1)
"""Live reads of one project, or of one user."""


class Finds(Protocol):
    """What is asked of Kubernetes here."""

    async def find(
        self, kind: Kind[Any], namespace: str, label: str, value: str, *, within: float = 5.0
    ) -> list[bytes]:
        """The objects of a kind in a namespace with that label, as raw JSON each."""
        ...


class Sight:
    """Fulfils ``resource.Known``: the cache as one caller sees it."""

    def __init__(self, caller: Caller, cache: Cache) -> None:
        self.caller = caller
        self._cache = cache

    @property
    def config(self) -> Config:
        """The configuration."""
        return self._cache.config

    def find(self, kind: Kind[P], id: str) -> tuple[Row, P] | None:
        """By id: the caller's own, then what is shared; for cloud admins then any, unless two answer to the id."""
        store = self._cache.stores[kind]
        for namespace in self._namespaces(kind):
            row = store.by_id(namespace, id)
            if row is not None:
                return row, store.read(row)
        if not self.caller.admin:
            return None
        rows = [row for row in store.with_id(id) if self._counts(kind, row.namespace)]
        return (rows[0], store.read(rows[0])) if len(rows) == 1 else None

    def named(self, kind: Kind[P], name: str, namespace: str | None = None) -> tuple[Row, P] | None:
        """By object name: in the caller's namespace, or in the kind's own namespace where it has one."""
        if namespace is None:
            own = self.caller.namespace if kind.namespaced else ""
            namespace = own if kind.namespace is None else kind.namespace
        if namespace != kind.namespace and namespace not in self._namespaces(kind):
            return None
        store = self._cache.stores[kind]
        row = store.one(namespace, name)
        return None if row is None else (row, store.read(row))

    def linked(self, kind: Kind[P], value: str, *, everywhere: bool = False) -> tuple[tuple[Row, P], ...]:
        """Rows whose links hold "namespace/value" for a namespace the caller may see, or the kind's own one.

        What lies in dicot-system belongs to users: whoever asks for it names whose it is.
        """
        store = self._cache.stores[kind]
        namespaces = (*self._namespaces(kind, everywhere), *([kind.namespace] if kind.namespace else []))
        found = (row for namespace in namespaces for row in store.linked(f"{namespace}/{value}"))
        return tuple((row, store.read(row)) for row in found)

    def rows(self, kind: Kind[P], *, everywhere: bool = False) -> Iterable[tuple[Row, P]]:
        """All rows of a kind: the caller's own and what is shared; ``everywhere``, for admins every project's."""
        store = self._cache.stores[kind]
        for namespace in self._namespaces(kind, everywhere):
            for row in store.rows(namespace):
                yield row, store.read(row)

    def tally(self, tallied: Tallied) -> Mapping[str, Mapping[str, int]]:
        """What the rows of the caller's own namespace take: sums by whose they are."""
        own = self.caller.namespace
        return self._cache.tally(tallied).of(own) if own and self._cache.projects.of(own) else {}

    def project(self, namespace: str) -> str:
        """The project id of a namespace, "" where it is none."""
        return self._cache.projects.of(namespace)

    def project_ids(self) -> Mapping[str, str]:
        """Namespace by project id, of every recorded project."""
        return self._cache.projects.namespaces()

    def _namespaces(self, kind: Kind[Any], everywhere: bool = False) -> tuple[str, ...]:
        """Where the caller sees rows of a kind. A kind's own namespace (dicot-system) is not among them."""
        if not kind.namespaced:
            return ("",)
        own = self.caller.namespace
        seen = [own] if own and self._cache.projects.of(own) else []
        if everywhere and self.caller.admin:
            seen += [other for other in self._cache.projects.namespaces().values() if other != own]
        if kind in SHARED:
            seen += [shared for shared in self._cache.projects.image_namespaces() if shared != own]
        return tuple(seen)

    def _counts(self, kind: Kind[Any], namespace: str) -> bool:
        projects = self._cache.projects
        if namespace == kind.namespace or projects.of(namespace):
            return True
        return kind in SHARED and projects.is_image_namespace(namespace)


class Resolver:
    """Makes views of the cache for callers, and asks Kubernetes for what the cache may not have yet."""

    def __init__(self, cache: Cache, kube: Finds) -> None:
        self._cache = cache
        self._kube = kube
        timer = cache.clock.seconds
        self._underway: dict[tuple[str, str, str], list[Deferred[bool]]] = {}
        self._missing: TTLCache[tuple[str, str, str], None] = TTLCache(10_000, REMEMBERED, timer)
        # One that is not used for so long is full again, as a new one is.
        self._allowances: TTLCache[str, Allowance] = TTLCache(10_000, READS.burst * READS.pause, timer)

    def known(self, caller: Caller) -> Sight:
        """The cache as a caller sees it."""
        return Sight(caller, self._cache)

    def verify(self, kind: Kind[Any], caller: Caller, id: str) -> Deferred[bool]:
        """Whether a live read found an id that the cache misses; it is in the cache then.

        One read at a time for an id, in the caller's own project only, and so many for each project: beyond that, and
        where Kubernetes does not answer, the cache has the last word. Cancelling ends the wait, not the read.
        """
        namespace = caller.namespace
        is_own = kind.namespaced and kind.namespace is None and bool(self._cache.projects.of(namespace))
        return self._asked(kind, namespace, id, namespace) if is_own else succeed(False)

    def seek(self, kind: Kind[Any], caller: Caller, id: str) -> Deferred[bool]:
        """The same for what Dicot keeps in its own namespace, so many for each user.

        Whoever asks must have made the id of what the caller may see, as that of a keypair is made of its user.
        """
        return (
            self._asked(kind, kind.namespace, id, caller.user) if kind.namespace and caller.user else succeed(False)
        )

    def _asked(self, kind: Kind[Any], namespace: str, id: str, payer: str) -> Deferred[bool]:
        key = (kind.resource, namespace, id)
        answer: Deferred[bool] = Deferred(lambda waiting: self._leave(key, waiting))
        if not is_uuid(id) or key in self._missing:
            answer.callback(False)
        elif key in self._underway:
            self._underway[key].append(answer)
        elif not self._may_ask(payer):
            answer.callback(False)
        else:
            self._underway[key] = [answer]
            Deferred.fromCoroutine(self._look(kind, namespace, id)).addBoth(self._found, key)
        return answer

    async def _look(self, kind: Kind[Any], namespace: str, id: str) -> bool:
        store = self._cache.stores[kind]
        try:
            for raw in await self._kube.find(kind, namespace, ID, id, within=WITHIN):
                store.learn(raw)
        except (Refused, Doubtful, Unreachable) as problem:
            log.warn("{kind} {id} could not be verified: {problem}", kind=kind.resource, id=id, problem=str(problem))
        except msgspec.DecodeError as problem:
            self._cache.complaints.tell(log, kind.resource, namespace, id, problem)
        return store.by_id(namespace, id) is not None

    def _found(self, result: bool | Failure, key: tuple[str, str, str]) -> None:
        if result is False:
            self._missing[key] = None
        for waiting in self._underway.pop(key):
            waiting.callback(result)

    def _leave(self, key: tuple[str, str, str], waiting: Deferred[bool]) -> None:
        waiters = self._underway.get(key, [])
        if waiting in waiters:
            waiters.remove(waiting)

    def _may_ask(self, payer: str) -> bool:
        """Take one from the allowance of a project or a user."""
        now = self._cache.clock.seconds()
        allowance = self._allowances.get(payer) or Allowance(READS, now)
        if not allowance.fill(now):
            return False
        allowance.take()
        self._allowances[payer] = allowance
        return True
