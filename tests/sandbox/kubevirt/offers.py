"""Objects of KubeVirt as people write them, right and wrong: each a well-formed one with a few changes.

A change is a path and what stands there then, ``...`` for nothing; an index one past the end appends. Paths of a
machine's guest begin with ``~``, which stands for ``spec.template.spec.``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import EllipsisType
from typing import Any

from tests.cluster.objects import Document

Changes = Mapping[str, object]
IMAGE = "quay.io/kubevirt/cirros-container-disk-demo:v1.8.4"
LONG = "x" * 2049
FLAVOR = "m1.tiny"
OWN_UUID = "5d307ca9-b3ef-428c-8861-06e72d69f223"


def guest() -> Document:
    """The spec of a guest with one disk and one interface."""
    devices = {
        "disks": [{"name": "root", "disk": {"bus": "virtio"}}],
        "interfaces": [{"name": "private", "masquerade": {}}],
    }
    return {
        "domain": {"memory": {"guest": "64Mi"}, "devices": devices},
        "networks": [{"name": "private", "pod": {}}],
        "volumes": [{"name": "root", "containerDisk": {"image": IMAGE}}],
    }


def machine(changes: Changes, name: str = "offered") -> Document:
    """A VirtualMachine, changed."""
    spec = {"runStrategy": "Halted", "template": {"metadata": {"labels": {"app": "offered"}}, "spec": guest()}}
    made = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": name}, "spec": spec}
    return changed(made, {path.replace("~", "spec.template.spec."): value for path, value in changes.items()})


def instance(changes: Changes, name: str = "offered") -> Document:
    """A VirtualMachineInstance, changed."""
    kind = "VirtualMachineInstance"
    made = {"apiVersion": "kubevirt.io/v1", "kind": kind, "metadata": {"name": name}, "spec": guest()}
    return changed(made, {path.replace("~", "spec."): value for path, value in changes.items()})


def flavor(changes: Changes, name: str = "offered") -> Document:
    """A VirtualMachineInstancetype, changed."""
    made = {
        "apiVersion": "instancetype.kubevirt.io/v1beta1",
        "kind": "VirtualMachineInstancetype",
        "metadata": {"name": name},
        "spec": {"cpu": {"guest": 1}, "memory": {"guest": "64Mi"}},
    }
    return changed(made, changes)


def preference(changes: Changes, name: str = "offered") -> Document:
    """A VirtualMachinePreference, changed."""
    made = {
        "apiVersion": "instancetype.kubevirt.io/v1beta1",
        "kind": "VirtualMachinePreference",
        "metadata": {"name": name},
        "spec": {"cpu": {"preferredCPUTopology": "sockets"}},
    }
    return changed(made, changes)


def migration(changes: Changes, name: str = "offered") -> Document:
    """A VirtualMachineInstanceMigration, changed."""
    kind = "VirtualMachineInstanceMigration"
    made = {"apiVersion": "kubevirt.io/v1", "kind": kind, "metadata": {"name": name}, "spec": {"vmiName": "absent"}}
    return changed(made, changes)


def changed(document: Document, changes: Changes) -> Document:
    """A copy with other things at some places."""
    document = copy.deepcopy(document)
    for path, value in changes.items():
        _put(document, path.split("."), value)
    return document


def _put(at: Any, path: list[str], value: object) -> None:
    key: Any = int(path[0]) if isinstance(at, list) else path[0].replace("|", ".")
    if len(path) > 1:
        inner: Any = {} if not path[1].isdecimal() else []
        if isinstance(at, list) and key == len(at):
            at.append(inner)
        elif isinstance(at, dict):
            at.setdefault(key, inner)
        _put(at[key], path[1:], value)
    elif isinstance(value, EllipsisType):
        del at[key]
    elif isinstance(at, list) and key == len(at):
        at.append(value)
    else:
        at[key] = value
