"""What the cluster has for OpenStack's clients, what it lacks, and what an administrator can do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..cloud.features import Features
from ..kube.health import Health

FOUND, LIMITED, MISSING = "found", "limited", "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a cluster may have. ``state`` is found, limited or missing; ``remedy`` is "" where all is well.

    Dicot changes nothing of this by itself.
    """

    name: str
    state: str
    detail: str
    remedy: str = ""


def _kubernetes(found: Features) -> Finding:
    if found.kubernetes:
        return Finding("Kubernetes", FOUND, found.kubernetes)
    return Finding("Kubernetes", MISSING, "it has not answered yet", "See what /readyz?verbose and the log say.")


def _kubevirt(found: Features) -> Finding:
    if found.kubevirt:
        return Finding("KubeVirt", FOUND, found.kubevirt)
    return Finding("KubeVirt", MISSING, "no servers can run", "Install KubeVirt; Dicot finds it within a minute.")


def _cdi(found: Features) -> Finding:
    if found.cdi:
        return Finding("CDI", FOUND, found.cdi)
    remedy = "Install the Containerized Data Importer; Dicot finds it within a minute."
    return Finding("CDI", MISSING, "no images but container disks, and no root disks", remedy)


def _storage(found: Features) -> Finding:
    if found.default_class:
        return Finding("Default StorageClass", FOUND, found.default_class)
    remedy = (
        "Annotate one StorageClass with storageclass.kubernetes.io/is-default-class=true, or name one in"
        " [image] storage_class."
    )
    return Finding("Default StorageClass", MISSING, "root disks that name no class wait for ever", remedy)


def _snapshots(found: Features) -> Finding:
    default = found.storage_class("")
    name = found.snapshot_class(default.provisioner) if default is not None else ""
    if name:
        return Finding("VolumeSnapshotClass", FOUND, name)
    remedy = "Install the snapshot controller, and a VolumeSnapshotClass of the default StorageClass's driver."
    return Finding("VolumeSnapshotClass", LIMITED, "disks are cloned by copying; no snapshots", remedy)


def _live_update(found: Features) -> Finding:
    if found.live_update:
        return Finding("Live update", FOUND, "changes reach running servers")
    remedy = "KubeVirt's spec.configuration.vmRolloutStrategy may be LiveUpdate."
    return Finding("Live update", LIMITED, "changes of a server wait for its next start", remedy)


def _gate(gate: str, title: str, without: str) -> Callable[[Features], Finding]:
    def judged(found: Features) -> Finding:
        if gate in found.gates:
            return Finding(title, FOUND, f"feature gate {gate} is open")
        remedy = f"KubeVirt's spec.configuration.developerConfiguration.featureGates may list {gate}."
        return Finding(title, LIMITED, without, remedy)

    return judged


def _hotplug(found: Features) -> Finding:
    if found.hotplug:
        return Finding("Volume hotplug", FOUND, found.hotplug)
    remedy = "KubeVirt's spec.configuration.developerConfiguration.featureGates may list DeclarativeHotplugVolumes."
    return Finding("Volume hotplug", LIMITED, "volumes are attached to stopped servers only", remedy)


_JUDGES: tuple[Callable[[Features], Finding], ...] = (
    _kubernetes,
    _kubevirt,
    _cdi,
    _storage,
    _snapshots,
    _hotplug,
    _gate("Snapshot", "VM snapshots", "no snapshots of whole servers"),
    _gate("VMExport", "VM export", "no download of disks"),
    _live_update,
)
_REMEDIES = {
    "not permitted": "Apply Dicot's rights again: dicot manifests | kubectl apply -f -",
    "not served": "Install the CustomResourceDefinition: kubectl apply -f etc/kubernetes/crds, or the operator's.",
}


def findings(found: Features, watched: Iterable[Health]) -> tuple[Finding, ...]:
    """Everything that is known of the cluster, and the kinds that cannot be watched."""
    judged = [judge(found) for judge in _JUDGES]
    closed = [
        Finding(f"Watch of {each.kind}", MISSING, each.problem or each.state, _REMEDIES[each.state])
        for each in watched
        if each.state in _REMEDIES
    ]
    return (*judged, *closed)
