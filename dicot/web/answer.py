"""The one place that maps a fault to an answer, and that writes answers."""

from collections.abc import Iterator, Sequence

import msgspec
from twisted.internet.defer import CancelledError

from ..faults import Fault
from ..pull import SLICE, Slices, cut, length, sliced
from .call import Pieces, Reply, pieces
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
            made = Pieces(())
        case bytes() as body:
            made = pieces(body)
        case content:
            made = pieces(msgspec.json.encode(content))
    return Reply(made, reply.code, reply.headers)


async def send(request: Request, dialect: Dialect, reply: Reply) -> None:
    """Writes an encoded answer, large ones as the client takes them. It does not end the request."""
    body = reply.body if isinstance(reply.body, Pieces) else Pieces(())
    size = _size(body)
    told = None if reply.code in _BODILESS else size
    lines = fields(dialect, request.version, request.request_id, told, reply.headers)
    if not told or request.method == b"HEAD":
        request.begin(reply.code, lines)
    elif size <= SLICE:
        request.begin(reply.code, lines, body.joined())
    elif not request.gone:
        opening = request.opening(reply.code, lines)
        # It goes with the body and is none of it.
        request.sentLength = -len(opening)
        try:
            await Slices(request, slices(opening, body, whole=not request.isSecure()), request.write_all).send()
        except CancelledError:
            return  # the client has left in the middle of its answer


def _size(body: Pieces) -> int:
    ends = len(body.head) + len(body.tail) + len(body.between) * max(0, len(body.runs) - 1)
    return ends + sum(length(run, body.between) for run in body.runs)


def slices(opening: bytes, body: Pieces, *, whole: bool) -> Iterator[Sequence[bytes]]:
    """What is to be written at a time, of which one text is long: ``opening``, then the body.

    What is kept elsewhere stays ``whole``, so that a slow client holds no copy of it; but by TLS each client is sent
    bytes of its own.
    """
    held, is_full = [opening, body.head], False
    for number, run in enumerate(body.runs):
        texts = sliced(run, body.between) if len(run) > 1 else run if whole and body.is_kept else cut(run[0])
        lead = body.between if number else b""
        for text in texts:
            if is_full:
                yield held
                held = []
            held += (lead, text)
            lead, is_full = b"", True
    held.append(body.tail)
    yield held
