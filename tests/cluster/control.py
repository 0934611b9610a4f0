"""Speaks with an API server as its administrator, while a cluster is set up and in tests."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import treq
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.internet.task import deferLater
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers

JSON = "application/json"
ACCEPTED = "application/json, */*"
"""virt-api answers 406 to some verbs when JSON is the only type that is accepted."""
MERGE = "application/merge-patch+json"
PAUSE = 0.2
"""Seconds between two looks at something that is awaited, at first."""
RARELY = 1.0
"""The most that it becomes: a look costs, and who has waited for long need not hear of it at once."""
DELAY = 0.05
"""What part of the time that was waited already may pass until the next look."""
SOON = 150.0
"""Seconds in which a cluster does what it was asked to, also on a machine that does much else."""

UNREACHABLE = (ConnectError, ConnectionDone, ConnectionLost, ResponseFailed, ResponseNeverReceived)
CONNECT_TIMEOUT = 2.0
ANSWER_TIMEOUT = 35.0
ATTEMPTS = 10
"""Times that a request is carried out again where the server says when, as client-go does (rest/with_retry.go)."""

Document = dict[str, Any]
Seen = Callable[[], Awaitable[bool]]
Sight = Callable[[Document], bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to one request."""

    status: int
    content: bytes
    warnings: tuple[str, ...] = ()
    retry_after: str = ""
    """Seconds after which the same request may be asked again, if the server named any."""

    @property
    def document(self) -> Document:
        decoded: Document = json.loads(self.content)
        return decoded

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def rest(self) -> int | None:
        """Seconds to wait before the same request is asked again; None where this is the answer to it."""
        is_passing = self.status == 429 or self.status >= 500
        return int(self.retry_after) if is_passing and self.retry_after.isdecimal() else None

    @property
    def is_unheard(self) -> bool:
        """Whether a webhook was not reached, so that admission has not answered."""
        return self.status == 500 and b"failed calling webhook" in self.content


class Refused(Exception):
    """The API server answered a request with something else than was awaited."""


class Overdue(Exception):
    """What was awaited did not come in time."""


def checked(what: str, answer: Answer, also: Collection[int] = ()) -> Document:
    """The document of an answer that is a success, or of one of the statuses ``also``. Raises Refused."""
    if not answer.ok and answer.status not in also:
        raise Refused(f"{what}: {answer.status} {answer.content.decode(errors='replace')[:2000]}")
    return answer.document


async def together(steps: Iterable[Coroutine[Deferred[Any], Any, None]]) -> None:
    """Take all steps side by side; when one fails the others are given up, and its error is the result."""
    taken = [Deferred.fromCoroutine(step) for step in steps]
    try:
        await gatherResults(taken, consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()
    finally:
        for step in taken:
            step.cancel()


class Control:
    """JSON requests to one HTTPS or HTTP server; ``token`` tells it who asks."""

    def __init__(self, reactor: Any, server: str, authority: bytes = b"", token: str = "") -> None:
        self._reactor = reactor
        self._server = server
        self._headers = Headers({"Accept": [ACCEPTED]})
        if token:
            self._headers.addRawHeader("Authorization", f"Bearer {token}")
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = 8
        roots = [Certificate.loadPEM(authority)] if authority else []
        policy = BrowserLikePolicyForHTTPS(trustRootFromCertificates(roots))
        self._client = HTTPClient(Agent(reactor, policy, CONNECT_TIMEOUT, pool=self._pool))

    async def ask(self, method: str, path: str, body: object = None, kind: str = JSON, accept: str = "") -> Answer:
        """One request, asked once. ``accept`` is for answers that are no plain JSON."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = self._headers.copy()
        if accept:
            headers.setRawHeaders("Accept", [accept])
        headers.addRawHeader("Content-Type", kind)
        response = await self._client.request(
            method, self._server + path, headers=headers, data=content, timeout=ANSWER_TIMEOUT, reactor=self._reactor
        )
        warnings = response.headers.getRawHeaders("Warning", [])
        rest = response.headers.getRawHeaders("Retry-After", [""])[-1]
        return Answer(response.code, await treq.content(response), tuple(warnings), rest)

    async def get(self, path: str) -> Document:
        """The document at a path; anything but success is an error."""
        return await self.change("GET", path)

    async def change(
        self, method: str, path: str, body: object = None, kind: str = JSON, also: Collection[int] = ()
    ) -> Document:
        """One request that must succeed, or answer one of the statuses ``also``.

        It is asked again where the server says so: a kind whose CRD another change has just touched answers 503 while
        its old storage is taken down (apiextensions-apiserver, crdHandler.tearDown).
        """
        answer = await self.ask(method, path, body, kind)
        for _ in range(ATTEMPTS):
            if answer.rest is None or answer.status in also:
                break
            await deferLater(self._reactor, answer.rest)
            answer = await self.ask(method, path, body, kind)
        return checked(f"{method} {path}", answer, also)

    async def apply(self, collection: str, document: Document) -> Document:
        """Make an object, or let one that is there already have everything that the document says."""
        answer = await self.ask("POST", collection, document)
        if answer.status == 409:
            return await self.change("PATCH", f"{collection}/{document['metadata']['name']}", document, MERGE)
        return checked(f"POST {collection}", answer)

    async def until(self, seconds: float, what: str, seen: Seen) -> None:
        """Ask ``seen`` again and again until it says so; a server that cannot be reached has not said so."""
        began = self._reactor.seconds()
        last = "it never came"
        while (waited := self._reactor.seconds() - began) < seconds:
            try:
                if await seen():
                    return
            except (*UNREACHABLE, Refused) as error:
                last = str(error)
            await deferLater(self._reactor, min(RARELY, max(PAUSE, waited * DELAY)))
        raise Overdue(f"waited {seconds:.0f} s for {what}: {last}")

    async def becomes(self, path: str, what: str, seen: Sight) -> Document:
        """Wait until an object shows something; a part of it that is not there yet has not shown it."""
        found: list[Document] = []

        async def look() -> bool:
            found[:] = [await self.get(path)]
            try:
                return seen(found[0])
            except LookupError:
                return False

        try:
            await self.until(SOON, f"{path} {what}", look)
        except Overdue as error:
            raise Overdue(f"{error}; it is {json.dumps([each.get('status') for each in found])[:3000]}") from None
        return found[0]

    async def answers(self, path: str) -> bool:
        """Whether the server says 200 at that path."""
        return (await self.ask("GET", path)).status == 200

    async def close(self) -> None:
        """Let go of the connections."""
        await self._pool.closeCachedConnections()
