"""How far a watch is behind its server, roughly: by the times that the server writes into objects."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from .deep import deeply

EVERY = 10.0
"""Seconds between two samples: most of an object is read for one, managedFields among it."""


class _Field(msgspec.Struct, frozen=True, gc=False):
    time: datetime | None = None


class _Meta(msgspec.Struct, frozen=True, gc=False):
    managedFields: tuple[_Field, ...] = ()


class _Object(msgspec.Struct, frozen=True, gc=False):
    metadata: _Meta = _Meta()


class _Line(msgspec.Struct, frozen=True, gc=False):
    type: str
    object: _Object


_LINE = msgspec.json.Decoder(_Line)


class Lag:
    """Seconds between the last write of an object, by the server's clock, and its event, by our own.

    Two clocks, one of which counts whole seconds: a sign for people, by which nothing is decided.
    """

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self.latest: float | None = None
        self._clock = clock
        self._wall = wall
        self._due = clock()

    def see(self, line: bytes) -> None:
        """A line that is about to be applied; one now and then is looked at."""
        now = self._clock()
        if now < self._due:
            return
        written = _written(line)
        if written is not None:
            self._due = now + EVERY
            self.latest = self._wall() - written


def _written(line: bytes) -> float | None:
    """When the object of an event was written last. A deletion is not written into its object."""
    try:
        seen = deeply(_LINE, line)
    except msgspec.DecodeError:
        return None
    if seen is None or seen.type not in ("ADDED", "MODIFIED"):
        return None
    times = [field.time.timestamp() for field in seen.object.metadata.managedFields if field.time is not None]
    return max(times, default=None)
