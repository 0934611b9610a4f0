"""What the storage of the nodes sees of claims, volumes and snapshots, and what follows from it for each of them."""

from collections.abc import Callable
from typing import Any

from dicot.kube.kind import Kind, Row
from dicot.kube.store import Change, Store

from ...kube.quantity import whole
from ..snapshots.groups.kinds import GROUP_CONTENTS
from ..snapshots.kinds import CONTENTS, SNAPSHOT_CLASSES, SNAPSHOTS, Content, Snapshot
from ..steps import REST, Decision
from . import expansion, restoring, snapshots, volumes
from .grouped import Grouped
from .kinds import CLAIMS, DISKS, Claim, Disk
from .odds import Odds
from .work.contents import Contents
from .work.shots import Shots


class Storage:
    """Volumes and snapshots, and claims of them. ``is_mounted`` tells whether a kubelet mounts a claim for a Pod;
    ``held`` is what the volumes hold, None for such as hold nothing."""

    def __init__(self, odds: Odds, is_mounted: Callable[[Claim], bool], held: Contents | None) -> None:
        self.disks: Store[Any] = Store(DISKS)
        self.snapshots: Store[Any] = Store(SNAPSHOTS)
        self.contents: Store[Any] = Store(CONTENTS)
        self.classes: Store[Any] = Store(SNAPSHOT_CLASSES)
        self._odds = odds
        self._is_mounted = is_mounted
        self._held = held
        self._shots = Shots(held) if held is not None else None
        self._grouped = Grouped(self.disks, self._shots)

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched for storage alone."""
        return (self.disks, self.snapshots, self.contents, self.classes, *self._grouped.stores)

    def saw(self, change: Change) -> None:
        """A volume that is gone takes with it what it held; a device has as many bytes as its volume."""
        if self._held is None:
            return
        if change.new is None and change.old is not None:
            self._held.drop(change.old.name)
        elif change.new is not None:
            spec = DISKS.read(change.new).spec
            if spec.volumeMode == "Block":
                self._held.grow(change.new.name, whole(spec.capacity["storage"]))

    def decide(self, kind: Kind[Any], row: Row, now: float) -> Decision:
        """What to do about a claim, or about one of these."""
        if kind is CLAIMS:
            return self._decide_claim(CLAIMS.read(row), now)
        if kind is CONTENTS:
            return self._decide_content(CONTENTS.read(row), now)
        if kind is GROUP_CONTENTS:
            return self._grouped.decide(row, now)
        return volumes.decide_disk(DISKS.read(row)) if kind is DISKS else REST

    def _decide_claim(self, claim: Claim, now: float) -> Decision:
        if claim.status.phase == "Bound":
            return self._decide_bound(claim, now)
        name = restoring.source(claim)
        if not name or not volumes.is_asked_for(claim):
            return volumes.decide_claim(claim)
        snapshot = self._snapshot(claim.metadata.namespace, name)
        bound = snapshot.status.boundVolumeSnapshotContentName if snapshot is not None and snapshot.status else None
        row = self.contents.one("", bound) if bound is not None else None
        content: Content | None = CONTENTS.read(row) if row is not None else None
        return restoring.decide_restored(claim, snapshot, content, self._filled, now)

    def _decide_bound(self, claim: Claim, now: float) -> Decision:
        disk = self._disk(claim.spec.volumeName)
        if disk is None or not volumes.is_ours(claim):
            return REST
        return expansion.decide(claim, disk, is_mounted=self._is_mounted(claim), now=now)

    def _decide_content(self, content: Content, now: float) -> Decision:
        spec, of = content.spec, content.spec.volumeSnapshotRef
        told = self.snapshots.one(of.namespace, of.name)
        met = self._odds.meet(SNAPSHOTS, told) if told is not None else None
        if met is not None:
            # It could be taken before its snapshot has been looked at.
            return Decision(met.steps, again=snapshots.SOON)
        snapshot = SNAPSHOTS.read(told) if told is not None else None
        disk = self._disk(spec.source.volumeHandle or "")
        made, gone = snapshots.to_take(content, disk), snapshots.to_drop(content)
        if gone is not None and self._shots is not None:
            self._shots.drop(gone)
        return snapshots.decide_content(
            content,
            snapshot,
            disk,
            taken=made is not None
            and self._filled(spec.source.volumeHandle or "", made)
            and not snapshots.lasts(snapshot, now),
            classed=spec.volumeSnapshotClassName is None
            or self.classes.one("", spec.volumeSnapshotClassName) is not None,
            now=now,
        )

    def _filled(self, source: str, target: str) -> bool:
        """Whether a volume or snapshot holds what another does."""
        return self._shots is None or self._shots.made(source, target)

    def _snapshot(self, namespace: str, name: str) -> Snapshot | None:
        row = self.snapshots.one(namespace, name)
        return SNAPSHOTS.read(row) if row is not None else None

    def _disk(self, name: str) -> Disk | None:
        row = self.disks.one("", name)
        return DISKS.read(row) if row is not None else None
