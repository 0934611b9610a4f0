"""Which node a Pod goes to."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from ...kube.quantity import amount
from .affinity import Placed, apart, holds, obstacle, score
from .kinds import Container, Node, Pod, Taint, Toleration
from .machines import Machine

Amounts = Mapping[str, Decimal]
_NONE = Decimal(0)
_KEEP_OFF = ("NoSchedule", "NoExecute")


class Load:
    """What the Pods of each node have asked for."""

    def __init__(self) -> None:
        self._pods: dict[str, tuple[str, Amounts, Pod]] = {}
        self._loners: set[str] = set()
        self._used: dict[str, dict[str, Decimal]] = {}

    def count(self, uid: str, pod: Pod | None) -> None:
        """Take a Pod's newest state into account; None for one that is gone."""
        if uid in self._pods:
            node, asked, _ = self._pods.pop(uid)
            self._loners.discard(uid)
            self._add(node, asked, -1)
        if pod is not None and pod.spec.nodeName and pod.status.phase not in ("Succeeded", "Failed"):
            self.assign(uid, pod, pod.spec.nodeName)

    def assign(self, uid: str, pod: Pod, node: str) -> None:
        """A Pod goes to a node; its own object may not say so yet."""
        if uid not in self._pods:
            asked = needs(pod)
            self._pods[uid] = (node, asked, pod)
            if apart(pod):
                self._loners.add(uid)
            self._add(node, asked, 1)

    def company(self, pod: Pod, machines: Sequence[Machine]) -> list[Placed]:
        """The Pods on these machines that matter to one: all of them only where it says anything of others."""
        labels = {machine.name: machine.labels for machine in machines}
        affinity = pod.spec.affinity
        is_choosy = affinity is not None and (affinity.podAffinity or affinity.podAntiAffinity)
        found = (self._pods[uid] for uid in (self._pods if is_choosy else self._loners))
        return [Placed(pod, labels[node]) for node, _, pod in found if node in labels]

    def of(self, node: str) -> Amounts:
        """What is used of a node."""
        return self._used.get(node, {})

    def _add(self, node: str, asked: Amounts, sign: int) -> None:
        used = self._used.setdefault(node, {})
        for resource, number in asked.items():
            used[resource] = used.get(resource, _NONE) + sign * number


def needs(pod: Pod) -> Amounts:
    """What a Pod asks of its node: all containers together, or the largest init container where that is more."""
    beside = [each for each in pod.spec.initContainers if each.restartPolicy == "Always"]
    total = _sum([*pod.spec.containers, *beside])
    for container in pod.spec.initContainers:
        for resource, text in container.resources.requests.items():
            total[resource] = max(total.get(resource, _NONE), amount(text))
    return {**total, "pods": Decimal(1)}


def _sum(containers: Iterable[Container]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for container in containers:
        for resource, text in container.resources.requests.items():
            total[resource] = total.get(resource, _NONE) + amount(text)
    return total


def choose(
    pod: Pod, machines: Sequence[Machine], load: Load, nodes: Mapping[str, Node] = MappingProxyType({})
) -> Machine | str:
    """Of the machines that fit the preferred one, with the most memory left; or in the scheduler's words why none.

    ``nodes`` are the machines' Nodes, as far as they were seen.
    """
    reasons: dict[str, int] = {}
    fitting = []
    placed = load.company(pod, machines)
    for machine in machines:
        why = _obstacle(pod, machine, nodes.get(machine.name), load) or obstacle(pod, machine, placed)
        if why:
            reasons[why] = reasons.get(why, 0) + 1
        else:
            fitting.append(machine)
    if fitting:
        return max(fitting, key=lambda machine: (score(pod, machine, placed), _left(machine, load, "memory")))
    return ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))


def _obstacle(pod: Pod, machine: Machine, node: Node | None, load: Load) -> str:
    """In the order of kube-scheduler's filters (pkg/scheduler/apis/config/v1/default_plugins.go)."""
    for taint in node.spec.taints if node is not None else ():
        if taint.effect in _KEEP_OFF and not any(_tolerates(each, taint) for each in pod.spec.tolerations):
            unschedulable = taint.key == "node.kubernetes.io/unschedulable"
            return "node(s) were unschedulable" if unschedulable else "node(s) had untolerated taint(s)"
    if not _is_selected(pod, machine.labels if node is None else node.metadata.labels):
        return "node(s) didn't match Pod's node affinity/selector"
    for resource, number in needs(pod).items():
        if number > _left(machine, load, resource):
            return "Too many pods" if resource == "pods" else f"Insufficient {resource}"
    return ""


def _left(machine: Machine, load: Load, resource: str) -> Decimal:
    return amount(machine.capacity.get(resource, "0")) - load.of(machine.name).get(resource, _NONE)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    return toleration.operator == "Exists" or (bool(toleration.key) and toleration.value == taint.value)


def _is_selected(pod: Pod, labels: Mapping[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in pod.spec.nodeSelector.items()):
        return False
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity else None
    if required is None:
        return True
    return any(all(holds(each, labels) for each in term.matchExpressions) for term in required.nodeSelectorTerms)
