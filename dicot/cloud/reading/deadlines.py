"""Moments at which something must be asked again."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import isfinite

from twisted.internet.interfaces import IDelayedCall, IReactorTime

# A view that names the moment it is asked at must not turn the reactor into a loop.
_SOONEST = 0.05
_LEAST = 0.001
# The wall clock may be set, of which no timer hears: the heap is looked at once a minute.
_LONGEST = 60.0


class Deadlines:
    """The next moment of each key, in one heap with one timer.

    ``ring`` gets the keys whose moment has come by ``now``, the wall clock.
    """

    def __init__(self, clock: IReactorTime, now: Callable[[], float], ring: Callable[[list[str]], None]) -> None:
        self._clock = clock
        self._now = now
        self._ring = ring
        self._moments: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._timer: IDelayedCall | None = None

    def put(self, key: str, moment: float | None) -> None:
        """Replace a key's moment (seconds of the wall clock); None and what is no number remove it."""
        if moment is None or not isfinite(moment):
            if self._moments.pop(key, None) is not None:
                self._wind()
            return
        moment = max(moment, self._now() + _SOONEST)
        if self._moments.get(key) != moment:
            self._moments[key] = moment
            heappush(self._heap, (moment, key))
            self._wind()

    def stop(self) -> None:
        """Forget all of them."""
        self._moments.clear()
        self._wind()

    def _wind(self) -> None:
        """Set the timer to the first moment that still counts."""
        if len(self._heap) > 2 * len(self._moments) + 64:
            self._heap = [(moment, key) for key, moment in self._moments.items()]
            heapify(self._heap)
        while self._heap and self._moments.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        if not self._heap:
            self._cancel()
            return
        wait = min(max(self._heap[0][0] - self._now(), _LEAST), _LONGEST)
        if self._timer is None:
            self._timer = self._clock.callLater(wait, self._due)
        elif abs(self._timer.getTime() - self._clock.seconds() - wait) > _LEAST:
            self._timer.reset(wait)

    def _due(self) -> None:
        self._timer = None
        now, keys = self._now(), []
        while self._heap and self._heap[0][0] <= now:
            moment, key = heappop(self._heap)
            if self._moments.get(key) == moment:
                del self._moments[key]
                keys.append(key)
        self._wind()
        if keys:
            self._ring(keys)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
