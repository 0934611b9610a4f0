"""What the snapshot controller sees of groups, and what follows from it for each object of them."""

from collections.abc import Iterator
from typing import Any

from dicot.kube.kind import Row
from dicot.kube.store import Change, Store

from ...controller import Key
from ...steps import REST, Decision
from ..kinds import CONTENTS, SNAPSHOTS, Content, Reference, Snapshot, group_link, group_of, snapshot_link
from ..scene import CLAIMS, DISKS, Claim, Disk, volume_link
from . import holding, taking
from .kinds import GROUP_CLASSES, GROUP_CONTENTS, GROUPS, Group, GroupContent
from .scene import GroupScene, Member, content_name, part_name, selects


class GroupWorld:
    """The stores of groups, joined with those of snapshots, claims and volumes."""

    def __init__(self, snapshots: Store[Any], contents: Store[Any], claims: Store[Any], disks: Store[Any]) -> None:
        self.groups: Store[Any] = Store(GROUPS)
        self.contents: Store[Any] = Store(GROUP_CONTENTS)
        self.classes: Store[Any] = Store(GROUP_CLASSES)
        self._snapshots = snapshots
        self._members = contents
        self._claims = claims
        self._disks = disks

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched for groups alone."""
        return (self.groups, self.contents, self.classes)

    def saw(self, change: Change) -> Iterator[Key]:
        """Take a change into account; what must be decided again. (What waits for a class, claims or volumes is tried
        again by itself.)"""
        row = change.new or change.old
        if row is None:
            return
        if change.kind is GROUPS:
            yield Key(GROUPS, row.namespace, row.name)
            yield Key(GROUP_CONTENTS, "", content_name(GROUPS.read(row)))
            members = self._snapshots.linked(group_link(row.namespace, row.name))
            yield from (Key(SNAPSHOTS, each.namespace, each.name) for each in members)
        elif change.kind is GROUP_CONTENTS:
            yield Key(GROUP_CONTENTS, "", row.name)
            reference = GROUP_CONTENTS.read(row).spec.volumeGroupSnapshotRef
            yield Key(GROUPS, reference.namespace, reference.name)
        elif change.kind is SNAPSHOTS:
            yield from self._parent_of(row)
        elif change.kind is CONTENTS:
            reference = CONTENTS.read(row).spec.volumeSnapshotRef
            member = self._snapshots.one(reference.namespace, reference.name)
            yield from self._parent_of(member) if member is not None else ()

    def _parent_of(self, member: Row) -> Iterator[Key]:
        group = group_of(SNAPSHOTS.read(member))
        if group:
            yield Key(GROUPS, member.namespace, group)

    def everything(self) -> list[Key]:
        """All objects that there are."""
        stores = (self.groups, self.contents)
        return [Key(store.kind, row.namespace, row.name) for store in stores for row in store.rows()]

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an object."""
        if key.kind is GROUP_CONTENTS:
            content: GroupContent | None = _one(self.contents, "", key.name)
            return holding.decide(content) if content is not None else REST
        group: Group | None = _one(self.groups, key.namespace, key.name)
        return taking.decide(self._scene(group, now)) if group is not None else REST

    def parent(self, snapshot: Snapshot) -> Reference | None:
        """The group that a snapshot's status names, as long as that is there."""
        name = snapshot.status.volumeGroupSnapshotName if snapshot.status is not None else None
        row = self.groups.one(snapshot.metadata.namespace, name) if name is not None else None
        return Reference(row.name, row.namespace, row.uid) if row is not None else None

    def name_of(self, content: Content | None) -> str | None:
        """The name of the group that the snapshot of a content was taken with; "" where it was taken alone, None
        where there is no such group."""
        handle = content.status.volumeGroupSnapshotHandle if content is not None and content.status else None
        if handle is None:
            return ""
        for row in self.contents.rows():
            found: GroupContent = GROUP_CONTENTS.read(row)
            if found.status is not None and found.status.volumeGroupSnapshotHandle == handle:
                return found.spec.volumeGroupSnapshotRef.name
        return None

    def _scene(self, group: Group, now: float) -> GroupScene:
        bound = group.status.boundVolumeGroupSnapshotContentName if group.status is not None else None
        content: GroupContent | None = _one(self.contents, "", content_name(group))
        meta = group.metadata
        linked = self._snapshots.linked(group_link(meta.namespace, meta.name))
        members = tuple(SNAPSHOTS.read(row) for row in sorted(linked, key=lambda row: row.name))
        driver = content.spec.driver if content is not None else ""
        taken = content.status.volumeSnapshotInfoList if content is not None and content.status else []
        return GroupScene(
            group=group,
            content=content,
            bound=_one(self.contents, "", bound) if bound is not None else None,
            claims=tuple(self._selected(group)),
            classes={row.name: GROUP_CLASSES.read(row) for row in self.classes.rows()},
            parts=tuple(self._part(group, driver, each.volumeHandle) for each in taken),
            members=members,
            restored=next((each.metadata.name for each in members if self._is_restored(each)), ""),
            now=now,
        )

    def _selected(self, group: Group) -> Iterator[tuple[Claim, Disk | None]]:
        """The claims that are meant by the group, by name."""
        selector = group.spec.source.selector
        if selector is None:
            return
        rows = sorted(self._claims.rows(group.metadata.namespace), key=lambda row: row.name)
        for claim in map(CLAIMS.read, rows):
            if selects(selector, claim.metadata.labels):
                volume = claim.spec.volumeName
                yield claim, _one(self._disks, "", volume) if volume else None

    def _part(self, group: Group, driver: str, handle: str) -> Member:
        name, namespace = part_name(group, handle), group.metadata.namespace
        disks = self._disks.linked(volume_link(driver, handle))
        snapshot, content = f"snapshot-{name}", f"snapcontent-{name}"
        return Member(
            handle=handle,
            snapshot_name=snapshot,
            content_name=content,
            snapshot=_one(self._snapshots, namespace, snapshot),
            content=_one(self._members, "", content),
            disk=DISKS.read(disks[0]) if len(disks) == 1 else None,
        )

    def _is_restored(self, member: Snapshot) -> bool:
        link = snapshot_link(member.metadata.namespace, member.metadata.name)
        return any(CLAIMS.read(row).status.phase == "Pending" for row in self._claims.linked(link))


def _one(store: Store[Any], namespace: str, name: str) -> Any:
    row: Row | None = store.one(namespace, name)
    return store.read(row) if row is not None else None
