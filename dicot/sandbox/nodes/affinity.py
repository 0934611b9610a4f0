"""Which Pods share a node with others, and which keep apart.

As kubernetes pkg/scheduler/framework/plugins/interpodaffinity (filtering.go, scoring.go) decides it; terms name the
namespaces whose Pods count, which are the Pod's own where they name none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .kinds import Expression, Pod, PodTerm

KEEPS_OFF = "node(s) didn't satisfy existing pods anti-affinity rules"
KEPT_OFF = "node(s) didn't match pod anti-affinity rules"
ALONE = "node(s) didn't match pod affinity rules"

Labels = Mapping[str, str]
"""Of a node."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A Pod, and the labels of the node that it is on."""

    pod: Pod
    labels: Labels


def obstacle(pod: Pod, node: Labels, placed: Sequence[Placed]) -> str:
    """Why a node is not for a Pod, in the scheduler's words and order; "" where it is."""
    if not _is_beside(pod, node, placed):
        return ALONE
    if any(_meets(term, pod, each.pod) and _here(term, node, each) for term in apart(pod) for each in placed):
        return KEPT_OFF
    if any(_meets(term, each.pod, pod) and _here(term, node, each) for each in placed for term in apart(each.pod)):
        return KEEPS_OFF
    return ""


def score(pod: Pod, node: Labels, placed: Iterable[Placed]) -> int:
    """How much a node is preferred: the weights of all who draw the Pod there, less those who keep it away."""
    affinity = pod.spec.affinity
    if affinity is None:
        return 0
    near = affinity.podAffinity.preferred if affinity.podAffinity else []
    far = affinity.podAntiAffinity.preferred if affinity.podAntiAffinity else []
    wishes = [*((each, 1) for each in near), *((each, -1) for each in far)]
    return sum(
        sign * wish.weight
        for each in placed
        for wish, sign in wishes
        if _meets(wish.podAffinityTerm, pod, each.pod) and _here(wish.podAffinityTerm, node, each)
    )


def holds(expression: Expression, labels: Mapping[str, str]) -> bool:
    """Whether labels fulfil a requirement."""
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


def _is_beside(pod: Pod, node: Labels, placed: Sequence[Placed]) -> bool:
    """The first of those who belong together may run anywhere."""
    affinity = pod.spec.affinity
    terms = affinity.podAffinity.required if affinity and affinity.podAffinity else []
    if any(term.topologyKey not in node for term in terms):
        return False
    others = [each for each in placed if all(_meets(term, pod, each.pod) for term in terms)]
    if not others:
        return all(_meets(term, pod, pod) for term in terms)
    return all(any(_here(term, node, each) for each in others) for term in terms)


def apart(pod: Pod) -> list[PodTerm]:
    """What a Pod keeps away from, and keeps away."""
    affinity = pod.spec.affinity
    return affinity.podAntiAffinity.required if affinity and affinity.podAntiAffinity else []


def _meets(term: PodTerm, owner: Pod, other: Pod) -> bool:
    """Whether the term of one Pod means another."""
    selector, labels = term.labelSelector, other.metadata.labels
    if selector is None or other.metadata.namespace not in (term.namespaces or [owner.metadata.namespace]):
        return False
    return selector.matchLabels.items() <= labels.items() and all(
        holds(each, labels) for each in selector.matchExpressions
    )


def _here(term: PodTerm, node: Labels, other: Placed) -> bool:
    """Whether another Pod is in the same place, as the term divides places."""
    key = term.topologyKey
    return key in node and node[key] == other.labels.get(key)
