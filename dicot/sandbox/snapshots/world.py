"""What the snapshot controller sees of the cluster, and what follows from it for each object."""

from collections.abc import Iterator
from typing import Any

from dicot.kube.kind import Row
from dicot.kube.store import Change, Store

from ..controller import Key
from ..steps import REST, Decision
from . import holding, taking
from .groups.kinds import GROUP_CONTENTS, GROUPS
from .groups.world import GroupWorld
from .kinds import (
    CONTENTS,
    SNAPSHOT_CLASSES,
    SNAPSHOTS,
    Content,
    Snapshot,
    claim_link,
    snapshot_link,
)
from .names import GROUP
from .scene import CLAIMS, DISKS, Claim, Disk, Scene, content_name


class SnapshotWorld:
    """The stores, joined."""

    def __init__(self) -> None:
        self.snapshots: Store[Any] = Store(SNAPSHOTS)
        self.contents: Store[Any] = Store(CONTENTS)
        self.classes: Store[Any] = Store(SNAPSHOT_CLASSES)
        self.claims: Store[Any] = Store(CLAIMS)
        self.disks: Store[Any] = Store(DISKS)
        self.grouped = GroupWorld(self.snapshots, self.contents, self.claims, self.disks)

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched."""
        return (self.snapshots, self.contents, self.classes, self.claims, self.disks, *self.grouped.stores)

    def saw(self, change: Change) -> Iterator[Key]:
        """Take a change into account; what must be decided again. (What waits for a class or a volume is tried again
        by itself.)"""
        yield from self.grouped.saw(change)
        row = change.new or change.old
        if row is None:
            return
        if change.kind is SNAPSHOTS:
            yield from self._of_snapshot(row)
        elif change.kind is CONTENTS:
            yield Key(CONTENTS, "", row.name)
            reference = CONTENTS.read(row).spec.volumeSnapshotRef
            yield Key(SNAPSHOTS, reference.namespace, reference.name)
            yield from self._linked(f"/{row.name}")
        elif change.kind is CLAIMS:
            yield from self._linked(claim_link(row.namespace, row.name))
            source = CLAIMS.read(row).spec.dataSource
            if source is not None and source.apiGroup == GROUP:
                yield Key(SNAPSHOTS, row.namespace, source.name)

    def everything(self) -> list[Key]:
        """All objects that there are."""
        stores = (self.snapshots, self.contents)
        own = [Key(store.kind, row.namespace, row.name) for store in stores for row in store.rows()]
        return [*own, *self.grouped.everything()]

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an object."""
        if key.kind in (GROUPS, GROUP_CONTENTS):
            return self.grouped.decide(key, now)
        if key.kind is CONTENTS:
            content: Content | None = self._one(self.contents, "", key.name)
            if content is None:
                return REST
            reference = content.spec.volumeSnapshotRef
            return holding.decide(content, self._one(self.snapshots, reference.namespace, reference.name))
        snapshot: Snapshot | None = self._one(self.snapshots, key.namespace, key.name)
        return taking.decide(self._scene(snapshot, now)) if snapshot is not None else REST

    def _of_snapshot(self, row: Row) -> Iterator[Key]:
        """It, its content, and the others that are taken of its claim: one of them lets go of the claim."""
        yield Key(SNAPSHOTS, row.namespace, row.name)
        snapshot = SNAPSHOTS.read(row)
        yield Key(CONTENTS, "", content_name(snapshot))
        source = snapshot.spec.source.persistentVolumeClaimName
        if source is not None:
            yield from self._linked(claim_link(row.namespace, source))

    def _linked(self, to: str) -> list[Key]:
        return [Key(SNAPSHOTS, row.namespace, row.name) for row in self.snapshots.linked(to)]

    def _one(self, store: Store[Any], namespace: str, name: str) -> Any:
        row: Row | None = store.one(namespace, name)
        return store.read(row) if row is not None else None

    def _scene(self, snapshot: Snapshot, now: float) -> Scene:
        namespace, source = snapshot.metadata.namespace, snapshot.spec.source.persistentVolumeClaimName
        claim: Claim | None = self._one(self.claims, namespace, source) if source is not None else None
        disk: Disk | None = None
        if claim is not None and claim.spec.volumeName:
            disk = self._one(self.disks, "", claim.spec.volumeName)
        name = snapshot.status.boundVolumeSnapshotContentName if snapshot.status is not None else None
        content: Content | None = self._one(self.contents, "", content_name(snapshot))
        bound: Content | None = self._one(self.contents, "", name) if name is not None else None
        return Scene(
            snapshot=snapshot,
            content=content,
            bound=bound,
            claim=claim,
            disk=disk,
            classes={row.name: SNAPSHOT_CLASSES.read(row) for row in self.classes.rows()},
            held=source is not None and self._is_held(snapshot, source),
            restored=self._is_restored(snapshot),
            now=now,
            parent=self.grouped.parent(snapshot),
            group=self.grouped.name_of(content or bound),
        )

    def _is_held(self, snapshot: Snapshot, claim: str) -> bool:
        """Whether another snapshot of the claim is not ready yet."""
        for row in self.snapshots.linked(claim_link(snapshot.metadata.namespace, claim)):
            other: Snapshot = SNAPSHOTS.read(row)
            ready = other.status is not None and other.status.readyToUse is True
            if other.metadata.uid != snapshot.metadata.uid and not ready:
                return True
        return False

    def _is_restored(self, snapshot: Snapshot) -> bool:
        link = snapshot_link(snapshot.metadata.namespace, snapshot.metadata.name)
        return any(CLAIMS.read(row).status.phase == "Pending" for row in self.claims.linked(link))
