"""What is offered to the admission of KubeVirt, and what is kept of each answer (records.py, ``admissions``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tests.cluster.control import Answer
from tests.cluster.objects import Document

from . import offers
from .machines import MACHINES
from .others import FLAVORS, GUESTS, MIGRATIONS, PREFERENCES

COLLECTIONS: Mapping[str, str] = {
    "VirtualMachine": "/apis/kubevirt.io/v1/namespaces/{}/virtualmachines",
    "VirtualMachineInstance": "/apis/kubevirt.io/v1/namespaces/{}/virtualmachineinstances",
    "VirtualMachineInstanceMigration": "/apis/kubevirt.io/v1/namespaces/{}/virtualmachineinstancemigrations",
    "VirtualMachineInstancetype": "/apis/instancetype.kubevirt.io/v1beta1/namespaces/{}/virtualmachineinstancetypes",
    "VirtualMachinePreference": "/apis/instancetype.kubevirt.io/v1beta1/namespaces/{}/virtualmachinepreferences",
}
_CHOSEN = ("uid", "creationTimestamp", "managedFields", "namespace", "resourceVersion", "generation")
CHOSEN = "..."
"""Stands in a record for what is chosen anew each time."""


def every() -> Iterator[tuple[str, Document]]:
    """All objects that are offered, by a name."""
    for cases in MACHINES.values():
        for name, changes in cases.items():
            yield f"machine: {name}", offers.machine(changes)
            if all(path.startswith("~") for path in changes):
                yield f"instance: {name}", offers.instance(changes)
    for name, changes in GUESTS.items():
        yield f"instance: {name}", offers.instance(changes)
    for name, changes in FLAVORS.items():
        yield f"flavor: {name}", offers.flavor(changes)
    for name, changes in PREFERENCES.items():
        yield f"preference: {name}", offers.preference(changes)
    for name, changes in MIGRATIONS.items():
        yield f"migration: {name}", offers.migration(changes)


def path(document: Document, namespace: str) -> str:
    """Where an object is offered, so that nothing is kept of it."""
    return COLLECTIONS[document["kind"]].format(namespace) + "?dryRun=All"


def kept(answer: Answer, namespace: str) -> Document:
    """What a record holds of an answer."""
    said = json.loads(answer.content.replace(namespace.encode(), b"NAMESPACE"))
    return shape(said) if answer.ok else refusal(answer.status, said)


def refusal(code: int, status: Document) -> Document:
    """What a record holds of a refusal."""
    causes = status.get("details", {}).get("causes", [])
    told = [[each.get("reason", ""), each.get("message", ""), each.get("field", "")] for each in causes]
    return {"code": code, "reason": status.get("reason", ""), "message": status["message"], "causes": told}


def shape(found: Document) -> Document:
    """What a record holds of an object: all but what is chosen anew each time."""
    metadata = {key: value for key, value in found["metadata"].items() if key not in _CHOSEN}
    made: Document = {**found, "metadata": metadata}
    for key in ("apiVersion", "kind"):
        made.pop(key, None)
    made = json.loads(json.dumps(made))
    spec = made["spec"].get("template", {}).get("spec") or made["spec"]
    firmware = spec.get("domain", {}).get("firmware", {})
    for key in ("uuid", "serial"):
        if len(firmware.get(key, "")) == 36 and firmware[key] != offers.OWN_UUID:
            firmware[key] = CHOSEN
    for moment in made.get("status", {}).get("phaseTransitionTimestamps", []):
        moment["phaseTransitionTimestamp"] = CHOSEN
    return made
