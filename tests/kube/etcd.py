"""Objects in memory, as the API server keeps them: versions, finalizers, owners, watches."""

import copy
from collections.abc import Callable
from typing import Any
from uuid import UUID

from dicot.kube import errors
from dicot.kube.kind import Kind, Manifest
from dicot.moments import precise

from .watches import Key, Watches

_KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_EMPTY: tuple[Any, ...] = ({}, [], None)


class Etcd:
    """Objects by place. ``lagging`` watches are owed what changes; ``now`` is in seconds since 1970."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.objects: dict[Key, Manifest] = {}
        self.watches = Watches()
        self.lagging = False
        self.version = 100
        self._now = now

    def named(self, plural: str, namespace: str) -> list[tuple[Key, Manifest]]:
        """The objects of a bare plural, in a namespace or ("") in all."""
        found = [each for each in self.objects.items() if each[0].plural == plural]
        return [each for each in found if namespace in ("", each[0].namespace)]

    def listed(self, kind: Kind[Any], namespace: str) -> list[Manifest]:
        """A list's items, in its order. Those of built-in kinds do not say what they are."""
        bodies = [
            body
            for key, body in sorted(self.objects.items(), key=lambda each: each[0])
            if (key.group, key.plural) == (kind.group, kind.plural) and namespace in ("", key.namespace)
        ]
        if is_custom(kind.group):
            return bodies
        said = ("kind", "apiVersion")
        return [{name: value for name, value in body.items() if name not in said} for body in bodies]

    def born(self, key: Key, body: Manifest, **known: str) -> Manifest:
        """An object to be written for the first time."""
        self.version += 1
        fresh = {"uid": str(UUID(int=self.version)), "creationTimestamp": self._stamp()}
        metadata = {**body["metadata"], **fresh, **known}
        if key.namespace:
            metadata["namespace"] = key.namespace
        return {**copy.deepcopy(body), "metadata": _tidy(metadata)}

    def write(self, key: Key, body: Manifest) -> Manifest:
        """Puts it there, whatever was there. What has none of its owners left goes again."""
        self.version += 1
        event = "MODIFIED" if key in self.objects else "ADDED"
        made = {**body, "metadata": {**_tidy(body["metadata"]), "resourceVersion": str(self.version)}}
        self.objects[key] = made
        self._tell(event, key, made)
        if made["metadata"].get("ownerReferences"):
            self._collect(key)
        return made

    def change(self, key: Key, body: Manifest, *, dry: bool = False) -> Manifest:
        """Puts it in the place of what it was made from; the same again is no change. Raises Conflict."""
        held = self.objects[key]
        said, old = body["metadata"], held["metadata"]
        if said.get("resourceVersion") not in (None, "", old["resourceVersion"]):
            text = "the object has been modified; please apply your changes to the latest version and try again"
            raise conflict(key, text)
        kept = {name: old[name] for name in (*_KEPT, "resourceVersion") if name in old}
        made = {**copy.deepcopy(body), "metadata": _tidy({**said, **kept})}
        if dry or made == held:
            return made
        if "deletionTimestamp" in made["metadata"] and "finalizers" not in made["metadata"]:
            self.drop(key)
            return made
        return self.write(key, made)

    def delete(self, key: Key) -> Manifest | None:
        """Takes it away; what finalizers keep is marked, and answered."""
        held = self.objects[key]
        metadata = held["metadata"]
        if not metadata.get("finalizers"):
            self.drop(key)
            return None
        if "deletionTimestamp" in metadata:
            return held
        mark = {"deletionTimestamp": self._stamp(), "deletionGracePeriodSeconds": 0}
        return self.write(key, {**held, "metadata": {**metadata, **mark}})

    def drop(self, key: Key) -> None:
        """It is gone, and what it alone owned goes with it."""
        gone = self.objects.pop(key)
        self.version += 1
        self._tell("DELETED", key, {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}})
        uid = gone["metadata"]["uid"]
        for other, body in list(self.objects.items()):
            if other in self.objects and uid in _owners(body):
                self._collect(other)

    def _collect(self, key: Key) -> None:
        """The garbage collector's look: owners that are gone are forgotten, and what none is left of goes too."""
        held = self.objects[key]
        known = {body["metadata"]["uid"] for body in self.objects.values()}
        references = held["metadata"]["ownerReferences"]
        left = [reference for reference in references if reference["uid"] in known]
        if not left:
            self.delete(key)
        elif len(left) < len(references):
            self.write(key, {**held, "metadata": {**held["metadata"], "ownerReferences": left}})

    def _tell(self, event: str, key: Key, body: Manifest) -> None:
        self.watches.tell(event, key, body)
        if not self.lagging:
            self.watches.deliver()

    def _stamp(self) -> str:
        return precise(self._now())[:19] + "Z"


def is_custom(group: str) -> bool:
    """Whether kinds of a group come from a CRD."""
    return "." in group and not group.endswith(".k8s.io")


def conflict(key: Key, text: str) -> errors.Conflict:
    """The refusal of a change."""
    return errors.Conflict(409, "Conflict", f'Operation cannot be fulfilled on {key.resource} "{key.name}": {text}')


def _owners(body: Manifest) -> list[str]:
    return [owner["uid"] for owner in body["metadata"].get("ownerReferences", ())]


def _tidy(metadata: Manifest) -> Manifest:
    return {name: value for name, value in metadata.items() if value not in _EMPTY}
