"""What an operation sees of HTTP, and how it is registered. Free of Twisted."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from ..caller import Caller
from .dialect import Version

B = TypeVar("B")
NEVER: Version = (9999, 9999)


class Call(msgspec.Struct, Generic[B], frozen=True):
    """A request, with nothing of HTTP left that an operation should not see.

    ``names`` are the path's variables, ``query`` the decoded query (each key with its values in order),
    ``headers`` the few request headers an operation may read (x-subject-token, accept, content-type), lower case,
    ``address`` is where it comes from.
    """

    caller: Caller
    version: Version
    names: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: B
    request_id: str
    address: str = ""


class Pieces(msgspec.Struct, frozen=True):
    """A body of finished bytes, with Content-Length known.

    ``between`` stands between each two of them, within runs and between these, of which none is empty. Runs are
    joined as they are sent; one of one is sent as it lies where it ``is_kept``: others hold it too.
    """

    runs: Sequence[Sequence[bytes]]
    between: bytes = b""
    head: bytes = b""
    tail: bytes = b""
    is_kept: bool = False

    def joined(self) -> bytes:
        """All of it."""
        return b"".join((self.head, self.between.join(map(self.between.join, self.runs)), self.tail))


def pieces(*parts: bytes) -> Pieces:
    """One after the other."""
    return Pieces((parts,))


def enclosed(head: bytes, runs: Sequence[Sequence[bytes]], tail: bytes) -> Pieces:
    """Documents that lie finished somewhere as a JSON list that stands in another."""
    return Pieces([run for run in runs if run], b", ", head, tail, is_kept=True)


class Reply(msgspec.Struct, frozen=True):
    """An answer: None for no body, Pieces, bytes, or an object that is encoded as JSON."""

    body: object = None
    code: int = 200
    headers: Mapping[str, str] | None = None


Operation = Callable[[Call[B]], Reply | Awaitable[Reply]]
Decoder = Callable[[object], B]
Bodies = Sequence[tuple[Version, Decoder[B]]]
"""(since, decoder), ascending: the last whose version is not above the request's decodes the body."""


class Gate(Protocol):
    """What web needs of identity and policy."""

    def identify(self, token: str) -> Caller | Awaitable[Caller]:
        """The caller of a token; raises Unauthorized."""
        ...

    def permit(self, caller: Caller, operation: str) -> None:
        """Raises Forbidden in the words of the operation's service."""
        ...


class Routes(Protocol):
    """Where operations of one service are registered.

    ``policy`` names a row of the policy table; None makes the route public (no token is asked for).
    Paths are Klein rules relative to the service's prefix, with ``<name>`` variables (one segment each).
    """

    def get(
        self,
        url: str,
        policy: str | None,
        *,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[None]], Operation[None]]:
        """GET (and HEAD)."""
        ...

    def write(
        self,
        method: str,
        url: str,
        policy: str | None,
        bodies: Bodies[Any] = (),
        *,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[Any]], Operation[Any]]:
        """A write, which runs to its end though the client leaves. Without bodies no body is read."""
        ...

    def action(
        self,
        url: str,
        key: str,
        policy: str,
        bodies: Bodies[Any],
        *,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[Any]], Operation[Any]]:
        """One of the actions at a POST url, told apart by the single key of the body; the decoder gets its value."""
        ...
