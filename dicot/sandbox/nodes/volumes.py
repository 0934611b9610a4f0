"""What the storage of the nodes does: volumes for claims, made, grown and removed."""

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ...kube.quantity import amount
from ..steps import REST, Create, Decision, Patch, Remove, act
from .kinds import PROVISION_BY, PROVISIONED_BY, Claim, Disk

PROVISIONER = "disk.sandbox.dicot.io"
"""The CSI driver behind them."""
STORAGE_CLASS = "standard"
_POPULATED_ELSEWHERE = ("cdi.kubevirt.io", "forklift.cdi.kubevirt.io")


def decide_claim(claim: Claim) -> Decision:
    """The next step for a claim of our class.

    It is given a volume once kube-controller-manager has asked for one by an annotation, as provisioners wait for it
    (sig-storage-lib-external-provisioner, controller/controller.go, shouldProvision).
    """
    if claim.spec.storageClassName != STORAGE_CLASS or claim.metadata.deletionTimestamp is not None:
        return REST
    if claim.status.phase == "Bound":
        return _grow(claim)
    return act(Create(Place("", "v1", "persistentvolumes"), volume(claim))) if is_asked_for(claim) else REST


def is_asked_for(claim: Claim) -> bool:
    """Whether a claim waits for a volume of ours."""
    if claim.spec.storageClassName != STORAGE_CLASS or claim.metadata.deletionTimestamp is not None:
        return False
    if claim.status.phase != "Pending" or claim.spec.volumeName or _is_populated_elsewhere(claim):
        return False
    return claim.metadata.annotations.get(PROVISION_BY) == PROVISIONER


def decide_disk(disk: Disk) -> Decision:
    """A volume whose claim is gone goes too, if its class says so."""
    ours = disk.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER
    released = disk.status.phase == "Released" and disk.spec.persistentVolumeReclaimPolicy == "Delete"
    if not (ours and released) or disk.metadata.deletionTimestamp is not None:
        return REST
    return act(Remove(Place("", "v1", "persistentvolumes", name=disk.metadata.name), disk.metadata.uid))


def volume(claim: Claim) -> Manifest:
    """The volume that a claim gets; kube-controller-manager binds the two."""
    meta = claim.metadata
    name = f"pvc-{meta.uid}"
    reference = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "accessModes": claim.spec.accessModes,
            "capacity": {"storage": claim.spec.resources.requests["storage"]},
            "claimRef": reference,
            "csi": {"driver": PROVISIONER, "volumeHandle": name},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": STORAGE_CLASS,
            "volumeMode": claim.spec.volumeMode,
        },
    }


def _grow(claim: Claim) -> Decision:
    """A claim that asks for more than it has: first its volume grows, then the claim says so."""
    asked = claim.spec.resources.requests.get("storage", "0")
    if amount(claim.status.capacity.get("storage", "0")) >= amount(asked):
        return REST
    meta = claim.metadata
    status = {"metadata": {"uid": meta.uid}, "status": {"capacity": {"storage": asked}}}
    at = Place("", "v1", "persistentvolumeclaims", meta.namespace, meta.name, "status")
    return act(Patch(_disk(claim), {"spec": {"capacity": {"storage": asked}}}), Patch(at, status))


def _disk(claim: Claim) -> Place:
    return Place("", "v1", "persistentvolumes", name=claim.spec.volumeName)


def _is_populated_elsewhere(claim: Claim) -> bool:
    """Whether a volume populator binds the claim to a volume that it fills."""
    sources = (claim.spec.dataSource, claim.spec.dataSourceRef)
    return any(source is not None and source.apiGroup in _POPULATED_ELSEWHERE for source in sources)
