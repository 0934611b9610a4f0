"""DataVolumes of machines: made from their templates, and waited for."""

from functools import partial

from dicot.kube.address import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest

from ...steps import Create, Decision, Step, act
from . import clones
from .clones import Sources
from .objects import CREATED_BY, condition, event, meta, phase, reference
from .scene import Failure, Outcome, Scene
from .status import failed

ADOPTION = "cdi.kubevirt.io/allowClaimAdoption"
_READY = ("Succeeded", "PendingPopulation", "WaitForFirstConsumer")


def provide(scene: Scene) -> tuple[bool, Outcome]:
    """Whether every template's DataVolume is filled, and what is to be done about them (handleDataVolumes)."""
    ready = True
    steps: list[Step] = []
    for template in scene.machine["spec"].get("dataVolumeTemplates") or ():
        name = template["metadata"]["name"]
        found = scene.volumes.get(name)
        if found is None:
            return False, _make(scene, template)
        if phase(found) in _READY:
            continue
        ready = False
        if phase(found) == "Failed":
            steps.append(_told(scene, f"DataVolume {name} failed to import disk image"))
        elif phase(found) == "Pending" and _exceeds(found):
            steps.append(_told(scene, f"DataVolume {name} exceeds quota limits"))
            return False, Outcome(tuple(steps), failure=_failure(_why_not(found)))
    return ready, Outcome(tuple(steps))


def _failure(why: str) -> Failure:
    return Failure("FailedCreate", f"Error encountered while creating DataVolumes: {why}")


def _told(scene: Scene, message: str) -> Step:
    return event(scene.machine, "FailedDataVolumeImport", message, scene.now, warning=True)


def _exceeds(volume: Manifest) -> bool:
    bound = condition(volume, "Bound")
    return bound is not None and bound["status"] != "True" and bound.get("reason") == "ErrExceededQuota"


def _why_not(volume: Manifest) -> str:
    bound = condition(volume, "Bound") or {}
    return f"DataVolume {meta(volume)['name']} importer is not running due to an error: {bound.get('message', '')}"


def _make(scene: Scene, template: Manifest) -> Outcome:
    """Make the DataVolume of a template, if it may be: its own event has the machine looked at again."""
    machine, name = scene.machine, template["metadata"]["name"]
    try:
        made = volume(machine, template, scene.source)
    except clones.Unknown as reason:
        return Outcome(failure=_failure(f"unable to create DataVolume manifest: {reason}"))
    told = clones.lacks(made, scene.claim)
    events = (event(machine, "SourcePVCNotAvailabe", told, scene.now, warning=True),) if told else ()
    at = Place("cdi.kubevirt.io", "v1beta1", "datavolumes", meta(machine)["namespace"])
    done = event(machine, "SuccessfulDataVolumeCreate", f"Created DataVolume {name}", scene.now)
    steps: tuple[Step, ...] = (Create(at, made, partial(_refused, scene, name)), done)
    account = clones.account(machine)
    question = clones.question(made, account, act(*steps), partial(_forbidden, scene, name, account))
    return Outcome((*events, *((question,) if question else steps)), wrote=True)


def _refused(scene: Scene, name: str, reason: Refused) -> tuple[Step, ...]:
    message = f"Error creating DataVolume {name}: {reason.message}"
    told = event(scene.machine, "FailedDataVolumeCreate", message, scene.now, warning=True)
    return (told, *failed(scene, _failure(f"failed to create DataVolume: {reason.message}")).steps)


def _forbidden(scene: Scene, name: str, account: str, namespace: str) -> Decision:
    why = f"User {account} has insufficient permissions in clone source namespace {namespace}"
    message = f"Not authorized to create DataVolume {name}: {why}"
    told = event(scene.machine, "UnauthorizedDataVolumeCreate", message, scene.now, warning=True)
    written = failed(scene, _failure(f"not authorized to create DataVolume: {why}"))
    return act(told, *written.steps, again=written.again)


def volume(machine: Manifest, template: Manifest, source: Sources) -> Manifest:
    """The DataVolume of a template. Raises clones.Unknown."""
    named = template["metadata"]
    spec = clones.resolved(template["spec"], meta(machine)["namespace"], source)
    priority = machine["spec"]["template"]["spec"].get("priorityClassName")
    if priority and not spec.get("priorityClassName"):
        spec["priorityClassName"] = priority
    return {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": {
            **{key: value for key, value in named.items() if key != "creationTimestamp"},
            "namespace": meta(machine)["namespace"],
            "labels": {**(named.get("labels") or {}), CREATED_BY: meta(machine)["uid"]},
            "annotations": {**(named.get("annotations") or {}), ADOPTION: "true"},
            "ownerReferences": [reference(machine)],
        },
        "spec": spec,
    }
