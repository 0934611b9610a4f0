"""The status of a VolumeGroupSnapshot after that of its content.

external-snapshotter 8.6.0, updateGroupSnapshotStatus.
"""

import msgspec

from dicot.kube.kind import Manifest

from .kinds import GroupContent, GroupContentStatus, GroupStatus


def after(old: GroupStatus | None, content: GroupContent) -> Manifest:
    """What is to be changed; {} where all is said."""
    known, was = content.status or GroupContentStatus(), old or GroupStatus()
    changes: Manifest = {}
    if was.boundVolumeGroupSnapshotContentName is None:
        changes["boundVolumeGroupSnapshotContentName"] = content.metadata.name
    if was.creationTime is None and known.creationTime is not None:
        changes["creationTime"] = known.creationTime
    ready = known.readyToUse is True
    if was.readyToUse is not ready:
        changes["readyToUse"] = ready
    if known.error != was.error:
        changes["error"] = msgspec.to_builtins(known.error)
    return changes
