"""Objects as the nodes see them, for tests."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Manifest
from dicot.sandbox.nodes.instances import GUESTS, Guest
from dicot.sandbox.nodes.kinds import CLAIMS, NODES, PODS, PROVISION_BY, Claim, Node, Pod
from dicot.sandbox.nodes.machines import Machine
from dicot.sandbox.nodes.volumes import PROVISIONER
from dicot.sandbox.steps import REST, Decision, Rewrite

NOW = 1_800_000_000.0
STAMP = "2027-01-15T08:00:00Z"


def pod_manifest(name: str = "p", **more: Any) -> Manifest:
    """A Pod; ``meta``, ``spec`` and ``status`` are merged into it."""
    meta = {"name": name, "namespace": "n", "uid": f"uid-{name}", "resourceVersion": "1", "creationTimestamp": STAMP}
    spec = {"containers": [{"name": "c", "image": "i:1"}]}
    return {
        "metadata": meta | more.get("meta", {}),
        "spec": spec | more.get("spec", {}),
        "status": {"phase": "Pending"} | more.get("status", {}),
    }


def guest_manifest(name: str = "g", phase: str = "Scheduled", **more: Any) -> Manifest:
    """A VirtualMachineInstance."""
    meta = {"name": name, "namespace": "n", "uid": f"uid-{name}", "resourceVersion": "1"}
    devices = {
        "disks": [
            {"name": "root", "disk": {"bus": "virtio"}},
            {"name": "cd", "cdrom": {"bus": "sata"}},
            {"name": "config", "disk": {"bus": "virtio"}},
        ],
        "interfaces": [{"name": "private", "masquerade": {}}],
    }
    spec = {"domain": {"devices": devices}, "networks": [{"name": "private", "pod": {}}]}
    return {
        "metadata": meta | more.get("meta", {}),
        "spec": spec | more.get("spec", {}),
        "status": {"phase": phase, "nodeName": "node-1"} | more.get("status", {}),
    }


def claim_manifest(name: str = "c", phase: str = "Pending", **more: Any) -> Manifest:
    """A PersistentVolumeClaim of the nodes' class, for which a volume has been asked."""
    meta = {
        "name": name,
        "namespace": "n",
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "annotations": {PROVISION_BY: PROVISIONER},
    }
    spec = {
        "storageClassName": "standard",
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Block",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return {
        "metadata": meta | more.get("meta", {}),
        "spec": spec | more.get("spec", {}),
        "status": {"phase": phase} | more.get("status", {}),
    }


def raw(manifest: Manifest) -> bytes:
    """Its JSON."""
    return msgspec.json.encode(manifest)


def seen(kind: Kind[Any], manifest: Manifest) -> Any:
    """It as a watch delivers it: what a Kind does not keep is gone."""
    return kind.read(kind.decode(raw(manifest)))


def pod(name: str = "p", **more: Any) -> Pod:
    """A Pod that was seen."""
    found: Pod = seen(PODS, pod_manifest(name, **more))
    return found


def guest(name: str = "g", phase: str = "Scheduled", **more: Any) -> Guest:
    """A guest that was seen."""
    found: Guest = seen(GUESTS, guest_manifest(name, phase, **more))
    return found


def claim(name: str = "c", phase: str = "Pending", **more: Any) -> Claim:
    """A claim that was seen."""
    found: Claim = seen(CLAIMS, claim_manifest(name, phase, **more))
    return found


def node(machine: Machine, *, labels: dict[str, str] | None = None, **spec: Any) -> Node:
    """A machine's Node that was seen."""
    made = machine.node(STAMP)
    made["metadata"]["labels"] = machine.labels | (labels or {})
    found: Node = seen(NODES, {**made, "spec": spec, **machine.status(STAMP, STAMP)})
    return found


def rewritten(decision: Decision, found: Manifest) -> Manifest | None:
    """What the one rewrite that is decided makes of an object; None where nothing is done."""
    if decision == REST:
        return None
    (step,) = decision.steps
    assert isinstance(step, Rewrite)
    changed = step.change(found)
    assert changed is not None
    return changed
