"""Revocations whose tokens have all run out: nobody asks for them any more."""

from collections.abc import Callable

from ...kube import errors
from ...kube.client import place
from ...kube.kind import Row
from ...moments import read
from ..kinds.identity import REVOCATION
from ..writing.cluster import Cluster

# Clocks of replicas that check tokens may be this far apart.
_GRACE = 120.0


def is_over(row: Row, now: float) -> bool:
    """Whether a revocation is of no use any more. One whose time cannot be read stays."""
    expires = read(REVOCATION.read(row).spec.expires)
    return expires is not None and now >= expires + _GRACE


class Expiry:
    """The chore of deleting revocations."""

    period = 60.0

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore. Time passes by the clock."""

    async def round(self, may: Callable[[], bool]) -> None:
        """Deletes what is over."""
        for row in list(self._cluster.stores[REVOCATION].rows()):
            if not is_over(row, self._cluster.time()):
                continue
            if not may():
                return
            try:
                await self._cluster.kube.delete(place(REVOCATION, row.namespace, row.name), uid=row.uid, within=15.0)
            except (errors.Missing, errors.Conflict):
                pass
            self._cluster.forget(REVOCATION, row.namespace, row.name, row.uid)
