"""What an export is of: a claim, a machine, or a snapshot of a machine (pkg/storage/export/export: pvc-source.go,
vm-source.go, vmsnapshot-source.go)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dicot.kube.address import Place
from dicot.kube.kind import Kind, Manifest

from ...steps import Create, Step
from ..keeping.kinds import CONTENTS, SNAPSHOTS, VOLUME_SNAPSHOTS
from ..keeping.restored_claims import bare_claim
from ..keeping.scene import backups
from ..machines.kinds import CLAIMS, GUESTS, MACHINES, VOLUMES, claim_of
from ..machines.objects import is_final, meta, owned_by, phase, reference, status
from .scene import Condition, Source, Volume

CONTENT_TYPE = "cdi.kubevirt.io/storage.contentType"
_IMAGE = ("kubevirt", "")
_RETRY = 3.0


class Unclear(Exception):
    """What is needed is not there yet."""


@dataclass(frozen=True, slots=True)
class Around:
    """The namespace of an export: what has a name there, and the Pods that have a claim."""

    one: Callable[[Kind[Any], str], Manifest | None]
    users: Callable[[str], Sequence[Manifest]]


def find(export: Manifest, around: Around) -> Source:
    """What it is of. Raises Unclear."""
    kind = export["spec"]["source"]["kind"]
    if kind == "PersistentVolumeClaim":
        return _claim(export, around)
    return _machine(export, around) if kind == "VirtualMachine" else _snapshot(export, around)


def _named(export: Manifest) -> tuple[str, str]:
    """The name of what it is of, and with its namespace."""
    name = export["spec"]["source"]["name"]
    return name, f"{meta(export)['namespace']}/{name}"


def _claim(export: Manifest, around: Around) -> Source:
    name, where = _named(export)
    claim = around.one(CLAIMS, name)
    if claim is None:
        text = f"PersistentVolumeClaim {where} not found"
        return Source(shown=("PVCReady", "False", "PVCNotFound", text))
    volumes, shown = (_volume(claim, around),), _state(claim)
    if not _is_populated(claim, around):
        why = "PVCPending", f"PersistentVolumeClaim {where} is not populated"
        return Source(volumes, why=why, shown=shown, again=_RETRY)
    if any(phase(each) != "Succeeded" and not owned_by(each, export) for each in around.users(name)):
        why = "InUse", f"PersistentVolumeClaim {where} is in use"
        return Source(volumes, in_use=True, populated=True, why=why, shown=shown, again=_RETRY)
    return Source(volumes, populated=True, shown=shown)


def _state(claim: Manifest) -> Condition:
    """How a claim is (pvcConditionFromPVC)."""
    states = {"Pending": ("False", "PVCPending"), "Lost": ("False", "Unknown")}
    return "PVCReady", *states.get(phase(claim), ("True", "PVCBound")), ""


def _machine(export: Manifest, around: Around) -> Source:
    name, where = _named(export)
    machine = around.one(MACHINES, name)
    if machine is None:
        why = "VMNotFound", f"Virtual Machine {where} not found"
        return Source(why=why, machine=name, skipped=True)
    claims, populated = [], True
    for volume in machine["spec"]["template"]["spec"].get("volumes") or ():
        claim = around.one(CLAIMS, claim_of(volume))
        if claim is not None:
            claims.append(_volume(claim, around))
            populated = _is_populated(claim, around) and populated
        elif "dataVolume" in volume:
            populated = False
    if not claims:
        why = "VMNoVolumes", f"Virtual Machine {where} has no volumes"
        return Source(populated=True, why=why, machine=name, skipped=True)
    if not populated:
        why = "VolumesNotPopulated", f"Not all volumes in the Virtual Machine {where} are populated"
        return Source(claims, why=why, machine=name, again=_RETRY)
    guest = around.one(GUESTS, name)
    if guest is not None and not is_final(guest):
        return Source(
            claims,
            in_use=True,
            populated=True,
            why=("InUse", f"Virtual Machine {where} is running"),
            machine=name,
        )
    return Source(claims, populated=True, machine=name)


def _snapshot(export: Manifest, around: Around) -> Source:
    name, where = _named(export)
    snapshot = around.one(SNAPSHOTS, name)
    empty = f"VirtualMachineSnapshot {where} does not contain any volume snapshots"
    nothing: Condition = ("VolumesCreated", "False", "VMSnapshotNoVolumes", empty)
    if snapshot is None:
        why = "VMSnapshotNotFound", f"VirtualMachineSnapshot {where} not found"
        return Source(why=why, shown=nothing, machine="", skipped=True)
    machine = snapshot["spec"]["source"]["name"]
    if not status(snapshot).get("readyToUse"):
        why = "NotAllPVCsCreated", f"VirtualMachineSnapshot {where} is not ready to use"
        return Source(why=why, shown=("VolumesCreated", "False", *why), machine=machine)
    content = around.one(CONTENTS, status(snapshot).get("virtualMachineSnapshotContentName", ""))
    taken = len(status(content).get("volumeSnapshotStatus") or ()) if content is not None else 0
    if content is None or not taken:
        return Source(shown=nothing, machine=machine, skipped=True)
    claims, steps = _restored(export, content, around)
    if steps:
        return Source(steps=steps)
    if len(claims) != taken:
        text = "Not all PVCs have been successfully restored"
        return Source(shown=("VolumesCreated", "False", "NotAllPVCsCreated", text), machine=machine)
    bound = all(phase(each) == "Bound" for each in claims)
    shown: Condition = ("VolumesCreated", "False", "NotAllPVCsReady", "Not all PVCs are ready")
    return Source(
        [_volume(each, around) for each in claims],
        populated=True,
        shown=("VolumesCreated", "True", "AllPVCsReady", "") if bound else shown,
        machine=machine,
    )


def _restored(export: Manifest, content: Manifest, around: Around) -> tuple[list[Manifest], list[Step]]:
    """The claims that its volumes have come to, and such as are to be made. Raises Unclear."""
    found: list[Manifest] = []
    steps: list[Step] = []
    volumes = content["spec"]["source"]["virtualMachine"]["spec"]["template"]["spec"].get("volumes") or ()
    images = {each["name"] for each in volumes if claim_of(each)}
    for backup in backups(content):
        name = f"{meta(export)['name']}-{meta(backup['persistentVolumeClaim'])['name']}"
        claim = around.one(CLAIMS, name)
        if claim is not None:
            found.append(claim)
            continue
        taken = around.one(VOLUME_SNAPSHOTS, backup["volumeSnapshotName"])
        if taken is None:
            raise Unclear(backup["volumeSnapshotName"])
        made = bare_claim(name, meta(export)["namespace"], backup, taken)
        if backup["volumeName"] in images:
            meta(made)["annotations"][CONTENT_TYPE] = "kubevirt"
        meta(made)["ownerReferences"] = [reference(export)]
        steps.append(Create(Place("", "v1", "persistentvolumeclaims", meta(export)["namespace"]), made))
    return found, steps


def _volume(claim: Manifest, around: Around) -> Volume:
    """Whether it holds an image (isKubevirtContentType)."""
    if claim["spec"].get("volumeMode") == "Block":
        return Volume(claim, is_image=True)
    if meta(claim).get("annotations", {}).get(CONTENT_TYPE, "-") in _IMAGE:
        return Volume(claim, is_image=True)
    owner = _filler(claim)
    volume = around.one(VOLUMES, owner) if owner else None
    return Volume(claim, is_image=volume is not None and volume["spec"].get("contentType", "") in _IMAGE)


def _is_populated(claim: Manifest, around: Around) -> bool:
    """Whether it has got what it shall hold: one of a DataVolume when that says so. Raises Unclear."""
    owner = _filler(claim)
    if not owner:
        return True
    volume = around.one(VOLUMES, owner)
    if volume is None:
        raise Unclear(owner)
    return phase(volume) == "Succeeded"


def _filler(claim: Manifest) -> str:
    """The DataVolume that fills a claim, or ""."""
    owners = meta(claim).get("ownerReferences", ())
    return next((each["name"] for each in owners if each.get("controller") and each["kind"] == "DataVolume"), "")
