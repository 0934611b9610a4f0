"""Transfers of DataVolumes: each waits for that of its claim (CDI 1.65.0, pkg/controller/transfer/dv.go)."""

from collections.abc import Callable
from dataclasses import dataclass

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ...steps import Create, Decision, Remove, Rewrite, Step, act
from ..kinds.claims import CLAIMS, Claim, Pod
from ..kinds.transfers import TRANSFERS, Transfer
from ..kinds.volumes import VOLUMES, Volume
from ..names import APP, COMPONENT, GROUP, POPULATED_FOR, RECOMMENDED, VERSION
from .story import COMPLETE, ERROR, REST_WHILE_USED, RUNNING, Telling, changed

_SOON = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """``claim``: that of the source. ``users``: the Pods that mount it. ``child``: the transfer of that claim.
    ``moved``: the claim at its new place."""

    telling: Telling
    source: Volume | None
    claim: Claim | None
    users: tuple[Pod, ...]
    target: Volume | None
    child: Transfer | None
    moved: Claim | None


def child_name(transfer: Transfer) -> str:
    """The transfer of the claim of a volume."""
    return f"pvc-transfer-{transfer.metadata.uid}"


def claim_name(volume: Volume) -> str:
    """The claim of a volume."""
    return volume.metadata.annotations.get(POPULATED_FOR, volume.metadata.name)


def decide_pending(scene: Scene) -> Decision:
    """Whether it can begin."""
    tell, source = scene.telling, scene.source
    if source is None:
        return act(*tell.say("No source"))
    if source.status.phase != "Succeeded":
        return act(*tell.say("Source not populated"))
    if scene.users:
        return act(*tell.say("Pods using DataVolume PVC"), again=REST_WHILE_USED)
    return tell.take(VOLUMES, source.metadata, {"pvcName": claim_name(source)})


def decide_running(scene: Scene) -> Decision:
    """The next step from the source to the target."""
    tell, child = scene.telling, scene.child
    if scene.source is not None:
        return _leave(scene, scene.source)
    if scene.target is None and child is None:
        waits = tell.say("PVC transfer in progress", phase=RUNNING)
        return act(_child(tell.transfer), *waits)
    if child is not None:
        if child.status.phase != COMPLETE:
            return act(*tell.say("PVC transfer in progress", phase=RUNNING))
        if scene.moved is None:
            return act(*tell.say("Transferred PVC does not exist", phase=ERROR))
        owner = scene.moved.metadata.annotations.get(POPULATED_FOR)
        if owner is None:
            return act(_populated(scene.moved, tell.transfer.target[1]), again=0.0)
        if owner != tell.transfer.target[1]:
            return tell.fail("PVC populated for a different DataVolume")
    waits = tell.say("Waiting for target DataVolume", phase=RUNNING)
    if scene.target is None:
        return act(tell.make(VOLUMES), *waits)
    if scene.target.status.phase != "Succeeded":
        return act(*waits)
    gone: tuple[Step, ...] = ()
    if child is not None and child.metadata.deletionTimestamp is None:
        gone = (Remove(place(TRANSFERS, "", child.metadata.name), child.metadata.uid, None),)
    return act(*gone, *tell.say("Transfer complete", phase=COMPLETE, status="True", data={}))


def _leave(scene: Scene, source: Volume) -> Decision:
    """The volume goes, once its claim does not go with it."""
    tell, claim = scene.telling, scene.claim
    if claim is None:
        return act(*tell.say("Source DV has no PVC"))
    running = tell.say("Running", phase=RUNNING)
    owned = any(owner.uid == source.metadata.uid for owner in claim.metadata.ownerReferences)
    if owned or POPULATED_FOR in claim.metadata.annotations:
        return act(_freed(claim, source), *running, again=_SOON)
    at = place(VOLUMES, source.metadata.namespace, source.metadata.name)
    return act(Remove(at, source.metadata.uid, None), *running)


def _freed(claim: Claim, volume: Volume) -> Rewrite:
    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        notes = {key: value for key, value in (meta.get("annotations") or {}).items() if key != POPULATED_FOR}
        owners = [each for each in meta.get("ownerReferences") or () if each["uid"] != volume.metadata.uid]
        return {**found, "metadata": {**meta, "annotations": notes, "ownerReferences": owners}}

    return _on(claim, change)


def _populated(claim: Claim, volume: str) -> Rewrite:
    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        notes = {**(meta.get("annotations") or {}), POPULATED_FOR: volume}
        return {**found, "metadata": {**meta, "annotations": notes}}

    return _on(claim, change)


def _on(claim: Claim, change: Callable[[Manifest], Manifest | None]) -> Rewrite:
    meta = claim.metadata
    return changed(place(CLAIMS, meta.namespace, meta.name), meta.uid, change)


def _child(transfer: Transfer) -> Create:
    namespace, name = transfer.target
    body: Manifest = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ObjectTransfer",
        "metadata": {"name": child_name(transfer), "labels": {**APP, COMPONENT: "", **RECOMMENDED}},
        "spec": {
            "source": {
                "kind": "PersistentVolumeClaim",
                "namespace": transfer.spec.source.namespace,
                "name": transfer.status.data.get("pvcName", ""),
            },
            "target": {"namespace": namespace, "name": name},
            "parentName": transfer.metadata.name,
        },
    }
    return Create(place(TRANSFERS, ""), body)
