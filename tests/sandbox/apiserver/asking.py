"""Writes on their way, for tests of admission, and a store that tells of its changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import User
from dicot.sandbox.apiserver.resource import Resource
from dicot.sandbox.apiserver.seams import Change, Listener, Operation, Review

from .objects import Things

ANN = User("ann", ("system:authenticated",))
CLUSTER = frozenset({"namespaces", "nodes", "persistentvolumes", "storageclasses", "clusterroles"})
KINDS = {"persistentvolumeclaims": "PersistentVolumeClaim", "virtualmachines": "VirtualMachine"}


def resource(group: str, plural: str) -> Resource:
    kind = KINDS.get(plural, plural.removesuffix("s").capitalize())
    return Resource(group, "v1", plural, kind.lower(), kind, namespaced=plural not in CLUSTER)


def review(
    plural: str,
    new: Manifest | None,
    old: Manifest | None = None,
    *,
    group: str = "",
    user: User = ANN,
    subresource: str = "",
) -> Review:
    """A write of an object, by what is there before and after."""
    operation: Operation = "DELETE" if new is None else "CREATE" if old is None else "UPDATE"
    metadata = ((new or old) or {})["metadata"]
    at, name = metadata.get("namespace", ""), metadata["name"]
    return Review(operation, user, resource(group, plural), subresource, at, name, new, old, False)


def thing(name: str, namespace: str = "n", **more: object) -> Manifest:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"metadata": metadata, **more}


class Stored(Things):
    """Things that tell of their changes (what admission needs of Objects)."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def write(self, group: str, plural: str, new: Manifest) -> None:
        metadata = new["metadata"]
        old = self.get(group, plural, metadata.get("namespace", ""), metadata["name"])
        self.put(group, plural, new)
        self._tell(group, plural, old, new)

    def forget(self, group: str, plural: str, namespace: str, name: str) -> None:
        old = self.get(group, plural, namespace, name)
        self.drop(group, plural, namespace, name)
        self._tell(group, plural, old, None)

    def everything(self) -> Iterator[Change]:
        return iter(())

    def _tell(self, group: str, plural: str, old: Manifest | None, new: Manifest | None) -> None:
        metadata = ((new or old) or {})["metadata"]
        before, after = (None if each is None else json.dumps(each).encode() for each in (old, new))
        change = Change(resource(group, plural), metadata.get("namespace", ""), metadata["name"], before, after)
        for listener in self._listeners:
            listener(change)

    def create(self, group: str, plural: str, manifest: Manifest) -> Manifest:
        raise NotImplementedError

    def change(
        self,
        group: str,
        plural: str,
        namespace: str,
        name: str,
        change: Callable[[Manifest], Manifest | None],
        subresource: str = "",
    ) -> Manifest:
        raise NotImplementedError

    def delete(
        self, group: str, plural: str, namespace: str, name: str, uid: str = "", propagation: str = "Background"
    ) -> None:
        raise NotImplementedError
