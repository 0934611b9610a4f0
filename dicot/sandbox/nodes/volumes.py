"""What the storage of the nodes does: volumes for claims, made and removed."""

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ..steps import REST, Create, Decision, Remove, act
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
    return act(Create(Place("", "v1", "persistentvolumes"), volume(claim))) if is_asked_for(claim) else REST


def is_ours(claim: Claim) -> bool:
    """Whether a claim is served by this storage, and not about to go."""
    return claim.spec.storageClassName == STORAGE_CLASS and claim.metadata.deletionTimestamp is None


def is_asked_for(claim: Claim) -> bool:
    """Whether a claim waits for a volume of ours."""
    if not is_ours(claim):
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


def _is_populated_elsewhere(claim: Claim) -> bool:
    """Whether a volume populator binds the claim to a volume that it fills."""
    sources = (claim.spec.dataSource, claim.spec.dataSourceRef)
    return any(source is not None and source.apiGroup in _POPULATED_ELSEWHERE for source in sources)
