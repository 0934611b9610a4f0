"""The one place that decodes and encodes: a Klein application whose routes share identity, versions and errors."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from werkzeug import exceptions

from ..faults import Fault, MethodNotAllowed, NotFound
from . import door
from .answer import encoded, send
from .begun import begun
from .call import NEVER, Bodies, Gate, Operation, Reply
from .dialect import Dialect, Version
from .exchange import Exchange
from .request import Request
from .route import Route, Variant, Variants

_TAKEN = re.compile("<(?:self|instance|request|f)>")
_PROJECT = re.compile(rb"/([0-9a-f]{32})(/.*)", re.DOTALL)


class Api:
    """The routes of one service (fulfils ``call.Routes``), and what answers below its prefix."""

    def __init__(self, dialect: Dialect, gate: Gate) -> None:
        self.dialect = dialect
        self._exchange = Exchange(dialect, gate)
        self._lowest = dialect.negotiate({})
        self._routes: dict[str, Route] = {}
        self._hot: door.Hot[Route] = door.Hot()
        self._klein = Klein()
        self._klein.url_map.strict_slashes = False
        self._klein.url_map.merge_slashes = False
        self._klein.handle_errors(Exception)(self._misrouted)  # type: ignore[arg-type]
        self._resource = self._klein.resource()

    def get(
        self,
        url: str,
        policy: str | None,
        *,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[None]], Operation[None]]:
        """GET (and HEAD), which is found before Klein is asked where the url allows that."""

        def register(operation: Operation[None]) -> Operation[None]:
            route = self._route("GET", url)
            route.plain.add(Variant(operation, policy, (), since, until), self._lowest)
            self._hot.add(url, route)
            return operation

        return register

    def write(
        self,
        method: str,
        url: str,
        policy: str | None,
        bodies: Bodies[Any] = (),
        *,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[Any]], Operation[Any]]:
        """A write, which runs to its end though the client leaves. Without bodies no body is read."""

        def register(operation: Operation[Any]) -> Operation[Any]:
            route = self._route(method, url)
            if route.actions:
                raise ValueError(f"{method} {url} has actions")
            route.plain.add(Variant(operation, policy, bodies, since, until), self._lowest)
            return operation

        return register

    def action(
        self,
        url: str,
        key: str,
        policy: str,
        bodies: Bodies[Any],
        *,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[Any]], Operation[Any]]:
        """One of the actions at a POST url, told apart by the single key of the body."""

        def register(operation: Operation[Any]) -> Operation[Any]:
            route = self._route("POST", url)
            if len(route.plain):
                raise ValueError(f"POST {url} is no action")
            actions = route.actions.setdefault(key, Variants())
            actions.add(Variant(operation, policy, bodies, since, until), self._lowest)
            return operation

        return register

    def drain(self, clock: IReactorTime, patience: float) -> Deferred[None]:
        """Takes no further write, and fires when those under way are done, or after ``patience`` seconds."""
        return self._exchange.works.drain(clock, patience)

    def serve(self, request: Request, path: bytes) -> None:
        """Answers a request; ``path`` is what follows the prefix."""
        path = self._unscoped(request, path)
        found = self._hot.find(path) if request.method in (b"GET", b"HEAD") else None
        if found is not None:
            follow(request, self._exchange.respond(request, *found))
            return
        try:
            parts = self._segments(path)
        except Fault as fault:
            follow(request, self._exchange.refuse(request, fault))
            return
        request.postpath = [part.encode() for part in parts]
        self._resource.render(request)

    async def admit(self, request: Request, method: bytes, path: bytes) -> None:
        """Raises the Fault of a request whose body has not been asked for yet: no route, or no token that counts."""
        parts = self._segments(self._unscoped(request, path))
        urls = self._klein.url_map.bind("dicot", path_info="/" + "/".join(parts), default_method=method.decode())
        try:
            endpoint, _ = urls.match()
        except exceptions.HTTPException as error:
            raise self._routing_fault(error, method.decode()) from None
        if not self._routes[str(endpoint)].public:
            await self._exchange.identified(request)

    def _route(self, method: str, url: str) -> Route:
        endpoint = f"{method} {url}"
        if endpoint not in self._routes:
            if _TAKEN.search(url):
                raise ValueError(f"{url} has a variable that Klein uses itself")
            route = self._routes[endpoint] = Route(method, url)

            @self._klein.route(url, methods=[method], endpoint=endpoint)
            def answer(request: Request, **names: str) -> Deferred[None]:
                return Deferred.fromCoroutine(self._exchange.respond(request, route, names))

            self._hot.reserve(url)
        return self._routes[endpoint]

    def _segments(self, path: bytes) -> tuple[str, ...]:
        words = self.dialect.words
        if words.literal and path.endswith(b"/"):
            raise NotFound(words.missing)
        return door.segments(path, words.missing)

    def _unscoped(self, request: Request, path: bytes) -> bytes:
        """Takes the project id out of a path, where the service allows one there."""
        found = _PROJECT.fullmatch(path) if self.dialect.words.foreign_project else None
        if found is None:
            return path
        request.project = found[1].decode("ascii")
        return found[2]

    def _misrouted(self, request: Request, failure: Failure) -> Deferred[None]:
        """Klein's one error function: nothing is routed to, or routing itself failed."""
        error = failure.value
        if isinstance(error, exceptions.MethodNotAllowed) and request.method == b"OPTIONS":
            answer = Reply(None, 200, {"Allow": _allowed(error)})
            return Deferred.fromCoroutine(send(request, self.dialect, encoded(answer)))
        if isinstance(error, exceptions.HTTPException):
            fault = self._routing_fault(error, request.method.decode())
        else:
            fault = self._exchange.unexpected(request.request_id, failure)
        return Deferred.fromCoroutine(self._exchange.refuse(request, fault))

    def _routing_fault(self, error: exceptions.HTTPException, method: str) -> Fault:
        words = self.dialect.words
        if isinstance(error, exceptions.MethodNotAllowed):
            return MethodNotAllowed(words.disallowed.format(method=method), headers={"Allow": _allowed(error)})
        return NotFound(words.missing)


def follow(request: Request, answer: Coroutine[Deferred[Any], Any, None]) -> None:
    """Ends a request after its answer, and the answer when the client leaves, as Klein does for its routes."""
    try:
        answering = begun(answer)
    except Exception:
        request.processingFailed(Failure())
        return
    if answering is None:
        request.end()
        return
    if not answering.called:
        request.notifyFinish().addErrback(lambda _: answering.cancel())
    answering.addCallbacks(lambda _: request.end(), request.processingFailed)


def _allowed(error: exceptions.MethodNotAllowed) -> str:
    return ", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"}))
