"""The instance of a machine: made from its template, its flavor and its preference."""

import copy
import uuid
from functools import partial

from dicot.kube.address import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest

from ...steps import Create, Step
from . import disks, flavors, preferences, revisions
from .objects import CONTROLLER_FINALIZER, event, meta, reference, says, status
from .scene import Failure, Outcome, Scene
from .status import GENERATION, failed

_FIRMWARE = uuid.UUID("6a1a24a1-4061-4607-8bf4-a3963d0c5895")
"""The namespace in which KubeVirt makes a machine's SMBIOS UUID from its name, where nobody gave one."""


class Conflicting(Exception):
    """A guest disagrees with its instancetype; the fields in which."""


def start(scene: Scene) -> Outcome:
    """Make the instance, as soon as its disks are there (startVMI)."""
    ready, provided = disks.provide(scene)
    if provided.failure or not ready or says(scene.machine, "ManualRecoveryRequired", "True"):
        return provided
    machine = scene.machine
    try:
        made = guest_of(scene)
    except (Conflicting, revisions.Unknown) as reason:
        why = f"Failed to apply instancetype: {reason}"
        told = event(
            machine, "FailedCreate", f"Error creating virtual machine instance: {why}", scene.now, warning=True
        )
        return Outcome((told,), failure=_failure(str(reason)))
    name = meta(machine)["name"]
    message = f"Started the virtual machine by creating the new virtual machine instance {name}"
    at = Place("kubevirt.io", "v1", "virtualmachineinstances", meta(machine)["namespace"])
    steps: tuple[Step, ...] = (
        *provided.steps,
        *revisions.at_start(scene),
        Create(at, made, partial(_refused, scene)),
        event(machine, "SuccessfulCreate", message, scene.now),
    )
    return Outcome(steps, starting=True, restart="")


def _failure(why: str) -> Failure:
    return Failure("FailedCreate", f"Failure while starting VMI: {why}")


def _refused(scene: Scene, reason: Refused) -> tuple[Step, ...]:
    message = f"Error creating virtual machine instance: {reason.message}"
    told = event(scene.machine, "FailedCreate", message, scene.now, warning=True)
    return (told, *failed(scene, _failure(reason.message)).steps)


def guest_of(scene: Scene) -> Manifest:
    """The instance, as it is POSTed: virt-api's defaults are still to come. Raises Conflicting, revisions.Unknown."""
    machine = scene.machine
    template = copy.deepcopy(machine["spec"]["template"])
    spec = template["spec"]
    instancetype = revisions.flavor_spec(scene, "instancetype")
    preference = revisions.flavor_spec(scene, "preference")
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value is not None}
    metadata["annotations"] = dict(metadata.get("annotations") or {})
    metadata["annotations"][GENERATION] = str(meta(machine)["generation"])
    _prepare(spec, machine)
    if preference is not None:
        preferences.attach(spec, preference)
    _attach(spec)
    flavors.note(metadata["annotations"], machine)
    conflicts = flavors.apply(spec, metadata, instancetype, preference)
    if conflicts:
        raise Conflicting(f"VMI conflicts with instancetype spec in fields: [{', '.join(conflicts)}]")
    metadata |= {
        "name": meta(machine)["name"],
        "namespace": meta(machine)["namespace"],
        "ownerReferences": [reference(machine)],
        "finalizers": [CONTROLLER_FINALIZER],
    }
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": metadata,
        "spec": spec,
        "status": {"guestOSInfo": {}, "runtimeUser": 0, "virtualMachineRevisionName": revisions.start_name(machine)},
    }


def _prepare(spec: Manifest, machine: Manifest) -> None:
    """What a machine brings to its instances, whatever its flavor."""
    requests = status(machine).get("stateChangeRequests") or [{}]
    if requests[0].get("action") == "Start" and (requests[0].get("data") or {}).get("paused") == "true":
        spec["startStrategy"] = "Paused"
    firmware = spec["domain"].setdefault("firmware", {})
    if not firmware.get("uuid"):
        firmware["uuid"] = firmware_uuid(meta(machine)["name"])
    devices = spec["domain"].setdefault("devices", {})
    named = {each["name"] for kind in ("disks", "filesystems") for each in devices.get(kind) or ()}
    missing = [{"name": each["name"]} for each in spec.get("volumes") or () if each["name"] not in named]
    if missing:
        devices["disks"] = [*(devices.get("disks") or ()), *missing]


def firmware_uuid(name: str) -> str:
    """The SMBIOS UUID of a machine to whom nobody gave one (CalculateLegacyUUID)."""
    return str(uuid.uuid5(_FIRMWARE, name))


def _attach(spec: Manifest) -> None:
    """An input device that is asked for, and the network of the Pod where none is named."""
    devices = spec["domain"]["devices"]
    if devices.get("autoattachInputDevice") and not devices.get("inputs"):
        devices["inputs"] = [{"name": "default-0"}]
    if (
        devices.get("autoattachPodInterface") is not False
        and not spec.get("networks")
        and not devices.get("interfaces")
    ):
        devices["interfaces"] = [{"name": "default", "bridge": {}}]
        spec["networks"] = [{"name": "default", "pod": {}}]
