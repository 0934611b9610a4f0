"""Requests for volumes: what a guest is to have from now on, or no longer (VirtualMachineVolumeRequest).

A request has addVolumeOptions or removeVolumeOptions, never both.
"""

from dicot.kube.kind import Manifest

ADD, REMOVE = "addVolumeOptions", "removeVolumeOptions"
GATE = "HotplugVolumes"
"""The older of the two: machines are asked for volumes in their status. It wins where both are open."""
_SOURCES = ("persistentVolumeClaim", "dataVolume")


def name(request: Manifest) -> str:
    """The volume that is meant."""
    return str((request.get(ADD) or request.get(REMOVE) or {}).get("name", ""))


def volume(options: Manifest) -> Manifest:
    """The volume that addVolumeOptions describe, as they say it."""
    source = options["volumeSource"]
    kind = next((each for each in _SOURCES if source.get(each)), "")
    return {"name": options["name"], **({kind: source[kind]} if kind else {})}


def applied(spec: Manifest, request: Manifest) -> Manifest:
    """A guest's spec once a request has been carried out (pkg/controller, ApplyVolumeRequestOnVMISpec)."""
    devices = spec["domain"]["devices"]
    volumes, disks = spec.get("volumes") or [], devices.get("disks") or []
    if request.get(ADD):
        if any(each["name"] == name(request) for each in volumes):
            return spec
        volumes = [*volumes, _pluggable(volume(request[ADD]))]
        disks = [*disks, {**request[ADD]["disk"], "name": name(request)}] if request[ADD].get("disk") else disks
    else:
        volumes = [each for each in volumes if each["name"] != name(request)]
        disks = [each for each in disks if each["name"] != name(request)]
    return {**spec, "volumes": volumes, "domain": {**spec["domain"], "devices": {**devices, "disks": disks}}}


def _pluggable(volume: Manifest) -> Manifest:
    return {key: {**each, "hotpluggable": True} if key in _SOURCES else each for key, each in volume.items()}


def waiting(machine: Manifest) -> list[Manifest]:
    """What a machine's status asks for and is not done (watch/vm, trimDoneVolumeRequests)."""
    template, requests = machine["spec"]["template"]["spec"], machine.get("status", {}).get("volumeRequests")
    return [each for each in requests or () if not is_done(template, each)]


def is_done(spec: Manifest, request: Manifest) -> bool:
    """Whether a machine's template has both volume and disk, or neither."""
    found = (spec.get("volumes"), spec["domain"]["devices"].get("disks"))
    has = {any(each["name"] == name(request) for each in every or ()) for every in found}
    return has == {bool(request.get(ADD))}
