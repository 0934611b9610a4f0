"""Literal objects that most tests want, and the names in them."""

import json
from pathlib import Path
from typing import Any

from dicot.compute.kinds import keypair_object
from dicot.compute.zone import SCHEDULABLE
from dicot.kube.kind import Manifest
from dicot.names import network_id

RECORDED = Path(__file__).parent / "recorded"
NOW = 1795255200.0
"""2026-11-21T10:00:00Z."""
PROJECT = "5f70656e737461636b20342065766572"
OTHER_PROJECT = "0070656e737461636b20342065766572"
NAMESPACE, OTHER_NAMESPACE = "demo", "other"
SERVER = "11111111-1111-4111-8111-111111111111"
IMAGE = "22222222-2222-4222-8222-222222222222"
LIVE_IMAGE = "33333333-3333-4333-8333-333333333333"
GROUP = "44444444-4444-4444-8444-444444444444"
PORT_ID = "55555555-5555-4555-8555-555555555555"
NETWORK = network_id("private")
USER = "6f70656e737461636b20342065766572"
PUBLIC_KEY = "ssh-ed25519 AAAA somebody"


def recorded(name: str) -> Manifest:
    """Objects that the real programs made: {"vm": ..., "vmi": ..., "volumes": [...], "node": ...}."""
    found: Manifest = json.loads((RECORDED / f"{name}.json").read_text())
    return found


def flavor_object(
    name: str = "m1.small", id: str = "1", disk: int = 20, vcpus: int = 2, ram: str = "2Gi"
) -> Manifest:
    spec = {"id": id, "disk": disk}
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "annotations": {"dicot.io/flavor-spec": json.dumps(spec)},
        },
        "spec": {"cpu": {"guest": vcpus}, "memory": {"guest": ram}},
    }


def image_object(namespace: str = "dicot-images", id: str = IMAGE, **annotations: str) -> Manifest:
    return {
        "metadata": {
            "name": "debian-13",
            "namespace": namespace,
            "uid": f"uid-{id}",
            "labels": {"dicot.io/id": id},
            "annotations": annotations,
        },
        "spec": {"source": {"pvc": {"name": "debian-13", "namespace": namespace}}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def disk_object(size: str = "3Gi", namespace: str = "dicot-images") -> Manifest:
    return {
        "metadata": {"name": "debian-13", "namespace": namespace, "uid": "uid-dv"},
        "spec": {"storage": {"resources": {"requests": {"storage": size}}}},
        "status": {"phase": "Succeeded"},
    }


def claim_object(size: str = "3Gi", namespace: str = "dicot-images") -> Manifest:
    return {
        "metadata": {"name": "debian-13", "namespace": namespace, "uid": "uid-pvc"},
        "spec": {"resources": {"requests": {"storage": size}}},
        "status": {"phase": "Bound", "capacity": {"storage": size}},
    }


def volume_object(name: str, id: str, size: str = "1Gi", source: Any = None) -> Manifest:
    """A volume's DataVolume, filled."""
    found = disk_object(size, NAMESPACE)
    found["metadata"] |= {"name": name, "uid": f"uid-{name}", "labels": {"dicot.io/id": id}}
    return found | {"spec": found["spec"] | {"source": source or {"pvc": {"name": "other"}}}}


def volume_claim(name: str, id: str, size: str = "1Gi", mode: str = "ReadWriteOnce", **annotations: str) -> Manifest:
    """The claim of a volume, which its DataVolume made."""
    found = claim_object(size, NAMESPACE)
    owner = {"kind": "DataVolume", "name": name, "uid": f"uid-{name}", "controller": True}
    found["metadata"] |= {
        "name": name,
        "uid": f"uid-claim-{name}",
        "resourceVersion": "88",
        "labels": {"dicot.io/id": id},
        "annotations": annotations,
        "ownerReferences": [owner],
    }
    return found | {"spec": found["spec"] | {"accessModes": [mode], "volumeMode": "Filesystem"}}


def snapshot_object(name: str, id: str, claim: str, size: str = "1Gi") -> Manifest:
    """A snapshot of a claim, which can be used."""
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "labels": {"dicot.io/id": id}},
        "spec": {"source": {"persistentVolumeClaimName": claim}},
        "status": {"readyToUse": True, "restoreSize": size},
    }


def group_object(name: str = "default", id: str = GROUP, namespace: str = NAMESPACE) -> Manifest:
    return {
        "metadata": {
            "name": f"{name}-{id[:8]}",
            "namespace": namespace,
            "uid": f"uid-{id}",
            "labels": {"dicot.io/id": id},
        },
        "spec": {"name": name},
    }


def port_object(id: str = PORT_ID, namespace: str = NAMESPACE, **spec: Any) -> Manifest:
    return {
        "metadata": {
            "name": f"port-{id[:8]}",
            "namespace": namespace,
            "uid": f"uid-{id}",
            "resourceVersion": "77",
            "labels": {"dicot.io/id": id},
            "annotations": spec.pop("annotations", {}),
        },
        "spec": {"networkId": NETWORK, "securityGroups": [GROUP], **spec},
    }


def keypair_object_of(name: str = "k", user: str = USER) -> Manifest:
    return {
        "metadata": {"name": keypair_object(user, name), "namespace": "dicot-system", "uid": f"uid-{name}"},
        "spec": {"name": name, "userId": user, "publicKey": f"{PUBLIC_KEY}\n"},
    }


def node_object(name: str = "node-1", zone: str = "", ready: str = "True") -> Manifest:
    labels = {"kubernetes.io/hostname": name, SCHEDULABLE: "true"} | (
        {"topology.kubernetes.io/zone": zone} if zone else {}
    )
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }
