"""What virt-controller does about a VirtualMachineInstance and its launcher (pkg/virt-controller/watch/vmi)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from dicot.kube.address import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest
from dicot.kube.media import STRATEGIC
from dicot.moments import stamp

from ...nodes.kinds import WANTED
from ...steps import Create, Decision, Look, Patch, Remove, Replace, Step, act
from . import attachments, guest_status, networks, workloads
from .kinds import claim_of
from .launcher import launcher_pod
from .launcher_disks import FUNCTIONS
from .objects import (
    amend,
    condition,
    event,
    is_changing,
    is_final,
    is_going,
    is_up,
    meta,
    observes,
    phase,
    place,
    says,
    status,
    with_version,
)
from .scene import Failure, Stage

NODE_NAME = "kubevirt.io/nodeName"
OUTDATED = "kubevirt.io/outdatedLauncherImage"
UNPAUSED = "kubevirt.io/virtual-machine-unpaused"
_SYNCED = (NODE_NAME, OUTDATED)
_UNPROCESSED = ("", "Pending")
_HANDED_OVER = ("Scheduled", "Running")
_AGAIN = 5.0
"""Seconds until a launcher that could not be made is tried again."""


@dataclass(frozen=True, slots=True)
class Sync:
    """What is done before the status is written, and what is wrong. ``made``: a launcher is, whose own event tells
    the rest."""

    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    made: bool = False
    waits: float | None = None


def decide(stage: Stage) -> Decision:
    """The next steps of a guest."""
    guest = stage.guest
    if not observes(guest):
        return act(Replace(place(guest), with_version(guest)))
    pod = current(guest, stage.pods)
    sync = _sync(stage, pod)
    if sync.made:
        return act(*sync.steps)
    tended = (*_tend(stage, pod), *_connect(stage, pod), *_attach(stage, pod)) if pod is not None else ()
    new = guest_status.compute(stage, pod, sync.failure)
    moved = workloads.tend(stage)
    return Decision((*sync.steps, *tended, *_write(guest, new), *moved), _patience(stage, new, sync))


def _patience(stage: Stage, new: Manifest, sync: Sync) -> float | None:
    """Seconds until it is looked at again, whatever happens."""
    if says(new, networks.MIGRATION, "False"):
        return networks.AGAIN
    return workloads.AGAIN if stage.moves_changed and is_changing(new) else sync.waits


def current(guest: Manifest, pods: Sequence[Manifest]) -> Manifest | None:
    """The launcher: the youngest on the guest's node, or of all."""
    node = status(guest).get("nodeName", "")
    here = [each for each in pods if not node or each["spec"].get("nodeName", "") == node]
    return max(here, key=lambda each: str(meta(each)["creationTimestamp"]), default=None)


def _sync(stage: Stage, pod: Manifest | None) -> Sync:
    guest = stage.guest
    if is_going(guest):
        return Sync(tuple(_delete(stage)))
    if is_final(guest):
        return Sync()
    missing = _missing(stage)
    if missing:
        why = f"PVC {meta(guest)['namespace']}/{missing} does not exist, waiting for it to appear"
        told = () if _is_told(guest, "FailedPvcNotFound") else (event(guest, "FailedPvcNotFound", why, stage.now),)
        return Sync(told, Failure("FailedPvcNotFound", why))
    if pod is not None or phase(guest) not in _UNPROCESSED or not _are_ready(stage):
        return Sync()
    return _make(stage)


def _delete(stage: Stage) -> Iterator[Step]:
    for pod in stage.pods:
        if is_going(pod) and not is_final(pod):
            continue
        yield Remove(place(pod), meta(pod)["uid"], None)
        message = f"Deleted virtual machine pod {meta(pod)['name']}"
        yield event(stage.guest, "SuccessfulDelete", message, stage.now)
        for left in stage.attachments.get(meta(pod)["uid"], ()):
            yield from attachments.drop(stage.guest, left, stage.now)


def _is_told(guest: Manifest, reason: str) -> bool:
    shown = condition(guest, "Synchronized")
    return shown is not None and shown.get("reason") == reason


def _claims(guest: Manifest) -> list[str]:
    return [name for each in guest["spec"].get("volumes") or () if (name := claim_of(each))]


def _missing(stage: Stage) -> str:
    return next((name for name in _claims(stage.guest) if name not in stage.claims), "")


def _are_ready(stage: Stage) -> bool:
    """Whether every claim is filled."""
    return all(guest_status.is_filled(stage.claims[name], stage.volumes) for name in _claims(stage.guest))


def _make(stage: Stage) -> Sync:
    guest = stage.guest
    blocks = {name for name in _claims(guest) if stage.claims[name]["spec"].get("volumeMode") == "Block"}
    made = launcher_pod(guest, frozenset(blocks))
    message = f"Created virtual machine pod {meta(made)['name']}"
    at = Place("", "v1", "pods", meta(guest)["namespace"])
    told = event(guest, "SuccessfulCreate", message, stage.now)
    found = Decision((Create(at, made, partial(_refused, stage)), told))
    for network in reversed(guest["spec"].get("networks") or ()):
        if "multus" in network:
            found = act(_look_for(stage, networks.place(guest, network), found))
    return Sync(found.steps, made=True)


def _look_for(stage: Stage, place: tuple[str, str], found: Decision) -> Look:
    """See that there is a network before a launcher is made that is to be attached to it."""
    home, name = place
    why = f"failed to render launch manifest: failed to locate network attachment definition {home}/{name}"
    new = guest_status.compute(stage, None, Failure("FailedCreate", why))
    missing = Decision(_write(stage.guest, new), again=_AGAIN)
    return Look(Place(*networks.GROUP, networks.PLURAL, home, name), lambda _: found, missing)


def _refused(stage: Stage, reason: Refused) -> tuple[Step, ...]:
    told = event(stage.guest, "FailedCreate", f"Error creating pod: {reason.message}", stage.now, warning=True)
    why = Failure("FailedCreate", f"failed to create virtual machine pod: {reason.message}")
    return (told, *_write(stage.guest, guest_status.compute(stage, None, why)))


def _tend(stage: Stage, pod: Manifest) -> Iterator[Step]:
    """Let the launcher show whether its guest is paused, and the labels that the two share."""
    paused = guest_status.is_paused(stage.guest)
    shown = condition(pod, UNPAUSED)
    if (
        (shown is None or shown["status"] != "True")
        if not paused
        else (shown is not None and shown["status"] == "True")
    ):
        yield Patch(place(pod, "status"), _unpaused(pod, not paused, stamp(stage.now)), STRATEGIC)
    labels = meta(stage.guest).get("labels", {})
    differing = {key: labels.get(key) for key in _SYNCED if labels.get(key) != meta(pod).get("labels", {}).get(key)}
    if differing:
        yield Patch(place(pod), {"metadata": {"uid": meta(pod)["uid"], "labels": differing}})


def _connect(stage: Stage, pod: Manifest) -> Iterator[Step]:
    """Have Multus attach it to networks that were plugged into the guest, and take it off those that are to go."""
    if is_going(stage.guest) or is_final(stage.guest) or not is_up(pod):
        return
    told, functions = networks.amended(stage.guest, pod), networks.functions(stage.guest, pod)
    notes = {WANTED: told} if told is not None else {}
    if functions and functions != meta(pod).get("annotations", {}).get(FUNCTIONS):
        notes[FUNCTIONS] = functions
    if notes:
        yield Patch(place(pod), {"metadata": {"uid": meta(pod)["uid"], "annotations": notes}})


def _attach(stage: Stage, pod: Manifest) -> Iterator[Step]:
    """See that the volumes which were plugged into it come to its node, and those of launchers that ended go."""
    plug = guest_status.plug(stage, pod)
    if not is_going(stage.guest) and not is_final(stage.guest) and _missing(stage) == "":
        yield from attachments.tend(plug)
    for each in stage.pods:
        if is_final(each):
            for left in stage.attachments.get(meta(each)["uid"], ()):
                yield from attachments.drop(stage.guest, left, stage.now)


def _unpaused(pod: Manifest, holds: bool, now: str) -> Manifest:
    told = {
        "type": UNPAUSED,
        "status": "True" if holds else "False",
        "reason": "NotPaused" if holds else "Paused",
        "message": f"the virtual machine is {'not ' if holds else ''}paused",
        "lastProbeTime": now,
        "lastTransitionTime": now,
    }
    return {"metadata": {"uid": meta(pod)["uid"]}, "status": {"conditions": [told]}}


def _by_name(guest: Manifest) -> list[Manifest]:
    """Its interfaces, whose order is virt-handler's."""
    return sorted(status(guest).get("interfaces") or (), key=lambda each: str(each.get("name", "")))


def _write(guest: Manifest, new: Manifest) -> tuple[Step, ...]:
    """All of it while the guest is ours; once virt-handler has it, what is ours of it."""
    if new == guest:
        return ()
    if phase(guest) not in _HANDED_OVER:
        return (Replace(place(guest), new),)
    changes = {
        f"/status/{name}": status(new).get(name)
        for name in (
            "conditions",
            "volumeStatus",
            "activePods",
            "phase",
            "launcherContainerImageVersion",
            "interfaces",
        )
        if status(new).get(name) != status(guest).get(name)
    }
    if _by_name(new) == _by_name(guest):
        changes.pop("/status/interfaces", None)
    for name in ("labels", "annotations"):
        if meta(new).get(name) != meta(guest).get(name):
            changes[f"/metadata/{name}"] = meta(new).get(name)
    return (amend(guest, changes),) if changes else ()
