"""Snapshots that are taken, well and badly, and what is kept of what came of them.

``recorded/takes.json`` holds what came of them on the real programs. Uids and moments are masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.objects import Document, named
from tests.sandbox.placing import masked

RECORDED = Path(__file__).with_name("recorded") / "takes.json"
SNAPSHOT = "snapshot.storage.k8s.io/v1"
STORAGE = "standard"
KEPT_CLASS, LOST_CLASS = "kept-NAMESPACE", "lost"
"""One that keeps what is deleted, and one that is not there."""
UNKNOWN = "handle-of-another-driver"
KNOWN = "snapshot-00000000-0000-4000-8000-000000000001-1073741824"
FAULT = {"sandbox.dicot.io/fault": "snapshot"}


def claim(name: str, size: str = "1Gi", **spec: Any) -> Document:
    """A claim of the nodes' storage."""
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return named("PersistentVolumeClaim", name, None, spec=asked | spec)


def restored(name: str, snapshot: str, size: str = "1Gi", **spec: Any) -> Document:
    """A claim that is filled from a snapshot."""
    source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": snapshot}
    return claim(name, size, dataSource=source, **spec)


def snapshot(name: str, of: str, named_class: str = "", notes: Mapping[str, str] | None = None) -> Document:
    """A snapshot of a claim."""
    spec: Document = {"source": {"persistentVolumeClaimName": of}}
    if named_class:
        spec["volumeSnapshotClassName"] = named_class
    made = named("VolumeSnapshot", name, None, SNAPSHOT, spec=spec)
    made["metadata"]["annotations"] = dict(notes or {})
    return made


def given(name: str, content: str) -> Document:
    """A snapshot that stands for a content."""
    return named("VolumeSnapshot", name, None, SNAPSHOT, spec={"source": {"volumeSnapshotContentName": content}})


def content(
    name: str, to: str, handle: str = KNOWN, policy: str = "Retain", namespace: str = "NAMESPACE"
) -> Document:
    """A content of what there is already."""
    spec = {
        "deletionPolicy": policy,
        "driver": "disk.sandbox.dicot.io",
        "source": {"snapshotHandle": handle},
        "volumeSnapshotRef": {"name": to, "namespace": namespace},
    }
    return named("VolumeSnapshotContent", name, None, SNAPSHOT, spec=spec)


def class_of(name: str, policy: str) -> Document:
    """A class of snapshots."""
    return named("VolumeSnapshotClass", name, None, SNAPSHOT, driver="disk.sandbox.dicot.io", deletionPolicy=policy)


def foreign(name: str) -> Document:
    """A volume of no driver, for a claim."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "claimRef": {"name": "foreign", "namespace": "NAMESPACE"},
        "hostPath": {"path": "/nowhere"},
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
    }
    return named("PersistentVolume", name, None, spec=spec)


CLUSTER: Sequence[Document] = (
    class_of(KEPT_CLASS, "Retain"),
    foreign("foreign-NAMESPACE"),
    content("given-NAMESPACE", "given"),
    content("unknown-NAMESPACE", "unknown", UNKNOWN),
    content("elsewhere-NAMESPACE", "somebody-else"),
)
"""What is made beside the namespace, and deleted after."""
CLAIMS: Sequence[Document] = (
    claim("data"),
    claim("block", "2Gi", volumeMode="Block"),
    claim("foreign", storageClassName="", volumeName="foreign-NAMESPACE"),
    claim("unbound", storageClassName="missing"),
)
SNAPSHOTS: Sequence[Document] = (
    snapshot("taken", "data"),
    snapshot("again", "data", STORAGE),
    snapshot("of-block", "block"),
    snapshot("kept", "data", KEPT_CLASS),
    snapshot("classless", "data", LOST_CLASS),
    snapshot("claimless", "nothing"),
    snapshot("claimless-classed", "nothing", STORAGE),
    snapshot("of-unbound", "unbound"),
    snapshot("of-unbound-classed", "unbound", STORAGE),
    snapshot("of-foreign", "foreign"),
    snapshot("of-foreign-classed", "foreign", STORAGE),
    snapshot("broken", "data", notes=FAULT),
    given("given", "given-NAMESPACE"),
    given("unknown", "unknown-NAMESPACE"),
    given("elsewhere", "elsewhere-NAMESPACE"),
    given("contentless", "nothing-NAMESPACE"),
)
READY = ("taken", "again", "of-block", "kept", "given")
NAMES = tuple(each["metadata"]["name"] for each in SNAPSHOTS)
MASKS = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
    (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "MOMENT"),
    (r'"creationTime": \d+', '"creationTime": "MOMENT"'),
    (r'("resourceVersion": )"\d+"', r'\1"VERSION"'),
)
_CHOSEN = ("resourceVersion", "generation", "managedFields", "creationTimestamp", "uid")


def kept(document: Document, namespace: str) -> Document:
    """An object as a record holds it."""
    found: Document = masked(document, namespace, MASKS)
    for key in _CHOSEN:
        found["metadata"].pop(key, None)
    return found


def is_settled(found: Document) -> bool:
    """Whether it is ready, or says what is wrong."""
    status = found.get("status") or {}
    if found["metadata"]["name"] in READY:
        return bool(status.get("readyToUse"))
    return "error" in status


def told(events: Iterable[Document], namespace: str) -> dict[str, list[list[str]]]:
    """What was told of each snapshot, in no order."""
    found: dict[str, set[tuple[str, ...]]] = {name: set() for name in NAMES}
    for each in events:
        name = each["involvedObject"]["name"]
        if each["involvedObject"]["kind"] == "VolumeSnapshot" and name in found:
            message = masked(each["message"], namespace, MASKS)
            found[name].add((each["type"], each["reason"], message, each["source"]["component"]))
    return {name: [list(one) for one in sorted(events)] for name, events in found.items()}
