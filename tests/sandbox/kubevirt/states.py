"""Machines in every state, and what is asked of each: the matrix of virt-api's subresources.

Recorded are the objects of every state (``states``) and the answers (``subresources``). Nothing that is asked changes
a state: what would is a dry run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicot.sandbox.marks import FAULT
from dicot.sandbox.nodes.instances import GUEST_AGENT
from tests.cluster.control import Answer
from tests.cluster.objects import Document
from tests.live.seen.objects import NOWHERE, SUBRESOURCES, from_source, machine, rooted

if TYPE_CHECKING:
    from tests.live.seen.stage import SeenTestCase

HELD = "test.dicot.io/held"
ABSENT = "vm-absent"
DRY: Document = {"dryRun": ["All"]}
_NEVER = from_source({"blank": {}}, storageClassName="missing", accessModes=["ReadWriteOnce"])

CAST: tuple[Document, ...] = (
    machine("vm-halted", runStrategy="Halted"),
    rooted("vm-provisioning", _NEVER),
    machine("vm-unschedulable", inner=NOWHERE),
    machine("vm-pulling", notes={FAULT: "image-pull"}),
    machine("vm-running"),
    machine("vm-always", runStrategy="Always"),
    machine("vm-manual", runStrategy="Manual"),
    machine("vm-once", runStrategy="Once"),
    machine("vm-suspended"),
    machine("vm-talking", notes={GUEST_AGENT: "true"}),
    machine("vm-ending"),
    machine("vm-stopped"),
    machine("vm-crashed", runStrategy="Once", notes={FAULT: "crash"}),
    machine("vm-leaving"),
)
NAMES = (*(each["metadata"]["name"] for each in CAST), ABSENT)


@dataclass(frozen=True, slots=True)
class Question:
    """A request to a subresource of a machine or an instance."""

    kind: str
    action: str
    body: Document | None = None
    method: str = "PUT"

    @property
    def name(self) -> str:
        """What records call it."""
        body = f" {json.dumps(self.body)}" if self.body is not None else ""
        return f"{self.method} {self.kind}/{self.action}{body}"

    def path(self, namespace: str, name: str) -> str:
        """Where it is asked of a machine."""
        return f"{SUBRESOURCES}/namespaces/{namespace}/{self.kind}/{name}/{self.action}"


def _of(kind: str, *asked: tuple[str, Document | None]) -> tuple[Question, ...]:
    return tuple(Question(kind, action, body) for action, body in asked)


def _read(kind: str, *actions: str) -> tuple[Question, ...]:
    return tuple(Question(kind, action, method="GET") for action in actions)


QUESTIONS: tuple[Question, ...] = (
    *_of(
        "virtualmachines",
        ("start", DRY),
        ("start", {**DRY, "paused": True}),
        ("stop", DRY),
        ("stop", {**DRY, "gracePeriod": 0}),
        ("stop", {**DRY, "gracePeriod": 9999}),
        ("restart", DRY),
        ("restart", {**DRY, "gracePeriodSeconds": 5}),
        ("restart", {**DRY, "gracePeriodSeconds": -1}),
        ("migrate", DRY),
        ("addvolume", {}),
        ("removevolume", {}),
        ("memorydump", {}),
        ("removememorydump", None),
        ("evacuate/cancel", {}),
    ),
    *_read("virtualmachines", "portforward/22", "portforward/22/tcp", "objectgraph", "start", "dance"),
    *_of(
        "virtualmachineinstances",
        ("pause", DRY),
        ("unpause", DRY),
        ("freeze", None),
        ("unfreeze", None),
        ("reset", None),
        ("softreboot", None),
        ("addvolume", {}),
        ("removevolume", {}),
        ("evacuate/cancel", {}),
        ("backup", {}),
        ("redefine-checkpoint", {}),
        ("sev/setupsession", {}),
        ("sev/injectlaunchsecret", {}),
        ("start", {}),
    ),
    *_read(
        "virtualmachineinstances",
        "guestosinfo",
        "userlist",
        "filesystemlist",
        "vnc",
        "vnc/screenshot",
        "console",
        "usbredir",
        "portforward/22",
        "vsock",
        "objectgraph",
        "sev/fetchcertchain",
        "sev/querylaunchmeasurement",
    ),
)


def kept(answer: Answer, namespace: str, name: str) -> Document:
    """What a record holds of an answer."""
    text = answer.content.decode().replace(namespace, "NAMESPACE").replace(name, "NAME")
    if "websocket" in text:
        return {"code": answer.status, "stream": True}
    said: Document = {"code": answer.status}
    if text.startswith("{"):
        status = json.loads(text)
        said |= {key: status[key] for key in ("reason", "message", "details") if key in status}
    elif text:
        said["text"] = text
    return said


def objects(vm: Document, vmi: Document | None, namespace: str) -> Document:
    """What a record holds of a state."""
    found = {"vm": _bare(vm, namespace)}
    return {**found, "vmi": _bare(vmi, namespace)} if vmi is not None else found


def _bare(found: Document, namespace: str) -> Document:
    plain: Document = json.loads(json.dumps(found).replace(namespace, "NAMESPACE"))
    plain["metadata"].pop("managedFields", None)
    return plain


async def set_up(case: SeenTestCase) -> None:
    """Bring every machine of the cast to its state."""
    for name in ("running", "always", "once", "suspended", "talking", "ending", "stopped", "leaving"):
        await case.shows(f"vm-{name}", "Running")
    await case.told("vm-manual", "start")
    await case.shows("vm-manual", "Running")
    await case.control.ask(
        "PUT", Question("virtualmachineinstances", "pause").path(case.namespace, "vm-suspended"), {}
    )
    await case.told("vm-stopped", "stop")
    await _hold(case, f"{case.guests}/vm-ending")
    await case.told("vm-ending", "stop")
    await _hold(case, f"{case.machines}/vm-leaving")
    await case.control.change("DELETE", f"{case.machines}/vm-leaving", {})
    await case.shows("vm-suspended", "Paused")
    await case.shows("vm-provisioning", "Provisioning")
    await case.shows("vm-unschedulable", "ErrorUnschedulable")
    await case.shows("vm-pulling", "ErrImagePull", "ImagePullBackOff")
    await case.becomes(f"{case.guests}/vm-crashed", "Failed", lambda vmi: vmi["status"]["phase"] == "Failed")
    await case.becomes(f"{case.guests}/vm-ending", "Succeeded", lambda vmi: vmi["status"]["phase"] == "Succeeded")
    for name in ("stopped", "leaving"):
        await case.vanishes(f"{case.guests}/vm-{name}")


async def let_go(case: SeenTestCase) -> None:
    """Take away what holds objects back."""
    for path in (f"{case.guests}/vm-ending", f"{case.machines}/vm-leaving"):
        found = await case.control.get(path)
        kept = [each for each in found["metadata"]["finalizers"] if each != HELD]
        await case.change(path, {"metadata": {"finalizers": kept}})


async def _hold(case: SeenTestCase, path: str) -> None:
    found = await case.control.get(path)
    finalizers = [*found["metadata"].get("finalizers", []), HELD]
    await case.change(path, {"metadata": {"finalizers": finalizers}})
