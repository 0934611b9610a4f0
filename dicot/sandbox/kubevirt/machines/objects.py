"""Objects as virt-controller reads and writes them: conditions, owners, patches, Events. All of it is pure."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dicot.kube.address import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest
from dicot.kube.media import JSON_PATCH
from dicot.moments import read, stamp

from ...steps import Patch, Step, Tell

COMPONENT = "virtualmachine-controller"
CONTROLLER_FINALIZER = "kubevirt.io/virtualMachineControllerFinalize"
GUEST_FINALIZER = "kubevirt.io/foregroundDeleteVirtualMachine"
OBSERVED_VERSION = "kubevirt.io/latest-observed-api-version"
STORED_VERSION = "kubevirt.io/storage-observed-api-version"
CREATED_BY = "kubevirt.io/created-by"
FINAL = ("Succeeded", "Failed")
_CHANGES = (("HotVCPUChange", ""), ("HotMemoryChange", "True"), ("MigrationRequired", "True"))
"""Conditions of a guest in which something is changed ("": whatever they say)."""
PLURALS: Mapping[str, str] = {
    "VirtualMachine": "virtualmachines",
    "VirtualMachineInstance": "virtualmachineinstances",
    "VirtualMachineInstanceMigration": "virtualmachineinstancemigrations",
    "Pod": "pods",
    "Node": "nodes",
    "DataVolume": "datavolumes",
    "ControllerRevision": "controllerrevisions",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "VirtualMachineSnapshot": "virtualmachinesnapshots",
    "VirtualMachineSnapshotContent": "virtualmachinesnapshotcontents",
    "VirtualMachineRestore": "virtualmachinerestores",
    "VirtualMachineClone": "virtualmachineclones",
    "VirtualMachineExport": "virtualmachineexports",
}


def place(found: Manifest, subresource: str = "") -> Place:
    """Where an object is."""
    group, _, version = found["apiVersion"].rpartition("/")
    meta = found["metadata"]
    return Place(group, version, PLURALS[found["kind"]], meta.get("namespace", ""), meta["name"], subresource)


def meta(found: Manifest) -> Manifest:
    """Its metadata."""
    metadata: Manifest = found["metadata"]
    return metadata


def status(found: Manifest) -> Manifest:
    """Its status, as far as it has one."""
    shown: Manifest = found.get("status") or {}
    return shown


def phase(found: Manifest) -> str:
    """The phase it shows."""
    return str(status(found).get("phase", ""))


def is_going(found: Manifest) -> bool:
    """Whether it has been deleted, and somebody holds it."""
    return "deletionTimestamp" in meta(found)


def is_final(guest: Manifest) -> bool:
    """Whether a guest, a migration or a Pod has ended."""
    return phase(guest) in FINAL


def is_changing(guest: Manifest) -> bool:
    """Whether something is changed in a guest while it runs, which it gets by moving; a move is not over before."""
    shown = ((condition(guest, kind), holds) for kind, holds in _CHANGES)
    return any(each is not None and (not holds or each["status"] == holds) for each, holds in shown)


def is_migrating(guest: Manifest, now: float) -> bool:
    """Whether a guest has set off and is not there (pkg/util/migrations, IsMigrating)."""
    state = status(guest).get("migrationState") or {}
    start, end = (read(state.get(each)) for each in ("startTimestamp", "endTimestamp"))
    return start is not None and start <= now and (end is None or end > now)


def is_down(pod: Manifest) -> bool:
    """Whether a launcher has ended or is about to."""
    return is_final(pod) or "terminated" in _compute_state(pod) or is_going(pod)


def is_up(pod: Manifest) -> bool:
    """Whether a Pod does its work (IsPodReady): the container that has the guest need not be ready yet."""
    statuses = status(pod).get("containerStatuses") or ()
    others = all(each.get("ready") for each in statuses if each["name"] != "compute")
    runs = all("running" in (each.get("state") or {}) for each in statuses if each["name"] == "compute")
    return not is_down(pod) and phase(pod) == "Running" and runs and others


def _compute_state(pod: Manifest) -> Manifest:
    statuses = status(pod).get("containerStatuses") or ()
    return next((each.get("state") or {} for each in statuses if each["name"] == "compute"), {})


def observes(found: Manifest) -> bool:
    """Whether the newest version of KubeVirt's API has been noted on it."""
    return bool(meta(found).get("annotations", {}).get(OBSERVED_VERSION) == "v1")


def with_version(found: Manifest) -> Manifest:
    """It with that note."""
    noted = {**meta(found).get("annotations", {}), OBSERVED_VERSION: "v1", STORED_VERSION: "v1"}
    return {**found, "metadata": {**meta(found), "annotations": noted}}


def owned_by(found: Manifest, owner: Manifest) -> bool:
    """Whether that object controls it."""
    references = meta(found).get("ownerReferences", ())
    return any(each.get("controller") and each["uid"] == meta(owner)["uid"] for each in references)


def has_controller(found: Manifest) -> bool:
    """Whether anybody controls it."""
    return any(each.get("controller") for each in meta(found).get("ownerReferences", ()))


def reference(owner: Manifest) -> Manifest:
    """What stands in what it controls."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta(owner)["name"],
        "uid": meta(owner)["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(found: Manifest, kind: str) -> Manifest | None:
    """A condition it shows."""
    conditions: Iterable[Manifest] = status(found).get("conditions") or ()
    return next((each for each in conditions if each["type"] == kind), None)


def says(found: Manifest | None, kind: str, holds: str, reason: str | None = None) -> bool:
    """Whether a condition has that status (and that reason)."""
    shown = condition(found, kind) if found is not None else None
    return shown is not None and shown["status"] == holds and (reason is None or shown.get("reason", "") == reason)


def said(
    kind: str, holds: str, reason: str = "", message: str = "", probed: Any = None, since: Any = None
) -> Manifest:
    """A condition, as KubeVirt writes it: both moments are there, or null."""
    texts = {name: text for name, text in (("reason", reason), ("message", message)) if text}
    return {"type": kind, "status": holds, "lastProbeTime": probed, "lastTransitionTime": since, **texts}


def with_condition(conditions: Sequence[Manifest], new: Manifest) -> list[Manifest]:
    """The conditions with a new one; where status and reason are as they were, the old one stays
    (pkg/controller/conditions.go, UpdateCondition)."""
    if not any(each["type"] == new["type"] for each in conditions):
        return [*conditions, new]
    return [new if each["type"] == new["type"] and _differs(each, new) else each for each in conditions]


def without_condition(conditions: Sequence[Manifest], kind: str) -> list[Manifest]:
    """The conditions but for one."""
    return [each for each in conditions if each["type"] != kind]


def _differs(old: Manifest, new: Manifest) -> bool:
    return bool(old["status"] != new["status"] or old.get("reason", "") != new.get("reason", ""))


def is_same(one: Any, other: Any) -> bool:
    """Whether two values mean the same: an empty list, a null and nothing are alike."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(is_same(one.get(key), other.get(key)) for key in {*one, *other})
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return all(map(is_same, one, other))
    return bool(one == other or (one in (None, []) and other in (None, [])))


def amend(
    found: Manifest,
    changes: Mapping[str, Any],
    subresource: str = "",
    refused: Callable[[Refused], tuple[Step, ...]] | None = None,
) -> Patch:
    """A JSON patch of the members at those paths, None taking one away, if it is still the object that was seen."""
    patch: list[Manifest] = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": meta(found)["resourceVersion"]}
    ]
    for path, value in changes.items():
        patch.append({"op": "remove", "path": path} if value is None else {"op": "add", "path": path, "value": value})
    return Patch(place(found, subresource), patch, JSON_PATCH, refused)


def without_finalizer(found: Manifest, finalizer: str) -> Patch:
    """A patch that takes away a finalizer."""
    kept = [each for each in meta(found).get("finalizers", ()) if each != finalizer]
    return amend(found, {"/metadata/finalizers": kept})


def event(
    about: Manifest, reason: str, message: str, now: float, *, warning: bool = False, by: str = COMPONENT
) -> Tell:
    """An Event about an object. It has one name for what is told again and again, and so is counted."""
    owner = meta(about)
    moment = stamp(now)
    kind = "Warning" if warning else "Normal"
    told = hashlib.sha256("/".join((owner["uid"], kind, reason, message)).encode()).hexdigest()
    involved = {
        "apiVersion": about["apiVersion"],
        "kind": about["kind"],
        "name": owner["name"],
        "uid": owner["uid"],
        "resourceVersion": owner["resourceVersion"],
    }
    namespace = owner.get("namespace", "")
    return Tell(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{owner['name']}.{told[:16]}", "namespace": namespace or "default"},
            "involvedObject": {**involved, "namespace": namespace} if namespace else involved,
            "type": kind,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "source": {"component": by},
            "reportingComponent": by,
            "reportingInstance": "",
        }
    )
