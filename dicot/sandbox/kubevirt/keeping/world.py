"""What virt-controller sees of machines' snapshots, and what follows from it for each."""

from collections.abc import Iterator, Mapping
from typing import Any

from dicot.kube.kind import Kind, Manifest, Row
from dicot.kube.store import Store

from ...controller import Key
from ...snapshots.names import DEFAULT_CLASS
from ...steps import REST, Decision
from ..exports.kinds import USERS
from ..machines.kinds import (
    CLAIMS,
    GUESTS,
    MACHINES,
    REVISIONS,
    SNAPSHOT_CLASSES,
    STORAGE_CLASSES,
    VOLUMES,
    owner_link,
    uid_link,
    volume_link,
    whole,
)
from ..machines.objects import is_final, status
from . import content, copying, restore, snapshot
from .copying import Copying
from .kinds import CLONES, CONTENTS, KINDS, RESTORES, SNAPSHOTS, VOLUME_SNAPSHOTS, machine_link, snapshot_link
from .restored import NAME, Scene
from .scene import Kept, Shot, Source, backups

LATE = "WaitForFirstConsumer"
"""How StorageClasses bind that wait for a Pod."""


class KeepingWorld:
    """A part of virt-controller's world; ``stores`` are all of it."""

    kinds = KINDS
    decided = (SNAPSHOTS, CONTENTS, RESTORES, CLONES)

    def __init__(self, stores: Mapping[Kind[Any], Store[Any]]) -> None:
        self._stores = stores

    def related(self, kind: Kind[Any], row: Row) -> Iterator[Key]:
        """What must be decided again because of an object of any kind."""
        if kind is SNAPSHOTS:
            for each in (CONTENTS, RESTORES, CLONES):
                yield from self._linked(each, snapshot_link(row.namespace, row.name))
        elif kind is CONTENTS:
            named = CONTENTS.read(row).spec.get("virtualMachineSnapshotName", "")
            yield Key(SNAPSHOTS, row.namespace, named)
        elif kind in (MACHINES, GUESTS):
            yield from self._of_machine(row.namespace, row.name)
        elif kind is VOLUME_SNAPSHOTS:
            yield from (Key(CONTENTS, row.namespace, each.name) for each in self._owners(row))
        if kind in (SNAPSHOTS, RESTORES):
            yield from self._linked(CLONES, uid_link(row, row.owner))
        if kind in (CLAIMS, VOLUMES):
            restored_by = kind.read(row).metadata.annotations.get(NAME)
            if restored_by is not None:
                yield Key(RESTORES, row.namespace, restored_by)
        if kind is CLAIMS:
            for found in self._stores[MACHINES].linked(volume_link(row.namespace, row.name)):
                yield from self._of_machine(found.namespace, found.name)

    def _of_machine(self, namespace: str, name: str) -> Iterator[Key]:
        for each in (SNAPSHOTS, RESTORES, CLONES):
            yield from self._linked(each, machine_link(namespace, name))

    def _owners(self, row: Row) -> list[Row]:
        return [each for each in self._stores[CONTENTS].rows() if each.uid == row.owner]

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an object of ours."""
        row = self._stores[key.kind].one(key.namespace, key.name)
        if row is None:
            return REST
        if key.kind is SNAPSHOTS:
            return snapshot.decide(self._shot(row, now))
        if key.kind is RESTORES:
            return restore.decide(self._scene(row, now))
        if key.kind is CLONES:
            return copying.decide(self._copying(row, now))
        return content.decide(self._kept(row, now))

    def _shot(self, row: Row, now: float) -> Shot:
        found = whole(SNAPSHOTS, row)
        source = self._source(found)
        names = set(source.claims.values()) if source is not None else set()
        return Shot(
            snapshot=found,
            content=self._one(CONTENTS, row.namespace, snapshot.content_name(found)),
            source=source,
            claims=self._named(CLAIMS, row.namespace, names),
            volumes=self._named(VOLUMES, row.namespace, names),
            users=self._users(row.namespace, names),
            revision=self._revision(row, source),
            class_of=self.class_of,
            now=now,
        )

    def _kept(self, row: Row, now: float) -> Kept:
        found = whole(CONTENTS, row)
        of = self._one(SNAPSHOTS, row.namespace, found["spec"].get("virtualMachineSnapshotName", ""))
        taken = [
            whole(VOLUME_SNAPSHOTS, each) for each in self._stores[VOLUME_SNAPSHOTS].linked(owner_link(row, row.uid))
        ]
        return Kept(
            content=found,
            snapshot=of,
            source=self._source(of) if of is not None else None,
            taken={each["metadata"]["name"]: each for each in taken},
            class_of=self.class_of,
            now=now,
        )

    def _scene(self, row: Row, now: float) -> Scene:
        found = whole(RESTORES, row)
        spec = found["spec"]
        taken_of = self._one(SNAPSHOTS, row.namespace, spec["virtualMachineSnapshotName"])
        named = status(taken_of).get("virtualMachineSnapshotContentName", "") if taken_of is not None else ""
        kept = self._one(CONTENTS, row.namespace, named)
        names = {each["persistentVolumeClaim"] for each in status(found).get("restores") or ()}
        volumes = names | set(status(found).get("deletedDataVolumes") or ())
        taken = {each["volumeSnapshotName"] for each in backups(kept)} if kept is not None else set()
        classes = [STORAGE_CLASSES.read(each) for each in self._stores[STORAGE_CLASSES].rows()]
        return Scene(
            restore=found,
            target=self._one(MACHINES, row.namespace, spec["target"]["name"]),
            guest=self._one(GUESTS, row.namespace, spec["target"]["name"]),
            snapshot=taken_of,
            content=kept,
            claims=self._named(CLAIMS, row.namespace, names),
            volumes=self._named(VOLUMES, row.namespace, volumes),
            taken=self._named(VOLUME_SNAPSHOTS, row.namespace, taken),
            immediate=frozenset(each.metadata.name for each in classes if each.volumeBindingMode != LATE),
            now=now,
        )

    def _copying(self, row: Row, now: float) -> Copying:
        found = whole(CLONES, row)
        source, target = found["spec"]["source"], found["spec"].get("target") or {}
        kind = SNAPSHOTS if source["kind"] == "VirtualMachineSnapshot" else MACHINES
        taken = self._one(SNAPSHOTS, row.namespace, copying.snapshot_name(found))
        brought = self._one(RESTORES, row.namespace, copying.restore_name(found))
        volumes = status(brought).get("restores") or () if brought is not None else ()
        return Copying(
            clone=found,
            source=self._one(kind, row.namespace, source["name"]),
            snapshot=taken,
            content=self._one(CONTENTS, row.namespace, snapshot.content_name(taken)) if taken is not None else None,
            restore=brought,
            target=self._one(MACHINES, row.namespace, target.get("name", "")),
            claims=self._named(CLAIMS, row.namespace, {each["persistentVolumeClaim"] for each in volumes}),
            now=now,
        )

    def _source(self, found: Manifest) -> Source | None:
        namespace, name = found["metadata"]["namespace"], found["spec"]["source"]["name"]
        machine = self._one(MACHINES, namespace, name)
        if machine is None:
            return None
        return Source(machine, self._one(GUESTS, namespace, name), found["metadata"]["name"])

    def _revision(self, row: Row, source: Source | None) -> Manifest | None:
        if source is None or source.guest is None:
            return None
        return self._one(REVISIONS, row.namespace, status(source.guest).get("virtualMachineRevisionName", ""))

    def _users(self, namespace: str, names: set[str]) -> int:
        """How many Pods that have not ended have one of these claims."""
        found = {row.uid: row for name in names for row in self._stores[USERS].linked(volume_link(namespace, name))}
        return sum(not is_final(whole(USERS, row)) for row in found.values())

    def class_of(self, name: str) -> str:
        """The VolumeSnapshotClass of a StorageClass: the one of its driver, of several the default one."""
        row = self._stores[STORAGE_CLASSES].one("", name)
        if row is None:
            return ""
        driver = STORAGE_CLASSES.read(row).provisioner
        found = [SNAPSHOT_CLASSES.read(each) for each in self._stores[SNAPSHOT_CLASSES].rows()]
        fitting = [each.metadata for each in found if each.driver == driver]
        if len(fitting) > 1:
            fitting = [each for each in fitting if DEFAULT_CLASS in each.annotations]
        return fitting[0].name if fitting else ""

    def _linked(self, kind: Kind[Any], link: str) -> Iterator[Key]:
        yield from (Key(kind, row.namespace, row.name) for row in self._stores[kind].linked(link))

    def _one(self, kind: Kind[Any], namespace: str, name: str) -> Manifest | None:
        row = self._stores[kind].one(namespace, name)
        return whole(kind, row) if row is not None else None

    def _named(self, kind: Kind[Any], namespace: str, names: set[str]) -> dict[str, Manifest]:
        found = {name: self._one(kind, namespace, name) for name in names}
        return {name: each for name, each in found.items() if each is not None}
