"""One request, and what is answered to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import json

from dicot.kube.kind import Manifest

from ..nodes.websocket import Frames
from .asked import User
from .query import Query

JSON = "application/json"
NOBODY = User("")
"""Who asks, until that is known."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request. Names of headers are in lower case; ``warnings`` collects what the answer warns of, ``mark`` is a
    fault for what is made."""

    method: str
    path: str
    query: Query
    headers: Mapping[str, Sequence[str]]
    body: bytes
    user: User = NOBODY
    warnings: list[str] = field(default_factory=list)
    mark: str = ""

    def header(self, name: str, default: str = "") -> str:
        """The first value of a header."""
        return next(iter(self.headers.get(name, ())), default)

    @property
    def media(self) -> str:
        """The type of the body, without parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose pieces are known. ``stream`` as in ``seams.Answer``."""

    code: int
    pieces: Sequence[bytes]
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Callable[[], Frames] | None = None

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.pieces))


@dataclass(frozen=True, slots=True)
class Following:
    """An answer that goes on. ``begin`` starts it with where its lines go, the clock, what is told when it is over,
    and what is sent for a line; it answers what stops it."""

    begin: Callable[[Any, Any, Callable[[], None], Callable[[bytes], list[bytes]]], Callable[[], None]]
    media: str = JSON


def document(code: int, manifest: Manifest) -> Reply:
    """An answer of one object."""
    return Reply(code, (json.encode(manifest) + b"\n",))


def raw(code: int, body: bytes) -> Reply:
    """An answer of one object that is JSON already."""
    return Reply(code, (body, b"\n"))


def text(code: int, said: str) -> Reply:
    """An answer in words."""
    return Reply(code, (f"{said}\n".encode(),), "text/plain; charset=utf-8", {"X-Content-Type-Options": "nosniff"})
