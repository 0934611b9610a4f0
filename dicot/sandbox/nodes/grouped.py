"""What the storage of the nodes sees of groups of snapshots, and what follows from it for their contents."""

from typing import Any

from dicot.kube.kind import Row
from dicot.kube.store import Store

from ..snapshots.groups.kinds import GROUP_CLASSES, GROUP_CONTENTS, GROUPS, Group, GroupContent
from ..steps import Decision
from . import groups
from .kinds import DISKS, Disk
from .snapshots import lasts
from .work.shots import Shots


class Grouped:
    """The stores of groups, joined with that of volumes. ``shots`` copies what those hold; None for volumes that hold
    nothing."""

    def __init__(self, disks: Store[Any], shots: Shots | None) -> None:
        self.groups: Store[Any] = Store(GROUPS)
        self.contents: Store[Any] = Store(GROUP_CONTENTS)
        self.classes: Store[Any] = Store(GROUP_CLASSES)
        self._disks = disks
        self._shots = shots

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched for groups alone."""
        return (self.groups, self.contents, self.classes)

    def decide(self, row: Row, now: float) -> Decision:
        """What to do about a content."""
        content: GroupContent = GROUP_CONTENTS.read(row)
        named, reference = content.spec.volumeGroupSnapshotClassName, content.spec.volumeGroupSnapshotRef
        found = self.groups.one(reference.namespace, reference.name)
        group: Group | None = GROUPS.read(found) if found is not None else None
        disks = [self._disk(handle) for handle in content.spec.source.volumeHandles or ()]
        taken = self._are_taken(groups.to_take(content, disks)) and not lasts(group, now)
        for gone in groups.to_drop(content):
            self._drop(gone)
        classed = named is None or self.classes.one("", named) is not None
        return groups.decide_group(content, group, disks, classed=classed, taken=taken, now=now)

    def _disk(self, handle: str) -> Disk | None:
        row = self._disks.one("", handle)
        return DISKS.read(row) if row is not None else None

    def _are_taken(self, pairs: list[tuple[str, str]]) -> bool:
        return bool(pairs) and (self._shots is None or self._shots.all_made(pairs))

    def _drop(self, handle: str) -> None:
        if self._shots is not None:
            self._shots.drop(handle)
