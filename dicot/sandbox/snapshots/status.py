"""The status of a VolumeSnapshot after that of its content (external-snapshotter 8.6.0, updateSnapshotStatus)."""

import msgspec

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ...kube.quantity import whole
from .kinds import Content, ContentStatus, SnapshotStatus

_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def after(old: SnapshotStatus | None, content: Content, group: str = "") -> Manifest:
    """What is to be changed; {} where all is said. ``group``: the name of the one that it was taken with."""
    known, was = content.status or ContentStatus(), old or SnapshotStatus()
    changes: Manifest = {}
    if was.boundVolumeSnapshotContentName is None:
        changes["boundVolumeSnapshotContentName"] = content.metadata.name
    if was.creationTime is None and known.creationTime is not None:
        changes["creationTime"] = stamp(known.creationTime // 10**9)
    ready = known.readyToUse is True
    if was.readyToUse is not ready:
        changes["readyToUse"] = ready
        if ready and was.error is not None:
            changes["error"] = None
    size = known.restoreSize
    if size is not None and (was.restoreSize is None or whole(was.restoreSize) == 0 < size):
        changes["restoreSize"] = binary(size)
    if known.error is not None and known.error != was.error:
        changes["error"] = msgspec.to_builtins(known.error)
    if was.volumeGroupSnapshotName is None and group:
        changes["volumeGroupSnapshotName"] = group
    return changes


def binary(size: int) -> str:
    """Bytes as Go prints them (apimachinery, resource.BinarySI): in the largest unit in which they are whole."""
    unit = 0
    while size and size % 1024 == 0 and unit < len(_UNITS) - 1:
        size, unit = size // 1024, unit + 1
    return f"{size}{_UNITS[unit]}"
