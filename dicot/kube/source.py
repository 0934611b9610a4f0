"""Where the objects of a kind come from: its collection at one API server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import DeferredSemaphore, TimeoutError
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.web._newclient import RequestNotSent
from twisted.web.client import RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse

from .errors import Unreachable, refusal
from .kind import Kind
from .stream import Cut, Pieces, Stream, Whole, innermost

HEADERS_WITHIN = 75.0
"""Seconds for connection, handshake and headers. A proxy may hold the headers back until the first bookmark, which
comes after a minute; and it is less than the limit of silence."""
LONGEST_REFUSAL = 2**20
_REFUSAL_WITHIN = 10.0
_NO_ANSWER = (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
    RequestGenerationFailed,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseFailed,
    SSL.Error,
    TimeoutError,
    VerificationError,
)


class Credential(Protocol):
    """Whose account it is, and at which server."""

    @property
    def server(self) -> str:
        """The API server's URL, without a slash at its end."""
        ...

    async def authorize(self, stale: bool = False) -> Mapping[str, str]:
        """Headers that prove the account; ``stale`` says that the last ones were refused. May raise Unreachable."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """An API server as all reflectors of a cluster share it.

    ``agent`` decodes nothing and asks for no encoding: a decoder that stops at the end of the first gzip member
    would lose events. ``turns`` are the initial lists that run at a time: they cost the server most.
    """

    agent: IAgent
    credential: Credential
    turns: DeferredSemaphore


class Source:
    """The collection of a kind."""

    def __init__(self, kind: Kind[Any], origin: Origin, clock: IReactorTime) -> None:
        self._agent = origin.agent
        self._credential = origin.credential
        self._clock = clock
        self._path = _path(kind)
        chosen = {"fieldSelector": f"metadata.name={kind.name}" if kind.name else "", "labelSelector": kind.selector}
        self._fixed = {name: value for name, value in chosen.items() if value}

    async def open(self, query: Mapping[str, str], pieces: Pieces, accept: str = "application/json") -> Stream:
        """The body of a list or a watch. Raises errors.Refused for any code but 200, and Unreachable."""
        response = await self._ask(query, accept, stale=False)
        if response.code == 401:
            await self._body(response)
            response = await self._ask(query, accept, stale=True)
        if response.code != 200:
            retry_after = response.headers.getRawHeaders("Retry-After", [""])[-1]
            raise refusal(response.code, await self._body(response), retry_after=retry_after)
        stream = Stream(self._clock, pieces)
        response.deliverBody(stream)
        return stream

    async def _ask(self, query: Mapping[str, str], accept: str, *, stale: bool) -> IResponse:
        headers = Headers({"Accept": [accept], "User-Agent": ["dicot"]})
        for name, value in (await self._credential.authorize(stale)).items():
            headers.setRawHeaders(name, [value])
        url = f"{self._credential.server}{self._path}?{urlencode({**query, **self._fixed})}"
        try:
            asked = self._agent.request(b"GET", url.encode("ascii"), headers)
            return await asked.addTimeout(HEADERS_WITHIN, self._clock)
        except _NO_ANSWER as reason:
            raise Unreachable(f"no answer: {innermost(reason)}") from reason

    async def _body(self, response: IResponse) -> bytes:
        """The body of a refusal, as far as it is reasonable and comes in time."""
        whole = Whole(LONGEST_REFUSAL)
        stream = Stream(self._clock, whole)
        response.deliverBody(stream)
        try:
            await stream.more(_REFUSAL_WITHIN)
        except Cut:
            return b""
        finally:
            stream.abort()
        return whole.document()


def _path(kind: Kind[Any]) -> str:
    head = f"/apis/{kind.group}" if kind.group else "/api"
    inside = f"/namespaces/{kind.namespace}" if kind.namespace else ""
    return f"{head}/{kind.version}{inside}/{kind.plural}"
