"""Claims that are filled from a snapshot.

As a CSI driver's external-provisioner does it (pkg/controller/controller.go, getSnapshotSource).
"""

from collections.abc import Callable

from dicot.kube.address import Place

from ...kube.quantity import whole
from ..events import WARNING, tell
from ..snapshots.kinds import Content, Snapshot
from ..snapshots.names import ALLOW_MODE_CHANGE, GROUP
from ..steps import Create, Decision, act
from .kinds import Claim
from .snapshots import size_of
from .volumes import PROVISIONER, STORAGE_CLASS, volume

_AGAIN, _SOON = 2.0, 0.2


def source(claim: Claim) -> str:
    """The snapshot that a claim is filled from; "" where it is not."""
    found = claim.spec.dataSourceRef or claim.spec.dataSource
    return found.name if found is not None and (found.apiGroup, found.kind) == (GROUP, "VolumeSnapshot") else ""


def decide_restored(
    claim: Claim, snapshot: Snapshot | None, content: Content | None, fill: Callable[[str, str], bool], now: float
) -> Decision:
    """A volume with what the snapshot holds, or why there is none yet. ``content``: what the snapshot is bound to;
    ``fill`` lets a volume hold what a snapshot does, and says whether that is done."""
    wrong = _wrong(claim, snapshot, content)
    if not wrong and content is not None and content.status is not None:
        made = volume(claim)
        if not fill(content.status.snapshotHandle or "", made["metadata"]["name"]):
            return Decision(again=_SOON)
        return act(Create(Place("", "v1", "persistentvolumes"), made))
    text = f'failed to provision volume with StorageClass "{STORAGE_CLASS}": {wrong}'
    told = tell("v1", "PersistentVolumeClaim", claim.metadata, WARNING, "ProvisioningFailed", text, PROVISIONER, now)
    return act(told, again=_AGAIN)


def _wrong(claim: Claim, snapshot: Snapshot | None, content: Content | None) -> str:
    name = source(claim)
    error = _unusable(claim, name, snapshot, content)
    where = f"error getting handle for DataSource Type VolumeSnapshot by Name {name}"
    return f"{where}: {error}" if error else ""


def _unusable(claim: Claim, name: str, snapshot: Snapshot | None, content: Content | None) -> str:
    if snapshot is None:
        absent = f'volumesnapshots.{GROUP} "{name}" not found'
        return f"error getting snapshot {name} from api server: {absent}"
    if snapshot.metadata.deletionTimestamp is not None:
        return f"snapshot {name} is currently being deleted"
    if content is None or content.spec.volumeSnapshotRef.uid != snapshot.metadata.uid:
        return f"snapshot {name} not bound"
    if content.spec.driver != PROVISIONER:
        return f"snapshot {name} not bound"
    status = content.status
    if snapshot.status is None or not snapshot.status.readyToUse:
        return f"snapshot {name} is not Ready"
    if status is None or status.snapshotHandle is None or size_of(status.snapshotHandle) is None:
        return f"snapshot handle {name} is not available"
    wanted, held = whole(claim.spec.resources.requests.get("storage", 0)), whole(snapshot.status.restoreSize or 0)
    if wanted < held:
        return f"requested volume size {wanted} is less than the size {held} for the source snapshot {name}"
    return _changed(claim, content)


def _changed(claim: Claim, content: Content) -> str:
    mode, meta = content.spec.sourceVolumeMode, claim.metadata
    if mode in (None, claim.spec.volumeMode) or content.metadata.annotations.get(ALLOW_MODE_CHANGE) == "true":
        return ""
    return (
        f"requested volume {meta.namespace}/{meta.name} modifies the mode of the source volume but does not have "
        f"permission to do so. {ALLOW_MODE_CHANGE} annotation is not present on snapshotcontent "
        f"{content.metadata.name}"
    )
