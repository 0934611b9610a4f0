"""The claims that a restore makes of VolumeSnapshots."""

import copy
from collections.abc import Sequence

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ...snapshots.names import GROUP as VOLUMES_GROUP
from ...steps import Create, Step
from ..machines.objects import meta, phase, reference, status
from .restored import LAST, NAME, Scene, Strange, machine_of, mark, volume_name
from .scene import backups

OWNED_BY = "restore.kubevirt.io/owned-by-vm"
_SOURCE = "restore.kubevirt.io/source-vm-"
_CONTENT_TYPE = "cdi.kubevirt.io/storage.contentType"
_FORGOTTEN = (
    "pv.kubernetes.io",
    "volume.beta.kubernetes.io",
    "cdi.kubevirt.io",
    "volume.kubernetes.io",
    "k8s.io/CloneRequest",
    "k8s.io/CloneOf",
)
"""Annotations of a claim, by their beginnings, that are of the old one only."""
_BACKEND = "persistent-state-for"


def restores(scene: Scene, content: Manifest) -> Sequence[Manifest]:
    """Which claim each volume comes to, as far as that has not been said."""
    known = {each["volumeName"]: each for each in status(scene.restore).get("restores") or ()}
    return [
        known.get(
            each["volumeName"],
            {
                "volumeName": each["volumeName"],
                "persistentVolumeClaim": volume_name(scene.restore, each["volumeName"]),
                "volumeSnapshotName": each["volumeSnapshotName"],
            },
        )
        for each in backups(content)
    ]


def claims(scene: Scene, content: Manifest) -> tuple[list[Step], bool]:
    """The claims that are missing, and whether one is to be waited for. Raises Strange."""
    known = {each["volumeName"]: each for each in backups(content)}
    steps: list[Step] = []
    waits = False
    for each in status(scene.restore).get("restores") or ():
        name = each["persistentVolumeClaim"]
        claim = scene.claims.get(name)
        if claim is None:
            made = _claim(scene, content, known[each["volumeName"]], name)
            steps.append(Create(Place("", "v1", "persistentvolumeclaims", meta(scene.restore)["namespace"]), made))
        elif phase(claim) in ("", "Pending"):
            waits = waits or claim["spec"].get("storageClassName", "") in scene.immediate
        elif phase(claim) != "Bound":
            raise Strange(f'PVC {meta(claim)["namespace"]}/{name} in status "{phase(claim)}"')
    return steps, waits


def _claim(scene: Scene, content: Manifest, backup: Manifest, name: str) -> Manifest:
    """A claim of what a volume held."""
    taken = scene.taken.get(backup["volumeSnapshotName"])
    if taken is None:
        raise Strange(f"missing volumeSnapshot {backup['volumeSnapshotName']}")
    old, machine, restore = backup["persistentVolumeClaim"], machine_of(content), scene.restore
    made = bare_claim(name, meta(restore)["namespace"], backup, taken)
    metadata, notes = meta(made), meta(made)["annotations"]
    labels = metadata["labels"] = {key: text for key, text in meta(made)["labels"].items() if key != _BACKEND}
    labels |= {f"{_SOURCE}name": meta(machine)["name"], f"{_SOURCE}namespace": meta(machine)["namespace"]}
    notes |= {NAME: meta(restore)["name"], LAST: mark(restore)}
    for each in restore["spec"].get("volumeRestoreOverrides") or ():
        if each.get("volumeName") == backup["volumeName"]:
            labels |= each.get("labels") or {}
            notes |= each.get("annotations") or {}
    if restore["spec"].get("volumeOwnershipPolicy") != "None":
        if scene.target is not None:
            metadata["ownerReferences"] = [reference(scene.target)]
        elif _was_owned(old, machine):
            notes[OWNED_BY] = meta(restore)["name"]
    return made


def bare_claim(name: str, namespace: str, backup: Manifest, taken: Manifest) -> Manifest:
    """A claim that is nobody's, of what a volume held (CreateRestorePVCDef); ``taken`` is its VolumeSnapshot."""
    old = backup["persistentVolumeClaim"]
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": dict(meta(old).get("labels") or {}),
        "annotations": {
            key: text for key, text in (meta(old).get("annotations") or {}).items() if not _is_forgotten(key)
        },
    }
    source = {"apiGroup": VOLUMES_GROUP, "kind": "VolumeSnapshot", "name": backup["volumeSnapshotName"]}
    kept = {key: old["spec"][key] for key in ("accessModes", "storageClassName", "volumeMode") if key in old["spec"]}
    spec = {**kept, "resources": _sized(old, taken), "dataSource": source, "dataSourceRef": source}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def _is_forgotten(key: str) -> bool:
    return key.startswith(_FORGOTTEN) and key != _CONTENT_TYPE


def _was_owned(claim: Manifest, machine: Manifest) -> bool:
    owners = meta(claim).get("ownerReferences") or ()
    return any((each["kind"], each["uid"]) == ("VirtualMachine", meta(machine)["uid"]) for each in owners)


def _sized(claim: Manifest, taken: Manifest) -> Manifest:
    """At least as large as what the snapshot holds."""
    resources: Manifest = copy.deepcopy(claim["spec"].get("resources") or {})
    asked, least = resources.setdefault("requests", {}), status(taken).get("restoreSize")
    if least is not None and amount(asked.get("storage", "0")) < amount(least):
        asked["storage"] = least
    return resources
