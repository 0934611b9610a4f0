"""One HTTP call each."""

from dataclasses import dataclass
from typing import Any, Protocol

from .kind import Kind, Manifest


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount to act as, with the extras that the audit log shall show (key, value)."""

    namespace: str
    name: str
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where one object, one collection (name "") or one subresource is. Parts are validated and encoded by the client."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def place(kind: Kind[Any], namespace: str, name: str = "", subresource: str = "") -> Place:
    """The place of an object of a kind."""
    return Place(kind.group, kind.version, kind.plural, namespace, name, subresource)


MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Kube(Protocol):
    """What Dicot asks of Kubernetes. Every call answers the bytes of the object, or raises of ``errors``.

    ``within`` is the time in seconds that is left for the call; it is also sent as ``?timeout=`` on writes.
    Reads are retried inside ``within``; a write is never repeated by the client: Doubtful is the caller's to settle.
    """

    async def create(
        self,
        at: Place,
        body: Manifest,
        *,
        acting_as: Account | None = None,
        dry: bool = False,
        within: float = 30.0,
    ) -> bytes:
        """POST to a collection (or a subresource such as ``serviceaccounts/token``), fieldValidation=Strict."""
        ...

    async def read(self, at: Place, *, acting_as: Account | None = None, within: float = 10.0) -> bytes:
        """GET one object or a subresource of it."""
        ...

    async def find(
        self, kind: Kind[Any], namespace: str, label: str, value: str, *, within: float = 5.0
    ) -> list[bytes]:
        """The objects of a kind in a namespace with that label, as raw JSON each (at most 2)."""
        ...

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        """All objects of a kind (of a namespace), as raw JSON each, paged."""
        ...

    async def replace(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """PUT an object; its resourceVersion guards it."""
        ...

    async def patch(
        self,
        at: Place,
        body: Manifest | list[Manifest],
        *,
        media: str = MERGE,
        acting_as: Account | None = None,
        dry: bool = False,
        within: float = 30.0,
    ) -> bytes: ...

    async def delete(
        self,
        at: Place,
        *,
        uid: str = "",
        propagation: str = "Background",
        acting_as: Account | None = None,
        within: float = 30.0,
    ) -> bytes:
        """DELETE with preconditions.uid where ``uid`` is given (Twisted repeats a DELETE on its own)."""
        ...

    async def call(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """PUT to an action subresource (``subresources.kubevirt.io`` start, stop, restart...); the answer may be empty."""
        ...

    def server_time(self) -> float | None:
        """The API server's clock by the last ``Date`` header, moved on by monotonic time; None before any answer."""
        ...
