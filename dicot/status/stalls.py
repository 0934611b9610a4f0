"""How late the reactor is: what waits for nothing else shows how long everybody waits."""

from collections import deque

from prometheus_client import CollectorRegistry, Histogram
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

PERIOD = 0.1
"""Seconds between two looks."""
KEPT = 600
"""Looks that are remembered: a minute of them."""
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class Stalls(Service):
    """Sets a timer again and again, and notes how late it is called, in seconds."""

    def __init__(self, clock: IReactorTime, registry: CollectorRegistry) -> None:
        self._clock = clock
        self._timer: IDelayedCall | None = None
        self._late: deque[float] = deque(maxlen=KEPT)
        self._histogram = Histogram(
            "dicot_reactor_lag_seconds", "How late a timer is called.", buckets=BUCKETS, registry=registry
        )

    @property
    def worst(self) -> float:
        """The longest delay of the last minute."""
        return max(self._late, default=0.0)

    @property
    def usual(self) -> float:
        """The median delay of the last minute."""
        return sorted(self._late)[len(self._late) // 2] if self._late else 0.0

    def startService(self) -> None:
        super().startService()
        self._wait()

    def stopService(self) -> None:
        super().stopService()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = self._clock.callLater(PERIOD, self._called, self._clock.seconds() + PERIOD)

    def _called(self, due: float) -> None:
        late = max(0.0, self._clock.seconds() - due)
        self._late.append(late)
        self._histogram.observe(late)
        self._wait()
