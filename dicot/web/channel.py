"""One connection: what is refused before a request is whole, and when a client has had its time.

The overrides that know private names of ``HTTPChannel`` (Twisted 26.10) are all here; tests feed them bytes.
"""

import re
from enum import Enum

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from ..faults import BadRequest, Fault, HeadersTooLarge, RequestTimeout, UnsupportedMedia, UriTooLong
from .access import Record
from .framing import LONGEST_NAME, joined, misframed, path_in
from .head import head, line
from .limits import Deadline
from .quick import LONGEST, quick
from .request import Front, Request, too_large

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?")
_METHOD = re.compile(rb"[A-Z]{1,16}")
_LONG_HEADERS = "The headers of the request are too large."


class VersionNotSupported(Fault):
    """HTTP, but not 1.1."""

    code = 505
    default_kind = "HTTPVersionNotSupported"


class Stage(Enum):
    """Where a connection is, and so what it must do next."""

    IDLE = "waits for a request"
    HEADER = "a request begins"
    BODY = "a body arrives"
    ANSWER = "a request is being answered"
    LINGER = "refused; the client may read why"
    CLOSING = "the last bytes go out"


class Channel(HTTPChannel):
    """HTTP/1.1, one request at a time."""

    timeOut = None
    requestFactory = Request  # type: ignore[assignment]

    def __init__(self, front: Front, address: str) -> None:
        HTTPChannel.__init__(self)
        self.front = front
        self.address = address
        self._deadline = Deadline(front.clock, self._late)
        self._drained = Deadline(front.clock, self._abort)
        self._stage = Stage.IDLE
        self._marked = 0
        self._block = 0
        self._target = b""
        self._turn: IDelayedCall | None = None
        self.totalHeadersSize = front.limits.request_line + front.limits.header_block

    def connectionMade(self) -> None:
        HTTPChannel.connectionMade(self)
        self._ends = self.transport.getPeer(), self.transport.getHost()  # type: ignore[union-attr]
        self._secure = bool(HTTPChannel.isSecure(self))
        self.MAX_LENGTH = self.front.limits.request_line
        self._enter(Stage.HEADER)

    def getPeer(self) -> IAddress:
        return self._ends[0]

    def getHost(self) -> IAddress:
        """Asked of the kernel once, not for each request."""
        return self._ends[1]

    def isSecure(self) -> bool:
        return self._secure

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadline.stop()
        self._drained.stop()
        if self._turn is not None:
            self._turn.cancel()
        if self._stage is Stage.ANSWER:
            self.front.record(self.requests[0].record(499))
        self._stage = Stage.CLOSING
        HTTPChannel.connectionLost(self, reason)
        self.front.left(self)

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        if self._between and self._took(data):
            return
        if self._stage is Stage.IDLE:
            self._enter(Stage.HEADER)
        HTTPChannel.dataReceived(self, data)

    def _took(self, data: bytes) -> bool:
        """Takes the head of a request at once where it came whole and in the usual form; else it is read by lines,
        and nothing has happened yet."""
        limits = self.front.limits
        found = quick(data) if len(data) <= min(LONGEST, limits.request_line, limits.header_block) else None
        if found is None:
            return False
        request = Request(self)
        request.fields = found.fields
        self.requests.append(request)
        self._command, self._path, self._version = found.method, found.target, b"HTTP/1.1"
        self._target = found.target.partition(b"?")[0]
        self.allHeadersReceived()
        if not self._over:
            self.allContentReceived()
        return True

    def pauseProducing(self) -> None:
        self._drained.set(self.front.limits.write_seconds)
        HTTPChannel.pauseProducing(self)

    def resumeProducing(self) -> None:
        self._drained.drop()
        HTTPChannel.resumeProducing(self)

    @property
    def waits_since(self) -> float:
        """When it began to wait for its client to say or to read something; infinity where it does not."""
        return (self._drained if self._stage is Stage.ANSWER else self._deadline).since

    def give_way(self) -> None:
        """Ends at once, for the sake of others."""
        self._deadline.drop()
        self._drained.drop()
        self._abort()

    def retire(self) -> None:
        """Takes no further request: closes now if it is idle, else after the answer."""
        self.persistent = False
        if self._stage is Stage.IDLE or self._silent:
            self._close()

    def lineReceived(self, line: bytes) -> None:
        if self._over:
            return
        if self._stage is Stage.IDLE:
            self._enter(Stage.HEADER)
        if line[:1] in (b" ", b"\t"):
            self.refuse(BadRequest("A header of the request is folded."))
        elif not self._begun:
            self._begin(line)
        elif self._block + len(line) > self.front.limits.header_block:
            self.refuse(HeadersTooLarge(_LONG_HEADERS))
        else:
            self._block += len(line) + 2
            HTTPChannel.lineReceived(self, line)

    def _begin(self, line: bytes) -> None:
        self._target = path_in(line)
        HTTPChannel.lineReceived(self, line)
        if self._over or not self._begun:
            return
        self._block = 0
        self.MAX_LENGTH = self.front.limits.header_block
        if self._version != b"HTTP/1.1":
            self.refuse(VersionNotSupported("HTTP/1.1 is required."))
        elif not _METHOD.fullmatch(self._command) or not self._path.startswith(b"/"):
            self.refuse(BadRequest("The request line is malformed."))

    def lineLengthExceeded(self, line: bytes) -> None:
        if self._begun:
            self.refuse(HeadersTooLarge(_LONG_HEADERS))
        else:
            self._target = path_in(line[: self.front.limits.request_line])
            self.refuse(UriTooLong("The request URI was too long for this server."))

    def headerReceived(self, line: bytes) -> bool:
        if line.find(b":") > LONGEST_NAME:
            self.refuse(HeadersTooLarge(_LONG_HEADERS))
            return False
        # int() of thousands of digits raises, and after "identity" a body would be read as the next request.
        if line[:1] in b"cCtT" and misframed(line):
            self._respondToBadRequestAndDisconnect()
            return False
        return bool(HTTPChannel.headerReceived(self, line))

    def allHeadersReceived(self) -> None:
        if self._over:
            return
        request: Request = self.requests[-1]
        if request.fields is None:
            request.fields = joined(request.requestHeaders)
        fault = self._objection(request)
        if fault is not None:
            self.refuse(fault)
            return
        self.persistent = self.checkPersistence(request, self._version) and not self.front.closing
        request.gotLength(self.length)
        if self.length != 0:
            self._enter(Stage.BODY)
            if request.text_of(b"expect").lower() == "100-continue":
                self._ask(request)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        told = request.text_of(b"connection")
        return not told or "close" not in [word.strip(" \t") for word in told.lower().split(",")]

    def _objection(self, request: Request) -> Fault | None:
        if not _HOST.fullmatch(request.text_of(b"host")):
            return BadRequest("The Host header is missing, doubled or malformed.")
        if request.text_of(b"content-encoding").lower() not in ("", "identity"):
            return UnsupportedMedia("A Content-Encoding is not supported.")
        if self.length is not None and self.length > self.front.limits.body:
            return too_large(self.front.limits)
        return None

    def _ask(self, request: Request) -> None:
        """Looks whether the body is wanted, and only then asks for it."""
        path = self._path.partition(b"?")[0]
        verdict = Deferred.fromCoroutine(self.front.root.admit(request, self._command, path))
        verdict.addBoth(self._judge, request)

    def _judge(self, verdict: object, request: Request) -> None:
        if self._stage is not Stage.BODY or self.requests[-1] is not request:
            return
        if isinstance(verdict, Failure) and isinstance(verdict.value, Fault):
            self.refuse(verdict.value)
        else:
            # What else went wrong will go wrong again when the request is whole, and is answered there.
            self._send100Continue()

    def allContentReceived(self) -> None:
        if self._over:
            return
        self._enter(Stage.ANSWER)
        HTTPChannel.allContentReceived(self)

    def requestDone(self, request: Request) -> None:
        self._enter(Stage.IDLE if self.persistent else Stage.CLOSING)
        if self.persistent and (self._buffer or self._dataBuffer):
            # The next request has come already, and maybe a thousand more: others have their turn first.
            self.paused = True
            self._turn = self.front.clock.callLater(0, self._go_on)
        HTTPChannel.requestDone(self, request)

    def _go_on(self) -> None:
        self._turn = None
        self.paused = False
        self.dataReceived(b"")

    def refuse(self, fault: Fault) -> None:
        """Answers a request that is not read to its end; the connection is of no use after that."""
        if self._over:
            return
        self.persistent = False
        path, accept, id = self._target, "", self.front.new_id()
        if self._begun:
            accept, id = self.requests[-1].text_of(b"accept"), self.requests[-1].request_id
        reply = self.front.root.refusal(path, accept, fault, id)
        body = reply.body if isinstance(reply.body, bytes) else b""
        lines = [line(name, value) for name, value in (reply.headers or {}).items()]
        told = b"" if self._begun and self._command == b"HEAD" else body
        self.write(head(reply.code, [*lines, line("Content-Length", str(len(body)))], told, closing=True))
        self.front.record(self._refused(id, path, reply.code, len(body)))
        self._enter(Stage.LINGER)

    def _refused(self, id: str, path: bytes, status: int, size: int) -> Record:
        method = self._command.decode("latin-1") if self._begun else ""
        return Record(id, "", method, path.decode("latin-1"), "", status, size, 0.0, "", "", self.address)

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(BadRequest("The request is malformed."))

    @property
    def _over(self) -> bool:
        return self._stage is Stage.LINGER or self._stage is Stage.CLOSING

    @property
    def _begun(self) -> bool:
        return "_command" in vars(self)

    @property
    def _between(self) -> bool:
        """Whether nothing has come of the next request, and no other is under way."""
        if self._stage is Stage.IDLE or self._stage is Stage.HEADER:
            return not (self.requests or self._buffer or self._dataBuffer or self._busyReceiving or self.paused)
        return False

    @property
    def _silent(self) -> bool:
        """Whether nothing has come of a first request."""
        return self._stage is Stage.HEADER and not self.requests and not self._buffer

    def _enter(self, stage: Stage) -> None:
        self._stage = stage
        limits = self.front.limits
        match stage:
            case Stage.ANSWER:
                self._deadline.drop()
            case Stage.IDLE:
                self._target = b""
                self.MAX_LENGTH = limits.request_line
                self._deadline.set(limits.idle_seconds)
            case Stage.HEADER:
                self._deadline.set(limits.header_seconds)
            case Stage.BODY:
                self._marked = 0
                self._deadline.set(limits.body_seconds)
            case Stage.LINGER:
                self._deadline.set(limits.linger_seconds)
            case Stage.CLOSING:
                self._deadline.set(limits.write_seconds)

    def _late(self) -> None:
        match self._stage:
            case Stage.HEADER if not self._silent:
                self.refuse(RequestTimeout("The server has waited too long for the request to be sent."))
            case Stage.BODY:
                self._measure()
            case Stage.CLOSING:
                self._abort()
            case _:
                self._close()

    def _measure(self) -> None:
        limits = self.front.limits
        received = self.requests[-1].received
        if received - self._marked < limits.body_rate * limits.body_seconds:
            self.refuse(RequestTimeout("The server has waited too long for the request to be sent."))
            return
        self._marked = received
        self._deadline.set(limits.body_seconds)

    def _close(self) -> None:
        self._enter(Stage.CLOSING)
        self.loseConnection()

    def _abort(self) -> None:
        self.transport.abortConnection()  # type: ignore[union-attr]
