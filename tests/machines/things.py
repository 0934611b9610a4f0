"""Machines as virt-controller sees them, for tests."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from dicot.kube.kind import Manifest
from dicot.sandbox.kubevirt.machines.objects import CONTROLLER_FINALIZER, OBSERVED_VERSION, reference
from dicot.sandbox.kubevirt.machines.scene import Scene, Stage

NOW = 1_800_000_000.0
STAMP = "2027-01-15T08:00:00Z"
NOTED = {OBSERVED_VERSION: "v1"}
FLAVOR = {
    "apiVersion": "instancetype.kubevirt.io/v1beta1",
    "kind": "VirtualMachineClusterInstancetype",
    "metadata": {"name": "small", "uid": "uid-small", "generation": 1, "labels": {"a": "b"}},
    "spec": {"cpu": {"guest": 2}, "memory": {"guest": "1Gi"}},
}
COPY = "m-small-v1beta1-uid-small-1"
SNAPSHOT = {"name": "root", "enabled": False, "reason": "Snapshot is not supported for this volumeSource type [root]"}


def meta(name: str, uid: str, **more: Any) -> Manifest:
    """Metadata of an object in namespace n."""
    return {"name": name, "namespace": "n", "uid": uid, "resourceVersion": "7", "creationTimestamp": STAMP, **more}


def machine(status: Manifest | None = None, **spec: Any) -> Manifest:
    """A machine that virt-controller has seen before."""
    domain: Manifest = {"devices": {"disks": [{"name": "root", "disk": {}}]}, "firmware": {"uuid": "f"}}
    template = {"spec": {"domain": domain, "volumes": [{"name": "root", "containerDisk": {"image": "i"}}]}}
    whole = {"runStrategy": "Always", "instancetype": {"name": "small"}, "template": template} | spec
    shown = {"volumeSnapshotStatuses": [SNAPSHOT], "instancetypeRef": REF, "printableStatus": "Stopped"}
    return copy.deepcopy(
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": meta("m", "uid-m", generation=3, annotations=NOTED, finalizers=[CONTROLLER_FINALIZER]),
            "spec": {key: value for key, value in whole.items() if value is not None},
            "status": shown | (status or {}),
        }
    )


REF = {"name": "small", "controllerRevisionRef": {"name": COPY}}
KEPT = {
    "apiVersion": "apps/v1",
    "kind": "ControllerRevision",
    "metadata": meta(COPY, "uid-copy", labels={"instancetype.kubevirt.io/object-name": "small"}),
    "data": FLAVOR,
    "revision": 0,
}


def guest(phase: str = "Running", owner: Manifest | None = None, **more: Any) -> Manifest:
    """An instance of that machine."""
    made = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": meta(
            "m",
            "uid-g",
            annotations={**NOTED, "kubevirt.io/vm-generation": "3"},
            finalizers=[CONTROLLER_FINALIZER, "kubevirt.io/foregroundDeleteVirtualMachine"],
            ownerReferences=[reference(owner or machine())],
        )
        | more.get("meta", {}),
        "spec": {
            "domain": {"cpu": {"sockets": 2, "cores": 1, "threads": 1, "maxSockets": 8}, "memory": {"guest": "1Gi"}}
            | {"devices": {"interfaces": [{"name": "private", "masquerade": {}}]}, "firmware": {"uuid": "f"}},
            "networks": [{"name": "private", "pod": {}}],
        }
        | more.get("spec", {}),
        "status": {"phase": phase} | more.get("status", {}),
    }
    return copy.deepcopy(made)


def scene(found: Manifest, instance: Manifest | None = None, **more: Any) -> Scene:
    """All that is looked at: the machine's flavor is known and remembered."""
    flavors = {"small": FLAVOR}
    plain = Scene(
        machine=found,
        guest=instance,
        volumes={},
        claims={},
        revisions=[KEPT],
        flavor=lambda kind, name: flavors.get(name),
        source=lambda namespace, name: None,
        claim=lambda namespace, name: None,
        storage={},
        snapshots=frozenset(),
        plugs=False,
        now=NOW,
        dice=0.0,
    )
    return replace(plain, **more)


def stage(instance: Manifest, *pods: Manifest, **more: Any) -> Stage:
    """All that is looked at for an instance."""
    plain = Stage(
        guest=instance,
        pods=pods,
        attachments={},
        machine=True,
        ephemeral=(),
        volumes={},
        claims={},
        overheads={},
        moves=(),
        moves_changed=False,
        now=NOW,
    )
    return replace(plain, **more)


def launcher(phase: str = "Running", state: str = "running", node: str = "node-1", **more: Any) -> Manifest:
    """A launcher of that instance."""
    statuses = [{"name": "compute", "ready": state == "running", "state": {state: {}}}] if state else []
    ready = {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": STAMP}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta("p", "uid-p", ownerReferences=[reference(guest())]) | more.get("meta", {}),
        "spec": {"nodeName": node, "containers": [{"name": "compute"}]},
        "status": {"phase": phase, "conditions": [ready], "containerStatuses": statuses, "qosClass": "Burstable"},
    }
