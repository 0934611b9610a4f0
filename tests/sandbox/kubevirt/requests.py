"""Requests to virt-api that are about no state: bodies, media, methods, paths, rights, and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.cluster.control import Answer
from tests.cluster.objects import Document
from tests.live.seen.objects import machine

from . import offers

HALTED = "vm-halted"
RUNNING = "vm-running"
CAST: tuple[Document, ...] = (machine(HALTED, runStrategy="Halted"), machine(RUNNING))
NOBODY = {"Impersonate-User": "nobody-special"}
JSON_ONLY = {"Accept": "application/json"}
DRY: Document = {"dryRun": ["All"]}
_VM = f"/namespaces/NAMESPACE/virtualmachines/{HALTED}"
_VMI = f"/namespaces/NAMESPACE/virtualmachineinstances/{RUNNING}"
_NEW = "/namespaces/NAMESPACE/expand-vm-spec"


@dataclass(frozen=True, slots=True)
class Request:
    """A request below /apis/subresources.kubevirt.io/v1."""

    method: str
    path: str
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


REQUESTS: Mapping[str, Request] = {
    "an unknown path": Request("GET", "/nothing"),
    "a list": Request("GET", "/namespaces/NAMESPACE/virtualmachines"),
    "a machine": Request("GET", _VM),
    "an unknown resource": Request("PUT", "/namespaces/NAMESPACE/pods/a/start", {}),
    "an unknown subresource": Request("PUT", f"{_VM}/dance", {}),
    "a post": Request("POST", f"{_VM}/start", {}),
    "a patch": Request("PATCH", f"{_VM}/start", {}),
    "a delete": Request("DELETE", f"{_VM}/start"),
    "a port without number": Request("GET", f"{_VMI}/portforward"),
    "guestfs": Request("GET", "/guestfs"),
    "a profiler": Request("GET", "/start-cluster-profiler"),
    "json alone, stop": Request("PUT", f"{_VM}/stop", {}, JSON_ONLY),
    "json alone, pause": Request("PUT", f"{_VMI}/pause", DRY, JSON_ONLY),
    "json alone, guestosinfo": Request("GET", f"{_VMI}/guestosinfo", None, JSON_ONLY),
    "xml alone, expand-spec": Request("GET", f"{_VM}/expand-spec", None, {"Accept": "text/xml"}),
    "half a body": Request("PUT", f"{_VM}/start", b"{"),
    "no body": Request("PUT", f"{_VM}/stop", b""),
    "a list for a body": Request("PUT", f"{_VM}/start", []),
    "paused in words": Request("PUT", f"{_VM}/start", {"paused": "yes"}),
    "grace in words": Request("PUT", f"{_VM}/stop", {"gracePeriod": "soon"}),
    "dry run as a word": Request("PUT", f"{_VM}/start", {"dryRun": "All"}),
    "an unknown option": Request("PUT", f"{_VM}/start", {**DRY, "hurry": 1}),
    "an unknown dry run": Request("PUT", f"{_VM}/start", {"dryRun": ["Some"]}),
    "an unknown dry run of what is off": Request("PUT", f"{_VM}/stop", {"dryRun": ["Some"]}),
    "an unknown dry run of a migration": Request(
        "PUT", f"/namespaces/NAMESPACE/virtualmachines/{RUNNING}/migrate", {"dryRun": ["Some"]}
    ),
    "no right to a machine": Request("PUT", f"{_VM}/stop", {}, NOBODY),
    "no right to an instance": Request("PUT", f"{_VMI}/pause", {}, NOBODY),
    "no right to a screen": Request("GET", f"{_VMI}/vnc", None, NOBODY),
    "no right to a port": Request("GET", f"{_VMI}/portforward/22/tcp", None, NOBODY),
    "no right to an evacuation": Request("PUT", f"{_VMI}/evacuate/cancel", {}, NOBODY),
    "no right to what is not there": Request("PUT", "/namespaces/NAMESPACE/virtualmachines/absent/stop", {}, NOBODY),
    "no right to what nobody knows": Request("PUT", f"{_VM}/dance", {}, NOBODY),
    "no right to expand": Request("PUT", _NEW, {}, NOBODY),
    "discovery for anybody": Request("GET", "", None, NOBODY),
    "expanded": Request("PUT", _NEW, machine("new")),
    "expanded without instancetype": Request("PUT", _NEW, offers.machine({})),
    "expanded without its instancetype": Request("PUT", _NEW, machine("new", instancetype={"name": "absent"})),
    "expanded with one of its namespace": Request(
        "PUT", _NEW, machine("new", instancetype={"name": "absent", "kind": "VirtualMachineInstancetype"})
    ),
    "expanded with an unknown kind": Request(
        "PUT", _NEW, machine("new", instancetype={"name": "a", "kind": "Flavor"})
    ),
    "expanded with a lost copy": Request(
        "PUT", _NEW, machine("new", instancetype={"name": offers.FLAVOR, "revisionName": "gone"})
    ),
    "expanded twice sized": Request(
        "PUT", _NEW, offers.machine({"~domain.cpu": {"cores": 1}, "spec.instancetype": {"name": offers.FLAVOR}})
    ),
    "expanded elsewhere": Request("PUT", _NEW, offers.machine({"metadata.namespace": "other"})),
    "expanded out of nothing": Request("PUT", _NEW, {}),
    "expanded out of no body": Request("PUT", _NEW, b""),
}


def kept(answer: Answer, namespace: str) -> Document:
    """What a record holds of an answer."""
    text = answer.content.decode().replace(namespace, "NAMESPACE")
    if not text.startswith("{"):
        return {"code": answer.status, "text": text}
    return {"code": answer.status, "document": json.loads(text)}
