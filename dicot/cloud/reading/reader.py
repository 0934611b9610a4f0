"""One resource's finished answers, as routes ask for them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ...caller import Caller
from ...kube.kind import Kind
from ...names import is_uuid
from .cache import Cache
from .entry import Page, Shape, Text
from .feed import Feed
from .query import Query

Verify = Callable[[Kind[Any], Caller, str], Awaitable[bool]]


class Reader:
    """Fulfils ``resource.Reader`` over a feed's shelf."""

    def __init__(self, feed: Feed, cache: Cache, verify: Verify) -> None:
        self._resource = feed.resource
        self._shelf = feed.shelf
        self._projects = cache.projects
        self._slices = cache.slices
        self._verify = verify

    async def show(self, caller: Caller, id: str, shape: Shape) -> bytes | None:
        """One fragment: of what the caller lists, then for cloud admins of anything.

        A miss by a canonical UUID is verified by one bounded live read for each main kind before None.
        """
        scopes = self.scopes(caller)
        part = self._shelf.one(scopes, id, shape)
        if part is None and caller.admin:
            part = self._shelf.only(id, shape)
        if part is not None or not is_uuid(id):
            return part
        for source in self._resource.sources:
            if await self._verify(source.main, caller, id):
                part = self._shelf.one(scopes, id, shape)
                if part is not None:
                    return part
        return None

    def page(self, scopes: Sequence[str], query: Query, shape: Shape) -> Page | Awaitable[Page]:
        """A page over scopes: at once where 2 ms are enough. Raises UnknownMarker."""
        return self._slices.run(self._shelf.page(scopes, query, shape))

    def text(self, scopes: Sequence[str], query: Query, shape: Shape) -> Text | Awaitable[Text]:
        """The same in pieces as long as they are known. Raises UnknownMarker."""
        return self._slices.run(self._shelf.text(scopes, query, shape))

    def scopes(self, caller: Caller, *, everything: bool = False) -> tuple[str, ...]:
        """The scopes that the caller lists: own, then shared; all of them only for a cloud admin who asks so."""
        if everything and caller.admin:
            return self._shelf.scopes()
        own = (caller.namespace,) if caller.namespace else ()
        match self._resource.scope:
            case "cluster":
                return ("",)
            case "user":
                return (caller.user,) if caller.user else ()
            case "images":
                return (*own, *(shared for shared in self._projects.image_namespaces() if shared not in own))
            case _:
                return own
