"""Claims get volumes (kubernetes, pkg/controller/volume/persistentvolume). Keys are ("claim", namespace, name) and
("volume", name). Who makes and removes the volumes of a class is the storage's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import json

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..admission.storage import STORAGE_CLASSES, default_class
from ..seams import Change, Objects
from . import binding
from .loop import Key

CLAIMS, VOLUMES = ("", "persistentvolumeclaims"), ("", "persistentvolumes")
_Name = tuple[str, str]


class Binder:
    """Binds. It remembers which volumes are free or meant for a claim, and which claims wait, by class."""

    def __init__(self, objects: Objects, seconds: Callable[[], float]) -> None:
        self._objects = objects
        self._seconds = seconds
        self._free: dict[str, set[str]] = {}
        self._meant: dict[_Name, set[str]] = {}
        self._waiting: dict[str, set[_Name]] = {}

    def saw(self, change: Change) -> Iterable[Key]:
        """A claim, a volume or a class."""
        old, new = change.old, change.new
        match change.resource.group, change.resource.plural:
            case "", "persistentvolumeclaims":
                yield from self._claim_changed(change)
            case "", "persistentvolumes":
                yield from self._volume_changed(change)
            case "storage.k8s.io", "storageclasses" if new is not None and old != new:
                for name in {*self._waiting.get(change.name, ()), *self._waiting.get("", ())}:
                    yield "claim", *name

    def _claim_changed(self, change: Change) -> Iterable[Key]:
        name = change.namespace, change.name
        for waiting in self._waiting.values():
            waiting.discard(name)
        if change.new is not None:
            claim = json.decode(change.new)
            if binding.COMPLETED not in binding.notes(claim):
                self._waiting.setdefault(binding.class_of(claim), set()).add(name)
            yield "claim", *name
        for volume in self._meant.get(name, ()):
            yield "volume", volume

    def _volume_changed(self, change: Change) -> Iterable[Key]:
        for held in (*self._free.values(), *([] if change.old is None else self._held(json.decode(change.old)))):
            held.discard(change.name)
        if change.old is not None:
            yield from self._claimant(json.decode(change.old))
        if change.new is None:
            return
        volume = json.decode(change.new)
        for held in self._held(volume):
            held.add(change.name)
        yield "volume", change.name
        yield from self._claimant(volume)
        if not volume["spec"].get("claimRef"):
            self._free.setdefault(binding.class_of(volume), set()).add(change.name)
            for name in self._waiting.get(binding.class_of(volume), ()):
                yield "claim", *name

    def _held(self, volume: Manifest) -> list[set[str]]:
        ref = volume["spec"].get("claimRef")
        return [] if not ref else [self._meant.setdefault((ref.get("namespace", ""), ref.get("name", "")), set())]

    def _claimant(self, volume: Manifest) -> Iterable[Key]:
        ref = volume["spec"].get("claimRef")
        if ref:
            yield "claim", ref.get("namespace", ""), ref.get("name", "")

    def settle(self, key: Key) -> float | None:
        """May raise Refusal."""
        if key[0] == "volume":
            volume = self._objects.get(*VOLUMES, "", key[1])
            if volume is not None:
                self._settle_volume(volume)
            return None
        claim = self._objects.get(*CLAIMS, key[1], key[2])
        if claim is not None:
            if binding.COMPLETED in binding.notes(claim):
                self._hold(claim)
            else:
                self._seek(claim)
        return None

    def _hold(self, claim: Manifest) -> None:
        """A claim that was bound stays so, or is lost."""
        name = claim["spec"].get("volumeName") or ""
        volume = self._objects.get(*VOLUMES, "", name) if name else None
        own = claim["metadata"]
        ref = {} if volume is None else volume["spec"].get("claimRef") or {}
        if volume is not None and (not ref or ref.get("uid") == own["uid"]):
            self._bind(volume, claim)
        else:
            self._change_claim(claim, binding.lost, "status")

    def _seek(self, claim: Manifest) -> None:
        """A claim that has no volume yet."""
        name = claim["spec"].get("volumeName") or ""
        if name:
            volume = self._objects.get(*VOLUMES, "", name)
            if volume is not None and (not volume["spec"].get("claimRef") or binding.reserved(volume, claim)):
                self._bind(volume, claim)
            return
        found = self._objects.get(*STORAGE_CLASSES, "", binding.class_of(claim))
        delayed = found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"
        volume = binding.best(self._candidates(claim), claim, delayed=delayed)
        if volume is not None:
            self._bind(volume, claim)
        elif claim["spec"].get("storageClassName") is None and not binding.class_of(claim):
            self._classify(claim)
        elif found is not None and not (delayed and binding.CHOSEN_NODE not in binding.notes(claim)):
            provisioner = found["provisioner"]
            self._change_claim(claim, lambda old: binding.provisioned(old, provisioner))

    def _classify(self, claim: Manifest) -> None:
        """A claim that came before there was a default class gets it later."""
        name = default_class(self._objects)
        if name:
            self._change_claim(claim, lambda old: {**old, "spec": {**old["spec"], "storageClassName": name}})

    def _candidates(self, claim: Manifest) -> Iterable[Manifest]:
        own = claim["metadata"]
        names = [*self._meant.get((own["namespace"], own["name"]), ()), *self._free.get(binding.class_of(claim), ())]
        found = (self._objects.get(*VOLUMES, "", name) for name in names)
        return (volume for volume in found if volume is not None)

    def _bind(self, volume: Manifest, claim: Manifest) -> None:
        self._change_volume(volume, lambda old: binding.taken(old, claim))
        self._phase(volume, "Bound")
        self._change_claim(claim, lambda old: binding.bound(old, volume))
        self._change_claim(claim, lambda old: binding.shown_bound(old, volume), "status")

    def _settle_volume(self, volume: Manifest) -> None:
        ref = volume["spec"].get("claimRef") or {}
        if not ref.get("uid"):
            self._phase(volume, "Available")
            return
        claim = self._objects.get(*CLAIMS, ref["namespace"], ref["name"])
        if claim is None or claim["metadata"]["uid"] != ref["uid"]:
            self._release(volume)
            return
        holds = claim["spec"].get("volumeName") or ""
        if holds == volume["metadata"]["name"]:
            self._phase(volume, "Bound")
        elif holds and _goes(volume):
            self._release(volume)
        elif holds:
            self._change_volume(volume, binding.released)

    def _release(self, volume: Manifest) -> None:
        if (volume.get("status") or {}).get("phase") not in ("Released", "Failed"):
            self._phase(volume, "Released")

    def _phase(self, volume: Manifest, phase: str) -> None:
        moment = stamp(self._seconds())
        self._change_volume(volume, lambda old: binding.phased(old, phase, moment), "status")

    def _change_volume(
        self, volume: Manifest, change: Callable[[Manifest], Manifest | None], subresource: str = ""
    ) -> None:
        self._objects.change(*VOLUMES, "", volume["metadata"]["name"], change, subresource)

    def _change_claim(
        self, claim: Manifest, change: Callable[[Manifest], Manifest | None], subresource: str = ""
    ) -> None:
        metadata = claim["metadata"]
        self._objects.change(*CLAIMS, metadata["namespace"], metadata["name"], change, subresource)


def _goes(volume: Manifest) -> bool:
    """Whether a volume was made for its claim, and goes with it."""
    policy = volume["spec"].get("persistentVolumeReclaimPolicy")
    return policy == "Delete" and binding.PROVISIONED_BY in binding.notes(volume)
