"""Which node a Pod goes to."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from ...kube.quantity import amount
from .kinds import Container, Expression, Pod
from .machines import Machine

Amounts = Mapping[str, Decimal]
_NONE = Decimal(0)


class Load:
    """What the Pods of each node have asked for."""

    def __init__(self) -> None:
        self._pods: dict[str, tuple[str, Amounts]] = {}
        self._used: dict[str, dict[str, Decimal]] = {}

    def count(self, uid: str, pod: Pod | None) -> None:
        """Take a Pod's newest state into account; None for one that is gone."""
        node, asked = self._pods.pop(uid, ("", {}))
        self._add(node, asked, -1)
        if pod is not None and pod.spec.nodeName and pod.status.phase not in ("Succeeded", "Failed"):
            self.assign(uid, pod, pod.spec.nodeName)

    def assign(self, uid: str, pod: Pod, node: str) -> None:
        """A Pod goes to a node; its own object may not say so yet."""
        if uid not in self._pods:
            self._pods[uid] = (node, needs(pod))
            self._add(node, self._pods[uid][1], 1)

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


def choose(pod: Pod, machines: Sequence[Machine], load: Load) -> Machine | str:
    """The machine with the most memory left of those that fit, or in the scheduler's words why none does."""
    reasons: dict[str, int] = {}
    fitting = []
    for machine in machines:
        why = _obstacle(pod, machine, load)
        if why:
            reasons[why] = reasons.get(why, 0) + 1
        else:
            fitting.append(machine)
    if fitting:
        return max(fitting, key=lambda machine: _left(machine, load, "memory"))
    return ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))


def _obstacle(pod: Pod, machine: Machine, load: Load) -> str:
    if not _is_selected(pod, machine.labels):
        return "node(s) didn't match Pod's node affinity/selector"
    for resource, number in needs(pod).items():
        if number > _left(machine, load, resource):
            return "Too many pods" if resource == "pods" else f"Insufficient {resource}"
    return ""


def _left(machine: Machine, load: Load, resource: str) -> Decimal:
    return amount(machine.capacity.get(resource, "0")) - load.of(machine.name).get(resource, _NONE)


def _is_selected(pod: Pod, labels: Mapping[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in pod.spec.nodeSelector.items()):
        return False
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity else None
    if required is None:
        return True
    return any(all(_holds(each, labels) for each in term.matchExpressions) for term in required.nodeSelectorTerms)


def _holds(expression: Expression, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression.key)
    match expression.operator:
        case "In":
            return value in expression.values
        case "NotIn":
            return value not in expression.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(expression.values[0])
        case "Lt":
            return value is not None and int(value) < int(expression.values[0])
    return False
