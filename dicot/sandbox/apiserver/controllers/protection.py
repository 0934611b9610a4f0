"""What is in use is not deleted (kubernetes, pkg/controller/volume/pvcprotection and pvprotection). Keys are
("claim", namespace, name) and ("volume", name)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dicot.kube.kind import Manifest

from ..admission.storage import PROTECTION
from ..seams import Change, Objects
from .about import plain
from .loop import Key
from .volumes import CLAIMS, VOLUMES


class _Claimed(msgspec.Struct, frozen=True):
    claimName: str


class _Volume(msgspec.Struct, frozen=True):
    persistentVolumeClaim: _Claimed | None = None


class _Spec(msgspec.Struct, frozen=True):
    nodeName: str = ""
    volumes: tuple[_Volume, ...] = ()


class _Pod(msgspec.Struct, frozen=True):
    spec: _Spec


_PODS = msgspec.json.Decoder(_Pod)


class Protection:
    """Takes the finalizers from claims and volumes that end, once nothing uses them."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._users: dict[tuple[str, str], set[str]] = {}

    def saw(self, change: Change) -> Iterable[Key]:
        """Pods that use claims, and what ends."""
        match change.resource.group, change.resource.plural:
            case "", "pods":
                yield from self._used(change)
            case "", "persistentvolumeclaims" if change.new is not None and not plain(change.new):
                yield "claim", change.namespace, change.name
            case "", "persistentvolumes" if change.new is not None and not plain(change.new):
                yield "volume", change.name

    def _used(self, change: Change) -> Iterable[Key]:
        before, after = _claims(change.old), _claims(change.new)
        for name in after - before:
            self._users.setdefault((change.namespace, name), set()).add(change.name)
        for name in before - after:
            users = self._users.get((change.namespace, name), set())
            users.discard(change.name)
            if not users:
                self._users.pop((change.namespace, name), None)
                yield "claim", change.namespace, name

    def settle(self, key: Key) -> float | None:
        """May raise Refusal."""
        if key[0] == "volume":
            volume = self._objects.get(*VOLUMES, "", key[1])
            if volume is not None and (volume.get("status") or {}).get("phase") != "Bound":
                self._free(VOLUMES, volume)
        elif key[1:] not in self._users:
            claim = self._objects.get(*CLAIMS, key[1], key[2])
            if claim is not None:
                self._free(CLAIMS, claim)
        return None

    def _free(self, resource: tuple[str, str], found: Manifest) -> None:
        finalizer, metadata = PROTECTION[resource[1]], found["metadata"]
        if "deletionTimestamp" in metadata and finalizer in (metadata.get("finalizers") or ()):
            namespace = metadata.get("namespace", "")
            self._objects.change(*resource, namespace, metadata["name"], lambda old: _without(old, finalizer))


def _claims(pod: bytes | None) -> set[str]:
    """What a Pod uses; one that is on no node yet uses nothing."""
    if pod is None or b'"persistentVolumeClaim"' not in pod:
        return set()
    spec = _PODS.decode(pod).spec
    if not spec.nodeName:
        return set()
    return {each.persistentVolumeClaim.claimName for each in spec.volumes if each.persistentVolumeClaim is not None}


def _without(found: Manifest, finalizer: str) -> Manifest:
    kept = [each for each in found["metadata"]["finalizers"] if each != finalizer]
    if kept:
        found["metadata"]["finalizers"] = kept
    else:
        del found["metadata"]["finalizers"]
    return found
