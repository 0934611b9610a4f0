"""What virt-controller sees of the cluster, and what follows from it for machines, guests and nodes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dicot.kube.kind import Kind, Manifest, Row
from dicot.kube.store import Change, Store

from ...controller import Key
from ...steps import REST, Decision
from ..exports import describing
from ..exports.scene import Signing
from ..exports.world import ExportWorld
from ..keeping.world import KeepingWorld
from ..settings import MOVE, NAMESPACE, Settings, settings
from . import guest, guest_status, hotplug, lost, machine, migration
from .kinds import (
    CDI_CONFIGS,
    CHANGED,
    CLAIMS,
    CLUSTER_INSTANCETYPES,
    CLUSTER_PREFERENCES,
    FLAVORS,
    GUESTS,
    INSTANCETYPES,
    KUBEVIRTS,
    MACHINES,
    MIGRATIONS,
    NODES,
    PODS,
    PREFERENCES,
    REVISIONS,
    SNAPSHOT_CLASSES,
    SOURCES,
    STORAGE_CLASSES,
    VOLUMES,
    claim_of,
    flavor_link,
    moving_link,
    node_link,
    owner_link,
    source_link,
    uid_link,
    volume_link,
    whole,
)
from .objects import is_final, status
from .scene import Passage, Scene, Stage
from .target import is_target

_KINDS = (
    MACHINES,
    GUESTS,
    MIGRATIONS,
    PODS,
    VOLUMES,
    CLAIMS,
    SOURCES,
    REVISIONS,
    *FLAVORS,
    NODES,
    STORAGE_CLASSES,
    SNAPSHOT_CLASSES,
    CDI_CONFIGS,
    KUBEVIRTS,
    *KeepingWorld.kinds,
    *ExportWorld.kinds,
)
_DECIDED = (MACHINES, GUESTS, MIGRATIONS, NODES, *KeepingWorld.decided, *ExportWorld.decided)
_FLAVOR_KINDS = {
    "virtualmachineinstancetype": INSTANCETYPES,
    "virtualmachineclusterinstancetype": CLUSTER_INSTANCETYPES,
    "virtualmachinepreference": PREFERENCES,
    "virtualmachineclusterpreference": CLUSTER_PREFERENCES,
}


class MachineWorld:
    """The stores, joined. ``random`` scatters machines that failed together, ``signing`` is for exports."""

    def __init__(self, random: Callable[[], float], signing: Signing) -> None:
        self._stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind) for kind in _KINDS}
        self._keeping = KeepingWorld(self._stores)
        self._exports = ExportWorld(self._stores, self._expanded, signing)
        self._random = random

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched."""
        return tuple(self._stores.values())

    def store(self, kind: Kind[Any]) -> Store[Any]:
        """The objects of a kind."""
        return self._stores[kind]

    def saw(self, change: Change) -> Iterator[Key]:
        """Take a change into account; what must be decided again."""
        row = change.new or change.old
        if row is None:
            return
        if change.kind in _DECIDED and (change.new is not None or change.kind is NODES):
            yield Key(change.kind, row.namespace, row.name)
        yield from self._related(change.kind, row)
        yield from self._keeping.related(change.kind, row)
        yield from self._exports.related(change.kind, row)

    def everything(self) -> list[Key]:
        """All objects that there are."""
        return [Key(kind, row.namespace, row.name) for kind in _DECIDED for row in self._stores[kind].rows()]

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an object."""
        if key.kind in KeepingWorld.decided:
            return self._keeping.decide(key, now)
        if key.kind in ExportWorld.decided:
            return self._exports.decide(key, now)
        row = self._stores[key.kind].one(key.namespace, key.name)
        if key.kind is NODES:
            return lost.decide(key.name, self._one(NODES, "", key.name), self._guests_on(key.name), now)
        if row is None:
            return REST
        if key.kind is MACHINES:
            return machine.decide(self._scene(row, now))
        if key.kind is MIGRATIONS:
            return migration.decide(self._passage(row, now))
        return guest.decide(self._stage(row, now))

    def _related(self, kind: Kind[Any], row: Row) -> Iterator[Key]:
        if kind is MACHINES:
            yield Key(GUESTS, row.namespace, row.name)
        elif kind is GUESTS:
            yield Key(MACHINES, row.namespace, row.name)
            yield from self._linked(MIGRATIONS, moving_link(row.namespace, row.name))
        elif kind is PODS:
            launchers = self._stores[PODS].linked(uid_link(row, row.owner))
            for owner in (row.owner, *(each.owner for each in launchers)):
                for theirs in self._linked(GUESTS, uid_link(row, owner)):
                    yield theirs
                    yield from self._linked(MIGRATIONS, moving_link(theirs.namespace, theirs.name))
        elif kind in (VOLUMES, CLAIMS):
            for each in (MACHINES, GUESTS):
                yield from self._linked(each, volume_link(row.namespace, row.name))
        elif kind is SOURCES:
            yield from self._linked(MACHINES, source_link(row.name))
        elif kind in FLAVORS:
            yield from self._linked(MACHINES, flavor_link(row.name))
        elif kind is KUBEVIRTS:
            yield from self._linked(GUESTS, CHANGED)

    def _linked(self, kind: Kind[Any], link: str) -> Iterator[Key]:
        yield from (Key(kind, row.namespace, row.name) for row in self._stores[kind].linked(link))

    def _one(self, kind: Kind[Any], namespace: str, name: str) -> Manifest | None:
        row = self._stores[kind].one(namespace, name)
        return whole(kind, row) if row is not None else None

    def _all(self, kind: Kind[Any], link: str) -> list[Manifest]:
        return [whole(kind, row) for row in self._stores[kind].linked(link)]

    def _named(self, kind: Kind[Any], namespace: str, names: set[str]) -> dict[str, Manifest]:
        found = {name: self._one(kind, namespace, name) for name in names if name}
        return {name: each for name, each in found.items() if each is not None}

    def _scene(self, row: Row, now: float) -> Scene:
        found = whole(MACHINES, row)
        names = _claims(found["spec"]["template"]["spec"])
        names |= {each["metadata"]["name"] for each in found["spec"].get("dataVolumeTemplates") or ()}
        return Scene(
            machine=found,
            guest=self._one(GUESTS, row.namespace, row.name),
            volumes=self._named(VOLUMES, row.namespace, names),
            claims=self._named(CLAIMS, row.namespace, names),
            revisions=self._all(REVISIONS, owner_link(row, row.uid)),
            flavor=lambda kind, name: self._flavor(row.namespace, kind, name),
            source=lambda namespace, name: self._one(SOURCES, namespace, name),
            claim=lambda namespace, name: self._one(CLAIMS, namespace, name),
            storage={each.name: STORAGE_CLASSES.read(each).provisioner for each in self._rows(STORAGE_CLASSES)},
            snapshots=frozenset(SNAPSHOT_CLASSES.read(each).driver for each in self._rows(SNAPSHOT_CLASSES)),
            plugs=hotplug.is_open(self._settings().gates),
            now=now,
            dice=self._random(),
        )

    def _expanded(self, row: Row, now: float) -> Manifest:
        return describing.expanded(self._scene(row, now), self._settings())

    def _rows(self, kind: Kind[Any]) -> list[Row]:
        return list(self._stores[kind].rows())

    def _flavor(self, namespace: str, kind: str, name: str) -> Manifest | None:
        of = _FLAVOR_KINDS.get(kind)
        return self._one(of, namespace if of.namespaced else "", name) if of is not None else None

    def _stage(self, row: Row, now: float) -> Stage:
        found = whole(GUESTS, row)
        names = _claims(found["spec"])
        owner = self._stores[MACHINES].one(row.namespace, row.name)
        pods = self._pods(row)
        owned = owner is not None and owner.uid == row.owner
        return Stage(
            guest=found,
            pods=pods,
            attachments=self._attachments(row, pods),
            machine=owned,
            ephemeral=self._ephemeral(found, owner) if owner is not None and owned else (),
            volumes=self._named(VOLUMES, row.namespace, names),
            claims=self._named(CLAIMS, row.namespace, names),
            overheads=self._overheads(),
            moves=self._all(MIGRATIONS, moving_link(row.namespace, row.name)),
            moves_changed=MOVE in self._settings().methods,
            now=now,
        )

    def _ephemeral(self, guest: Manifest, owner: Row) -> list[str]:
        # Few guests have such volumes: the machines of the others are not read.
        if not any(map(hotplug.is_pluggable, guest["spec"].get("volumes") or ())):
            return []
        return hotplug.ephemeral(guest, whole(MACHINES, owner)["spec"]["template"]["spec"])

    def _passage(self, row: Row, now: float) -> Passage:
        found = whole(MIGRATIONS, row)
        name = found["spec"].get("vmiName", "")
        moved = self._stores[GUESTS].one(row.namespace, name)
        theirs = self._stores[MIGRATIONS].linked(moving_link(row.namespace, name))
        pods = self._pods(moved) if moved is not None else []
        vmi = whole(GUESTS, moved) if moved is not None else None
        target = next((each for each in pods if is_target(each, row.uid)), None)
        plug = None
        if moved is not None and target is not None:
            plug = guest_status.plug(self._stage(moved, now), target)
        return Passage(
            migration=found,
            guest=vmi,
            pods=pods,
            source=guest.current(vmi, pods) if vmi is not None else None,
            plug=plug,
            others=[whole(MIGRATIONS, each) for each in theirs if each.uid != row.uid],
            under_way=self._under_way(row),
            limits=self._settings().migrations,
            now=now,
        )

    def _under_way(self, apart: Row) -> list[Manifest]:
        """The guests that other migrations move: those that have a target."""
        found = []
        for row in self._stores[MIGRATIONS].rows():
            other = whole(MIGRATIONS, row)
            moved = self._stores[GUESTS].one(row.namespace, other["spec"].get("vmiName", ""))
            if row.uid == apart.uid or moved is None or is_final(other):
                continue
            if migration.has_target(other, self._pods(moved)):
                found.append(whole(GUESTS, moved))
        return found

    def _settings(self) -> Settings:
        return settings(self._one(KUBEVIRTS, NAMESPACE, "kubevirt"))

    def _pods(self, row: Row) -> list[Manifest]:
        return self._all(PODS, owner_link(row, row.uid))

    def _attachments(self, row: Row, pods: Sequence[Manifest]) -> dict[str, list[Manifest]]:
        return {uid: self._all(PODS, owner_link(row, uid)) for uid in (each["metadata"]["uid"] for each in pods)}

    def _overheads(self) -> dict[str, str]:
        config = self._one(CDI_CONFIGS, "", "config")
        shares = status(config).get("filesystemOverhead", {}) if config is not None else {}
        return {**shares.get("storageClass", {}), "": shares.get("global", "")}

    def _guests_on(self, node: str) -> list[tuple[Manifest, list[Manifest]]]:
        rows = self._stores[GUESTS].linked(node_link(node))
        return [(whole(GUESTS, row), self._pods(row)) for row in rows]


def _claims(spec: Manifest) -> set[str]:
    return {claim_of(each) for each in spec.get("volumes") or ()} - {""}
