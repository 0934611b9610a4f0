"""Requests to a daemon as bytes on a socket: whole, cut, slow, abandoned, or simply right."""

from __future__ import annotations

import json
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.protocol import ClientCreator, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

T = TypeVar("T")
NOTHING: Mapping[str, str] = MappingProxyType({})
PATIENCE = 45.0
"""Seconds after which an answer that has not come is given up: a write may take 30."""
AVERAGE = "2.95"
"""The microversion of a request that names none of its own."""
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


class NoAnswer(Exception):
    """The connection ended without a whole answer."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, taken apart; the names of its headers in lower case."""

    code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded

    def __str__(self) -> str:
        return f"{self.code} {dict(self.headers)} {self.body[:500]!r}"


class Line(Protocol):
    """One connection for one request. ``ended`` fires when the answer is whole, or the connection gone."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if missing(self.heard) == 0:
            self.leave()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(None)

    def say(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]

    def leave(self) -> None:
        """Break off, as a client does that is killed."""
        self.transport.abortConnection()  # type: ignore[union-attr]


async def dial(reactor: Any, url: str) -> Line:
    """A connection to a daemon, by its numeric address."""
    parts = urlsplit(url)
    # An endpoint would ask a thread for an address that is known, and log each connection.
    line: Line = await ClientCreator(reactor, Line).connectTCP(str(parts.hostname), parts.port or 80)
    return line


async def answered(reactor: Any, line: Line, patience: float = PATIENCE) -> Heard:
    """What the server says. Raises NoAnswer where it closes without a word, or takes too long."""
    limit = reactor.callLater(patience, line.leave)
    await line.ended
    if limit.active():
        limit.cancel()
    return heard(line.heard)


async def speak(reactor: Any, url: str, data: bytes, patience: float = PATIENCE) -> Heard:
    """Bytes, and the answer to them."""
    line = await dial(reactor, url)
    line.say(data)
    return await answered(reactor, line, patience)


async def drip(reactor: Any, url: str, head: bytes, tail: bytes, rest: float = 1.0) -> Heard:
    """Bytes at once, then others one at a time until the server has had enough."""
    line = await dial(reactor, url)
    line.say(head)
    for place in range(len(tail)):
        await deferLater(reactor, rest)
        if line.ended.called:
            break
        line.say(tail[place : place + 1])
    return await answered(reactor, line)


async def leave(reactor: Any, url: str, data: bytes, cut: int, rest: float) -> None:
    """The first bytes of a request, and after a rest no client any more."""
    line = await dial(reactor, url)
    line.say(data[:cut])
    await deferLater(reactor, rest)
    line.leave()
    await line.ended


async def side_by_side(*works: Coroutine[Deferred[Any], Any, T]) -> list[T]:
    """The results of all works; the first that fails is the failure."""
    try:
        return await gatherResults([Deferred.fromCoroutine(work) for work in works], consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()
        raise


def missing(data: bytes) -> int:
    """How many bytes an answer still lacks, as far as that is known; at least 1 while its head is not whole."""
    head, split, body = data.partition(b"\r\n\r\n")
    if not split:
        return 1
    found = _LENGTH.search(head)
    return max(0, int(found[1]) - len(body)) if found else 0


def heard(data: bytes) -> Heard:
    """An answer of these bytes. Raises NoAnswer for less than one."""
    head, split, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    if not split or not first.startswith("HTTP/1.1 "):
        raise NoAnswer(repr(data[:200]))
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if missing(data):
        raise NoAnswer(f"{len(body)} bytes of {headers['content-length']}")
    return Heard(int(first.split()[1]), headers, body)


def request(method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = NOTHING) -> bytes:
    """The bytes of a request after which the server closes; a header given as "" is left out."""
    given = {"Host": "cloud.example", "Connection": "close", "Accept": "application/json"}
    if body is not None:
        given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**given, **headers}.items() if value]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + (body or b"")


def nameless(answer: Heard, *ids: str) -> tuple[object, ...]:
    """What is left of an answer without the ids that were asked for, the request's own id and the time."""
    body = answer.body.decode("latin-1")
    for id in ids:
        body = body.replace(id, "<id>")
    fleeting = {"date", "x-openstack-request-id", "x-compute-request-id", "content-length"}
    kept = sorted((name, value) for name, value in answer.headers.items() if name not in fleeting)
    return answer.code, tuple(kept), body


class Person:
    """A user with a token of one project, at one daemon."""

    def __init__(self, reactor: Any, url: str, token: str, project: str, user: str) -> None:
        self.url = url
        self.token = token
        self.project = project
        self.user = user
        self._reactor = reactor

    def bytes_of(self, method: str, path: str, body: object = None, headers: Mapping[str, str] = NOTHING) -> bytes:
        """The bytes of a request; a body that is not bytes is made JSON."""
        given = {"X-Auth-Token": self.token, "OpenStack-API-Version": f"compute {AVERAGE}", **headers}
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return request(method, path, content, given)

    async def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] = NOTHING) -> Heard:
        """One request, asked once."""
        return await speak(self._reactor, self.url, self.bytes_of(method, path, body, headers))

    def at(self, url: str) -> Person:
        """The same at another daemon."""
        return Person(self._reactor, url, self.token, self.project, self.user)


def by_password(user: str, password: str, project: str) -> dict[str, Any]:
    """Keystone's request for a token of a project."""
    domain = {"id": "default"}
    proof = {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}}
    return {"auth": {"identity": proof, "scope": {"project": {"name": project, "domain": domain}}}}


async def logged_in(reactor: Any, url: str, user: str, password: str, project: str = "") -> Person:
    """A person with a fresh token for a project, or for that of the same name."""
    body = json.dumps(by_password(user, password, project or user)).encode()
    answer = await speak(reactor, url, request("POST", "/identity/v3/auth/tokens", body))
    if answer.code != 201:
        raise NoAnswer(str(answer))
    token = answer.document["token"]
    return Person(reactor, url, answer.headers["x-subject-token"], token["project"]["id"], token["user"]["id"])
