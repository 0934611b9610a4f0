"""What says itself until when it is of use: revocations, logs of what is gone. Nobody asks for them any more then."""

from collections.abc import Callable, Sequence
from typing import Any

from ...kube import errors
from ...kube.address import place
from ...kube.kind import Kind, Row
from ...moments import read
from ..writing.cluster import Cluster

# Clocks of replicas that check tokens may be this far apart.
_GRACE = 120.0


def is_over(kind: Kind[Any], row: Row, now: float) -> bool:
    """Whether an object is of no use any more. One whose time cannot be read stays."""
    expires = read(kind.read(row).spec.expires)
    return expires is not None and now >= expires + _GRACE


class Expiry:
    """The chore of deleting objects of kinds whose ``spec.expires`` says until when."""

    period = 60.0

    def __init__(self, cluster: Cluster, kinds: Sequence[Kind[Any]]) -> None:
        self._cluster = cluster
        self._kinds = kinds

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore. Time passes by the clock."""

    async def round(self, may: Callable[[], bool]) -> None:
        """Deletes what is over."""
        for kind in self._kinds:
            for row in list(self._cluster.stores[kind].rows()):
                if not is_over(kind, row, self._cluster.time()):
                    continue
                if not may():
                    return
                await self._delete(kind, row)

    async def _delete(self, kind: Kind[Any], row: Row) -> None:
        try:
            await self._cluster.kube.delete(place(kind, row.namespace, row.name), uid=row.uid, within=15.0)
        except (errors.Missing, errors.Conflict):
            pass
        self._cluster.forget(kind, row.namespace, row.name, row.uid)
