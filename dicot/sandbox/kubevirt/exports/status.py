"""The status of a VirtualMachineExport (pkg/storage/export/export: updateStatus, links.go)."""

import copy
from collections.abc import Iterator
from typing import Any

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..machines.objects import meta, phase, said
from ..machines.objects import status as shown
from . import names
from .describing import pem
from .objects import expires
from .scene import Condition, Exporting, Source


def compute(scene: Exporting, source: Source, pod: Manifest | None, token: str | None) -> Manifest:
    """The status as it is to be; ``pod`` is the one that serves, ``token`` names the Secret."""
    status: dict[str, Any] = copy.deepcopy(shown(scene.export)) or _first(scene)
    if token is not None:
        status["tokenSecretRef"] = token
    status["serviceName"] = names.service_name(scene.export)
    status["links"] = {"internal": _links(scene, source)} if pod is not None and is_ready(pod) else {}
    status["phase"], condition = _state(source, pod)
    _say(scene, status, condition)
    if source.shown is not None:
        _say(scene, status, source.shown)
    if source.machine is not None:
        status["virtualMachineName"] = source.machine
    if source.skipped:
        status["phase"] = "Skipped"
    return status


def _first(scene: Exporting) -> dict[str, Any]:
    status: dict[str, Any] = {"ttlExpirationTime": stamp(expires(scene.export))}
    _say(scene, status, ("Ready", "False", "Initializing", ""))
    return status


def is_ready(pod: Manifest) -> bool:
    """Whether a Pod serves."""
    return phase(pod) == "Running" and all(each.get("ready") for each in shown(pod).get("containerStatuses") or ())


def _state(source: Source, pod: Manifest | None) -> tuple[str, Condition]:
    if pod is None:
        return "Pending", ("Ready", "False", *source.why)
    if is_ready(pod):
        return "Ready", ("Ready", "True", "PodReady", "")
    if phase(pod) == "Succeeded":
        return "Terminated", ("Ready", "False", "PodCompleted", "")
    return "Pending", ("Ready", "False", "PodPending" if phase(pod) == "Pending" else "Unknown", "")


def _links(scene: Exporting, source: Source) -> Manifest:
    """Where everything is, as it is seen in the cluster."""
    address = f"https://{names.host(scene.export)}"
    manifests = {"all": "/internal/manifests/all", "auth-header-secret": "/internal/manifests/secret"}
    return {
        "cert": pem(scene.signing.authority),
        "manifests": [{"type": kind, "url": address + path} for kind, path in manifests.items()],
        "volumes": [*_volumes(scene, source, address)],
    }


def _volumes(scene: Exporting, source: Source, address: str) -> Iterator[Manifest]:
    of_snapshot = scene.export["spec"]["source"]["kind"] == "VirtualMachineSnapshot"
    for each in source.volumes:
        name: str = meta(each.claim)["name"]
        formats = [{"format": kind, "url": address + path.removesuffix("/")} for kind, _, path in each.formats]
        yield {
            "name": name.removeprefix(f"{meta(scene.export)['name']}-") if of_snapshot else name,
            "formats": formats,
        }


def _say(scene: Exporting, status: dict[str, Any], condition: Condition) -> None:
    kind, holds, reason, message = condition
    new = said(kind, holds, reason, message, since=stamp(scene.now))
    told = status.setdefault("conditions", [])
    old = next((index for index, each in enumerate(told) if each["type"] == kind), None)
    if old is None:
        told.append(new)
    elif any(told[old].get(key) != new.get(key) for key in ("status", "reason", "message")):
        told[old] = new
