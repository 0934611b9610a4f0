"""What virt-controller does about a VirtualMachineClone (pkg/virt-controller/watch/clone).

It has a snapshot taken of a machine (or uses one that is there), and another machine made of it by a restore whose
patches let the two be told apart.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ...steps import REST, Create, Decision, Remove, Replace, Step, act
from ..machines.kinds import claim_of
from ..machines.objects import event, is_going, meta, phase, place, reference, said, status, with_condition
from .differing import patches
from .kinds import GROUP, VERSION
from .scene import backups

_RETRY = 1.0
_PROCESSING = "Still processing"
_POLICIES = {"PrefixTargetName": "PrefixTargetName"}


@dataclass(frozen=True)
class Copying:
    """A VirtualMachineClone and what belongs to it: the machine or the snapshot that it is of, the snapshot that is
    used with its content, the restore, the machine that it makes, and the claims of that. ``now``: seconds since
    1970."""

    clone: Manifest
    source: Manifest | None
    snapshot: Manifest | None
    content: Manifest | None
    restore: Manifest | None
    target: Manifest | None
    claims: Mapping[str, Manifest]
    now: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """What came of a look: what is done, what it waits for or fails of (reason of an Event, and why), the names of
    what was made, how far it is. ``again``: when nothing tells of what is missing."""

    steps: tuple[Step, ...] = ()
    waits: tuple[str, str] | None = None
    fails: tuple[str, str] | None = None
    snapshot: str = ""
    restore: str = ""
    is_taken: bool = False
    is_restored: bool = False
    is_bound: bool = False
    again: float | None = None


def snapshot_name(clone: Manifest) -> str:
    """The snapshot that it uses, or has taken."""
    source = clone["spec"]["source"]
    if source["kind"] == "VirtualMachineSnapshot":
        return str(source["name"])
    return str(status(clone).get("snapshotName") or f"tmp-snapshot-{meta(clone)['uid']}")


def restore_name(clone: Manifest) -> str:
    """The restore that it has made."""
    return str(status(clone).get("restoreName") or f"tmp-restore-{meta(clone)['uid']}")


def decide(scene: Copying) -> Decision:
    """The next steps of a clone."""
    clone = scene.clone
    if is_going(clone):
        return REST
    if phase(clone) == "Succeeded" and scene.target is None:
        return act(Remove(place(clone), meta(clone)["uid"], None))
    seen = _look(scene)
    told = seen.waits or seen.fails
    new = _status(scene, seen)
    written = (Replace(place(clone, "status"), {**clone, "status": new}),) if new != status(clone) else ()
    said_so = (event(clone, told[0], told[1], scene.now),) if told is not None and written else ()
    return Decision((*seen.steps, *said_so, *written), seen.again)


def _look(scene: Copying) -> _Seen:
    clone, now = scene.clone, phase(scene.clone)
    source = clone["spec"]["source"]
    if scene.source is None and now not in ("Succeeded", "Failed"):
        where = f"{source['kind']} {meta(clone)['namespace']}/{source['name']}"
        return _Seen(waits=("SourceDoesNotExist", f"Source doesnt exist: {where}"))
    if now in ("", "SnapshotInProgress"):
        return _take(scene)
    if now == "RestoreInProgress":
        return _restore(scene)
    if now == "CreatingTargetVM":
        return _Seen(again=None if scene.target is not None else _RETRY)
    return _clean(scene) if now == "Succeeded" else _Seen()


def _take(scene: Copying) -> _Seen:
    clone = scene.clone
    if clone["spec"]["source"]["kind"] == "VirtualMachine" and status(clone).get("snapshotName") is None:
        assert scene.source is not None, "its source is there"
        why = "\n".join(_unfit(scene.source))
        if why:
            return _Seen(waits=("VMVolumeSnapshotsInvalid", why))
        return _Seen((*_made_snapshot(scene),), snapshot=snapshot_name(clone))
    if scene.snapshot is None:
        return _Seen(again=_RETRY)
    if not status(scene.snapshot).get("readyToUse"):
        return _Seen()
    why = "\n".join(_not_kept(scene))
    if why:
        return _Seen(fails=("SnapshotContentInvalid", why))
    name = meta(scene.snapshot)["name"]
    told = event(
        clone, "SnapshotReady", f"snapshot {name} for clone {meta(clone)['name']} is ready to use", scene.now
    )
    return _Seen((told,), is_taken=True)


def _unfit(machine: Manifest) -> Iterator[str]:
    """Volumes of which no snapshot can be taken."""
    known = {each["name"]: each for each in status(machine).get("volumeSnapshotStatuses") or ()}
    for each in machine["spec"]["template"]["spec"].get("volumes") or ():
        if claim_of(each) and each["name"] not in known:
            yield f"Virtual Machine volume {each['name']} snapshot support unknown"
        elif claim_of(each) and not known[each["name"]]["enabled"]:
            yield f"Virtual Machine volume {each['name']} does not support snapshots"


def _not_kept(scene: Copying) -> Iterator[str]:
    """Volumes that are not in the snapshot."""
    assert scene.snapshot is not None, "a snapshot that is ready"
    if scene.content is None:
        name = status(scene.snapshot).get("virtualMachineSnapshotContentName", "")
        yield f"snapshot content {name} in namespace {meta(scene.clone)['namespace']} does not exist"
        return
    kept = {each["volumeName"] for each in backups(scene.content)}
    volumes = scene.content["spec"]["source"]["virtualMachine"]["spec"]["template"]["spec"].get("volumes") or ()
    for each in volumes:
        if claim_of(each) and each["name"] not in kept:
            yield f"volume {each['name']} is not backed up in snapshot {meta(scene.snapshot)['name']}"


def _made_snapshot(scene: Copying) -> Iterator[Step]:
    clone, name = scene.clone, snapshot_name(scene.clone)
    source = {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": clone["spec"]["source"]["name"]}
    yield _create(clone, "VirtualMachineSnapshot", name, {"source": source})
    yield event(clone, "SnapshotCreated", f"created snapshot {name} for clone {meta(clone)['name']}", scene.now)


def _create(clone: Manifest, kind: str, name: str, spec: Manifest) -> Create:
    namespace = meta(clone)["namespace"]
    metadata = {"name": name, "namespace": namespace, "ownerReferences": [reference(clone)]}
    made = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": metadata, "spec": spec}
    return Create(Place(GROUP, VERSION, f"{kind.lower()}s", namespace), made)


def _restore(scene: Copying) -> _Seen:
    clone, name = scene.clone, meta(scene.clone)["name"]
    if status(clone).get("restoreName") is None:
        if scene.snapshot is None:
            why = f"snapshot {snapshot_name(clone)} does not exist anymore"
            return _Seen(fails=("SnapshotDeleted", why))
        if scene.content is None:
            return _Seen(again=_RETRY)
        made = restore_name(clone)
        told = event(clone, "RestoreCreated", f"created restore {made} for clone {name}", scene.now)
        return _Seen(
            (_create(clone, "VirtualMachineRestore", made, _restoring(scene, scene.content)), told), restore=made
        )
    if scene.restore is None:
        return _Seen(again=_RETRY)
    failed = any(each["type"] == "Failure" for each in status(scene.restore).get("conditions") or ())
    if not status(scene.restore).get("complete") and not failed:
        return _Seen()
    told = event(
        clone, "RestoreReady", f"restore {meta(scene.restore)['name']} for clone {name} is ready to use", scene.now
    )
    return _Seen((told,), is_restored=True)


def _restoring(scene: Copying, content: Manifest) -> Manifest:
    """The spec of the restore."""
    spec = scene.clone["spec"]
    made: Manifest = {
        "target": spec["target"],
        "virtualMachineSnapshotName": snapshot_name(scene.clone),
        "patches": patches(content["spec"]["source"]["virtualMachine"], spec),
    }
    if spec.get("volumeNamePolicy") is not None:
        made["volumeRestorePolicy"] = _POLICIES.get(spec["volumeNamePolicy"], "RandomizeNames")
    return made


def _clean(scene: Copying) -> _Seen:
    """Once the machine's claims are bound, nobody needs the snapshot and the restore any more."""
    clone, restore = scene.clone, scene.restore
    if status(clone).get("restoreName") is None:
        return _Seen()
    if restore is None:
        return _Seen(again=_RETRY)
    for each in status(restore).get("restores") or ():
        claim = scene.claims.get(each["persistentVolumeClaim"])
        if claim is None or phase(claim) != "Bound":
            return _Seen(again=_RETRY)
    steps: list[Step] = [
        event(clone, "PVCBound", f"all PVC for clone {meta(clone)['name']} are bound", scene.now),
        Remove(place(restore), meta(restore)["uid"], None),
    ]
    if clone["spec"]["source"]["kind"] == "VirtualMachine" and scene.snapshot is not None:
        steps.append(Remove(place(scene.snapshot), meta(scene.snapshot)["uid"], None))
    return _Seen(tuple(steps), is_bound=True)


def _status(scene: Copying, seen: _Seen) -> Manifest:
    """The status as it is to be."""
    new: dict[str, Any] = copy.deepcopy(status(scene.clone))
    _advance(scene, seen, new)
    if seen.waits is not None:
        _say(scene, new, "False", "Pending", "False", seen.waits[1])
    elif seen.fails is not None:
        new["phase"] = "Failed"
        _say(scene, new, "False", "Failed", "False", seen.fails[1])
    elif new["phase"] == "Succeeded":
        _say(scene, new, "False", "Ready", "True", "Ready")
    else:
        _say(scene, new, "True", _PROCESSING, "False", _PROCESSING)
    if seen.is_bound:
        for name in ("snapshotName", "restoreName"):
            new.pop(name, None)
    return new


def _advance(scene: Copying, seen: _Seen, new: dict[str, Any]) -> None:
    """Enter the next phases, each if it has come."""
    if not new.get("phase") and seen.waits is None:
        new["phase"] = "SnapshotInProgress"
    if new.get("phase") == "SnapshotInProgress":
        if seen.snapshot:
            new["snapshotName"] = seen.snapshot
        if seen.is_taken:
            new["phase"] = "RestoreInProgress"
    if new.get("phase") == "RestoreInProgress":
        if seen.restore:
            new["restoreName"] = seen.restore
        if seen.is_restored:
            new["phase"] = "CreatingTargetVM"
    if new.get("phase") == "CreatingTargetVM":
        new["targetName"] = scene.clone["spec"]["target"]["name"]
        if scene.target is not None:
            new["phase"] = "Succeeded"


def _say(scene: Copying, new: dict[str, Any], goes_on: str, how: str, ready: str, why: str) -> None:
    now = stamp(scene.now)
    conditions = with_condition(new.get("conditions") or [], said("Progressing", goes_on, how, since=now))
    new["conditions"] = with_condition(conditions, said("Ready", ready, why, since=now))
