"""Which node a Pod goes to, and in kube-scheduler's words why to none (kubernetes 1.36, pkg/scheduler/framework)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ...kube.quantity import amount
from .affinity import ALONE, Labels, Placed, apart, holds, obstacle, score
from .kinds import Container, Node, Pod, Taint, Toleration

Amounts = Mapping[str, Decimal]
_NONE = Decimal(0)
_KEEP_OFF = ("NoSchedule", "NoExecute")
_CORDONED = Taint("node.kubernetes.io/unschedulable", effect="NoSchedule")
CORDONED = "node(s) were unschedulable"
_NOBODY = "no nodes available to schedule pods"
_NO_CLAIMS = "no new claims to deallocate"
"""Of the plugin that allocates devices, about a Pod that has claimed none."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a node is not for a Pod. ``stays``: it would be there if all other Pods were gone."""

    reasons: tuple[str, ...]
    stays: bool = True


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

    def company(self, pod: Pod, nodes: Iterable[Node]) -> list[Placed]:
        """The Pods on these nodes that matter to one: all of them only where it says anything of others."""
        labels = {node.metadata.name: node.metadata.labels for node in nodes}
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


def choose(pod: Pod, nodes: Sequence[Node], load: Load) -> str:
    """The name of the node that fits and is preferred, with the most memory left. Raises Unfit."""
    placed = load.company(pod, nodes)
    found = [(node, _obstacle(pod, node, load, placed)) for node in nodes]
    fitting = [node for node, obstacle in found if obstacle is None]
    if not fitting:
        raise Unfit(_spoken([obstacle for _, obstacle in found if obstacle is not None]))
    best = max(fitting, key=lambda node: (score(pod, node.metadata.labels, placed), _left(node, load, "memory")))
    return best.metadata.name


class Unfit(Exception):
    """No node is for a Pod; the text is what kube-scheduler says of it."""

    @classmethod
    def at_all(cls, why: str, nodes: int) -> "Unfit":
        """Whatever the nodes are like. The plugin for devices has then not been asked before, and finds nothing."""
        return cls(_told(f"{why}.", nodes, "not found"))

    @classmethod
    def each(cls, why: str, nodes: int) -> "Unfit":
        """All of them are as ``why`` has it."""
        return cls(_spoken([Obstacle((why,))] * nodes))


_HELPLESS = "Preemption is not helpful for scheduling"
_NO_VICTIMS = "No preemption victims found for incoming pod"


def _spoken(obstacles: Sequence[Obstacle]) -> str:
    """What is said of nodes that all have an obstacle. Nobody is preempted: all Pods count as of one priority."""
    reasons = Counter(reason for each in obstacles for reason in each.reasons)
    helpless = Counter(_HELPLESS if each.stays else _NO_VICTIMS for each in obstacles)
    preempted = f"preemption: {_available(len(obstacles))}: {_counted(helpless)}"
    return _told(_counted(reasons), len(obstacles), f"{_NO_CLAIMS}, {preempted}")


def _told(why: str, nodes: int, afterwards: str) -> str:
    return f"{_available(nodes)}: {why} {afterwards}" if nodes else _NOBODY


def _available(nodes: int) -> str:
    return f"0/{nodes} nodes are available"


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items())) + "."


def _obstacle(pod: Pod, node: Node, load: Load, placed: Sequence[Placed]) -> Obstacle | None:
    """The first of kube-scheduler's filters that a node does not pass, in their order (apis/config/v1,
    default_plugins.go)."""
    why = _closed(pod, node)
    if why:
        return Obstacle((why,))
    short = _short(pod, node, load)
    if short is not None:
        return short
    company = obstacle(pod, node.metadata.labels, placed)
    return Obstacle((company,), stays=company == ALONE) if company else None


def _closed(pod: Pod, node: Node) -> str:
    """What keeps a Pod off a node whatever is left of it."""
    if node.spec.unschedulable and not _is_tolerated(pod, _CORDONED):
        return CORDONED
    if any(each.effect in _KEEP_OFF and not _is_tolerated(pod, each) for each in node.spec.taints):
        return "node(s) had untolerated taint(s)"
    return "" if _is_selected(pod, node.metadata.labels) else "node(s) didn't match Pod's node affinity/selector"


def _short(pod: Pod, node: Node, load: Load) -> Obstacle | None:
    """All that a node has not enough of."""
    short = {name: number for name, number in needs(pod).items() if number and number > _left(node, load, name)}
    if not short:
        return None
    reasons = tuple("Too many pods" if name == "pods" else f"Insufficient {name}" for name in short)
    return Obstacle(reasons, any(number > _whole(node, name) for name, number in short.items() if name != "pods"))


def _left(node: Node, load: Load, resource: str) -> Decimal:
    return _whole(node, resource) - load.of(node.metadata.name).get(resource, _NONE)


def _whole(node: Node, resource: str) -> Decimal:
    return amount(node.status.allocatable.get(resource, "0"))


def _is_tolerated(pod: Pod, taint: Taint) -> bool:
    return any(_tolerates(each, taint) for each in pod.spec.tolerations)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    return toleration.operator == "Exists" or (bool(toleration.key) and toleration.value == taint.value)


def _is_selected(pod: Pod, labels: Labels) -> bool:
    if any(labels.get(key) != value for key, value in pod.spec.nodeSelector.items()):
        return False
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity else None
    if required is None:
        return True
    return any(all(holds(each, labels) for each in term.matchExpressions) for term in required.nodeSelectorTerms)
