"""Binds Pods to machines, and keeps count of both."""

from collections.abc import Mapping, Sequence

from ..marks import FAULT
from ..steps import Decision, act
from .addresses import Addresses
from .kinds import Claim, Node, Pod
from .machines import Machine
from .placement import Load, choose
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
        self, pod: Pod, claims: Sequence[tuple[str, Claim | None]], nodes: Mapping[str, Node], now: float
    ) -> Decision:
        """Where a Pod without a node goes."""
        place = (
            _spoiled(pod, len(self.machines))
            or _waits_for(claims)
            or choose(pod, list(self.machines.values()), self._load, nodes)
        )
        if isinstance(place, str):
            refusal = refuse(pod, f"0/{len(self.machines)} nodes are available: {place}.", now)
            return act(*([refusal] if refusal else []), again=AGAIN)
        self._load.assign(pod.metadata.uid, pod, place.name)
        return act(bind(pod, place.name))


def _spoiled(pod: Pod, machines: int) -> str:
    """Why no node takes a Pod with the fault ``unschedulable``: as if all of them were cordoned."""
    return f"{machines} node(s) were unschedulable" if pod.metadata.annotations.get(FAULT) == "unschedulable" else ""


def _waits_for(claims: Sequence[tuple[str, Claim | None]]) -> str:
    for name, claim in claims:
        if claim is None or claim.metadata.deletionTimestamp is not None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim.status.phase != "Bound":
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""
