"""The lives of DataVolumes: what is made, and what is kept of all that happened.

``recorded/lives.json`` holds what came of them on the real programs. What is left to chance there is masked: uids,
moments, tokens, how often something was told or tried, and which states of a life were too short to be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.objects import Document, named
from tests.live.seen.objects import URL, from_image, from_source, volume
from tests.sandbox.placing import masked, placed

RECORDED = Path(__file__).with_name("recorded") / "lives.json"
FAULT = {"sandbox.dicot.io/fault": "import"}
_HTTP: Document = {"http": {"url": URL}}
_RWO = ["ReadWriteOnce"]
_SNAPSHOT: Document = {"snapshot": {"name": "photo", "namespace": "NAMESPACE"}}


def _sized(size: str) -> Document:
    return {"resources": {"requests": {"storage": size}}}


@dataclass(frozen=True, slots=True)
class Life:
    """A DataVolume, and the phase in which its story is told to the end. ``clones``: another claim or a snapshot."""

    made: Document
    end: str
    clones: bool = False

    @property
    def name(self) -> str:
        name: str = self.made["metadata"]["name"]
        return name

    @property
    def order(self) -> Sequence[str]:
        """The phases that it may be seen in."""
        source = self.made["spec"].get("source", {})
        work = "Clone" if self.clones else "Upload" if "upload" in source else "Import"
        under_way = "Ready" if work == "Upload" else "InProgress"
        return ("", "Pending", "PVCBound", f"{work}Scheduled", f"{work}{under_way}", "Succeeded")


def _labelled() -> Document:
    made = volume("imported", from_source(_HTTP), {"example.org/note": "kept"})
    made["metadata"]["labels"] = {"example.org/label": "kept"}
    return made


LIVES: Sequence[Life] = (
    Life(_labelled(), "Succeeded"),
    Life(volume("registry", from_source({"registry": {"url": "docker://quay.io/x/y:z"}})), "Succeeded"),
    Life(volume("blank", from_source({"blank": {}})), "Succeeded"),
    Life(volume("block", from_source({"blank": {}}, volumeMode="Block", accessModes=_RWO)), "Succeeded"),
    Life(
        volume(
            "plain", {"source": _HTTP, "pvc": {"accessModes": _RWO, "resources": {"requests": {"storage": "1Gi"}}}}
        ),
        "Succeeded",
    ),
    Life(volume("broken", from_source(_HTTP), FAULT), "ImportInProgress"),
    Life(volume("across", from_image()), "Succeeded", clones=True),
    Life(volume("small", from_image("debian-13")), "CloneScheduled", clones=True),
    Life(
        volume("within", from_source({"pvc": {"name": "imported", "namespace": "NAMESPACE"}}, "2Gi")),
        "Succeeded",
        True,
    ),
    Life(volume("sourceless", from_source({"pvc": {"name": "nothing", "namespace": "NAMESPACE"}})), "", clones=True),
    Life(volume("of-snapshot", from_source(_SNAPSHOT, "2Gi")), "Succeeded", clones=True),
    Life(volume("sizeless", {"source": _SNAPSHOT, "storage": {"resources": {}}}), "Succeeded", clones=True),
    Life(
        volume("through", {"sourceRef": {"kind": "DataSource", "name": "of-a-snapshot"}, "storage": _sized("1Gi")}),
        "Succeeded",
        clones=True,
    ),
    Life(volume("shrunk", {"source": _SNAPSHOT, "pvc": {"accessModes": _RWO, **_sized("512Mi")}}), "", clones=True),
    Life(volume("snapshotless", from_source({"snapshot": {"name": "nothing", "namespace": "NAMESPACE"}})), "", True),
    Life(volume("uploaded", from_source({"upload": {}})), "UploadReady"),
    Life(volume("classless", from_source(_HTTP, storageClassName="missing")), ""),
)
STEPS = ("datavolumes", "persistentvolumeclaims", "pods", "services")
MASKS = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
    (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "MOMENT"),
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "TOKEN"),
    (r"kube-api-access-\w{5}", "kube-api-access"),
    (r"-----BEGIN CERTIFICATE.*?(?=\")", ""),
)
_CHOSEN = ("resourceVersion", "generation", "managedFields", "creationTimestamp", "uid")
_PROVISIONED = "storage-provisioner"
"""Ends annotations that kube-controller-manager adds, unless it is outrun."""
_BY_CHANCE = (
    "cdi.kubevirt.io/storage.condition.bound",
    "cdi.kubevirt.io/storage.condition.source.running",
    "cdi.kubevirt.io/storage.condition.running.message",
    "cdi.kubevirt.io/storage.import.requiresScratch",
)
"""Annotations that say something only where CDI looked in the right moment.

``requiresScratch`` is put back to "false" if CDI saw the importer wait; after a conflict it may look again too late.
"""
_TOLD = (
    "Bound",
    "CloneSucceeded",
    "CloneWithoutSource",
    "Error",
    "ErrClaimNotValid",
    "ErrImportFailed",
    "ErrIncompatiblePVC",
    "ImportSucceeded",
    "NoPopulator",
)
"""Reasons of Events that are told in every life that has them; others need somebody to look in the right moment."""


def kept(document: Document, namespace: str) -> Document:
    """An object as a record holds it."""
    found: Document = masked(document, namespace, MASKS)
    meta = found["metadata"]
    for key in _CHOSEN:
        meta.pop(key, None)
    notes = meta.get("annotations") or {}
    meta["annotations"] = {
        key: value
        for key, value in notes.items()
        if not key.endswith(_PROVISIONED) and not key.startswith(_BY_CHANCE) and key != _RESTARTS
    }
    found.get("status", {}).pop("restartCount", None)
    return found


_TOKEN = "kube-api-access"
_RESTARTS = "cdi.kubevirt.io/storage.pod.restarts"


def worker(document: Document, namespace: str) -> Document:
    """A Pod or Service as it was made: what others write into it is not CDI's."""
    found = kept(document, namespace)
    for key in ("status", "nodeName"):
        found.pop(key, None)
    container = found["spec"].get("containers", [{}])[0]
    container["env"] = [each for each in container.get("env", []) if each["name"] != "SERVER_CA_CERT"]
    for holder, key in ((container, "volumeMounts"), (found["spec"], "volumes")):
        # The API server mounts an account's token, and the sandbox does not: nothing runs in its Pods.
        holder[key] = [each for each in holder.get(key, []) if each["name"] != _TOKEN]
    return found


def is_settled(life: Life, found: Document, claim: Document) -> bool:
    """Whether a life has come to its end, and everybody has gone home."""
    if found.get("status", {}).get("phase", "") != life.end or not found.get("status"):
        return False
    if life.name == "broken":
        return bool(found["status"].get("restartCount", 0) > 1)
    if life.end != "Succeeded":
        return True
    notes = claim["metadata"].get("annotations") or {}
    filled = notes.get("k8s.io/CloneOf") == "true" if life.clones else True
    return filled and claim["metadata"].get("finalizers") == ["kubernetes.io/pvc-protection"]


def phases(story: Iterable[Document]) -> list[str]:
    """The phases of a volume, each that stays counted once."""
    words = [each.get("status", {}).get("phase", "") for each in story]
    return [word for index, word in enumerate(words) if index == 0 or words[index - 1] != word]


def is_ordered(seen: Sequence[str], order: Sequence[str]) -> bool:
    """Whether the phases come in their order."""
    places = [order.index(each) for each in seen if each in order]
    return len(places) == len(seen) and places == sorted(places)


def told(events: Iterable[Document], life: Life, namespace: str) -> list[list[str]]:
    """What was told of a volume and its claim, in no order."""
    return [list(each) for each in sorted(set(_told(events, life.name, namespace)))]


def is_surely_told(event: list[str]) -> bool:
    """Whether an Event never gets lost: of a volume that is done CDI tells only if nothing else was to be said."""
    return not (event[0] == "DataVolume" and event[2] in ("ImportSucceeded", "CloneSucceeded"))


def _told(events: Iterable[Document], name: str, namespace: str) -> Iterator[tuple[str, ...]]:
    for each in events:
        about = each["involvedObject"]
        ours = each["source"].get("component", "") != "persistentvolume-controller"
        if about["name"] != name or each["reason"] not in _TOLD or not ours:
            continue
        message = each["message"].replace(namespace, "NAMESPACE")
        if each["reason"] == "Bound" and "Bound" not in message:
            continue
        if each["reason"] == "CloneWithoutSource" and name != "sourceless":
            continue
        yield (about["kind"], each["type"], each["reason"], message, each["source"]["component"])


SOURCES: Mapping[str, Document] = {
    "of-a-volume": {"pvc": {"name": "imported", "namespace": "NAMESPACE"}},
    "of-a-volume-that-fails": {"pvc": {"name": "broken", "namespace": "NAMESPACE"}},
    "of-an-image": {"pvc": {"name": "cirros", "namespace": "dicot-images"}},
    "of-a-snapshot": {"snapshot": {"name": "photo", "namespace": "NAMESPACE"}},
    "of-a-bad-snapshot": {"snapshot": {"name": "blurred", "namespace": "NAMESPACE"}},
    "of-no-snapshot": {"snapshot": {"name": "nothing", "namespace": "NAMESPACE"}},
    "of-nothing": {"pvc": {"name": "nothing", "namespace": "NAMESPACE"}},
    "empty": {},
    "of-another": {"dataSource": {"name": "of-an-image", "namespace": "NAMESPACE"}},
    "of-itself": {"dataSource": {"name": "of-itself", "namespace": "NAMESPACE"}},
    "of-one-elsewhere": {"dataSource": {"name": "cirros", "namespace": "dicot-images"}},
    "of-one-too-far": {"dataSource": {"name": "of-another", "namespace": "NAMESPACE"}},
    "of-no-other": {"dataSource": {"name": "nobody", "namespace": "NAMESPACE"}},
}
"""What DataSources name, by their name."""


def source(name: str, namespace: str) -> Document:
    """One of them."""
    made = named("DataSource", name, None, "cdi.kubevirt.io/v1beta1", spec={"source": SOURCES[name]})
    return placed(made, namespace)
