"""What may go wrong between the API server and its clients, on purpose."""

from collections.abc import Sequence
from typing import Protocol

from .asking import Asking


class Cut(Exception):
    """Close the connection at once, whatever was sent."""


class Faults(Protocol):
    """Asked at three points of each request. Whatever it awaits delays the request; Cut ends its connection; Refusal
    (but of a watch's line) is answered in the place of what would have been."""

    async def arrived(self, asking: Asking) -> None:
        """Nothing has been done yet."""
        ...

    async def done(self, asking: Asking, code: int) -> None:
        """It is done and kept, and the answer is about to leave."""
        ...

    def line(self, asking: Asking, line: bytes) -> Sequence[bytes]:
        """What is sent for a line of a watch: nothing, twice, or half of it."""
        ...


class NoFaults:
    """All goes well."""

    async def arrived(self, asking: Asking) -> None:
        """See Faults."""

    async def done(self, asking: Asking, code: int) -> None:
        """See Faults."""

    def line(self, asking: Asking, line: bytes) -> Sequence[bytes]:
        """See Faults."""
        return (line,)
