"""Groups as controllers see them, for tests."""

from typing import Any

from dicot.kube.kind import Manifest
from dicot.sandbox.snapshots.groups.kinds import (
    GROUP_CLASSES,
    GROUP_CONTENTS,
    GROUPS,
    Group,
    GroupClass,
    GroupContent,
)
from dicot.sandbox.snapshots.groups.names import CONTENT_BOUND, DEFAULT_CLASS, GROUP_BOUND

from ..things import DRIVER, UID, seen

HANDLE = f"groupsnapshot-{UID}"
NAME = f"groupsnapcontent-{UID}"
SIZE = 1 << 30


def group(status: Manifest | None = None, **more: Any) -> Group:
    """One of the claims of an app, with its finalizer; ``meta`` and ``source`` are merged into it."""
    meta: Manifest = {"name": "g", "namespace": "n", "uid": UID, "resourceVersion": "1", "finalizers": [GROUP_BOUND]}
    source = more.get("source", {"selector": {"matchLabels": {"app": "db"}}})
    spec = {"source": source, "volumeGroupSnapshotClassName": more.get("named", "standard")}
    manifest = {"metadata": meta | more.get("meta", {}), "spec": spec}
    found: Group = seen(GROUPS, manifest | ({"status": status} if status is not None else {}))
    return found


def content(status: Manifest | None = None, **more: Any) -> GroupContent:
    """The one of that group."""
    meta: Manifest = {"name": NAME, "uid": "uid-content", "resourceVersion": "1", "finalizers": [CONTENT_BOUND]}
    spec = {
        "driver": more.get("driver", DRIVER),
        "deletionPolicy": more.get("policy", "Delete"),
        "source": more.get("source", {"volumeHandles": ["v", "w"]}),
        "volumeGroupSnapshotRef": {"namespace": "n", "name": "g", "uid": more.get("of", UID)},
        "volumeGroupSnapshotClassName": more.get("named", "standard"),
    }
    manifest = {"metadata": meta | more.get("meta", {}), "spec": spec}
    found: GroupContent = seen(GROUP_CONTENTS, manifest | ({"status": status} if status is not None else {}))
    return found


def taken(*volumes: str) -> Manifest:
    """What a content says once the driver has taken these."""
    infos = [
        {"volumeHandle": each, "snapshotHandle": f"{HANDLE}-{index}-{SIZE}", "readyToUse": True, "restoreSize": SIZE}
        for index, each in enumerate(volumes)
    ]
    return {"volumeGroupSnapshotHandle": HANDLE, "readyToUse": True, "volumeSnapshotInfoList": infos}


def group_class(name: str = "standard", default: bool = True) -> GroupClass:
    """A class of the driver's."""
    notes = {"annotations": {DEFAULT_CLASS: "true"}} if default else {}
    manifest = {
        "metadata": {"name": name, "uid": f"uid-{name}", **notes},
        "driver": DRIVER,
        "deletionPolicy": "Delete",
    }
    found: GroupClass = seen(GROUP_CLASSES, manifest)
    return found
