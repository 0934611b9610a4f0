"""Bytes in, bytes out: a site driven over an in-memory transport, and a small service to drive."""

import itertools
import json
from collections.abc import Awaitable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from dicot.caller import ANONYMOUS, Caller
from dicot.faults import Forbidden, Unauthorized
from dicot.web.access import Record
from dicot.web.api import Api
from dicot.web.call import Call, Reply
from dicot.web.dialect import Dialect
from dicot.web.dialects.compute import Compute
from dicot.web.intake import Site
from dicot.web.limits import Limits
from dicot.web.origin import Network
from dicot.web.site import Page, build_site

BASE = "/compute/v2.1"
PUBLIC = "https://cloud.example:5000"
PROJECT = "0123456789abcdef0123456789abcdef"
DEMO = replace(ANONYMOUS, user="u1", project=PROJECT, namespace="demo", roles=frozenset(("member",)))


@dataclass
class ListedGate:
    """A gate that knows the tokens it is given, and what each caller may not do."""

    callers: Mapping[str, Caller | Awaitable[Caller]] = field(default_factory=lambda: {"good": DEMO})
    denied: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def identify(self, token: str) -> Caller | Awaitable[Caller]:
        self.asked.append(token)
        if token not in self.callers:
            raise Unauthorized("The request you have made requires authentication.")
        return self.callers[token]

    def permit(self, caller: Caller, operation: str) -> None:
        if operation in self.denied:
            raise Forbidden(f"Policy doesn't allow {operation} to be performed.")


@dataclass(frozen=True)
class Response:
    """One answer, taken apart."""

    code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection to a site."""

    def __init__(self, site: Site, address: str = "192.0.2.1") -> None:
        peer = IPv4Address("TCP", address, 40000)
        channel = site.buildProtocol(peer)
        assert channel is not None
        self.channel = channel
        self.transport = StringTransport(peerAddress=peer)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    def leave(self) -> None:
        self.channel.connectionLost(Failure(ConnectionDone()))

    @property
    def closing(self) -> bool:
        return self.transport.disconnecting

    @property
    def cut(self) -> bool:
        return self.transport.disconnected

    def responses(self) -> list[Response]:
        """All answers so far, in order."""
        found, rest = [], self.transport.value()
        while rest:
            response, rest = _parsed(rest)
            found.append(response)
        return found

    def response(self) -> Response:
        """The one answer so far."""
        (found,) = self.responses()
        return found

    def ask(self, method: str, path: str, body: bytes | object | None = None, **headers: str) -> Response:
        """Sends a whole request and takes its answer."""
        self.send(written(method, path, body, **headers))
        found = self.response_to(method)
        self.transport.clear()
        return found

    def response_to(self, method: str) -> Response:
        if method != "HEAD":
            return self.response()
        response, rest = _parsed(self.transport.value(), bodiless=True)
        assert rest == b"", rest
        return response


def written(method: str, path: str, body: bytes | object | None = None, **headers: str) -> bytes:
    """A request; header names have _ for -, and token=... is X-Auth-Token."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Host": "cloud.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if "token" in fields:
        fields["X-Auth-Token"] = fields.pop("token")
    if body is not None:
        fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), **fields}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + content


def _parsed(data: bytes, *, bodiless: bool = False) -> tuple[Response, bytes]:
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    code = int(first.split(" ")[1])
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        assert name.lower() not in headers, f"{name} is sent twice"
        headers[name.lower()] = value
    size = 0 if bodiless or code in (100, 204) else int(headers["content-length"])
    return Response(code, headers, rest[:size]), rest[size:]


class Bench:
    """A clock, a site with one service, and what its access log said."""

    def __init__(
        self,
        dialect: Dialect | None = None,
        gate: ListedGate | None = None,
        limits: Limits | None = None,
        pages: Mapping[str, Page] | None = None,
        others: Iterable[Api] = (),
        proxies: Sequence[Network] = (),
    ) -> None:
        self.clock = Clock()
        self.gate = gate or ListedGate()
        self.api = Api(dialect or Compute(PUBLIC), self.gate)
        self.records: list[Record] = []
        numbers = itertools.count(1)
        self.site = build_site(
            [self.api, *others],
            pages or {},
            PUBLIC,
            self.clock,
            self.records.append,
            new_id=lambda: f"req-00000000-0000-4000-8000-{next(numbers):012d}",
            limits=limits or Limits(),
            proxies=proxies,
        )

    def wire(self, address: str = "192.0.2.1") -> Wire:
        return Wire(self.site, address)

    def ask(self, method: str, path: str, body: bytes | object | None = None, **headers: str) -> Response:
        """One request on a connection of its own."""
        return self.wire().ask(method, path, body, **headers)


class Asked(Awaitable[Caller]):
    """A caller who is looked up anew each time."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Caller]] = []

    def __await__(self) -> Generator[Any, Any, Caller]:
        self.waiting.append(Deferred())
        return self.waiting[-1].__await__()


def pending() -> Deferred[Any]:
    """Something that has not happened yet."""
    return Deferred()


def as_is(content: object) -> object:
    """A decoder that takes whatever comes."""
    return content


def echoed(call: Call[Any]) -> Reply:
    """An operation that tells what it was given."""
    return Reply({"names": dict(call.names), "body": call.body, "user": call.caller.user})
