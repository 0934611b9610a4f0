"""What one client may use of the listener, and the moments until it must have used it."""

import resource
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

from twisted.internet.interfaces import IDelayedCall, IReactorTime


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    A body must bring ``body_rate`` bytes a second, averaged over ``body_seconds``. ``write_seconds`` is what a
    client may take for what the transport holds (64 kB and a slice). ``body`` is oslo.middleware's limit.
    ``patience`` is what a connection may wait for its client where others wait for a place.
    """

    body: int = 114_688
    request_line: int = 65_536
    header_block: int = 16_384
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    body_rate: int = 1_024
    idle_seconds: float = 60.0
    write_seconds: float = 30.0
    linger_seconds: float = 1.0
    per_address: int = 256
    connections: int = 4_096
    patience: float = 1.0


RESERVED = 256
"""Open files that clients may not take: connections to Kubernetes, of monitoring, and logs."""


def affordable(limits: Limits) -> Limits:
    """The same with no more connections than the process may have open files; it takes what it is granted."""
    granted, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + RESERVED
    if granted < wanted:
        granted = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, most))
    return replace(limits, connections=max(1, min(limits.connections, granted - RESERVED)))


class Deadline:
    """A moment that costs an assignment to move or drop: the timer behind it is only ever moved forward."""

    def __init__(self, clock: IReactorTime, missed: Callable[[], None]) -> None:
        self._clock = clock
        self._missed = missed
        self._since = 0.0
        self._due: float | None = None
        self._timer: IDelayedCall | None = None

    @property
    def since(self) -> float:
        """When it was set; infinity, where nothing is due."""
        return inf if self._due is None else self._since

    def set(self, seconds: float) -> None:
        """``missed`` is called after so many seconds, unless it is set anew or dropped."""
        self._since = self._clock.seconds()
        self._due = self._since + seconds
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._ring)
        elif self._timer.getTime() > self._due:
            self._timer.reset(seconds)

    def drop(self) -> None:
        """Nothing is due."""
        self._due = None

    def stop(self) -> None:
        """Nothing will be due."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._due is None:
            return
        rest = self._due - self._clock.seconds()
        if rest > 0:
            self._timer = self._clock.callLater(rest, self._ring)
            return
        self._due = None
        self._missed()
