"""addvolume and removevolume of machines and instances (rest/volumes.go): functions to what is written."""

from dicot.kube.kind import Manifest

from ..volume_requests import ADD, GATE, REMOVE, applied
from . import requests
from .asked import Asked, phase
from .refusals import GUEST_NOT_RUNNING, INSTANCE, MACHINE, bad, conflict
from .writes import Edit, Write, instance, machine

_SOURCES = {"dataVolume": "name", "persistentVolumeClaim": "claimName"}


def add_to_machine(asked: Asked) -> tuple[Write, ...]:
    """A volume that the machine has from now on, and its instance too."""
    given = _added(asked)
    vm = asked.machine()
    _addable(MACHINE, asked.name, vm["spec"]["template"]["spec"], given)
    return (_of_machine(asked, vm, {ADD: given}),)


def remove_from_machine(asked: Asked) -> tuple[Write, ...]:
    """It has it no longer."""
    given = _removed(asked)
    vm = asked.machine()
    _removable(MACHINE, asked.name, vm["spec"]["template"]["spec"], given["name"])
    return (_of_machine(asked, vm, {REMOVE: given}),)


def _of_machine(asked: Asked, vm: Manifest, request: Manifest) -> Edit:
    """Its template changed; by the older gate virt-controller is asked to."""
    if GATE in asked.settings.gates:
        return requests.put(asked.name, vm, request, dry=_is_dry(request))
    spec = vm["spec"]["template"]["spec"]
    patch = _patch("/spec/template", spec, applied(spec, request))
    return Edit(machine(vm), patch, _is_dry(request), "unable to patch vm")


def add_to_instance(asked: Asked) -> tuple[Write, ...]:
    """A volume that an instance has while it lives."""
    given = _added(asked)
    vmi = _changeable(asked)
    _addable(INSTANCE, asked.name, vmi["spec"], given)
    return (_of_instance(vmi, {ADD: given}),)


def remove_from_instance(asked: Asked) -> tuple[Write, ...]:
    """It has it no longer."""
    given = _removed(asked)
    vmi = _changeable(asked)
    _removable(INSTANCE, asked.name, vmi["spec"], given["name"])
    return (_of_instance(vmi, {REMOVE: given}),)


def _of_instance(vmi: Manifest, request: Manifest) -> Edit:
    patch = _patch("", vmi["spec"], applied(vmi["spec"], request))
    return Edit(instance(vmi), patch, _is_dry(request), "unable to patch vmi")


def _added(asked: Asked) -> Manifest:
    given = asked.options("AddVolumeOptions", {"name": "string", "dryRun": "[]string"})
    if not given.get("name"):
        raise bad("AddVolumeOptions requires name to be set")
    if given.get("disk") is None:
        raise bad("AddVolumeOptions requires disk to not be nil")
    if given.get("volumeSource") is None:
        raise bad("AddVolumeOptions requires VolumeSource to not be nil")
    return {**given, "disk": {**given["disk"], "name": given["name"]}, "volumeSource": _marked(given["volumeSource"])}


def _marked(source: Manifest) -> Manifest:
    """It with the mark that it may come and go."""
    kind = next((each for each in _SOURCES if source.get(each) is not None), "")
    return {**source, kind: {**source[kind], "hotpluggable": True}} if kind else source


def _removed(asked: Asked) -> Manifest:
    given = asked.options("RemoveVolumeOptions", {"name": "string", "dryRun": "[]string"})
    if not given.get("name"):
        raise bad("RemoveVolumeOptions requires name to be set")
    return given


def _changeable(asked: Asked) -> Manifest:
    """An instance that runs, and has no machine that says what it has."""
    vmi = asked.instance()
    owners = vmi["metadata"].get("ownerReferences") or ()
    owned = any(each.get("controller") and each["kind"] == "VirtualMachine" for each in owners)
    if owned and GATE not in asked.settings.gates:
        raise bad(f"VMI {asked.namespace}/{asked.name} is owned by a VM")
    if phase(vmi) != "Running":
        raise conflict(INSTANCE, asked.name, GUEST_NOT_RUNNING)
    return vmi


def _addable(kind: str, name: str, spec: Manifest, given: Manifest) -> None:
    source = _source(given["volumeSource"])
    for volume in spec.get("volumes") or ():
        if volume["name"] == given["name"]:
            why = f"Unable to add volume [{given['name']}] because volume with that name already exists"
            raise conflict(kind, name, why)
        if _has_source(volume, source):
            raise conflict(kind, name, f"Unable to add volume source [{source}] because it already exists")


def _removable(kind: str, name: str, spec: Manifest, wanted: str) -> None:
    for volume in spec.get("volumes") or ():
        if volume["name"] == wanted or _has_source(volume, wanted):
            if not any((volume.get(each) or {}).get("hotpluggable") for each in _SOURCES):
                why = f"Unable to remove volume [{volume['name']}] because it is not hotpluggable"
                raise conflict(kind, name, why)
            return
    raise conflict(kind, name, f"Unable to remove volume [{wanted}] because it does not exist")


def _source(given: Manifest) -> str:
    return next((given[each].get(key, "") for each, key in _SOURCES.items() if given.get(each)), "")


def _has_source(volume: Manifest, source: str) -> bool:
    return any((volume.get(each) or {}).get(key) == source for each, key in _SOURCES.items())


def _patch(at: str, old: Manifest, new: Manifest) -> tuple[Manifest, ...]:
    """A JSON patch of volumes and disks, if they are still as they were seen."""
    pairs = []
    for path, before, after in (
        (f"{at}/spec/volumes", old.get("volumes"), new["volumes"]),
        (
            f"{at}/spec/domain/devices/disks",
            old["domain"]["devices"].get("disks"),
            new["domain"]["devices"]["disks"],
        ),
    ):
        test = {"op": "test", "path": path, "value": before}
        pairs.append((test, {"op": "replace" if before else "add", "path": path, "value": after}))
    return (*(test for test, _ in pairs), *(change for _, change in pairs))


def _is_dry(request: Manifest) -> bool:
    (given,) = request.values()
    return bool((given.get("dryRun") or [""])[0] == "All")
