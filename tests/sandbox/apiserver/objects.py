"""Objects of a cluster for unit tests, and a Reader of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.rights.rbac import Rights

GROUP = "rbac.authorization.k8s.io"


class Things:
    """Stored objects: a Reader."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[tuple[str, str], Manifest]] = {}

    def put(self, group: str, plural: str, found: Manifest) -> Manifest:
        metadata = found["metadata"]
        key = metadata.get("namespace", ""), metadata["name"]
        self.held.setdefault((group, plural), {})[key] = found
        return found

    def drop(self, group: str, plural: str, namespace: str, name: str) -> None:
        del self.held[group, plural][namespace, name]

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        return deepcopy(self.held.get((group, plural), {}).get((namespace, name)))

    def list(self, group: str, plural: str, namespace: str = "") -> Iterator[Manifest]:
        for (at, _), found in self.held.get((group, plural), {}).items():
            if namespace in ("", at):
                yield deepcopy(found)


def rule(verbs: str, resources: str = "", groups: str = "", **more: list[str]) -> Manifest:
    """Words with spaces between them; a group "" is core."""
    said: Manifest = {"verbs": verbs.split(), **more}
    if resources:
        said |= {"apiGroups": groups.split() or [""], "resources": resources.split()}
    return said


def role(name: str, *rules: Manifest, namespace: str = "", **more: Any) -> tuple[str, Manifest]:
    """A Role, or without namespace a ClusterRole, with its plural."""
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return "roles" if namespace else "clusterroles", {"metadata": metadata, "rules": list(rules), **more}


def binding(name: str, ref: str, *subjects: str, namespace: str = "") -> tuple[str, Manifest]:
    """``ref`` and subjects are Kind/name, an account of another namespace ServiceAccount/namespace/name."""
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    kind, _, role = ref.partition("/")
    return "rolebindings" if namespace else "clusterrolebindings", {
        "metadata": metadata,
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
        "subjects": [_subject(each) for each in subjects],
    }


def _subject(text: str) -> Manifest:
    kind, *parts = text.split("/")
    if len(parts) == 2:
        return {"kind": kind, "namespace": parts[0], "name": parts[1]}
    return {"kind": kind, "name": parts[0]}


def rights(*found: tuple[str, Manifest]) -> Rights:
    """An authorizer that knows these."""
    known = Rights()
    for plural, manifest in found:
        known.put(plural, manifest)
    return known


def names(found: Iterable[Manifest]) -> list[str]:
    return [each["metadata"]["name"] for each in found]
