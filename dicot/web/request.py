"""A request and what is found out about it while it is answered."""

import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web import server

from ..caller import ANONYMOUS, Caller
from ..faults import Fault, TooLarge
from .access import Record
from .call import Reply
from .dialect import UNVERSIONED, Version
from .head import head, line
from .limits import Limits
from .origin import Network, origin

_GLOBAL_ID = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Root(Protocol):
    """Everything behind the listener."""

    def serve(self, request: "Request") -> None:
        """Answers a request that has arrived whole."""
        ...

    async def admit(self, request: "Request", method: bytes, path: bytes) -> None:
        """Raises the Fault that a request will meet, before its body is asked for."""
        ...

    def refusal(self, path: bytes, accept: str, fault: Fault, request_id: str) -> Reply:
        """A fault in the words of the service that the path belongs to; the body is bytes."""
        ...


class Front(Protocol):
    """What connections share."""

    clock: IReactorTime
    limits: Limits
    proxies: Sequence[Network]
    root: Root
    closing: bool

    def new_id(self) -> str:
        """An id for a request."""
        ...

    def record(self, record: Record) -> None:
        """Tells the access log."""
        ...

    def left(self, connection: "Connection") -> None:
        """A connection is gone."""
        ...


class Connection(Protocol):
    """What a request needs of its connection."""

    front: Front
    address: str
    persistent: int
    """Whether a further request may follow on it."""

    def refuse(self, fault: Fault) -> None:
        """Answers at once and closes."""
        ...

    @property
    def waits_since(self) -> float:
        """When it began to wait for its client; infinity where it does not."""
        ...

    def give_way(self) -> None:
        """Ends at once, for the sake of others."""
        ...

    def retire(self) -> None:
        """Takes no further request."""
        ...


class Request(server.Request):
    """One HTTP request."""

    defaultContentType = None

    def __init__(self, channel: Connection, *queued: object) -> None:
        server.Request.__init__(self, channel, *queued, parsePOSTFormSubmission=False)
        self.connection = channel
        self.request_id = channel.front.new_id()
        self.started = channel.front.clock.seconds()
        self.caller: Caller = ANONYMOUS
        self.version: Version = UNVERSIONED
        self.project = ""
        self.service = ""
        self.route = ""
        self.query = b""
        self.received = 0
        self.body = BytesIO()
        self.fields: Mapping[bytes, bytes] | None = None
        """The headers by name in lower case, several lines joined by commas; None until all have come."""

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        return bool(self._disconnected)

    @property
    def address(self) -> str:
        """Where it comes from; what a proxy says of that counts where the configuration knows the proxy."""
        proxies = self.connection.front.proxies
        if not proxies:
            return self.connection.address
        return origin(self.connection.address, self.text_of(b"x-forwarded-for"), proxies)

    @property
    def global_id(self) -> str:
        """The id that a client gave to a chain of requests; "" where it is not of the form req-<uuid>."""
        given = self.text_of(b"x-openstack-request-id")
        return given if given and _GLOBAL_ID.fullmatch(given) else ""

    def text_of(self, name: bytes) -> str:
        """A request header, by its name in lower case; several lines are joined by commas, as WSGI servers do."""
        if self.fields is not None:
            text = self.fields.get(name)
            return text.decode("latin-1") if text else ""
        lines = self.requestHeaders.getRawHeaders(name)
        return b",".join(lines).decode("latin-1") if lines else ""

    def gotLength(self, length: int | None) -> None:
        self.content = self.body

    def handleContentChunk(self, data: bytes) -> None:
        self.received += len(data)
        limits = self.connection.front.limits
        if self.received > limits.body:
            self.connection.refuse(too_large(limits))
        else:
            self.body.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.received:
            self.body.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, self.query = path.partition(b"?")
        self.args = {}
        self.prepath, self.postpath = [], []
        self.connection.front.root.serve(self)

    def getRequestHostname(self) -> bytes:
        """One name for all: Klein binds its map to it, and no answer depends on the Host header."""
        return b"dicot"

    def processingFailed(self, reason: Failure) -> None:
        """Never Twisted's page of HTML: what comes here has escaped everything else."""
        self._log.failure("request {id}", failure=reason, id=self.request_id)
        if not self.startedWriting:
            fault = Fault("The server has either erred or is incapable of performing the requested operation.")
            self.write_whole(self.connection.front.root.refusal(self.path, "", fault, self.request_id))
        self.end()

    def write_whole(self, reply: Reply) -> None:
        """Writes an answer whose body is bytes."""
        body = reply.body if isinstance(reply.body, bytes) else b""
        lines = [line(name, value) for name, value in (reply.headers or {}).items()]
        self.begin(reply.code, [*lines, line("Content-Length", str(len(body)))], body)

    def begin(self, code: int, lines: Iterable[bytes], body: bytes = b"") -> None:
        """Writes a whole answer, of a short body or none, in one piece; to HEAD there is none. Twisted's own way sets
        and encodes each header by itself."""
        if self.gone:
            return
        told = b"" if self.method == b"HEAD" else body
        self.channel.write(self.opening(code, lines, told))
        self.sentLength = len(told)

    def opening(self, code: int, lines: Iterable[bytes], body: bytes = b"") -> bytes:
        """The head of an answer that is about to be written, and what follows it at once."""
        self.code, self.startedWriting = code, 1
        return head(code, lines, body, closing=not self.connection.persistent)

    def write_all(self, texts: Sequence[bytes]) -> None:
        """More of an answer."""
        if not self.gone:
            self.sentLength += sum(map(len, texts))
            self.channel.writeSequence(texts)

    def end(self) -> None:
        """The answer is complete."""
        if not self.finished and not self.gone:
            self.finish()

    def record(self, status: int) -> Record:
        """What the access log says of it."""
        return Record(
            request_id=self.request_id,
            global_id=self.global_id,
            method=self.method.decode("latin-1"),
            path=(self.path or b"").decode("latin-1"),
            query=self.query.decode("latin-1"),
            status=status,
            size=self.sentLength,
            took=self.connection.front.clock.seconds() - self.started,
            user=self.caller.user,
            project=self.caller.project,
            address=self.address,
            service=self.service,
            route=self.route,
        )


def too_large(limits: Limits) -> TooLarge:
    """The refusal of oslo.middleware (sizelimit.py)."""
    return TooLarge(f"Request is too large. Larger than max_request_body_size ({limits.body}).")
