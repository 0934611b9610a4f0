"""Namespaces that end are emptied, and what every namespace holds is kept there (kubernetes, pkg/controller:
namespace, serviceaccount, certificates/rootcacertpublisher)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..resource import Resource
from ..seams import Change, Objects, Registry
from .about import about
from .loop import Key

FINALIZER = "kubernetes"
FIRST = ("", "pods")
"""What must be gone before the rest is deleted."""
ROOT = "kube-root-ca.crt"
_ROOT_NOTE = {
    "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using "
    "internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed "
    "across distributions of Kubernetes clusters."
}
_DISCOVERED = ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered")
_PARSED = (
    "NamespaceDeletionGroupVersionParsingFailure",
    "ParsedGroupVersions",
    "All legacy kube types successfully parsed",
)
_DELETED = (
    "NamespaceDeletionContentFailure",
    "ContentDeleted",
    "All content successfully deleted, may be waiting on finalization",
)
_REMAINING, _FINALIZERS = "NamespaceContentRemaining", "NamespaceFinalizersRemaining"


class Namespaces:
    """Empties namespaces that end. Keys are names."""

    def __init__(self, objects: Objects, registry: Registry, seconds: Callable[[], float]) -> None:
        self._objects = objects
        self._registry = registry
        self._seconds = seconds
        self._ending: set[str] = set()

    def saw(self, change: Change) -> Iterable[Key]:
        """A namespace that ends, or what went from one."""
        if (change.resource.group, change.resource.plural) == ("", "namespaces"):
            if change.new is None:
                self._ending.discard(change.name)
            elif about(change.new).deletionTimestamp:
                self._ending.add(change.name)
                yield (change.name,)
        elif change.new is None and change.namespace in self._ending:
            yield (change.namespace,)

    def settle(self, key: Key) -> float | None:
        """Delete all; once nothing is left, let the namespace go."""
        name = key[0]
        found = self._objects.get("", "namespaces", "", name)
        if found is None or "deletionTimestamp" not in found["metadata"]:
            return None
        left = self._empty(name)
        conditions = told(left, stamp(self._seconds()))
        self._objects.change("", "namespaces", "", name, lambda old: _conditioned(old, conditions), "status")
        if not left:
            self._objects.change("", "namespaces", "", name, _finalized, "finalize")
        return None

    def _empty(self, namespace: str) -> dict[str, list[Manifest]]:
        """What is left of a namespace, by resource."""
        kinds = [each for each in self._registry.resources() if each.namespaced and "delete" in each.verbs]
        kinds.sort(key=lambda each: (each.group, each.plural) != FIRST)
        left: dict[str, list[Manifest]] = {}
        for kind in kinds:
            if FIRST[1] in {name.partition(".")[0] for name in left}:
                break
            remaining = self._delete(kind, namespace)
            if remaining:
                left[f"{kind.plural}.{kind.group}"] = remaining
        return left

    def _delete(self, kind: Resource, namespace: str) -> list[Manifest]:
        for found in list(self._objects.list(kind.group, kind.plural, namespace)):
            metadata = found["metadata"]
            if "deletionTimestamp" not in metadata:
                self._objects.delete(kind.group, kind.plural, namespace, metadata["name"], metadata["uid"])
        return list(self._objects.list(kind.group, kind.plural, namespace))


def told(left: dict[str, list[Manifest]], moment: str) -> list[Manifest]:
    """What the status of an ending namespace says."""
    counts = ", ".join(f"{name} has {len(each)} resource instances" for name, each in sorted(left.items()))
    finalizers = Counter(
        finalizer
        for each in left.values()
        for found in each
        for finalizer in found["metadata"].get("finalizers") or ()
    )
    waiting = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
    content = ("SomeResourcesRemain", f"Some resources are remaining: {counts}")
    final = ("SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {waiting}")
    return [
        *(
            _condition(kind, "False", reason, message, moment)
            for kind, reason, message in (_DISCOVERED, _PARSED, _DELETED)
        ),
        _condition(_REMAINING, "True", *content, moment)
        if left
        else _condition(_REMAINING, "False", "ContentRemoved", "All content successfully removed", moment),
        _condition(_FINALIZERS, "True", *final, moment)
        if finalizers
        else _condition(
            _FINALIZERS, "False", "ContentHasNoFinalizers", "All content-preserving finalizers finished", moment
        ),
    ]


def _condition(kind: str, status: str, reason: str, message: str, moment: str) -> Manifest:
    return {"type": kind, "status": status, "lastTransitionTime": moment, "reason": reason, "message": message}


def _conditioned(found: Manifest, conditions: list[Manifest]) -> Manifest | None:
    """With the conditions, where they say something new; one that stays keeps its moment."""
    status = found.setdefault("status", {})
    before = {each["type"]: each for each in status.get("conditions") or ()}
    after = [_kept(before.get(each["type"]), each) for each in conditions]
    if list(before.values()) == after:
        return None
    status["conditions"] = after
    return found


def _kept(before: Manifest | None, after: Manifest) -> Manifest:
    if before is None or before["status"] != after["status"]:
        return after
    return {**after, "lastTransitionTime": before["lastTransitionTime"]}


def _finalized(found: Manifest) -> Manifest | None:
    finalizers = found["spec"].get("finalizers") or []
    if FINALIZER not in finalizers:
        return None
    found["spec"]["finalizers"] = [each for each in finalizers if each != FINALIZER]
    return found


class Furniture:
    """The account ``default`` and the authority's certificate, in every namespace that lives. Keys are names."""

    def __init__(self, objects: Objects, authority: str) -> None:
        self._objects = objects
        self._authority = authority

    def saw(self, change: Change) -> Iterable[Key]:
        """A namespace, or what was changed or taken away in one."""
        match change.resource.group, change.resource.plural, change.name:
            case "", "namespaces", name:
                if change.new is not None:
                    yield (name,)
            case ("", "serviceaccounts", "default") | ("", "configmaps", "kube-root-ca.crt"):
                if change.old is not None:
                    yield (change.namespace,)

    def settle(self, key: Key) -> float | None:
        """Make what is missing."""
        name = key[0]
        found = self._objects.get("", "namespaces", "", name)
        if found is None or found["status"].get("phase") != "Active":
            return None
        self._publish(name)
        if self._objects.get("", "serviceaccounts", name, "default") is None:
            account = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": name},
            }
            self._objects.create("", "serviceaccounts", account)
        return None

    def _publish(self, namespace: str) -> None:
        data = {"ca.crt": self._authority}
        found = self._objects.get("", "configmaps", namespace, ROOT)
        if found is None:
            metadata = {"name": ROOT, "namespace": namespace, "annotations": dict(_ROOT_NOTE)}
            self._objects.create(
                "", "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
        elif found.get("data") != data:
            self._objects.change("", "configmaps", namespace, ROOT, lambda old: {**old, "data": data})
