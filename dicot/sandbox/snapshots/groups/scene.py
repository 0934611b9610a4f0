"""A group and what belongs to it, as the snapshot controller sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from ..kinds import Content, Snapshot
from ..names import CONTROLLER
from ..saying import Subject
from ..scene import Claim, Disk
from .kinds import GROUPS, Group, GroupClass, GroupContent, Requirement, Selector
from .names import KIND


@dataclass(frozen=True, slots=True)
class Member:
    """The part of a group that is taken of one volume: its names, and what is there of it already. ``disk``: that
    volume, as long as it is there."""

    handle: str
    snapshot_name: str
    content_name: str
    snapshot: Snapshot | None
    content: Content | None
    disk: Disk | None


@dataclass(frozen=True, slots=True)
class GroupScene:
    """``content``: the one of the name that the group leads to. ``bound``: the one that its status names. ``claims``:
    those that it selects, with their volumes. ``parts``: what the content says was taken. ``members``: all snapshots
    that it owns. ``restored``: the name of one of them that a claim is being filled from."""

    group: Group
    content: GroupContent | None
    bound: GroupContent | None
    claims: tuple[tuple[Claim, Disk | None], ...]
    classes: Mapping[str, GroupClass]
    parts: tuple[Member, ...]
    members: tuple[Snapshot, ...]
    restored: str
    now: float

    @property
    def subject(self) -> Subject:
        """The group, as the controller speaks of it."""
        error = self.group.status.error if self.group.status is not None else None
        return Subject(GROUPS, KIND, self.group.metadata, error, CONTROLLER, self.now)

    @property
    def is_given(self) -> bool:
        """Whether it stands for a content that was there before."""
        return self.group.spec.source.volumeGroupSnapshotContentName is not None

    @property
    def is_ready(self) -> bool:
        """Whether it can be used, and is bound."""
        status = self.group.status
        return status is not None and status.readyToUse is True and bool(status.boundVolumeGroupSnapshotContentName)


def content_name(group: Group) -> str:
    """The name of the content that a group of claims gets, or that it stands for."""
    return group.spec.source.volumeGroupSnapshotContentName or f"groupsnapcontent-{group.metadata.uid}"


def part_name(group: Group, handle: str) -> str:
    """How the snapshot of a volume in a group and its content are named, behind "snapshot-" and "snapcontent-"."""
    return sha256(f"{group.metadata.uid}{handle}".encode()).hexdigest()


def is_of(content: GroupContent, group: Group) -> bool:
    """Whether a content says that it belongs to the group."""
    reference, meta = content.spec.volumeGroupSnapshotRef, group.metadata
    return (reference.namespace, reference.name, reference.uid) == (meta.namespace, meta.name, meta.uid)


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether a claim is meant: by ``matchLabels`` alone (getClaimsFromVolumeGroupSnapshot)."""
    return all(labels.get(key) == value for key, value in selector.matchLabels.items())


def written(selector: Selector) -> str:
    """A selector as Kubernetes prints it (apimachinery, FormatLabelSelector)."""
    parts = [(key, f"{key}={value}") for key, value in selector.matchLabels.items()]
    parts += [(each.key, _requirement(each)) for each in selector.matchExpressions]
    return ",".join(text for _, text in sorted(parts, key=lambda part: part[0])) or "<none>"


def _requirement(found: Requirement) -> str:
    values = ",".join(sorted(found.values))
    return {
        "In": f"{found.key} in ({values})",
        "NotIn": f"{found.key} notin ({values})",
        "Exists": found.key,
        "DoesNotExist": f"!{found.key}",
    }.get(found.operator, "<error>")
