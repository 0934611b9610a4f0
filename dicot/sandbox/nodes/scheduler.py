"""Binds Pods to machines, and keeps count of both."""

from collections.abc import Sequence

from ..marks import FAULT
from ..steps import Decision, act
from .addresses import Addresses
from .kinds import Claim, Node, Pod
from .machines import Machine
from .placement import CORDONED, Load, Unfit, choose
from .pods import bind, refuse

AGAIN = 1.0
"""Seconds until a Pod that fits nowhere is tried again."""


class Scheduler:
    """What every machine has left."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        self.machines = {machine.name: machine for machine in machines}
        self._load = Load()
        self._addresses = {machine.name: Addresses(machine.pods) for machine in machines}

    def saw(self, pod: Pod) -> None:
        """Take a Pod's newest state into account."""
        uid, node = pod.metadata.uid, pod.spec.nodeName
        self._load.count(uid, pod)
        if pod.status.podIP and node in self._addresses and not pod.spec.hostNetwork:
            self._addresses[node].hold(uid, pod.status.podIP)

    def lost(self, pod: Pod) -> None:
        """A Pod is gone."""
        self._load.count(pod.metadata.uid, None)
        if pod.spec.nodeName in self._addresses:
            self._addresses[pod.spec.nodeName].free(pod.metadata.uid)

    def address(self, pod: Pod) -> str:
        """The address that a Pod has or gets."""
        if pod.spec.hostNetwork:
            return self.machines[pod.spec.nodeName].address
        return self._addresses[pod.spec.nodeName].give(pod.metadata.uid)

    def decide(
        self, pod: Pod, claims: Sequence[tuple[str, Claim | None]], nodes: Sequence[Node], now: float
    ) -> Decision:
        """Where a Pod without a node goes, of all that there are."""
        try:
            _look(pod, claims, len(nodes))
            name = choose(pod, nodes, self._load)
        except Unfit as why:
            refusal = refuse(pod, str(why), now)
            return act(*([refusal] if refusal else []), again=AGAIN)
        self._load.assign(pod.metadata.uid, pod, name)
        return act(bind(pod, name))


def _look(pod: Pod, claims: Sequence[tuple[str, Claim | None]], nodes: int) -> None:
    """What keeps a Pod from any node: its claims, or a fault, as if all nodes were cordoned. Raises Unfit."""
    for name, claim in claims:
        if claim is None:
            raise Unfit.at_all(f'persistentvolumeclaim "{name}" not found', nodes)
        if claim.metadata.deletionTimestamp is not None:
            raise Unfit.at_all(f'persistentvolumeclaim "{name}" is being deleted', nodes)
        if claim.status.phase != "Bound":
            raise Unfit.at_all("pod has unbound immediate PersistentVolumeClaims", nodes)
    if pod.metadata.annotations.get(FAULT) == "unschedulable":
        raise Unfit.each(CORDONED, nodes)
