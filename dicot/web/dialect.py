"""Version range, version headers, words and error envelope of one service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..faults import Fault, UnsupportedMedia

Version = tuple[int, int]
UNVERSIONED: Version = (0, 0)


@dataclass(frozen=True, slots=True)
class Words:
    """The service's sentences for what goes wrong before an operation is reached.

    ``foreign_project`` is "" where the service takes no project id in its paths. ``accepts`` are the content types a
    body may have; None accepts any. ``bodiless`` says that no body at all is read as null, ``literal`` that a path
    with a slash at its end is another one, and none of the service's. ``{...}`` are filled in by ``Api``.
    """

    malformed: str
    media: str
    no_such_action: str
    unexpected: str
    foreign_project: str = ""
    missing: str = "The resource could not be found."
    disallowed: str = "The method {method} is not allowed for this resource."
    unauthorized: str = "The request you have made requires authentication."
    wrong_media: type[Fault] = UnsupportedMedia
    accepts: frozenset[str] | None = None
    bodiless: bool = False
    literal: bool = False


class Dialect(Protocol):
    """How one OpenStack service speaks HTTP beside its resources."""

    @property
    def service(self) -> str:
        """compute, identity, image, network or volume."""
        ...

    @property
    def words(self) -> Words:
        """What it says of requests that reach no operation."""
        ...

    @property
    def challenge(self) -> str:
        """``WWW-Authenticate`` of a 401."""
        ...

    @property
    def id_headers(self) -> tuple[str, ...]:
        """The headers that carry the request id."""
        ...

    def __hash__(self) -> int:
        """What it says always is remembered by it."""
        ...

    def negotiate(self, headers: Mapping[str, str]) -> Version:
        """The version of a request, from its headers (lower-case names). Raises BadRequest or NotAcceptable."""
        ...

    def stamp(self, version: Version) -> Mapping[str, str]:
        """Headers of every answer: version echo, Vary. UNVERSIONED where no version was agreed on."""
        ...

    def envelope(self, fault: Fault, accept: str) -> tuple[bytes, str]:
        """The body of a refusal and its content type."""
        ...

    def unversioned(self, version: Version) -> Fault:
        """The refusal for an operation that does not exist at this version (Nova: 404)."""
        ...
