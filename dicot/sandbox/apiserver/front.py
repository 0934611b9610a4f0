"""The HTTP side: requests of Twisted's server become answers of ours."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol
from urllib.parse import parse_qsl
from uuid import uuid4

from msgspec import json
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request, datetimeToString
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from dicot.pull import SLICE, Slices, sliced

from ..nodes import websocket
from .asking import Asking, Following, Reply
from .faults import Course, Faults
from .refusal import Refusal
from .refusals import not_implemented, plain, too_heavy

LONGEST_BODY = 3 * 2**20
_log = Logger()


class Backend(Protocol):
    """Answers requests."""

    async def answer(self, asking: Asking) -> Reply | Following:
        """Raises Refusal."""
        ...


@implementer(IResource)
class Front:
    """One resource for all paths."""

    isLeaf = True

    def __init__(self, backend: Backend, faults: Faults, clock: IReactorTime) -> None:
        self._backend = backend
        self._faults = faults
        self._clock = clock

    def getChildWithDefault(self, name: bytes, request: Request) -> "Front":
        """See IResource."""
        return self

    def putChild(self, path: bytes, child: object) -> None:
        """See IResource."""
        raise NotImplementedError

    def render(self, request: Request) -> int:
        """See IResource."""
        answering = Deferred.fromCoroutine(self._answer(request))
        request.notifyFinish().addErrback(lambda _: answering.cancel())
        answering.addErrback(_failed, request)
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> None:
        asking = _read(request)
        course = self._faults.course(asking)
        await self._rest(course.before)
        if course.lost == "request":
            _abort(request)
            return
        request.setHeader("Audit-Id", asking.header("audit-id") or str(uuid4()))
        request.setHeader("Cache-Control", "no-cache, private")
        request.setHeader(b"Date", datetimeToString(self._clock.seconds()))
        answer = await self._done(replace(asking, mark=course.mark) if course.mark else asking, course)
        await self._rest(course.after)
        if course.lost == "answer":
            _abort(request)
            return
        for warning in asking.warnings:
            request.responseHeaders.addRawHeader("Warning", f"299 - {_quoted(warning)}")
        if isinstance(answer, Reply) and answer.stream is not None and websocket.wants(request):
            websocket.take_over(request, answer.stream())
        elif isinstance(answer, Reply):
            await _send(request, answer, course.cut)
        else:
            await self._follow(request, asking, course, answer)

    async def _done(self, asking: Asking, course: Course) -> Reply | Following:
        """What the last time is answered with."""
        answer: Reply | Following
        for _ in range(course.times):
            try:
                if course.refusal is not None:
                    raise course.refusal
                if len(asking.body) > LONGEST_BODY:
                    raise too_heavy(LONGEST_BODY)
                answer = await self._backend.answer(asking)
            except Refusal as refusal:
                answer = refused(refusal)
            except RecursionError:
                # The real API server takes lists ten times as deep in each other.
                answer = refused(not_implemented("objects that are nested so deeply"))
        if course.error is not None and isinstance(answer, Following):
            return failing(course.error)
        return answer

    async def _rest(self, seconds: float) -> None:
        if seconds:
            await deferLater(self._clock, seconds)

    async def _follow(self, request: Request, asking: Asking, course: Course, answer: Following) -> None:
        request.setHeader("Content-Type", answer.media)
        request.write(b"")
        ended: Deferred[None] = Deferred()

        def end() -> None:
            if not ended.called:
                ended.callback(None)

        connection = _Connection(request, end)
        flow = self._faults.follow(asking, course, connection)
        stop = connection.stop = answer.begin(request, self._clock, end, flow.pieces)
        try:
            await ended
        except CancelledError:
            stop()
            raise
        finally:
            flow.over()
        request.finish()


class _Connection:
    """See Stream."""

    def __init__(self, request: Request, end: Callable[[], None]) -> None:
        self._request = request
        self._end = end
        self.stop: Callable[[], None] = lambda: None

    def write(self, data: bytes) -> None:
        self._request.write(data)

    def fail(self, data: bytes) -> None:
        self._request.write(data)
        self.stop()
        self._request.unregisterProducer()
        self._end()

    def close(self) -> None:
        _close(self._request)

    def abort(self) -> None:
        _abort(self._request)


def failing(refusal: Refusal) -> Following:
    """A watch that ends with an error before it has told of anything."""

    def begin(
        sink: Request, clock: IReactorTime, ended: Callable[[], None], pieces: Callable[[bytes], list[bytes]]
    ) -> Callable[[], None]:
        sink.write(refusal.line())
        ended()
        return lambda: None

    return Following(begin)


def refused(refusal: Refusal) -> Reply:
    """The answer to what is refused."""
    retry = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
    return Reply(refusal.code, (json.encode(refusal.status()), b"\n"), headers={**retry, **refusal.headers})


async def _send(request: Request, reply: Reply, cut: int | None = None) -> None:
    """Send an answer, or the first bytes of its body and then no more."""
    request.setResponseCode(reply.code)
    if reply.media:
        request.setHeader("Content-Type", reply.media)
    else:
        request.defaultContentType = None  # type: ignore[attr-defined]
    request.setHeader("Content-Length", str(reply.length))
    for name, value in reply.headers.items():
        request.setHeader(name, value)
    if cut is not None:
        request.write(b"".join(reply.pieces)[:cut])
        _close(request)
        return
    if reply.length <= SLICE:
        request.write(b"".join(reply.pieces))
    else:
        await Slices(request, sliced(reply.pieces), request.write).send()
    request.finish()


def _read(request: Request) -> Asking:
    headers: dict[str, list[str]] = {}
    for name, values in request.requestHeaders.getAllRawHeaders():
        headers[name.decode("latin-1").lower()] = [value.decode("utf-8", "replace") for value in values]
    content = request.content
    return Asking(
        method=request.method.decode("ascii", "replace"),
        path=request.path.decode("ascii", "replace"),
        query=_query(request.uri.partition(b"?")[2].decode("ascii", "replace")),
        headers=headers,
        body=content.read() if content is not None else b"",
    )


def _query(text: str) -> dict[str, tuple[str, ...]]:
    """All parameters, those without a value too."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _abort(request: Request) -> None:
    """Close the connection at once."""
    if request.channel is not None:
        request.channel.forceAbortClient()


def _close(request: Request) -> None:
    """Close the connection once all is sent that was written."""
    if request.channel is not None:
        request.channel.loseConnection()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _failed(failure: Failure, request: Request) -> None:
    """What nobody foresaw: 500, unless the client is gone."""
    if failure.check(CancelledError):
        return
    _log.failure("{method} {uri}", failure, method=request.method, uri=request.uri)
    if request.startedWriting or request.finished:
        _abort(request)
        return
    reply = refused(plain(500, f"Internal error occurred: {failure.getErrorMessage()}"))
    Deferred.fromCoroutine(_send(request, reply)).addErrback(lambda _: None)
