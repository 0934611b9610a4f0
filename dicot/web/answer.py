"""The one place that maps a fault to an answer, and that writes answers."""

import msgspec
from twisted.internet.defer import CancelledError

from ..faults import Fault
from ..pull import SLICE, Slices, length
from .call import Pieces, Reply
from .dialect import Dialect, Version
from .head import fields
from .request import Request

_BODILESS = frozenset((204, 304))


def refusal(dialect: Dialect, fault: Fault, accept: str, version: Version) -> Reply:
    """What a client is told of a fault: status, headers, and the service's envelope as bytes."""
    body, content_type = dialect.envelope(fault, accept)
    headers = {**dialect.stamp(version), **fault.headers, "Content-Type": content_type}
    if fault.code == 401:
        headers.setdefault("WWW-Authenticate", dialect.challenge)
    return Reply(body, fault.code, headers)


def identified(reply: Reply, dialect: Dialect, request_id: str) -> Reply:
    """The same answer with the request's id in the service's headers."""
    ids = dict.fromkeys(dialect.id_headers, request_id)
    return Reply(reply.body, reply.code, {**(reply.headers or {}), **ids})


def encoded(reply: Reply) -> Reply:
    """The same answer with its body as Pieces; an object becomes JSON."""
    match reply.body:
        case Pieces():
            return reply
        case None:
            parts: tuple[bytes, ...] = ()
        case bytes() as body:
            parts = (body,)
        case content:
            parts = (msgspec.json.encode(content),)
    return Reply(Pieces(parts), reply.code, reply.headers)


async def send(request: Request, dialect: Dialect, reply: Reply) -> None:
    """Writes an encoded answer, large ones as the client takes them. It does not end the request."""
    body = reply.body if isinstance(reply.body, Pieces) else Pieces(())
    size = length(body.parts, body.between)
    told = None if reply.code in _BODILESS else size
    lines = fields(dialect, request.version, request.request_id, told, reply.headers)
    if not told or request.method == b"HEAD":
        request.begin(reply.code, lines)
    elif size <= SLICE:
        request.begin(reply.code, lines, body.between.join(body.parts))
    elif not request.gone:
        request.begin(reply.code, lines)
        try:
            await Slices(request, body.parts, body.between, size).send()
        except CancelledError:
            return  # the client has left in the middle of its answer
