"""What the nodes see of the cluster, and who of them decides about what."""

from collections.abc import Iterator, Sequence
from typing import Any

from dicot.kube.kind import Kind, Row
from dicot.kube.store import Change, Store

from ..controller import Key
from ..snapshots.groups.kinds import GROUP_CONTENTS
from ..snapshots.kinds import CONTENTS
from ..steps import REST, Decision
from .balancers import SERVICES, Balancers
from .cluster import Cluster
from .instances import GUESTS
from .kinds import CLAIMS, DISKS, NODES, PODS
from .kubelets import Kubelets
from .machines import Machine
from .odds import RULES, Odds
from .outages import Outages
from .storage import Storage
from .touched import touched
from .virt_handlers import VirtHandlers
from .work.programs import Programs

_DECIDED = (PODS, GUESTS, CLAIMS, DISKS, CONTENTS, SERVICES, NODES, GROUP_CONTENTS, RULES)


class NodeWorld:
    """Kubelets, virt-handlers, storage and load balancers, and what goes wrong with them. ``work`` is how long CDI's
    workers take, in seconds; ``programs`` is what runs in them, None for workers that only seem to work."""

    def __init__(self, machines: Sequence[Machine], work: float, programs: Programs | None = None) -> None:
        self.cluster = Cluster()
        self.odds = Odds()
        self._outages = Outages(self.odds, {machine.name for machine in machines})
        self._kubelets = Kubelets(self.cluster, machines, work, programs)
        self._handlers = VirtHandlers(self.cluster, work)
        self.storage = Storage(
            self.odds, self._kubelets.is_mounted, programs.contents if programs is not None else None
        )
        self._balancers = Balancers()
        own = (*self.cluster.stores, *self.storage.stores, self._balancers.services)
        self._stores: dict[Kind[Any], Store[Any]] = {
            store.kind: store for store in (*own, self.odds.rules, self._outages.quotas)
        }

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched."""
        return tuple(self._stores.values())

    def saw(self, change: Change) -> Iterator[Key]:
        """Take a change into account; what must be decided again."""
        if change.kind is PODS:
            self._kubelets.saw(change)
        elif change.kind is DISKS:
            self.storage.saw(change)
        elif change.kind is SERVICES:
            self._balancers.saw(change)
        if change.new is None and change.old is not None:
            self.odds.forget(change.old.uid)
        yield from touched(self.cluster, change)

    def everything(self) -> list[Key]:
        """All objects that there are."""
        return [Key(kind, row.namespace, row.name) for kind in _DECIDED for row in self._stores[kind].rows()]

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an object."""
        row = self._stores[key.kind].one(key.namespace, key.name)
        if row is None:
            return REST
        if key.kind is RULES:
            return self._outages.decide_rule(row, now)
        if key.kind is NODES:
            return self._outages.decide_node(NODES.read(row), now)
        return self.odds.meet(key.kind, row) or self._decide(key.kind, row, now)

    def _decide(self, kind: Kind[Any], row: Row, now: float) -> Decision:
        if kind is PODS:
            return self._kubelets.decide(row, now)
        if kind is GUESTS:
            return self._handlers.decide(row, now)
        if kind is SERVICES:
            return self._balancers.decide(SERVICES.read(row))
        return self.storage.decide(kind, row, now)
