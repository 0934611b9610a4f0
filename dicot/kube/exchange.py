"""One request and its whole answer, and what is certain when they do not come through."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

from OpenSSL import SSL
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.internet import protocol
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.python.failure import Failure
from twisted.web import http_headers
from twisted.web._newclient import RequestNotSent
from twisted.web.client import RequestGenerationFailed, RequestTransmissionFailed, ResponseDone, ResponseFailed
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from .errors import Doubtful, Headers, Unreachable

LONGEST_ANSWER = 256 * 1024 * 1024
_NO_CONNECTION = (ConnectError, ConnectingCancelledError, DNSLookupError, RequestNotSent)
_BROKEN = (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
    ConnectionClosed,
    CancelledError,
    SSL.Error,
    VerificationError,
)


class Credential(Protocol):
    """Whose account Dicot has, and where."""

    @property
    def server(self) -> str:
        """The API server's URL, without a slash at its end."""
        ...

    async def authorize(self, stale: bool = False) -> Headers:
        """Headers that prove the account; ``stale`` says that the last ones were refused. Raises Unreachable."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. ``repeatable`` requests leave nothing behind however often they are sent."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Headers
    body: bytes | None
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer, of any code."""

    code: int
    retry_after: str
    date: float | None
    body: bytes


class Exchange:
    """Sends requests to one API server and reads the answers to their end."""

    def __init__(self, agent: IAgent, credential: Credential, clock: IReactorTime) -> None:
        self._http = HTTPClient(agent, data_to_body_producer=_Sent)
        self._credential = credential
        self._clock = clock

    async def ask(self, request: Request, *, stale: bool, within: float) -> Answer:
        """One attempt, body included. Raises Unreachable or Doubtful."""
        steps = Deferred.fromCoroutine(self._ask(request, stale))
        timer = self._clock.callLater(max(0.0, within), steps.cancel)
        left = False

        def leave(_: object) -> None:
            nonlocal left
            left = True
            steps.cancel()

        waited: Deferred[Answer] = Deferred(leave)
        steps.chainDeferred(waited)
        try:
            return await waited
        except (Unreachable, Doubtful) as broken:
            # Who left is not to be told that the server failed him, or he would try again.
            raise CancelledError() if left else broken from broken.__cause__
        finally:
            if timer.active():
                timer.cancel()

    async def _ask(self, request: Request, stale: bool) -> Answer:
        try:
            proof = await self._credential.authorize(stale)
        except CancelledError:
            raise Unreachable("no credential in time") from None
        try:
            response = await self._http.request(
                request.method,
                self._credential.server + request.path,
                params=list(request.query),
                headers=http_headers.Headers({k: [v] for k, v in {**request.headers, **proof}.items()}),
                data=request.body,
                # A redirect would carry the credential elsewhere; the API server sends none.
                allow_redirects=False,
                unbuffered=True,
                # treq's timeout ends at the headers, so ours is used; without a reactor treq imports the global one.
                reactor=self._clock,  # type: ignore[arg-type]
            )
            body = await _whole(response)
        except _NO_CONNECTION as reason:
            raise Unreachable(f"no connection: {_text(reason)}") from reason
        except _BROKEN as reason:
            raise _broken(reason, request) from reason
        return _answer(response, body)


def _broken(reason: BaseException, request: Request) -> Exception:
    if request.repeatable or _is_untrusted(reason):
        return Unreachable(f"no answer: {_text(reason)}")
    return Doubtful(f"sent, and no answer: {_text(reason)}")


def _is_untrusted(reason: BaseException) -> bool:
    """Whether the server's certificate was refused: the handshake comes before the first byte of the request."""
    if isinstance(reason, VerificationError):
        return True
    if isinstance(reason, SSL.Error):
        return "certificate verify failed" in str(reason)
    return any(_is_untrusted(failure.value) for failure in getattr(reason, "reasons", ()))


def _text(reason: BaseException) -> str:
    """The innermost reason in words: Twisted wraps what happened into lists of failures."""
    inner = getattr(reason, "reasons", None)
    if inner:
        return _text(inner[-1].value)
    return f"{type(reason).__name__} {reason}".strip()


def _answer(response: IResponse, body: bytes) -> Answer:
    retry_after = response.headers.getRawHeaders("Retry-After", [""])[-1]
    return Answer(response.code, retry_after.strip(), _date(response), body)


def _date(response: IResponse) -> float | None:
    text = response.headers.getRawHeaders("Date", [""])[-1]
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _whole(response: IResponse) -> "Deferred[bytes]":
    """The body. Cancelling ends the connection, so that it never goes back to the pool half read."""
    body = _Body()
    response.deliverBody(body)
    return body.done


class _Body(protocol.Protocol):
    """Gathers a body. One that ends with its connection, and not by its length, may be cut: that is a failure too."""

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._leave())
        self._chunks: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > LONGEST_ANSWER:
            self._chunks.clear()
            self._leave()
            return
        self._chunks.append(data)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(b"".join(self._chunks))
        else:
            self.done.errback(Failure(ResponseFailed([reason])))

    def _leave(self) -> None:
        # Twisted shows a body's reader a proxy of the transport that can close but not abort. A dead peer is found by
        # the socket's own keepalive.
        if self.transport is not None:
            self.transport.loseConnection()


@implementer(IBodyProducer)
class _Sent:
    """A body that is written in one piece: it is in memory anyway, and needs no cooperator."""

    def __init__(self, body: bytes) -> None:
        self.length = len(body)
        self._body = body

    def startProducing(self, consumer: IConsumer) -> "Deferred[None]":
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Nothing is left to pause."""

    def resumeProducing(self) -> None:
        """Nothing was paused."""

    def stopProducing(self) -> None:
        """Nothing is left to stop."""
