"""Objects as CDI's controllers see them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dicot.kube.kind import Kind, Manifest
from dicot.kube.store import Change
from dicot.sandbox.cdi.keys import Keys
from dicot.sandbox.cdi.kinds.classes import CLASSES, CONFIGS, PROFILES
from dicot.sandbox.cdi.names import CONFIG, DEFAULT_CLASS
from dicot.sandbox.cdi.storage import Storage
from dicot.sandbox.cdi.world import CdiWorld
from dicot.sandbox.controller import Key
from dicot.sandbox.steps import Decision

NOW = 1_800_000_000.0
KEYS = Keys.make()
TOKENS = KEYS.tokens
CLASS: Manifest = {"metadata": {"name": "standard", "annotations": {DEFAULT_CLASS: "true"}}, "provisioner": "p"}
_SETS = [{"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"}]
PROFILE: Manifest = {"metadata": {"name": "standard"}, "status": {"claimPropertySets": _SETS}}
SETTINGS: Manifest = {
    "metadata": {"name": CONFIG},
    "status": {"filesystemOverhead": {"global": "0.055", "storageClass": {"standard": "0.06"}}},
}


def seen(kind: Kind[Any], manifest: Manifest) -> Any:
    """It as a watch delivers it."""
    return kind.read(kind.decode(msgspec.json.encode(manifest)))


def storage() -> Storage:
    """One class, the default."""
    return Storage({"standard": seen(CLASSES, CLASS)}, {"standard": seen(PROFILES, PROFILE)}, seen(CONFIGS, SETTINGS))


def manifest(name: str, namespace: str = "n", **more: Any) -> Manifest:
    """An object; ``notes``, ``labels`` and ``meta`` go into its metadata."""
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": "1"}
    meta |= {"annotations": more.pop("notes", {}), "labels": more.pop("labels", {})} | more.pop("meta", {})
    return {"metadata": meta, **more}


class Stage:
    """A world whose stores hold what a test says."""

    def __init__(self) -> None:
        self.world = CdiWorld(KEYS)
        self.concerned: set[tuple[str, str]] = set()
        for store in self.world.stores:
            store.listen(self._heard)
        for kind, each in ((CLASSES, CLASS), (PROFILES, PROFILE), (CONFIGS, SETTINGS)):
            self.put(kind, {**each, "metadata": {"uid": "u", "resourceVersion": "1", **each["metadata"]}})

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            for key in self.world.saw(change):
                self.concerned.add((key.kind.plural, key.name))

    def put(self, kind: Kind[Any], document: Manifest) -> None:
        """An object is as it is now."""
        store = next(each for each in self.world.stores if each.kind is kind)
        meta = document["metadata"]
        held = store.one(meta.get("namespace", ""), meta["name"])
        meta["resourceVersion"] = str(int(held.version) + 1) if held is not None else "1"
        store.learn(msgspec.json.encode(document))

    def decide(self, kind: Kind[Any], name: str, namespace: str = "n") -> Decision:
        """What CDI does about an object."""
        return self.world.decide(Key(kind, namespace, name), NOW)
