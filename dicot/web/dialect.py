"""Version range, version headers and error envelope of one service."""

from collections.abc import Mapping
from typing import Protocol

from ..faults import Fault

Version = tuple[int, int]
UNVERSIONED: Version = (0, 0)


class Dialect(Protocol):
    """How one OpenStack service speaks HTTP beside its resources."""

    @property
    def service(self) -> str:
        """compute, identity, image, network or volume."""
        ...

    def negotiate(self, headers: Mapping[str, str]) -> Version:
        """The version of a request, from its headers (lower-case names). Raises BadRequest or NotAcceptable."""
        ...

    def stamp(self, version: Version) -> Mapping[str, str]:
        """Headers of every answer: version echo, Vary."""
        ...

    def envelope(self, fault: Fault, accept: str) -> tuple[bytes, str]:
        """The body of a refusal and its content type."""
        ...

    def unversioned(self, version: Version) -> Fault:
        """The refusal for an operation that does not exist at this version (Nova: 404)."""
        ...
