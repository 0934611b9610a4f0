"""What virt-controller does about a VirtualMachine (pkg/virt-controller/watch/vm)."""

from collections.abc import Mapping
from dataclasses import replace

from dicot.kube.kind import Manifest
from dicot.kube.media import MERGE

from ...steps import Decision, Patch, Replace, Step, act
from . import birth, changes, disks, interfaces, requests, revisions, status, storage, strategies
from .objects import (
    CONTROLLER_FINALIZER,
    amend,
    has_controller,
    is_final,
    is_going,
    meta,
    observes,
    owned_by,
    place,
    reference,
    with_version,
    without_finalizer,
)
from .objects import status as shown
from .scene import Outcome, Scene, strategy

_ORPHAN = "orphan"
"""The garbage collector's finalizer of what leaves its dependents alone."""
_IMMEDIATE = "kubevirt.io/immediate-data-volume-creation"


def decide(scene: Scene) -> Decision:
    """The next steps. The machine itself is written once in a decision: the next one is made of what came of it."""
    machine = scene.machine
    if not observes(machine):
        return act(Replace(place(machine), with_version(machine)))
    if is_going(machine):
        return _conclude(scene, _end(_owned(scene)))
    told = storage.snapshottable(scene)
    if told != (shown(machine).get("volumeSnapshotStatuses") or []):
        new = {**shown(machine), "volumeSnapshotStatuses": told}
        return act(Replace(place(machine, "status"), {**machine, "status": new}))
    if CONTROLLER_FINALIZER not in meta(machine).get("finalizers", ()):
        return act(
            amend(machine, {"/metadata/finalizers": [*meta(machine).get("finalizers", ()), CONTROLLER_FINALIZER]})
        )
    adopted = _adopt(scene)
    if adopted:
        return act(*adopted)
    scene = _owned(scene)
    noted, guest = changes.noted(scene)
    scene = replace(scene, guest=guest)
    outcome = _sync(scene)
    return _conclude(scene, replace(outcome, steps=(*noted, *outcome.steps)))


def _owned(scene: Scene) -> Scene:
    """Without an instance that is somebody else's."""
    theirs = scene.guest is not None and not owned_by(scene.guest, scene.machine)
    return replace(scene, guest=None) if theirs else scene


def _adopt(scene: Scene) -> tuple[Step, ...]:
    """Take what has the machine's names and nobody's control."""
    names = [each["metadata"]["name"] for each in scene.machine["spec"].get("dataVolumeTemplates") or ()]
    found = [scene.guest, *(scene.volumes.get(name) for name in names)]
    orphans = [each for each in found if each is not None and not has_controller(each) and not is_going(each)]
    return tuple(_adopted(each, scene.machine) for each in orphans)


def _adopted(found: Manifest, machine: Manifest) -> Patch:
    owners = [*meta(found).get("ownerReferences", ()), reference(machine)]
    return Patch(place(found), {"metadata": {"uid": meta(found)["uid"], "ownerReferences": owners}}, MERGE)


def _end(scene: Scene) -> Outcome:
    """A machine that is deleted lets go once its instance is gone."""
    machine = scene.machine
    if scene.guest is not None and _ORPHAN not in meta(machine).get("finalizers", ()):
        return strategies.stop(scene)
    if CONTROLLER_FINALIZER in meta(machine).get("finalizers", ()):
        return Outcome((without_finalizer(machine, CONTROLLER_FINALIZER),), wrote=True)
    return Outcome()


def _sync(scene: Scene) -> Outcome:
    machine = scene.machine
    remembered = revisions.remember(scene)
    if remembered is not None:
        return remembered
    provided = Outcome()
    if meta(machine).get("annotations", {}).get(_IMMEDIATE) != "false":
        ready, provided = disks.provide(scene)
        if provided.failure or provided.wrote or (not ready and strategy(machine) != "Halted"):
            return provided
    steered = strategies.steer(scene)
    steered = replace(steered, steps=(*provided.steps, *steered.steps))
    if steered.failure or steered.wrote or steered.starting or steered.stopping:
        return steered
    template = machine["spec"]["template"]["spec"]
    kept = {**interfaces.to_machine(template, scene.guest), **_firmware(machine)}
    if kept:
        return replace(steered, steps=(*steered.steps, amend(machine, kept)), wrote=True)
    asked = requests.carry_out(scene)
    followed = asked if asked is not None else changes.follow(scene)
    return replace(followed, steps=(*steered.steps, *followed.steps), waits=steered.waits)


def _firmware(machine: Manifest) -> Mapping[str, Manifest]:
    """The UUID that the machine's instances have had from its name, by path, where it is not kept yet."""
    known = machine["spec"]["template"]["spec"]["domain"].get("firmware") or {}
    if known.get("uuid"):
        return {}
    return {"/spec/template/spec/domain/firmware": {**known, "uuid": birth.firmware_uuid(meta(machine)["name"])}}


def _conclude(scene: Scene, outcome: Outcome) -> Decision:
    """Write the status, and let go of an instance that has ended now that it says all of it."""
    if outcome.wrote:
        return Decision(outcome.steps, outcome.waits)
    new = status.compute(scene.machine, status.outlook(scene, outcome))
    steps: list[Step] = [*outcome.steps, *status.replaced(scene.machine, new)]
    guest = scene.guest
    if guest is not None and is_final(guest) and CONTROLLER_FINALIZER in meta(guest).get("finalizers", ()):
        steps.append(without_finalizer(guest, CONTROLLER_FINALIZER))
    waits = outcome.waits
    if outcome.failure is not None:
        waits = status.patience(scene)
    return Decision(tuple(steps), waits)
