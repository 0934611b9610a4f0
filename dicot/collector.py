"""When the garbage collector may stop everything.

Rows and entries hold no containers, so that it has nothing to find in them; but it would look, at each of the first
lists, at all that was imported, assembled and is being decoded: for seconds in all at 100,000 servers.
"""

import ctypes
import gc

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

PATIENCE = 120.0
"""Seconds after which it works again though the first lists are not whole: a cluster may be away for hours."""
THRESHOLDS = (10_000, 20, 10)
"""Containers made beyond those deleted between two young collections, each less than a millisecond; and so on."""
LARGE = 8 * 2**20
"""Bytes from which on memory goes back to the system as soon as it is free. The hash of a password takes 19 MB: once
glibc has seen one come and go it would keep as much, for each thread that makes them."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


class Collector(Service):
    """Lets the collector rest while the first lists come, and takes what is there then out of its sight."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._usual = gc.get_threshold()
        self._timer: IDelayedCall | None = None

    def startService(self) -> None:
        """What is there already will stay."""
        super().startService()
        keep_little()
        gc.collect()
        gc.freeze()
        gc.disable()
        self._timer = self._clock.callLater(PATIENCE, self.settle)

    def settle(self) -> None:
        """The first lists are whole, or too late: one collection of all that came, and the usual work from now on."""
        self._end_rest()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        _give_back()

    def stopService(self) -> None:
        super().stopService()
        self._end_rest()
        gc.set_threshold(*self._usual)
        gc.unfreeze()

    def _end_rest(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        gc.enable()


def keep_little() -> None:
    """Keep no large memory that is free; only glibc would, and can be told so."""
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(_M_MMAP_THRESHOLD, LARGE)
        option(_M_TRIM_THRESHOLD, LARGE)


def _give_back() -> None:
    """Return to the system what the lists needed while they came; only glibc keeps it, and can be told so."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
