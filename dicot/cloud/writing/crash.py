"""Named points before and after every call to Kubernetes, where tests end the process."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ...kube.address import Account, Place
from ...kube.client import Kube
from ...kube.kind import Kind, Manifest
from ...kube.media import MERGE

T = TypeVar("T")


class CrashPoints:
    """A Kube that tells of each call: "before create secrets", "after create secrets", in the order they are met."""

    def __init__(self, kube: Kube, checkpoint: Callable[[str], None]) -> None:
        self._kube = kube
        self._checkpoint = checkpoint

    async def create(
        self,
        at: Place,
        body: Manifest,
        *,
        acting_as: Account | None = None,
        dry: bool = False,
        within: float = 30.0,
    ) -> bytes:
        """See Kube. A dry run is "rehearse"."""
        return await self._told(
            "rehearse" if dry else "create",
            at.plural,
            lambda: self._kube.create(at, body, acting_as=acting_as, dry=dry, within=within),
        )

    async def read(self, at: Place, *, acting_as: Account | None = None, within: float = 10.0) -> bytes:
        """See Kube."""
        return await self._told("read", at.plural, lambda: self._kube.read(at, acting_as=acting_as, within=within))

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        """See Kube."""
        return await self._told("fetch", path, lambda: self._kube.fetch(path, within=within))

    async def find(
        self, kind: Kind[Any], namespace: str, label: str, value: str, *, within: float = 5.0
    ) -> list[bytes]:
        """See Kube."""
        return await self._told(
            "find", kind.plural, lambda: self._kube.find(kind, namespace, label, value, within=within)
        )

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        """See Kube."""
        return await self._told("all", kind.plural, lambda: self._kube.all(kind, namespace, within=within))

    async def replace(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """See Kube."""
        return await self._told(
            "replace",
            at.plural,
            lambda: self._kube.replace(at, body, acting_as=acting_as, within=within),
        )

    async def patch(
        self,
        at: Place,
        body: Manifest | list[Manifest],
        *,
        media: str = MERGE,
        acting_as: Account | None = None,
        dry: bool = False,
        within: float = 30.0,
    ) -> bytes:
        """See Kube. A dry run is "rehearse"."""
        return await self._told(
            "rehearse" if dry else "patch",
            at.plural,
            lambda: self._kube.patch(at, body, media=media, acting_as=acting_as, dry=dry, within=within),
        )

    async def delete(
        self,
        at: Place,
        *,
        uid: str = "",
        propagation: str = "Background",
        grace: int | None = None,
        acting_as: Account | None = None,
        within: float = 30.0,
    ) -> bytes:
        """See Kube."""
        return await self._told(
            "delete",
            at.plural,
            lambda: self._kube.delete(
                at, uid=uid, propagation=propagation, grace=grace, acting_as=acting_as, within=within
            ),
        )

    async def call(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """See Kube. Named by the action: "before stop virtualmachines"."""
        return await self._told(
            at.subresource,
            at.plural,
            lambda: self._kube.call(at, body, acting_as=acting_as, within=within),
        )

    def server_time(self) -> float | None:
        """See Kube."""
        return self._kube.server_time()

    async def _told(self, verb: str, plural: str, call: Callable[[], Awaitable[T]]) -> T:
        self._checkpoint(f"before {verb} {plural}")
        answer = await call()
        self._checkpoint(f"after {verb} {plural}")
        return answer
