"""Objects for trying what the real programs do, and how to read what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dicot.names import IMAGES_NAMESPACE
from dicot.sandbox.nodes.odds import LABEL, MET
from tests.cluster.objects import Document, named

KUBEVIRT = "/apis/kubevirt.io/v1"
CDI = "/apis/cdi.kubevirt.io/v1beta1"
INSTANCETYPES = "/apis/instancetype.kubevirt.io/v1beta1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SUBRESOURCES = "/apis/subresources.kubevirt.io/v1"
CONTAINER_DISK: Document = {"containerDisk": {"image": "quay.io/kubevirt/cirros-container-disk-demo:v1.8.4"}}
URL = "http://images.sandbox.invalid/disk.qcow2"
NOWHERE: Document = {"nodeSelector": {"topology.kubernetes.io/zone": "nowhere"}}
FLAVOR = "m1.tiny"
SMALL = "1Gi"

ROOTS: Mapping[str, str] = {
    "VirtualMachine": KUBEVIRT,
    "DataVolume": CDI,
    "DataSource": CDI,
    "Role": RBAC,
    "RoleBinding": RBAC,
    "VirtualMachineInstancetype": INSTANCETYPES,
    "VirtualMachinePreference": INSTANCETYPES,
    "Port": "/apis/network.dicot.io/v1",
    "ConfigMap": "/api/v1",
    "Pod": "/api/v1",
    "Secret": "/api/v1",
    "Service": "/api/v1",
    "ServiceAccount": "/api/v1",
    "ResourceQuota": "/api/v1",
    "PersistentVolumeClaim": "/api/v1",
}


def odds_map(at: str, /, **data: str) -> Document:
    """A ConfigMap that says what is met on the nodes (``dicot.sandbox.nodes.odds``)."""
    made = named("ConfigMap", at, None, data=data)
    made["metadata"]["labels"] = {LABEL: "true"}
    return made


def is_known(found: Document) -> bool:
    """Whether such odds hold by now."""
    return MET in found["metadata"].get("annotations", {})


def collection(document: Document, namespace: str) -> str:
    """Path that an object of a namespace is POSTed to."""
    kind = document["kind"]
    return f"{ROOTS[kind]}/namespaces/{namespace}/{kind.lower()}s"


def machine(
    name: str,
    disk: Document = CONTAINER_DISK,
    *,
    notes: Mapping[str, str] | None = None,
    inner: Document | None = None,
    **spec: Any,
) -> Document:
    """A VirtualMachine with one disk. ``notes`` annotate its instances, ``inner`` and ``spec`` add to the specs."""
    devices = {
        "disks": [{"name": "root", "disk": {"bus": "virtio"}}],
        "interfaces": [{"name": "private", "masquerade": {}}],
    }
    guest = {
        "domain": {"devices": devices},
        "networks": [{"name": "private", "pod": {}}],
        "volumes": [{"name": "root", **disk}],
    } | (inner or {})
    template = {"metadata": {"annotations": dict(notes or {})}, "spec": guest}
    whole = {"runStrategy": "RerunOnFailure", "instancetype": {"name": FLAVOR}, "template": template} | spec
    return named("VirtualMachine", name, None, "kubevirt.io/v1", spec=whole)


def disk_of(volume: str) -> Document:
    """A disk that is a DataVolume."""
    return {"dataVolume": {"name": volume}}


def from_image(image: str = "cirros", size: str = SMALL) -> Document:
    """The spec of a volume cloned from a public image."""
    source = {"kind": "DataSource", "name": image, "namespace": IMAGES_NAMESPACE}
    return {"sourceRef": source, "storage": _storage(size)}


def from_source(source: Document, size: str = SMALL, **storage: Any) -> Document:
    """The spec of a volume filled from blank, http or pvc."""
    return {"source": source, "storage": _storage(size) | storage}


def template(name: str, spec: Document, notes: Mapping[str, str] | None = None) -> Document:
    """A dataVolumeTemplate."""
    return {"metadata": {"name": name, "annotations": dict(notes or {})}, "spec": spec}


def volume(name: str, spec: Document, notes: Mapping[str, str] | None = None) -> Document:
    """A DataVolume that stands alone."""
    made = named("DataVolume", name, None, "cdi.kubevirt.io/v1beta1", spec=spec)
    made["metadata"]["annotations"] = dict(notes or {})
    return made


def rooted(name: str, spec: Document, notes: Mapping[str, str] | None = None, **more: Any) -> Document:
    """A machine whose root disk is a dataVolumeTemplate ``NAME-root``."""
    disk = f"{name}-root"
    return machine(name, disk_of(disk), dataVolumeTemplates=[template(disk, spec, notes)], **more)


def secret(name: str) -> Document:
    """A Secret with something in it."""
    return named("Secret", name, stringData={"userdata": "#cloud-config"})


def role(name: str, *rules: Document) -> Document:
    """A Role."""
    return named("Role", name, None, "rbac.authorization.k8s.io/v1", rules=list(rules))


def binding(name: str, kind: str, to: str, namespace: str, *accounts: str) -> Document:
    """A RoleBinding of a role to accounts of a namespace."""
    subjects = [{"kind": "ServiceAccount", "name": each, "namespace": namespace} for each in accounts]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": to}
    return named("RoleBinding", name, None, "rbac.authorization.k8s.io/v1", roleRef=reference, subjects=subjects)


def conditions(found: Document) -> dict[str, Document]:
    """The conditions of an object, by type."""
    return {each["type"]: each for each in found.get("status", {}).get("conditions") or ()}


def says(found: Document, condition: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    held = conditions(found).get(condition, {})
    return held.get("status", ""), held.get("reason", "")


def printable(found: Document) -> str:
    """virt-controller's word, "" before there is one."""
    word: str = found.get("status", {}).get("printableStatus", "")
    return word


def requests(found: Document) -> list[str]:
    """What a machine has been asked to do."""
    return [each["action"] for each in found.get("status", {}).get("stateChangeRequests") or ()]


def without_repeats(words: list[str]) -> list[str]:
    """The words, each that stays counted once."""
    return [word for index, word in enumerate(words) if index == 0 or words[index - 1] != word]


def _storage(size: str) -> Document:
    return {"resources": {"requests": {"storage": size}}}
