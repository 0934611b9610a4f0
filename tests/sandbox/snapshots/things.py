"""Snapshots as controllers see them, for tests."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Manifest
from dicot.sandbox.snapshots.kinds import CONTENTS, SNAPSHOTS, Content, Snapshot
from dicot.sandbox.snapshots.names import CONTENT_BOUND, SNAPSHOT_BOUND, SNAPSHOT_SOURCE

NOW = 1_800_000_000.0
STAMP = "2027-01-15T08:00:00Z"
DRIVER = "disk.sandbox.dicot.io"
UID = "00000000-0000-4000-8000-000000000000"


def seen(kind: Kind[Any], manifest: Manifest) -> Any:
    """It as a watch delivers it."""
    return kind.read(kind.decode(msgspec.json.encode(manifest)))


def snapshot(status: Manifest | None = None, **more: Any) -> Snapshot:
    """One of a claim ``c``, with its finalizers; ``meta`` and ``source`` are merged into it."""
    meta: Manifest = {"name": "s", "namespace": "n", "uid": UID, "resourceVersion": "1"}
    meta |= {"finalizers": [SNAPSHOT_SOURCE, SNAPSHOT_BOUND]}
    spec = {
        "source": more.get("source", {"persistentVolumeClaimName": "c"}),
        "volumeSnapshotClassName": more.get("named", "standard"),
    }
    manifest = {"metadata": meta | more.get("meta", {}), "spec": spec}
    found: Snapshot = seen(SNAPSHOTS, manifest | ({"status": status} if status is not None else {}))
    return found


def content(status: Manifest | None = None, **more: Any) -> Content:
    """The one of that snapshot."""
    meta: Manifest = {
        "name": f"snapcontent-{UID}",
        "uid": "uid-content",
        "resourceVersion": "1",
        "finalizers": [CONTENT_BOUND],
    }
    spec = {
        "driver": DRIVER,
        "deletionPolicy": more.get("policy", "Delete"),
        "source": more.get("source", {"volumeHandle": "v"}),
        "volumeSnapshotRef": {"namespace": "n", "name": "s", "uid": more.get("of", UID)},
        "volumeSnapshotClassName": "standard",
        "sourceVolumeMode": "Filesystem",
    }
    manifest = {"metadata": meta | more.get("meta", {}), "spec": spec}
    found: Content = seen(CONTENTS, manifest | ({"status": status} if status is not None else {}))
    return found
