"""Transfers of claims: the volume is kept, its claim goes, and another one gets it (CDI 1.65.0,
pkg/controller/transfer/pvc.go)."""

from dataclasses import dataclass

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ...steps import Decision, Remove, Rewrite, act
from ..kinds.claims import CLAIMS, Claim, Pod
from ..kinds.transfers import DISKS, Disk, DiskClaim
from ..names import BIND_COMPLETED
from .story import COMPLETE, ERROR, REST_WHILE_USED, RUNNING, Telling, changed

_RETAIN = "Retain"
_HELD_BY = (
    "provisioner.storage.kubernetes.io/cloning-protection",
    "snapshot.storage.kubernetes.io/pvc-as-source-protection",
)
"""Finalizers of a claim that is being copied."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``disk``: the volume of the source, by its name in the end. ``users``: the Pods that mount the source."""

    telling: Telling
    source: Claim | None
    disk: Disk | None
    target: Claim | None
    users: tuple[Pod, ...]


def decide_pending(scene: Scene) -> Decision:
    """Whether it can begin."""
    tell, source, disk = scene.telling, scene.source, scene.disk
    if source is None:
        return act(*tell.say("No source"))
    if source.status.phase != "Bound":
        return act(*tell.say("PVC not bound"))
    held = next((each for each in _HELD_BY if each in source.metadata.finalizers), "")
    if held:
        return act(*tell.say(f"PVC has finalizer: {held}"))
    if disk is None:
        return tell.fail(f'PersistentVolume "{source.spec.volumeName}" not found')
    if disk.spec.claimRef != DiskClaim(source.metadata.namespace, source.metadata.name):
        return act(*tell.say("PV not bound"))
    if scene.users:
        return act(*tell.say("Pods using PVC"), again=REST_WHILE_USED)
    return tell.take(CLAIMS, source.metadata, {"pvName": disk.metadata.name})


def decide_running(scene: Scene) -> Decision:
    """The next step from the source to the target."""
    tell, disk = scene.telling, scene.disk
    data = tell.transfer.status.data
    if "pvName" not in data:
        return act(*tell.say("PV name missing", phase=ERROR))
    if disk is None:
        return tell.fail(f'PersistentVolume "{data["pvName"]}" not found')
    policy = disk.spec.persistentVolumeReclaimPolicy
    if "pvReclaim" not in data:
        return act(*tell.say("Running", phase=RUNNING, data={**data, "pvReclaim": policy}))
    running = tell.say("Running", phase=RUNNING)
    if scene.source is not None and scene.source.spec.volumeName == disk.metadata.name:
        if policy != _RETAIN:
            return act(_reclaimed(disk, _RETAIN), *running)
        meta = scene.source.metadata
        gone = (Remove(place(CLAIMS, meta.namespace, meta.name), meta.uid, None),)
        return act(*(gone if meta.deletionTimestamp is None else ()), *running)
    target = DiskClaim(*tell.transfer.target)
    if disk.spec.claimRef in (None, DiskClaim(*tell.transfer.source)):
        return act(_given(disk, target))
    if disk.spec.claimRef != target:
        return act(*tell.say("PV bound to wrong PVC", phase=ERROR), again=REST_WHILE_USED)
    if scene.target is None:
        return act(tell.make(CLAIMS, BIND_COMPLETED), *running)
    if scene.target.status.phase != "Bound":
        return act(*tell.say("Waiting for target to be bound", phase=RUNNING))
    if policy != data["pvReclaim"]:
        return act(_reclaimed(disk, data["pvReclaim"]), *running)
    return act(*tell.say("Transfer complete", phase=COMPLETE, status="True", data={}))


def _reclaimed(disk: Disk, policy: str) -> Rewrite:
    def change(found: Manifest) -> Manifest | None:
        return {**found, "spec": {**found["spec"], "persistentVolumeReclaimPolicy": policy}}

    return changed(place(DISKS, "", disk.metadata.name), disk.metadata.uid, change)


def _given(disk: Disk, claim: DiskClaim) -> Rewrite:
    reference = {"namespace": claim.namespace, "name": claim.name}

    def change(found: Manifest) -> Manifest | None:
        return {**found, "spec": {**found["spec"], "claimRef": reference}}

    return changed(place(DISKS, "", disk.metadata.name), disk.metadata.uid, change)
