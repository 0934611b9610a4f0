"""Plants the seeds of a cluster as soon as it takes them."""

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from dicot.kube.client import Kube
from dicot.kube.errors import Doubtful, Refused, Unreachable
from dicot.kube.kind import Manifest

from .seed import plant

AGAIN = 2.0
"""Seconds between two tries: what admits objects may start later than the API server."""
_log = Logger()


class Planting(Service):
    """Tries until everything is there."""

    def __init__(self, kube: Kube, manifests: Sequence[Manifest], clock: IReactorTime) -> None:
        self._kube = kube
        self._manifests = manifests
        self._clock = clock
        self._planting: Deferred[None] | None = None

    def startService(self) -> None:
        """Begin."""
        super().startService()
        planting = Deferred.fromCoroutine(self._plant())
        self._planting = planting.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def stopService(self) -> None:
        """Leave it half done; the next start finishes it."""
        super().stopService()
        if self._planting is not None:
            self._planting.cancel()

    async def _plant(self) -> None:
        while True:
            try:
                await plant(self._kube, list(self._manifests))
            except (Refused, Doubtful, Unreachable) as reason:
                _log.warn("seeds: {reason}", reason=reason)
                await deferLater(self._clock, AGAIN)
            else:
                _log.info("seeds are planted")
                return
