"""What DataVolumes and claims say of the machine that is on them."""

from collections.abc import Iterator, Mapping

from dicot.kube.kind import Manifest

from .kinds import claim_of
from .objects import phase, says
from .scene import Scene

_FILLED = ("Succeeded", "PendingPopulation")
_BROKEN = ("Error", "ImagePullFailed")


def _volumes(machine: Manifest, volumes: Mapping[str, Manifest]) -> Iterator[Manifest]:
    """The DataVolumes that a machine's own volumes name, as far as they are there."""
    for each in machine["spec"]["template"]["spec"].get("volumes") or ():
        if "dataVolume" in each and each["dataVolume"]["name"] in volumes:
            yield volumes[each["dataVolume"]["name"]]


def is_broken(machine: Manifest, volumes: Mapping[str, Manifest]) -> bool:
    """Whether a DataVolume has failed, or its importer stands still on an error."""
    return any(
        phase(each) == "Failed" or any(says(each, "Running", "False", reason) for reason in _BROKEN)
        for each in _volumes(machine, volumes)
    )


def is_filling(machine: Manifest, volumes: Mapping[str, Manifest]) -> bool:
    """Whether a DataVolume is being filled. One that waits for its first consumer is not."""
    return any(
        phase(each) not in _FILLED and (says(each, "Bound", "True") or phase(each) != "WaitForFirstConsumer")
        for each in _volumes(machine, volumes)
    )


def is_unbound(machine: Manifest, claims: Mapping[str, Manifest]) -> bool:
    """Whether a claim is there, and not bound."""
    names = [claim_of(each) for each in machine["spec"]["template"]["spec"].get("volumes") or ()]
    return any(phase(claims[name]) != "Bound" for name in names if name in claims)


def snapshottable(scene: Scene) -> list[Manifest]:
    """What can be told of snapshots of each volume (pkg/storage/snapshot, getVolumeSnapshotStatus)."""
    volumes = scene.machine["spec"]["template"]["spec"].get("volumes") or ()
    told = []
    for each in volumes:
        why = _no_snapshot(scene, each)
        told.append({"name": each["name"], "enabled": not why, **({"reason": why} if why else {})})
    return told


def _no_snapshot(scene: Scene, each: Manifest) -> str:
    name = each["name"]
    if not claim_of(each):
        return f"Snapshot is not supported for this volumeSource type [{name}]"
    claim = scene.claims.get(claim_of(each))
    if claim is None:
        return "PVC not found"
    of = claim["spec"].get("storageClassName", "")
    if scene.storage.get(of) in scene.snapshots:
        return ""
    return f"No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [{of}] [{name}]"
