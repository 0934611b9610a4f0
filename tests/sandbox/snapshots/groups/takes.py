"""Groups of snapshots that are taken, well and badly, and what is kept of what came of them.

``recorded/takes.json`` holds what came of them on the real programs. Uids, moments and names that follow from uids
are masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.objects import Document, named
from tests.sandbox.placing import masked
from tests.sandbox.snapshots import takes as single

RECORDED = Path(__file__).with_name("recorded") / "takes.json"
GROUPED = "groupsnapshot.storage.k8s.io/v1"
DRIVER = "disk.sandbox.dicot.io"
KEPT_CLASS, LOST_CLASS = "kept-groups-NAMESPACE", "lost"
"""One that keeps what is deleted, and one that is not there."""
HANDLE = "groupsnapshot-NAMESPACE"
MEMBERS = (f"{HANDLE}-0-1073741824", f"{HANDLE}-1-2147483648")


def group(
    name: str, labels: Mapping[str, str], named_class: str = "", notes: Mapping[str, str] | None = None, **more: Any
) -> Document:
    """A group of the claims with these labels; ``more`` is of its selector."""
    spec: Document = {"source": {"selector": {"matchLabels": dict(labels), **more}}}
    if named_class:
        spec["volumeGroupSnapshotClassName"] = named_class
    made = named("VolumeGroupSnapshot", name, None, GROUPED, spec=spec)
    made["metadata"]["annotations"] = dict(notes or {})
    return made


def of(app: str) -> Mapping[str, str]:
    """The label of claims that belong together."""
    return {"app": app}


def given(name: str, content: str) -> Document:
    """A group that stands for a content."""
    source = {"source": {"volumeGroupSnapshotContentName": content}}
    return named("VolumeGroupSnapshot", name, None, GROUPED, spec=source)


def content(name: str, to: str, source: Document | None = None, policy: str = "Retain") -> Document:
    """A content of what there is already, unless it says otherwise."""
    spec = {
        "deletionPolicy": policy,
        "driver": DRIVER,
        "source": source or handles(),
        "volumeGroupSnapshotRef": {"name": to, "namespace": "NAMESPACE"},
    }
    return named("VolumeGroupSnapshotContent", name, None, GROUPED, spec=spec)


def handles(group: str = HANDLE, members: Sequence[str] = MEMBERS) -> Document:
    """What the driver is said to have already."""
    return {"groupSnapshotHandles": {"volumeGroupSnapshotHandle": group, "volumeSnapshotHandles": list(members)}}


def class_of(name: str, policy: str) -> Document:
    """A class of groups."""
    return named("VolumeGroupSnapshotClass", name, None, GROUPED, driver=DRIVER, deletionPolicy=policy)


def claim(name: str, app: str, size: str = "1Gi", **spec: Any) -> Document:
    """A claim with a label."""
    made = single.claim(name, size, **spec)
    made["metadata"]["labels"] = dict(of(app))
    return made


def foreign(name: str, to: str, **source: Any) -> Document:
    """A volume of another driver or of none, for a claim."""
    made = single.foreign(f"{name}-NAMESPACE")
    made["spec"]["claimRef"]["name"] = to
    if source:
        del made["spec"]["hostPath"]
    made["spec"] |= source
    return made


CLUSTER: Sequence[Document] = (
    class_of(KEPT_CLASS, "Retain"),
    foreign("group-foreign", "foreign"),
    foreign("group-driven", "driven", csi={"driver": "other.example.com", "volumeHandle": "v"}),
    content("given-groups-NAMESPACE", "given"),
    content("unknown-groups-NAMESPACE", "unknown", handles(members=["handle-of-another-driver"])),
    content("nothing-in-groups-NAMESPACE", "nothing-in", handles(members=[])),
    content("elsewhere-groups-NAMESPACE", "somebody-else"),
    content("asked-groups-NAMESPACE", "asked", {"volumeHandles": ["v"]}),
)
"""What is made beside the namespace, and deleted after."""
CLAIMS: Sequence[Document] = (
    claim("left", "db"),
    claim("right", "db", "2Gi", volumeMode="Block"),
    claim("single", "web"),
    claim("foreign", "foreign", storageClassName="", volumeName="group-foreign-NAMESPACE"),
    claim("driven", "driven", storageClassName="", volumeName="group-driven-NAMESPACE"),
    claim("unbound", "unbound", storageClassName="missing"),
)
BOUND = ("left", "right", "single", "foreign", "driven")
SOME = {"key": "app", "operator": "In", "values": ["web", "db"]}
GROUPS: Sequence[Document] = (
    group("taken", of("db")),
    group("again", of("db"), single.STORAGE),
    group("of-one", of("web"), KEPT_CLASS),
    group("narrowed", of("db"), matchExpressions=[{"key": "app", "operator": "DoesNotExist"}]),
    group("classless", of("db"), LOST_CLASS),
    group("claimless", of("nobody")),
    group("claimless-classed", {"tier": "1", **of("nobody")}, single.STORAGE),
    group("claimless-expressed", of("nobody"), single.STORAGE, matchExpressions=[SOME]),
    group("expressed", {}, single.STORAGE, matchExpressions=[SOME]),
    group("of-unbound", of("unbound")),
    group("of-unbound-classed", of("unbound"), single.STORAGE),
    group("of-foreign", of("foreign")),
    group("of-foreign-classed", of("foreign"), single.STORAGE),
    group("of-driven", of("driven")),
    group("of-driven-classed", of("driven"), single.STORAGE),
    group("broken", of("db"), notes=single.FAULT),
    given("given", "given-groups-NAMESPACE"),
    given("unknown", "unknown-groups-NAMESPACE"),
    given("nothing-in", "nothing-in-groups-NAMESPACE"),
    given("elsewhere", "elsewhere-groups-NAMESPACE"),
    given("asked", "asked-groups-NAMESPACE"),
    given("contentless", "nothing-NAMESPACE"),
)
READY: Mapping[str, int] = {"taken": 2, "again": 2, "of-one": 1, "narrowed": 2, "given": 0}
"""Those that can be used in the end, with the number of members that are made for them."""
NAMES = tuple(each["metadata"]["name"] for each in GROUPS)
MASKS = (
    (r"(snapshot|snapcontent)-[0-9a-f]{64}", r"\1-HASH"),
    (r'("creationTime": )\d+', r'\1"MOMENT"'),
    *single.MASKS,
)


def kept(document: Document, namespace: str) -> Document:
    """An object as a record holds it."""
    return single.kept(masked(document, namespace, MASKS), namespace)


def is_settled(found: Document) -> bool:
    """Whether it is ready, or says what is wrong, once that stays the same: what fails is told of twice."""
    status, name = found.get("status") or {}, found["metadata"]["name"]
    if name in READY:
        return bool(status.get("readyToUse"))
    return ("check and update" if name == "broken" else "") in status.get("error", {}).get("message", " ")[:30]


def told(events: Iterable[Document], namespace: str) -> dict[str, list[list[str]]]:
    """What was told of each group, in no order; not that a controller had looked at what has been changed since."""
    found: dict[str, set[tuple[str, ...]]] = {name: set() for name in NAMES}
    for each in events:
        name = each["involvedObject"]["name"]
        message = masked(each["message"], namespace, MASKS)
        is_of = each["involvedObject"]["kind"] == "VolumeGroupSnapshot" and name in found
        if is_of and "the object has been modified" not in message:
            found[name].add((each["type"], each["reason"], message, each["source"]["component"]))
    return {name: [list(one) for one in sorted(events)] for name, events in found.items()}
