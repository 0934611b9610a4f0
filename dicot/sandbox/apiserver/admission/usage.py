"""What objects use of a ResourceQuota (kubernetes, pkg/quota/v1/evaluator/core)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dicot.kube.kind import Manifest

from .quantities import ONE, Amounts, Quantity, total

CLASS_SUFFIX = ".storageclass.storage.k8s.io/"
DEFAULT_CLASS = "volume.beta.kubernetes.io/storage-class"
COMPUTE = ("cpu", "memory", "ephemeral-storage")
REQUIRED = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
"""What every container must say once a quota limits it."""
BY_NAME = frozenset({"configmaps", "secrets", "services", "resourcequotas", "replicationcontrollers"})
"""Resources that are counted by their mere name, too."""


def used(group: str, plural: str, found: Manifest) -> Amounts:
    """All that an object uses."""
    amounts: Amounts = {f"count/{plural}.{group}" if group else f"count/{plural}": ONE}
    if group:
        return amounts
    if plural in BY_NAME:
        amounts[plural] = ONE
    measure = _MEASURES.get(plural)
    return amounts if measure is None else amounts | measure(found)


def _pod(pod: Manifest) -> Amounts:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    return {"pods": ONE, **_needs(pod["spec"])}


def _needs(spec: Manifest) -> Amounts:
    """Containers run side by side, those that come before them one after the other."""
    together = total([asked(each) for each in spec.get("containers") or ()])
    for first in spec.get("initContainers") or ():
        alone = asked(first)
        if first.get("restartPolicy") == "Always":
            together = total([together, alone])
            continue
        for name, quantity in alone.items():
            if name not in together or together[name].value < quantity.value:
                together[name] = quantity
    return together


def asked(container: Manifest) -> Amounts:
    """What a container requests and is limited to; a request that is absent is its limit."""
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    requests = {**limits, **(resources.get("requests") or {})}
    amounts: Amounts = {}
    for name, text in requests.items():
        quantity = Quantity.read(text)
        if name in COMPUTE or name.startswith("hugepages-"):
            amounts[name] = quantity
        amounts[f"requests.{name}"] = quantity
    for name, text in limits.items():
        if name in COMPUTE:
            amounts[f"limits.{name}"] = Quantity.read(text)
    return amounts


def lacking(spec: Manifest, limited: set[str]) -> str:
    """What containers do not say though they must, as the refusal says it; "" for nothing."""
    silent: dict[str, list[str]] = {}
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        said = asked(container)
        for name in REQUIRED & limited - set(said):
            silent.setdefault(name, []).append(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(names))}" for name, names in sorted(silent.items()))


def _claim(claim: Manifest) -> Amounts:
    spec = claim.get("spec") or {}
    annotations = claim["metadata"].get("annotations") or {}
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    amounts: Amounts = {"persistentvolumeclaims": ONE}
    if storage is not None:
        amounts["requests.storage"] = Quantity.read(storage)
    name = annotations.get(DEFAULT_CLASS) or spec.get("storageClassName")
    own = {f"{name}{CLASS_SUFFIX}{each}": quantity for each, quantity in amounts.items()} if name else {}
    return amounts | own


def _service(service: Manifest) -> Amounts:
    spec = service.get("spec") or {}
    kind, ports = spec.get("type", "ClusterIP"), Quantity.read(len(spec.get("ports") or ()))
    match kind:
        case "NodePort":
            return {"services.nodeports": ports}
        case "LoadBalancer":
            opened = spec.get("allocateLoadBalancerNodePorts", True)
            return {"services.loadbalancers": ONE, **({"services.nodeports": ports} if opened else {})}
    return {}


_MEASURES: Mapping[str, Callable[[Manifest], Amounts]] = {
    "pods": _pod,
    "persistentvolumeclaims": _claim,
    "services": _service,
}
MEASURED = frozenset(_MEASURES)
"""Resources whose objects use more than a count."""


def source(name: str) -> tuple[str, str] | None:
    """The resource (group, plural) whose objects use what a quota names; None for what nothing uses."""
    if name.startswith("count/"):
        plural, _, group = name.removeprefix("count/").partition(".")
        return group, plural
    last = name.rpartition("/")[2]
    if name in BY_NAME:
        return "", name
    if last in ("persistentvolumeclaims", "requests.storage"):
        return "", "persistentvolumeclaims"
    if name.startswith("services."):
        return "", "services"
    pods = ("pods", *COMPUTE)
    if name in pods or name.startswith(("requests.", "limits.", "hugepages-")):
        return "", "pods"
    return None
