"""One HTTP call each."""

import random
from collections.abc import Callable
from importlib import metadata
from typing import Any, Protocol

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent

from . import address
from .address import Account, Place
from .deep import deeply
from .dialogue import Dialogue
from .errors import Expired, Headers, Unreachable
from .exchange import Credential, Exchange, Request
from .kind import Kind, Manifest
from .media import MERGE

_PAGE = 500
# The server's limit ends before ours, so that its own answer still arrives.
_ON_THE_WAY = 0.25
_REVIEWS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})


def _user_agent() -> str:
    try:
        return f"dicot/{metadata.version('dicot')}"
    except metadata.PackageNotFoundError:
        return "dicot"


_HEADERS: Headers = {"Accept": "application/json, */*", "User-Agent": _user_agent()}
"""virt-api says nothing on success, and answers 406 to who takes only JSON."""


class Kube(Protocol):
    """What Dicot asks of Kubernetes. Every call answers the bytes of the object, or raises of ``errors``.

    ``within`` is the time in seconds that is left for the call; it is also sent as ``?timeout=`` on writes.
    Reads, dry runs and reviews are retried inside ``within``; a write is repeated only where it certainly was not
    carried out (no connection; a 429 or 503 that is given before anything is done): Doubtful is the caller's to
    settle.
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

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        """GET a document of the API server itself: ``/version``, ``/apis``. The path is a constant of ours."""
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
        grace: int | None = None,
        acting_as: Account | None = None,
        within: float = 30.0,
    ) -> bytes:
        """DELETE with preconditions.uid where ``uid`` is given (Twisted repeats a DELETE on its own).

        ``grace`` overrides the object's own grace period, in seconds.
        """
        ...

    async def call(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """PUT to an action subresource (``subresources.kubevirt.io`` start, stop, restart...).

        The answer may be empty.
        """
        ...

    def server_time(self) -> float | None:
        """The API server's clock by the last ``Date`` header, moved on by monotonic time; None before any answer."""
        ...


class HttpKube:
    """Kube over HTTP. Watches never pass here: treq cannot carry them."""

    def __init__(
        self,
        agent: IAgent,
        credential: Credential,
        clock: IReactorTime,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._dialogue = Dialogue(Exchange(agent, credential, clock), clock, jitter)
        self._clock = clock

    async def create(
        self,
        at: Place,
        body: Manifest,
        *,
        acting_as: Account | None = None,
        dry: bool = False,
        within: float = 30.0,
    ) -> bytes:
        """See Kube. Reviews (of tokens, of access) are kept nowhere and count as reads."""
        repeatable = dry or at.group in _REVIEWS
        return await self._write("POST", at, body, acting_as, within, _checks(dry), repeatable=repeatable)

    async def read(self, at: Place, *, acting_as: Account | None = None, within: float = 10.0) -> bytes:
        """See Kube."""
        return await self._get(address.path(at), (), within, acting_as)

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        """See Kube."""
        return await self._get(path, (), within)

    async def find(
        self, kind: Kind[Any], namespace: str, label: str, value: str, *, within: float = 5.0
    ) -> list[bytes]:
        """See Kube."""
        query = (("labelSelector", address.selector(label, value)), ("limit", "2"))
        page = await self._page(kind, namespace, query, within)
        return [bytes(item) for item in page.items[:2]]

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        """See Kube. Where the version of the first page is gone before the last, all is asked for again, unpaged."""
        deadline = self._clock.seconds() + within
        found: list[bytes] = []
        token = ""
        while True:
            query = (("limit", str(_PAGE)), *((("continue", token),) if token else ()))
            try:
                page = await self._page(kind, namespace, query, deadline - self._clock.seconds())
            except Expired:
                page = await self._page(kind, namespace, (), deadline - self._clock.seconds())
                found.clear()
            found.extend(bytes(item) for item in page.items)
            token = page.metadata.token
            if not token:
                return found

    async def replace(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """See Kube."""
        return await self._write("PUT", at, body, acting_as, within, _checks(False))

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
        """See Kube."""
        return await self._write("PATCH", at, body, acting_as, within, _checks(dry), media=media, repeatable=dry)

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
        options: Manifest = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        return await self._write("DELETE", at, options, acting_as, within)

    async def call(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """See Kube."""
        return await self._write("PUT", at, body, acting_as, within)

    def server_time(self) -> float | None:
        """See Kube."""
        return self._dialogue.server_time()

    async def _page(
        self, kind: Kind[Any], namespace: str, query: tuple[tuple[str, str], ...], within: float
    ) -> "_Page":
        answer = await self._get(address.path(address.place(kind, namespace)), query, within)
        try:
            page = deeply(_PAGE_OF, answer)
        except msgspec.DecodeError as reason:
            raise Unreachable(f"no list: {reason}") from reason
        if page is None:
            raise Unreachable("no list: it is nested beyond what a server accepts")
        return page

    async def _get(
        self, path: str, query: tuple[tuple[str, str], ...], within: float, acting_as: Account | None = None
    ) -> bytes:
        headers = {**_HEADERS, **(address.impersonation(acting_as) if acting_as else {})}
        return await self._dialogue.ask(Request("GET", path, query, headers, None, True), _tenant(acting_as), within)

    async def _write(
        self,
        method: str,
        at: Place,
        body: Manifest | list[Manifest],
        acting_as: Account | None,
        within: float,
        query: tuple[tuple[str, str], ...] = (),
        *,
        media: str = "application/json",
        repeatable: bool = False,
    ) -> bytes:
        headers = {**_HEADERS, "Content-Type": media, **(address.impersonation(acting_as) if acting_as else {})}
        timeout = ("timeout", f"{max(1, round((within - _ON_THE_WAY) * 1000))}ms")
        sent = msgspec.json.encode(body)
        request = Request(method, address.path(at), (*query, timeout), headers, sent, repeatable)
        return await self._dialogue.ask(request, _tenant(acting_as), within)


def _tenant(acting_as: Account | None) -> str:
    return address.user_name(acting_as) if acting_as else ""


def _checks(dry: bool) -> tuple[tuple[str, str], ...]:
    strict = (("fieldManager", "dicot"), ("fieldValidation", "Strict"))
    return (*strict, ("dryRun", "All")) if dry else strict


class _ListMeta(msgspec.Struct, frozen=True):
    token: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]
    metadata: _ListMeta = _ListMeta()


_PAGE_OF = msgspec.json.Decoder(_Page)
