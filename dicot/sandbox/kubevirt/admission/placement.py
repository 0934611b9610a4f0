"""Where a guest may run: affinities and spread (validate-k8s-utils.go, which follows Kubernetes' own checks)."""

from collections.abc import Iterator

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ..settings import Settings
from . import words
from .causes import held, invalid, listed

_HARD = "requiredDuringSchedulingIgnoredDuringExecution"
_SOFT = "preferredDuringSchedulingIgnoredDuringExecution"
_VALUES = {
    "In": (lambda count: count > 0, "must be specified when `operator` is 'In' or 'NotIn'"),
    "NotIn": (lambda count: count > 0, "must be specified when `operator` is 'In' or 'NotIn'"),
    "Gt": (lambda count: count == 1, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
    "Lt": (lambda count: count == 1, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
}
Trouble = Iterator[tuple[str, str]]
"""A field and what is wrong with it."""


def check(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Affinities, whose fields KubeVirt names without the affinity itself."""
    affinity = held(spec, "affinity")
    for field, told in _affinity(at, affinity):
        yield invalid(field, f"{field}: {told}")


def spread(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """How guests are spread."""
    for field, told in _spread(f"{at}.topologySpreadConstraints", listed(spec, "topologySpreadConstraints")):
        yield invalid(field, f"{field}: {told}")


def _affinity(at: str, affinity: Manifest) -> Trouble:
    node = held(affinity, "nodeAffinity")
    if _HARD in node:
        yield from _node(f"{at}.nodeAffinity.{_HARD}.nodeSelectorTerms", node[_HARD])
    for index, term in enumerate(listed(node, _SOFT)):
        here = f"{at}.nodeAffinity.{_SOFT}[{index}]"
        yield from _weight(here, term)
        yield from _requirements(f"{here}.preference", held(term, "preference"))
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = held(affinity, kind)
        for index, term in enumerate(listed(pods, _HARD)):
            yield from _term(f"{at}.{kind}.{_HARD}[{index}]", term)
        for index, term in enumerate(listed(pods, _SOFT)):
            here = f"{at}.{kind}.{_SOFT}[{index}]"
            yield from _weight(here, term)
            yield from _term(f"{here}.podAffinityTerm", held(term, "podAffinityTerm"))


def _node(field: str, hard: Manifest) -> Trouble:
    terms = listed(hard, "nodeSelectorTerms")
    if not terms:
        yield field, "Required value: must have at least one node selector term"
    for index, term in enumerate(terms):
        yield from _requirements(f"{field}[{index}]", term)


def _weight(here: str, term: Manifest) -> Trouble:
    weight = term.get("weight", 0)
    if not 0 < weight <= 100:
        yield f"{here}.weight", f"Invalid value: {weight}: must be in the range 1-100"


def _requirements(field: str, term: Manifest) -> Trouble:
    for index, wanted in enumerate(listed(term, "matchExpressions")):
        here = f"{field}.matchExpressions[{index}]"
        operator, values = wanted.get("operator", ""), wanted.get("values") or ()
        holds, told = _VALUES.get(operator, (lambda count: True, ""))
        if not holds(len(values)):
            yield f"{here}.values", f"Required value: {told}"
        if operator in ("Exists", "DoesNotExist") and values:
            told = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield f"{here}.values", f"Forbidden: {told}"
        yield from _key(f"{here}.key", wanted.get("key", ""))


def _term(field: str, term: Manifest) -> Trouble:
    yield from _selector(f"{field}.labelSelector", held(term, "labelSelector"))
    key = term.get("topologyKey", "")
    if not key:
        yield f"{field}.topologyKey", "Required value: can not be empty"
    yield from _key(f"{field}.topologyKey", key)


def _selector(field: str, selector: Manifest) -> Trouble:
    for key in sorted(held(selector, "matchLabels")):
        yield from _key(f"{field}.matchLabels", key)
    for index, wanted in enumerate(listed(selector, "matchExpressions")):
        here = f"{field}.matchExpressions[{index}]"
        operator, values = wanted.get("operator", ""), wanted.get("values") or ()
        if operator in ("In", "NotIn") and not values:
            yield f"{here}.values", "Required value: must be specified when `operator` is 'In' or 'NotIn'"
        elif operator in ("Exists", "DoesNotExist") and values:
            told = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield f"{here}.values", f"Forbidden: {told}"
        elif operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            yield f"{here}.operator", f'Invalid value: "{operator}": not a valid selector operator'
        yield from _key(f"{here}.key", wanted.get("key", ""))


def _key(field: str, key: str) -> Trouble:
    for told in words.key(key):
        yield field, f'Invalid value: "{key}": {told}'


def _spread(field: str, constraints: list[Manifest]) -> Trouble:
    kinds = [(each.get("topologyKey", ""), each.get("whenUnsatisfiable", "")) for each in constraints]
    for index, (constraint, (key, action)) in enumerate(zip(constraints, kinds, strict=True)):
        here, skew = f"{field}[{index}]", constraint.get("maxSkew", 0)
        if skew <= 0:
            yield f"{here}.maxSkew", f"Invalid value: {skew}: must be greater than zero"
        if not key:
            yield f"{here}.topologyKey", "Required value: can not be empty"
        else:
            yield from _key(f"{here}.topologyKey", key)
        yield from _selector(f"{field}.labelSelector", held(constraint, "labelSelector"))
        if (key, action) in kinds[index + 1 :]:
            yield f"{here}.{{topologyKey, whenUnsatisfiable}}", f'Duplicate value: "{{{key}, {action}}}"'
