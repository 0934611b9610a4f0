"""What virt-handlers see of a guest, and what follows from it."""

from dicot.kube.kind import Row
from dicot.moments import read

from ..marks import delay
from ..steps import REST, Decision
from . import guests, migrations, plugging, wiring
from .cluster import Cluster
from .instances import GUESTS, Guest
from .kinds import PODS, Pod


class VirtHandlers:
    """Those of all nodes. ``work`` is how long a migration takes, in seconds."""

    def __init__(self, cluster: Cluster, work: float) -> None:
        self._cluster = cluster
        self._work = work

    def decide(self, row: Row, now: float) -> Decision:
        """What to do about a guest."""
        guest = GUESTS.read(row)
        if self._cluster.is_lost(guest.status.nodeName):
            return REST
        launcher = self._cluster.launcher_of(row)
        left = _booting(guest, launcher, now)
        if left > 0:
            return Decision(again=left)
        decision = guests.decide(guest, launcher, now)
        decision = decision if decision != REST else plugging.decide(guest)
        decision = decision if decision != REST else wiring.decide(guest, launcher)
        move = guest.status.migrationState
        if decision != REST or move is None:
            return decision
        target = self._cluster.pods.one(row.namespace, move.targetPod)
        return migrations.decide(guest, move, PODS.read(target) if target is not None else None, now, self._work)


def _booting(guest: Guest, launcher: Pod | None, now: float) -> float:
    """Seconds that a guest still takes until it is up, since its launcher was started."""
    if guest.status.phase != "Scheduled" or launcher is None or guest.metadata.deletionTimestamp is not None:
        return 0.0
    return (read(launcher.status.startTime) or now) + delay(guest.metadata.annotations) - now
