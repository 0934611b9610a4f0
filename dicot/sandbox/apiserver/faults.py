"""What may go wrong between the API server and its clients, on purpose."""

from dataclasses import dataclass
from typing import Literal, Protocol

from .asking import Asking
from .refusal import Refusal


@dataclass(frozen=True, slots=True)
class Course:
    """How a request goes.

    ``before`` and ``after``: seconds that pass before it is carried out, and before its answer leaves. ``refusal``
    is answered, and nothing is done. ``times``: how often it is carried out; the last time is answered. ``mark`` is
    the fault that the node side meets with what is made. ``lost`` closes the connection in the place of what is
    lost. ``cut`` closes it after so many bytes of the answer's body. ``error`` is what a watch ends with before it
    has told of anything.
    """

    before: float = 0.0
    after: float = 0.0
    refusal: Refusal | None = None
    times: int = 1
    mark: str = ""
    lost: Literal["", "request", "answer"] = ""
    cut: int | None = None
    error: Refusal | None = None


class Stream(Protocol):
    """The connection of a watch that is open."""

    def write(self, data: bytes) -> None:
        """Send what was held back."""
        ...

    def fail(self, data: bytes) -> None:
        """Send this, and end the answer."""
        ...

    def close(self) -> None:
        """Close the connection once all is sent that was written, in the midst of the answer."""
        ...

    def abort(self) -> None:
        """Close the connection at once."""
        ...


class Flow(Protocol):
    """What becomes of the lines of one watch."""

    def pieces(self, line: bytes) -> list[bytes]:
        """What is sent for a line: nothing, twice, or half of it."""
        ...

    def over(self) -> None:
        """The watch has ended."""
        ...


class Faults(Protocol):
    """Asked about each request, and about each watch that has begun."""

    def course(self, asking: Asking) -> Course:
        """What happens to a request."""
        ...

    def follow(self, asking: Asking, course: Course, stream: Stream) -> Flow:
        """What happens to a watch that has begun on its course."""
        ...


GOOD = Course()
