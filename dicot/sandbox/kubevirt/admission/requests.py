"""What is wrong with requests for volumes in a machine's status (vms-admitter.go, validateVolumeRequests)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ...apiserver.seams import Reader
from ..settings import Settings
from ..volume_requests import ADD, REMOVE, applied, name, volume
from . import plugged, spec
from .causes import held, invalid, listed, unsupported

VALIDATOR = "kubevirt-crd-status-validator.kubevirt.io"
"""The webhook of statuses; that of machines asks the same."""
_AT = "spec.template.spec"
_FIELD = "Status.volumeRequests"
_ON_TEMPLATE = "on the vmi template."
_ON_INSTANCE = "on currently running vmi"


def check(vm: Manifest, settings: Settings, reader: Reader) -> Iterator[Cause]:
    """What is wrong with the requests, else with what would come of them."""
    requests = listed(vm, "status", "volumeRequests")
    if not requests:
        return
    specs = {_ON_TEMPLATE: _whole(vm["spec"]["template"]["spec"])}
    vmi = _instance(vm, reader)
    if vmi is not None:
        specs[_ON_INSTANCE] = _whole(vmi["spec"])
    first = next(_requests(requests, specs), None)
    if first is not None:
        yield first
        return
    for each in specs.values():
        wrong = tuple(spec.check(_AT, reduce(applied, requests, each), settings))
        if wrong:
            yield from wrong
            return
    if vmi is not None and _is_moving(vmi):
        yield unsupported("spec", "Cannot handle volume requests while VMI migration is in progress")


def _whole(given: Manifest) -> Manifest:
    """A guest's spec with the parts that Go's types always have."""
    domain = held(given, "domain")
    return {**given, "domain": {"resources": {}, **domain, "devices": held(domain, "devices")}}


def _instance(vm: Manifest, reader: Reader) -> Manifest | None:
    """The instance of a machine that is ready, unless it is about to go."""
    if not held(vm, "status").get("ready"):
        return None
    metadata = vm["metadata"]
    found = reader.get("kubevirt.io", "virtualmachineinstances", metadata["namespace"], metadata["name"])
    return None if found is None or found["metadata"].get("deletionTimestamp") else found


def _is_moving(vmi: Manifest) -> bool:
    state = held(vmi, "status", "migrationState")
    return bool(state.get("startTimestamp")) and not state.get("endTimestamp")


def _requests(requests: Sequence[Manifest], specs: Mapping[str, Manifest]) -> Iterator[Cause]:
    seen: set[tuple[str, str]] = set()
    either = "VolumeRequests require {}either addVolumeOptions or removeVolumeOptions to be set{}"
    for request in requests:
        kinds = [each for each in (ADD, REMOVE) if request.get(each) is not None]
        if len(kinds) != 1:
            yield invalid(_FIELD, either.format("", ", not both") if kinds else either.format("one of ", ""))
            return
        (kind,) = kinds
        if (kind, name(request)) in seen:
            what = "AddVolume" if kind == ADD else "RemoveVolume"
            # The word is KubeVirt's.
            yield invalid(_FIELD, f"{what} request for [{name(request)}] aleady exists")
        seen.add((kind, name(request)))
        if kind == ADD:
            yield from _added(request[ADD], specs)


def _added(options: Manifest, specs: Mapping[str, Manifest]) -> Iterator[Cause]:
    yield from plugged.disk("AddVolume request", options["name"], options["disk"], _FIELD)
    new = volume(options)
    for where, each in specs.items():
        if any(had["name"] == new["name"] and _told(had) != _told(new) for had in listed(each, "volumes")):
            message = f"AddVolume request for [{new['name']}] conflicts with an existing volume of the same name"
            yield invalid(_FIELD, f"{message} {where}")


def _told(value: Any) -> Any:
    """A value without what is only in Go's types: that something does not hold."""
    return {key: _told(each) for key, each in value.items() if each} if isinstance(value, dict) else value
