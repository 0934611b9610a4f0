"""What a restore makes of a snapshot's content: claims, DataVolumes and the machine on them, as functions."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import DecodeError, json

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ...apiserver.patching.steps import Unfit, patched
from ...cdi.names import POPULATED_FOR, PRE_POPULATED
from ...snapshots.names import GROUP as VOLUMES_GROUP
from ...steps import Create, Replace, Step
from ..machines import birth
from ..machines.objects import meta, phase, place, reference, status
from ..machines.scene import strategy
from .scene import backups

LAST = "restore.kubevirt.io/lastRestoreUID"
NAME = "restore.kubevirt.io/name"
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
_READY = ("Succeeded", "WaitForFirstConsumer", "PendingPopulation")
_BACKEND = "persistent-state-for"


class Strange(Exception):
    """Why it cannot go on, in virt-controller's words."""


@dataclass(frozen=True)
class Scene:
    """A VirtualMachineRestore and what belongs to it: the machine that it is for (None: it is still to be made) and
    its instance, the snapshot and its content, the claims and DataVolumes of the namespace that have to do with it,
    the VolumeSnapshots of its content. ``immediate`` tells StorageClasses that bind at once. ``now``: seconds since
    1970."""

    restore: Manifest
    target: Manifest | None
    guest: Manifest | None
    snapshot: Manifest | None
    content: Manifest | None
    claims: Mapping[str, Manifest]
    volumes: Mapping[str, Manifest]
    taken: Mapping[str, Manifest]
    immediate: frozenset[str]
    now: float


def content_of(scene: Scene) -> Manifest:
    """The content. Raises Strange where it cannot be used."""
    spec, namespace = scene.restore["spec"], meta(scene.restore)["namespace"]
    where = f"VMSnapshot {namespace}/{spec['virtualMachineSnapshotName']}"
    if scene.snapshot is None:
        raise Strange(f"{where} does not exist")
    if phase(scene.snapshot) == "Failed":
        raise Strange(f"{where} failed and is invalid to use")
    if not status(scene.snapshot).get("readyToUse"):
        raise Strange(f"{where} not ready")
    named = f"VMSnapshotContent {namespace}/{status(scene.snapshot).get('virtualMachineSnapshotContentName', '')}"
    if scene.content is None:
        raise Strange(f"{named} does not exist")
    if not status(scene.content).get("readyToUse"):
        raise Strange(f"{named} not ready")
    return scene.content


def mark(restore: Manifest) -> str:
    """What is noted on all that it has made."""
    return f"{meta(restore)['name']}-{meta(restore)['uid']}"


def is_last(restore: Manifest, found: Manifest) -> bool:
    """Whether it has made an object what it is."""
    return bool(meta(found).get("annotations", {}).get(LAST) == mark(restore))


def _machine_of(content: Manifest) -> Manifest:
    found: Manifest = content["spec"]["source"]["virtualMachine"]
    return found


def _volume_name(restore: Manifest, volume: str) -> str:
    """The name of the claim, and of the DataVolume, that a volume comes to."""
    spec = restore["spec"]
    for each in spec.get("volumeRestoreOverrides") or ():
        if each.get("volumeName") == volume and each.get("restoreName"):
            return str(each["restoreName"])
    if spec.get("volumeRestorePolicy") == "PrefixTargetName":
        return f"{spec['target']['name']}-{volume}"
    return f"restore-{meta(restore)['uid']}-{volume}"


def restores(scene: Scene, content: Manifest) -> Sequence[Manifest]:
    """Which claim each volume comes to, as far as that has not been said."""
    known = {each["volumeName"]: each for each in status(scene.restore).get("restores") or ()}
    return [
        known.get(
            each["volumeName"],
            {
                "volumeName": each["volumeName"],
                "persistentVolumeClaim": _volume_name(scene.restore, each["volumeName"]),
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
    old, machine, restore = backup["persistentVolumeClaim"], _machine_of(content), scene.restore
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


def _templates(machine: Manifest) -> Mapping[str, Manifest]:
    found = machine["spec"].get("dataVolumeTemplates") or ()
    return {each["metadata"]["name"]: each for each in found}


def named_volumes(scene: Scene, content: Manifest) -> tuple[Sequence[Manifest], list[Step]]:
    """The restores with the DataVolumes that stand for them, and claims that are left for these. Raises Strange."""
    old = _machine_of(content)
    templates = _templates(old)
    kinds = {each["name"]: each for each in old["spec"]["template"]["spec"].get("volumes") or ()}
    found: list[Manifest] = []
    steps: list[Step] = []
    for each in status(scene.restore).get("restores") or ():
        named = (kinds.get(each["volumeName"], {}).get("dataVolume") or {}).get("name")
        if named not in templates:
            found.append(each)
            continue
        name, claim = _volume_name(scene.restore, each["volumeName"]), scene.claims.get(each["persistentVolumeClaim"])
        if claim is None:
            where = f"{meta(scene.restore)['namespace']}/{each['persistentVolumeClaim']}"
            raise Strange(f"pvc {where} does not exist and should")
        if meta(claim).get("annotations", {}).get(POPULATED_FOR) != name:
            notes = {**meta(claim).get("annotations", {}), POPULATED_FOR: name}
            kept = {key: value for key, value in meta(claim).items() if key != "ownerReferences"}
            steps.append(Replace(place(claim), {**claim, "metadata": {**kept, "annotations": notes}}))
        found.append({**each, "dataVolumeName": name})
    return found, steps


def machine(scene: Scene, content: Manifest) -> Manifest:
    """The machine as it is to be (generateRestoredVMSpec)."""
    old, restore = _machine_of(content), scene.restore
    spec = copy.deepcopy(old["spec"])
    named = {each["volumeName"]: each for each in status(restore).get("restores") or ()}
    templates = dict(_templates(old))
    spec["template"]["spec"]["volumes"] = [
        _restored(volume, named.get(volume["name"]), templates)
        for volume in spec["template"]["spec"].get("volumes") or ()
        if "memoryDump" not in volume
    ]
    if templates:
        spec["dataVolumeTemplates"] = list(templates.values())
    _keep_off(spec, scene.target)
    made = _new(scene, old) if scene.target is None else copy.deepcopy(scene.target)
    made["spec"] = spec
    meta(made).setdefault("annotations", {})[LAST] = mark(restore)
    if meta(old)["name"] == meta(made)["name"]:
        firmware = spec["template"]["spec"]["domain"].setdefault("firmware", {})
        firmware["uuid"] = firmware.get("uuid") or birth.firmware_uuid(meta(made)["name"])
    return made if scene.target is not None else _patched(made, restore)


def _patched(made: Manifest, restore: Manifest) -> Manifest:
    """A new machine with the restore's own changes. Raises Strange."""
    try:
        steps = [json.decode(each) for each in restore["spec"].get("patches") or ()]
        found: Manifest = patched(made, steps)
    except (DecodeError, Unfit) as reason:
        raise Strange(f"error patching VM {meta(made)['name']}: {reason}") from None
    domain: Manifest = _told(found["spec"]["template"]["spec"]["domain"])
    found["spec"]["template"]["spec"]["domain"] = domain
    return found


def _told(found: Any) -> Any:
    """What is said of a guest: what a patch leaves empty is not."""
    if isinstance(found, dict):
        return {key: _told(value) for key, value in found.items() if value != ""}
    return [_told(each) for each in found] if isinstance(found, list) else found


def _new(scene: Scene, old: Manifest) -> Manifest:
    metadata = {"name": scene.restore["spec"]["target"]["name"], "namespace": meta(scene.restore)["namespace"]}
    kept = {key: dict(meta(old)[key]) for key in ("labels", "annotations") if meta(old).get(key)}
    return {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": metadata | kept}


def _keep_off(spec: Manifest, target: Manifest | None) -> None:
    """A new machine is off; an old one keeps its strategy, but for the older way to say it."""
    if target is None:
        if spec.get("running") is not None:
            spec["running"] = False
        else:
            spec["runStrategy"] = "Halted"
    elif target["spec"].get("running") is not None:
        spec["running"] = False
        spec.pop("runStrategy", None)
    else:
        spec["runStrategy"] = strategy(target)
        spec.pop("running", None)


def _restored(volume: Manifest, to: Manifest | None, templates: dict[str, Manifest]) -> Manifest:
    """A volume on its new claim; one of a template goes on being one."""
    if to is None:
        return volume
    if "persistentVolumeClaim" in volume:
        claim = {**volume["persistentVolumeClaim"], "claimName": to["persistentVolumeClaim"]}
        return {**volume, "persistentVolumeClaim": claim}
    named = volume["dataVolume"]["name"]
    if named not in templates:
        return {"name": volume["name"], "persistentVolumeClaim": {"claimName": to["persistentVolumeClaim"]}}
    old = templates[named]
    templates[named] = {**old, "metadata": {**old["metadata"], "name": to["dataVolumeName"]}}
    return {**volume, "dataVolume": {**volume["dataVolume"], "name": to["dataVolumeName"]}}


def data_volumes(scene: Scene, wanted: Manifest) -> tuple[list[Step], bool]:
    """The DataVolumes of the machine that are missing, and whether one is to be waited for. Raises Strange."""
    steps: list[Step] = []
    waits = False
    for name, template in _templates(wanted).items():
        found = scene.volumes.get(name)
        if found is not None:
            waits = waits or phase(found) not in _READY
            continue
        claim = scene.claims.get(name)
        where = f"{meta(scene.restore)['namespace']}/{name}"
        if claim is None:
            raise Strange(f"when creating restore dv pvc {where} does not exist and should")
        if meta(claim).get("annotations", {}).get(POPULATED_FOR) == name and not meta(claim).get("ownerReferences"):
            steps.append(_data_volume(scene, template))
    return steps, waits


def _data_volume(scene: Scene, template: Manifest) -> Create:
    metadata = {key: value for key, value in template["metadata"].items() if key != "creationTimestamp"}
    notes = {**(metadata.get("annotations") or {}), NAME: meta(scene.restore)["name"], PRE_POPULATED: "true"}
    namespace = meta(scene.restore)["namespace"]
    made = {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": {**metadata, "namespace": namespace, "annotations": notes},
        "spec": template["spec"],
    }
    return Create(Place("cdi.kubevirt.io", "v1beta1", "datavolumes", namespace), made)


def left_over(scene: Scene, wanted: Manifest) -> Sequence[str]:
    """The DataVolumes of an old machine's templates that the new one has not."""
    if scene.target is None:
        return []
    return [name for name in _templates(scene.target) if name not in _templates(wanted)]
