"""addvolume and removevolume of machines and instances (rest/volumes.go): functions to what is written."""

import copy

from dicot.kube.kind import Manifest

from .asked import Asked, phase
from .refusals import GUEST_NOT_RUNNING, INSTANCE, MACHINE, bad, conflict, unserved
from .writes import Edit, Write, instance, machine

_SOURCES = {"dataVolume": "name", "persistentVolumeClaim": "claimName"}
_OLD_GATE = "HotplugVolumes"
_TEMPLATE = "/spec/template"


def add_to_machine(asked: Asked) -> tuple[Write, ...]:
    """A volume that the machine has from now on, and its instance too."""
    given = _added(asked)
    _is_new_way(asked)
    vm = asked.machine()
    spec = vm["spec"]["template"]["spec"]
    _addable(MACHINE, asked.name, spec, given)
    patch = _patch(_TEMPLATE, spec, _with(spec, given))
    return (Edit(machine(vm), patch, _is_dry(given), "unable to patch vm"),)


def remove_from_machine(asked: Asked) -> tuple[Write, ...]:
    """It has it no longer."""
    given = _removed(asked)
    _is_new_way(asked)
    vm = asked.machine()
    spec = vm["spec"]["template"]["spec"]
    _removable(MACHINE, asked.name, spec, given["name"])
    patch = _patch(_TEMPLATE, spec, _without(spec, given["name"]))
    return (Edit(machine(vm), patch, _is_dry(given), "unable to patch vm"),)


def add_to_instance(asked: Asked) -> tuple[Write, ...]:
    """A volume that an instance has while it lives."""
    given = _added(asked)
    vmi = _changeable(asked)
    _addable(INSTANCE, asked.name, vmi["spec"], given)
    patch = _patch("", vmi["spec"], _with(vmi["spec"], given))
    return (Edit(instance(vmi), patch, _is_dry(given), "unable to patch vmi"),)


def remove_from_instance(asked: Asked) -> tuple[Write, ...]:
    """It has it no longer."""
    given = _removed(asked)
    vmi = _changeable(asked)
    _removable(INSTANCE, asked.name, vmi["spec"], given["name"])
    patch = _patch("", vmi["spec"], _without(vmi["spec"], given["name"]))
    return (Edit(instance(vmi), patch, _is_dry(given), "unable to patch vmi"),)


def _added(asked: Asked) -> Manifest:
    given = asked.options("AddVolumeOptions", {"name": "string", "dryRun": "[]string"})
    if not given.get("name"):
        raise bad("AddVolumeOptions requires name to be set")
    if given.get("disk") is None:
        raise bad("AddVolumeOptions requires disk to not be nil")
    if given.get("volumeSource") is None:
        raise bad("AddVolumeOptions requires VolumeSource to not be nil")
    return given


def _removed(asked: Asked) -> Manifest:
    given = asked.options("RemoveVolumeOptions", {"name": "string", "dryRun": "[]string"})
    if not given.get("name"):
        raise bad("RemoveVolumeOptions requires name to be set")
    return given


def _is_new_way(asked: Asked) -> None:
    if _OLD_GATE in asked.settings.gates:
        raise unserved("requests for volumes in a machine's status are")


def _changeable(asked: Asked) -> Manifest:
    """An instance that runs, and has no machine that says what it has."""
    vmi = asked.instance()
    owners = vmi["metadata"].get("ownerReferences") or ()
    owned = any(each.get("controller") and each["kind"] == "VirtualMachine" for each in owners)
    if owned and _OLD_GATE not in asked.settings.gates:
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


def _with(spec: Manifest, given: Manifest) -> Manifest:
    """A guest's spec with a volume more."""
    spec = copy.deepcopy(spec)
    kind = next((each for each in ("persistentVolumeClaim", "dataVolume") if given["volumeSource"].get(each)), "")
    volume = {"name": given["name"]}
    if kind:
        volume[kind] = {**given["volumeSource"][kind], "hotpluggable": True}
    spec["volumes"] = [*(spec.get("volumes") or ()), volume]
    devices = spec["domain"]["devices"]
    devices["disks"] = [*(devices.get("disks") or ()), {**given["disk"], "name": given["name"]}]
    return spec


def _without(spec: Manifest, name: str) -> Manifest:
    spec = copy.deepcopy(spec)
    spec["volumes"] = [each for each in spec.get("volumes") or () if each["name"] != name]
    devices = spec["domain"]["devices"]
    devices["disks"] = [each for each in devices.get("disks") or () if each["name"] != name]
    return spec


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


def _is_dry(given: Manifest) -> bool:
    return bool((given.get("dryRun") or [""])[0] == "All")
