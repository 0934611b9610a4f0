"""Requests for volumes, as virt-api puts them into a machine's status (rest/volumes.go, vmVolumePatchStatus)."""

from collections.abc import Sequence

from dicot.kube.kind import Manifest

from ..volume_requests import ADD, name
from .refusals import MACHINE, conflict
from .writes import Edit, machine

_PATH = "/status/volumeRequests"


def put(called: str, vm: Manifest, request: Manifest, *, dry: bool) -> Edit:
    """One more request, if those that are waiting let it. Raises Refusal."""
    before = vm.get("status", {}).get("volumeRequests")
    waiting = [each for each in before or () if name(each) == name(request)]
    why = _why_not(request, waiting)
    if why:
        raise conflict(MACHINE, called, why)
    # To remove a volume withdraws the request for it.
    after = [*(each for each in before or () if each not in waiting), request]
    patch = (
        {"op": "test", "path": _PATH, "value": before},
        {"op": "replace" if before else "add", "path": _PATH, "value": after},
    )
    return Edit(machine(vm, "status"), patch, dry, "unable to patch vm status")


def _why_not(request: Manifest, waiting: Sequence[Manifest]) -> str:
    called = name(request)
    for each in waiting:
        if ADD in request and ADD in each:
            return f"add volume request for volume [{called}] already exists"
        if ADD in request:
            still = f"a remove volume request for volume [{called}] already exists and is still being processed"
            return f"unable to add volume since {still}"
        if ADD not in each:
            return f"a remove volume request for volume [{called}] already exists and is still being processed"
    return ""
