"""What CDI says of storage classes and of itself (CDI 1.65.0, storageprofile-controller and config-controller).

No provisioner is known here: the real one knows some by name, ours among none of them.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from dicot.kube.address import place
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..snapshots.kinds import SnapshotClass
from ..snapshots.names import DEFAULT_CLASS as DEFAULT_SNAPSHOT_CLASS
from ..steps import REST, Create, Decision, Patch, Remove, Rewrite, Step, act
from .kinds.classes import CONFIGS, PROFILES, Config, Overhead, Profile, ProfileStatus, StorageClass
from .kinds.parts import Condition
from .names import APP, COMPONENT, CONFIG, GROUP, RECOMMENDED, VERSION

_LABELS = {**APP, **RECOMMENDED, COMPONENT: ""}
_STRATEGIES = {"copy": "copy", "snapshot": "snapshot", "csi-clone": "csi-clone"}
_STRATEGY = "cdi.kubevirt.io/clone-strategy"
_OVERHEAD = "0.06"
_SHARE = re.compile(r"(0(?:\.\d{1,3})?|1)\Z")
_LIMITS = {"cpu": "750m", "memory": "600M"}
_REQUESTS = {"cpu": "100m", "memory": "60M"}


def decide_profile(
    name: str, found: StorageClass | None, profile: Profile | None, snapshots: Sequence[SnapshotClass], now: float
) -> Decision:
    """The profile of a class, made, kept true and removed with it. ``snapshots``: all classes of these."""
    if found is None or found.metadata.deletionTimestamp is not None:
        if profile is None:
            return REST
        return act(Remove(place(PROFILES, "", name), profile.metadata.uid, None))
    if profile is None:
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "StorageProfile",
            "metadata": {"name": name, "labels": _LABELS},
            "spec": {},
        }
        return act(Create(place(PROFILES, ""), body))
    return act(*_kept(found, profile, _snapshot_class(found, profile, snapshots), now))


def _snapshot_class(found: StorageClass, profile: Profile, snapshots: Sequence[SnapshotClass]) -> str:
    """The class of snapshots for volumes of a class: the one that is named, or the default, or the first."""
    ours = [each for each in snapshots if each.driver == found.provisioner]
    named = profile.spec.snapshotClass
    if named is not None:
        return named if any(each.metadata.name == named for each in ours) else ""
    marked = [each for each in ours if each.metadata.annotations.get(DEFAULT_SNAPSHOT_CLASS) == "true"]
    return min((each.metadata.name for each in marked or ours), default="")


def _kept(found: StorageClass, profile: Profile, snapshots: str, now: float) -> list[Step]:
    meta, steps = profile.metadata, list[Step]()
    if any(meta.labels.get(key) != value for key, value in RECOMMENDED.items()):
        body: Manifest = {"metadata": {"uid": meta.uid, "labels": dict(RECOMMENDED)}}
        steps.append(Patch(place(PROFILES, "", meta.name), body))
    if any(not each.volumeMode or not each.accessModes for each in profile.spec.claimPropertySets):
        return steps
    wanted = _status(found, profile, snapshots, now)
    if wanted != profile.status:
        at = place(PROFILES, "", meta.name, "status")
        steps.append(Patch(at, {"metadata": {"uid": meta.uid}, "status": msgspec.to_builtins(wanted)}))
    return steps


def _status(found: StorageClass, profile: Profile, snapshots: str, now: float) -> ProfileStatus:
    moment = stamp(now)
    told = Condition(
        "Recognized", "False", "UnrecognizedProvisioner", "Provisioner is not recognized", moment, moment
    )
    usual = "snapshot" if snapshots else "copy"
    noted = _STRATEGIES.get(found.metadata.annotations.get(_STRATEGY, ""), usual)
    return ProfileStatus(
        storageClass=found.metadata.name,
        provisioner=found.provisioner,
        cloneStrategy=profile.spec.cloneStrategy or noted,
        dataImportCronSourceFormat=profile.spec.dataImportCronSourceFormat or "pvc",
        snapshotClass=snapshots or profile.status.snapshotClass,
        claimPropertySets=profile.spec.claimPropertySets,
        conditions=profile.status.conditions or (told,),
    )


def decide_config(config: Config | None, wished: Manifest | None, classes: Iterable[str]) -> Decision:
    """The CDIConfig, made and kept true. ``wished``: the spec that it shall have, None where that is its own."""
    if config is None:
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "CDIConfig",
            "metadata": {"name": CONFIG, "labels": _LABELS},
            "spec": wished or {},
        }
        return act(Create(place(CONFIGS, ""), body))
    if wished is not None and wished != config.spec:
        return act(Rewrite(place(CONFIGS, "", CONFIG), lambda found: {**found, "spec": wished}))
    status = _differing(config, classes)
    if not status:
        return REST
    body = {"metadata": {"uid": config.metadata.uid}, "status": status}
    return act(Patch(place(CONFIGS, "", CONFIG), body))


def _differing(config: Config, classes: Iterable[str]) -> Manifest:
    """What is not as it should be in the status of the CDIConfig."""
    spec, shown = config.asked, config.status
    status: Manifest = {}
    asked = spec.filesystemOverhead or Overhead()
    overall = asked.globally if _SHARE.match(asked.globally) else _OVERHEAD
    overhead = Overhead(overall, {name: asked.storageClass.get(name, overall) for name in sorted(classes)})
    if overhead != shown.filesystemOverhead:
        old = shown.filesystemOverhead
        gone = set(old.storageClass) - set(overhead.storageClass) if old is not None else set()
        per_class = {**overhead.storageClass, **dict.fromkeys(gone)}
        status["filesystemOverhead"] = {"global": overall, "storageClass": per_class}
    wished = spec.podResourceRequirements
    resources = {"limits": _LIMITS | wished.limits, "requests": _REQUESTS | wished.requests}
    known = shown.defaultPodResourceRequirements
    if known is None or resources != {"limits": known.limits, "requests": known.requests}:
        status["defaultPodResourceRequirements"] = resources
        status["importProxy"] = {"HTTPProxy": "", "HTTPSProxy": "", "noProxy": "", "trustedCAProxy": ""}
    if spec.preallocation != shown.preallocation:
        status["preallocation"] = spec.preallocation
    if spec.uploadProxyURLOverride != shown.uploadProxyURL:
        status["uploadProxyURL"] = spec.uploadProxyURLOverride
    return status
