"""Stores filled from literal objects, and a cache over them on a Clock."""

from collections.abc import Iterable
from typing import Any

import msgspec
from twisted.internet.task import Clock

from dicot.caller import Caller
from dicot.cloud.kinds.identity import NAMESPACE, NAMESPACE_RECORD
from dicot.cloud.reading.cache import Cache
from dicot.cloud.reading.fragments import Allowance
from dicot.cloud.reading.projects import Projects
from dicot.cloud.reading.slices import Slices
from dicot.config import Config
from dicot.kube.kind import Kind, Manifest
from dicot.kube.store import Store
from dicot.names import ID

RED = "a" * 32
BLUE = "b" * 32


def uuid(number: int) -> str:
    """A canonical UUID."""
    return f"00000000-0000-4000-8000-{number:012d}"


def caller(namespace: str = "red", project: str = RED, *, admin: bool = False, user: str = "u" * 32) -> Caller:
    """A caller of a project."""
    return Caller(
        user=user,
        user_name="someone",
        project=project,
        project_name=namespace,
        namespace=namespace,
        roles=frozenset(),
        personas=frozenset(),
        admin=admin,
        role_account="member",
        audit="",
        expires=0.0,
    )


class Ground:
    """What watches would bring, brought by hand; each object gets the next resourceVersion."""

    def __init__(self, kinds: Iterable[Kind[Any]] = ()) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.wall_ahead = 0.0
        watched: list[Kind[Any]] = [NAMESPACE, NAMESPACE_RECORD, *kinds]
        self.stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind) for kind in watched}
        self.projects = Projects(self.stores)
        self.allowance = Allowance()
        self.cache = Cache(
            self.stores, self.projects, Config(), self.clock, Slices(self.clock), self.allowance, self.wall
        )
        self._version = 10

    def wall(self) -> float:
        """The wall clock, which may be set."""
        return self.clock.seconds() + self.wall_ahead

    def sync(self, *kinds: Kind[Any]) -> None:
        """End the first list of kinds (of all, where none is named)."""
        for kind in kinds or self.stores:
            self.stores[kind].replace([], "1")

    def manifest(
        self,
        kind: Kind[Any],
        namespace: str,
        name: str,
        *,
        id: str = "",
        uid: str = "",
        created: str = "",
        **more: Any,
    ) -> Manifest:
        """A literal object; ``more`` are further members, ``metadata`` among them is merged."""
        self._version += 1
        metadata: Manifest = {
            "name": name,
            "uid": uid or f"uid-{namespace}-{name}",
            "resourceVersion": str(self._version),
            "creationTimestamp": created or "2026-11-20T10:00:00Z",
            "labels": {ID: id} if id else {},
        }
        if namespace:
            metadata["namespace"] = namespace
        metadata |= more.pop("metadata", {})
        return {"apiVersion": kind.api_version, "kind": kind.singular, "metadata": metadata, **more}

    def put(self, kind: Kind[Any], namespace: str, name: str, **more: Any) -> None:
        """An object comes or changes."""
        self.tell(kind, "MODIFIED", self.manifest(kind, namespace, name, **more))

    def drop(self, kind: Kind[Any], namespace: str, name: str, **more: Any) -> None:
        """An object goes."""
        self.tell(kind, "DELETED", self.manifest(kind, namespace, name, **more))

    def tell(self, kind: Kind[Any], type: str, manifest: Manifest) -> None:
        """A watch line."""
        self.stores[kind].apply([msgspec.json.encode({"type": type, "object": manifest})])

    def namespace(self, name: str, *, uid: str = "", annotations: dict[str, str] | None = None) -> None:
        """A Namespace comes or changes."""
        self.put(NAMESPACE, "", name, uid=uid or f"uid-{name}", metadata={"annotations": annotations or {}})

    def record(self, namespace: str, id: str = "", *, role: str = "project", name: str = "", **more: Any) -> None:
        """A record of a namespace comes."""
        spec = {"namespace": namespace, "uid": more.pop("pins", f"uid-{namespace}"), "id": id, "role": role}
        self.put(NAMESPACE_RECORD, "dicot-system", name or f"r-{namespace}", spec=spec, **more)

    def project(self, namespace: str, id: str) -> None:
        """A Namespace and its record."""
        self.namespace(namespace)
        self.record(namespace, id)
