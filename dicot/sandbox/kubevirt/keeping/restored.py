"""What a restore of a machine is of: what virt-controller looks at for it, and what all parts of it ask of that."""

from collections.abc import Mapping
from dataclasses import dataclass

from dicot.kube.kind import Manifest

from ..machines.objects import meta, phase, status

LAST = "restore.kubevirt.io/lastRestoreUID"
NAME = "restore.kubevirt.io/name"


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


def machine_of(content: Manifest) -> Manifest:
    """The machine that a content was taken of, as it was."""
    found: Manifest = content["spec"]["source"]["virtualMachine"]
    return found


def templates_of(machine: Manifest) -> Mapping[str, Manifest]:
    """The templates of DataVolumes that a machine has, by name."""
    found = machine["spec"].get("dataVolumeTemplates") or ()
    return {each["metadata"]["name"]: each for each in found}


def volume_name(restore: Manifest, volume: str) -> str:
    """The name of the claim, and of the DataVolume, that a volume comes to."""
    spec = restore["spec"]
    for each in spec.get("volumeRestoreOverrides") or ():
        if each.get("volumeName") == volume and each.get("restoreName"):
            return str(each["restoreName"])
    if spec.get("volumeRestorePolicy") == "PrefixTargetName":
        return f"{spec['target']['name']}-{volume}"
    return f"restore-{meta(restore)['uid']}-{volume}"
