"""Which volume a claim gets, and what is written on both once they are one (kubernetes,
pkg/controller/volume/persistentvolume). Functions from data to data."""

from __future__ import annotations

from collections.abc import Iterable

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ..admission.usage import DEFAULT_CLASS as CLASS_ANNOTATION
from ..rights.rules import selects

COMPLETED = "pv.kubernetes.io/bind-completed"
BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
PROVISIONERS = ("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner")
CHOSEN_NODE = "volume.kubernetes.io/selected-node"
FILESYSTEM = "Filesystem"


def notes(found: Manifest) -> Manifest:
    """The annotations of an object."""
    annotations: Manifest = found["metadata"].get("annotations") or {}
    return annotations


def class_of(found: Manifest) -> str:
    """The class of a claim or volume; the old annotation wins."""
    return str(notes(found).get(CLASS_ANNOTATION) or found["spec"].get("storageClassName") or "")


def reserved(volume: Manifest, claim: Manifest) -> bool:
    """Whether a volume names that claim as its own."""
    ref = volume["spec"].get("claimRef") or {}
    own = claim["metadata"]
    named = (ref.get("namespace"), ref.get("name")) == (own["namespace"], own["name"])
    return named and ref.get("uid", "") in ("", own["uid"])


def best(volumes: Iterable[Manifest], claim: Manifest, *, delayed: bool) -> Manifest | None:
    """The volume that waits for the claim, else the smallest that fits; with ``delayed`` only the former."""
    fitting: list[tuple[object, str, Manifest]] = []
    for volume in volumes:
        size = amount(volume["spec"]["capacity"]["storage"])
        if _ends(volume) or _mode(volume) != _mode(claim) or size < amount(_asked(claim)):
            continue
        if reserved(volume, claim):
            return volume
        if not (delayed or volume["spec"].get("claimRef")) and _suits(volume, claim):
            fitting.append((size, volume["metadata"]["name"], volume))
    return min(fitting, key=lambda each: each[:2])[2] if fitting else None


def _suits(volume: Manifest, claim: Manifest) -> bool:
    selector = claim["spec"].get("selector")
    return (
        (volume.get("status") or {}).get("phase") == "Available"
        and class_of(volume) == class_of(claim)
        and set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ())
        and (selector is None or selects(selector, volume["metadata"].get("labels") or {}))
    )


def _asked(claim: Manifest) -> str:
    text: str = claim["spec"]["resources"]["requests"]["storage"]
    return text


def _mode(found: Manifest) -> str:
    return found["spec"].get("volumeMode") or FILESYSTEM


def _ends(found: Manifest) -> bool:
    return "deletionTimestamp" in found["metadata"]


def taken(volume: Manifest, claim: Manifest) -> Manifest | None:
    """A volume that knows its claim; one that named it before keeps its reference if that is complete."""
    own, ref = claim["metadata"], volume["spec"].get("claimRef") or {}
    if ref.get("uid") == own["uid"]:
        return None
    if not ref:
        volume["metadata"]["annotations"] = {**notes(volume), BY_CONTROLLER: "yes"}
    volume["spec"]["claimRef"] = {
        "kind": "PersistentVolumeClaim",
        "namespace": own["namespace"],
        "name": own["name"],
        "uid": own["uid"],
        "apiVersion": "v1",
        "resourceVersion": own["resourceVersion"],
    }
    return volume


def released(volume: Manifest) -> Manifest | None:
    """A volume that the controller gave to a claim which took another."""
    annotations = dict(notes(volume))
    if annotations.pop(BY_CONTROLLER, None) is None:
        return None
    volume["metadata"]["annotations"] = annotations
    volume["spec"].pop("claimRef", None)
    return volume


def bound(claim: Manifest, volume: Manifest) -> Manifest | None:
    """A claim that knows its volume."""
    name, annotations = volume["metadata"]["name"], dict(notes(claim))
    if claim["spec"].get("volumeName") != name:
        claim["spec"]["volumeName"] = name
        annotations[BY_CONTROLLER] = "yes"
    annotations[COMPLETED] = "yes"
    if annotations == notes(claim):
        return None
    claim["metadata"]["annotations"] = annotations
    return claim


def phased(found: Manifest, phase: str, moment: str = "") -> Manifest | None:
    """With another phase; volumes say since when."""
    status = found.get("status") or {}
    if status.get("phase") == phase:
        return None
    found["status"] = {**status, "phase": phase, **({"lastPhaseTransitionTime": moment} if moment else {})}
    return found


def shown_bound(claim: Manifest, volume: Manifest) -> Manifest | None:
    """The status of a claim that has its volume. What it has grown by is its storage's to say."""
    if (claim.get("status") or {}).get("phase") == "Bound":
        return None
    spec = volume["spec"]
    claim["status"] = {
        **(claim.get("status") or {}),
        "phase": "Bound",
        "accessModes": spec["accessModes"],
        "capacity": {"storage": spec["capacity"]["storage"]},
    }
    return claim


def lost(claim: Manifest) -> Manifest | None:
    """A claim whose volume is gone, or another's."""
    return None if (claim.get("status") or {}).get("phase") == "Lost" else {**claim, "status": {"phase": "Lost"}}


def provisioned(claim: Manifest, provisioner: str) -> Manifest | None:
    """A claim that says who is to make its volume."""
    wanted = dict.fromkeys(PROVISIONERS, provisioner)
    annotations = {**notes(claim), **wanted}
    if annotations == notes(claim):
        return None
    claim["metadata"]["annotations"] = annotations
    return claim
