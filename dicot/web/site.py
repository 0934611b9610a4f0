"""Mounts the services and the public pages, and builds the factory that listens for them."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from ..faults import Fault, MethodNotAllowed, NotFound
from . import door
from .access import Record
from .answer import encoded, refusal, send
from .api import Api, follow
from .call import Reply
from .dialect import UNVERSIONED, Dialect
from .dialects.identity import Identity
from .intake import Site
from .limits import Limits
from .origin import Network
from .prefixes import PREFIXES
from .request import Request
from .versions import documents

_IDS = 64
Page = Callable[[Mapping[str, Sequence[str]], str], Reply]
"""A public document, made from the query and the Accept header."""


class Mounts:
    """What answers at which path (fulfils ``request.Root``). A page's path is taken with and without a last slash."""

    def __init__(self, apis: Iterable[Api], pages: Mapping[str, Page], otherwise: Dialect) -> None:
        self._apis = {PREFIXES[api.dialect.service].encode(): api for api in apis}
        self._pages = {path.rstrip("/").encode(): page for path, page in pages.items()}
        self._dialects = {b"/" + api.dialect.service.encode(): api.dialect for api in self._apis.values()}
        self._otherwise = otherwise

    def serve(self, request: Request) -> None:
        path = request.path
        page = self._pages.get(path.removesuffix(b"/"))
        prefix, rest = _divided(path)
        api = self._apis.get(prefix)
        if page is None and api is not None:
            api.serve(request, rest)
            return
        follow(request, self._show(request, page))

    async def admit(self, request: Request, method: bytes, path: bytes) -> None:
        prefix, rest = _divided(path)
        api = self._apis.get(prefix)
        if api is None:
            raise NotFound(self._dialect(path).words.missing)
        await api.admit(request, method, rest)

    def refusal(self, path: bytes, accept: str, fault: Fault, request_id: str) -> Reply:
        dialect = self._dialect(path)
        reply = refusal(dialect, fault, accept, UNVERSIONED)
        return Reply(
            reply.body, reply.code, {**(reply.headers or {}), **dict.fromkeys(dialect.id_headers, request_id)}
        )

    async def _show(self, request: Request, page: Page | None) -> None:
        dialect = self._dialect(request.path)
        try:
            reply = self._shown(request, page, dialect)
        except Fault as fault:
            reply = refusal(dialect, fault, request.text_of(b"accept"), UNVERSIONED)
        await send(request, dialect, encoded(reply))

    def _shown(self, request: Request, page: Page | None, dialect: Dialect) -> Reply:
        if page is None:
            raise NotFound(dialect.words.missing)
        if request.method in (b"GET", b"HEAD"):
            return page(door.query(request.query), request.text_of(b"accept"))
        allowed = {"Allow": "GET, HEAD, OPTIONS"}
        if request.method == b"OPTIONS":
            return Reply(None, 200, allowed)
        raise MethodNotAllowed(dialect.words.disallowed.format(method=request.method.decode()), headers=allowed)

    def _dialect(self, path: bytes) -> Dialect:
        family = b"/" + path[1:].partition(b"/")[0]
        return self._dialects.get(family, self._otherwise)


def _divided(path: bytes) -> tuple[bytes, bytes]:
    """The first two segments of a path, and what follows them."""
    parts = path.split(b"/", 3)
    return b"/".join(parts[:3]), b"/" + parts[3] if len(parts) > 3 else b""


def request_ids(random: Callable[[int], bytes] = os.urandom) -> Callable[[], str]:
    """Makes request ids as oslo.context does, of random UUIDs (RFC 9562, version 4); one system call serves many."""
    ready: list[str] = []

    def new_request_id() -> str:
        if not ready:
            digits = random(16 * _IDS).hex()
            ready.extend(_request_id(digits[start : start + 32]) for start in range(0, len(digits), 32))
        return ready.pop()

    return new_request_id


def _request_id(digits: str) -> str:
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"req-{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def build_site(
    apis: Sequence[Api],
    pages: Mapping[str, Page],
    public_url: str,
    clock: IReactorTime,
    access: Callable[[Record], None],
    *,
    new_id: Callable[[], str] | None = None,
    limits: Limits | None = None,
    proxies: Sequence[Network] = (),
) -> Site:
    """The services, their version documents and the given pages, as a factory for a listener."""
    fixed = documents(public_url, [api.dialect.service for api in apis])
    shown = {**{path: _constant(reply) for path, reply in fixed.items()}, **pages}
    mounts = Mounts(apis, shown, Identity(public_url))
    return Site(mounts, clock, new_id or request_ids(), access, limits or Limits(), proxies)


def drain(site: Site, apis: Iterable[Api], patience: float = 30.0) -> Deferred[None]:
    """Takes no further request; fires when all writes are done and all answers out, or after ``patience`` seconds."""
    waits = [site.drain(patience), *(api.drain(site.clock, patience) for api in apis)]
    return gatherResults(waits).addCallback(lambda _: None)


def _constant(reply: Reply) -> Page:
    finished = encoded(reply)
    return lambda query, accept: finished
