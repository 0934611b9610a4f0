"""What scheduler and kubelets see of a Pod, and what follows from it."""

from collections.abc import Sequence

from dicot.kube.kind import Row
from dicot.kube.store import Change

from ..marks import FAULT, delay
from ..steps import REST, Decision
from . import pods
from .cluster import Cluster
from .kinds import (
    CLONE_SOURCE,
    COMPONENT,
    NODES,
    PODS,
    SOURCE_SUFFIX,
    UPLOAD_SERVER,
    Claim,
    Pod,
    claims_of,
    clone_link,
)
from .machines import Machine
from .pods import Scene
from .scheduler import Scheduler
from .work.job import Held
from .work.programs import Programs, State


class Kubelets:
    """Those of all machines, and the scheduler. ``work`` is how long CDI's workers take, in seconds; ``programs`` is
    what runs in them, None for workers that only seem to work."""

    def __init__(self, cluster: Cluster, machines: Sequence[Machine], work: float, programs: Programs | None) -> None:
        self._cluster = cluster
        self._scheduler = Scheduler(machines)
        self._work = work
        self._programs = programs

    def saw(self, change: Change) -> None:
        """Take a Pod's newest state into account."""
        if change.new is not None:
            self._scheduler.saw(PODS.read(change.new))
        elif change.old is not None:
            self._scheduler.lost(PODS.read(change.old))
        is_another = change.old is not None and (change.new is None or change.new.uid != change.old.uid)
        if self._programs is not None and change.old is not None and is_another:
            self._programs.end(change.old.uid)

    def is_mounted(self, claim: Claim) -> bool:
        """Whether one of them mounts a claim for a Pod."""
        return any(self._is_run(pod) for pod in self._cluster.pods_with(claim))

    def _is_run(self, pod: Pod) -> bool:
        node = pod.spec.nodeName
        is_live = node in self._scheduler.machines and not self._cluster.is_lost(node)
        return is_live and pod.status.phase not in pods.FINAL

    def decide(self, row: Row, now: float) -> Decision:
        """What to do about a Pod."""
        pod = PODS.read(row)
        node = pod.spec.nodeName
        if pod.metadata.deletionTimestamp is None and not node:
            claims = [(name, self._cluster.claim(row.namespace, name)) for name in claims_of(pod)]
            nodes = [NODES.read(each) for each in self._cluster.nodes.rows()]
            return self._scheduler.decide(pod, claims, nodes, now)
        machine = self._scheduler.machines.get(node)
        if node and (machine is None or self._cluster.is_lost(node)):
            return REST
        return pods.decide(pod, self._scene(row, pod, machine, now))

    def _scene(self, row: Row, pod: Pod, machine: Machine | None, now: float) -> Scene:
        claims = [self._cluster.claim(row.namespace, name) for name in claims_of(pod)]
        bound = all(claim is not None and claim.status.phase == "Bound" for claim in claims)
        pair = [PODS.read(each) for each in self._cluster.pods.linked(clone_link(row.owner))] if row.owner else []
        return Scene(
            bound=bound,
            guest=self._guest(row, pod),
            sent=any(
                each.metadata.labels.get(COMPONENT) == CLONE_SOURCE and each.status.phase == "Succeeded"
                for each in pair
            ),
            broken=any(claim is not None and claim.metadata.annotations.get(FAULT) == "import" for claim in claims),
            address=self._scheduler.address(pod) if machine is not None else "",
            host=machine.address if machine is not None else "",
            now=now,
            work=max(self._work, *(delay(claim.metadata.annotations) for claim in claims if claim is not None), 0.0),
            program=self._program(pod) if bound and pod.status.phase not in pods.FINAL else None,
        )

    def _guest(self, row: Row, pod: Pod) -> str:
        """The phase of the guest that a launcher runs, "" where it has none: no longer, or not yet and not at all."""
        guest = self._cluster.guest_of(row)
        if guest is None:
            return ""
        status, move = guest.status, guest.status.migrationState
        is_elsewhere = status.nodeName not in ("", pod.spec.nodeName)
        is_left = move is not None and move.leaves(row.name)
        return "" if is_elsewhere and (is_left or pod.metadata.deletionTimestamp is not None) else status.phase

    def _program(self, pod: Pod) -> State | None:
        """What runs in a Pod."""
        if self._programs is None or pod.metadata.deletionTimestamp is not None:
            return None
        return self._programs.state(pod, self._held, lambda: self._cloned_into(pod))

    def _held(self, namespace: str, name: str) -> Held | None:
        """The volume of a claim."""
        claim = self._cluster.claim(namespace, name)
        if claim is None or not claim.spec.volumeName:
            return None
        return Held(claim.spec.volumeName, claim.metadata.annotations.get(FAULT, ""))

    def _cloned_into(self, source: Pod) -> str:
        """The volume that a clone source fills: that of the Pod which it sends to."""
        link = clone_link(source.metadata.name.removesuffix(SOURCE_SUFFIX))
        for row in self._cluster.pods.linked(link):
            pod = PODS.read(row)
            if pod.metadata.labels.get(COMPONENT) == UPLOAD_SERVER:
                found = (self._held(row.namespace, name) for name in claims_of(pod))
                return next((held.volume for held in found if held is not None), "")
        return ""
