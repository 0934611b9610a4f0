"""What a cluster for trials holds from the start: storage, flavors and public images.

Users, roles and projects are Dicot's own to make.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from dicot.kube.address import Place
from dicot.kube.client import Kube
from dicot.kube.errors import Exists
from dicot.kube.kind import Manifest
from dicot.names import CONTAINER_DISK, FLAVOR_SPEC, IMAGE_SPEC, IMAGES_NAMESPACE

from .nodes.volumes import PROVISIONER, STORAGE_CLASS
from .snapshots.groups.names import DEFAULT_CLASS as DEFAULT_GROUP_CLASS
from .snapshots.names import DEFAULT_CLASS as DEFAULT_SNAPSHOT_CLASS

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
DOWNLOADS = "http://images.sandbox.invalid"
"""Where the images are said to come from. Nobody fetches anything: the simulated importer just succeeds."""


@dataclass(frozen=True, slots=True)
class Flavor:
    """An instancetype; ram in MiB, disk in GiB."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int


FLAVORS = (
    Flavor("1", "m1.tiny", 1, 512, 1),
    Flavor("2", "m1.small", 1, 2048, 20),
    Flavor("3", "m1.medium", 2, 4096, 40),
    Flavor("4", "m1.large", 4, 8192, 80),
)


@dataclass(frozen=True, slots=True)
class Image:
    """A public image that CDI imports. ``size`` is its disk's; min_disk in GiB, min_ram in MiB."""

    name: str
    file: str
    size: str
    min_disk: int
    min_ram: int
    distro: str


IMAGES = (
    Image("cirros", "cirros-0.6.3-x86_64-disk.img", "128Mi", 1, 128, "cirros"),
    Image("debian-13", "debian-13-genericcloud-amd64.qcow2", "3Gi", 3, 512, "debian"),
    Image("fedora", "Fedora-Cloud-Base-Generic-43.x86_64.qcow2", "5Gi", 5, 1024, "fedora"),
)
LIVE_IMAGE = ("cirros-live", "quay.io/kubevirt/cirros-container-disk-demo:v1.8.4")
"""An image of the cluster's own: a containerDisk, whose servers forget what they wrote."""


def seeds() -> list[Manifest]:
    """All of them, in the order in which they can be made."""
    return [
        storage_class(),
        snapshot_class(),
        group_class(),
        storage_profile(),
        *(instancetype(flavor) for flavor in FLAVORS),
        namespace(IMAGES_NAMESPACE),
        *(each for image in IMAGES for each in (data_volume(image), data_source(image))),
        live_image(*LIVE_IMAGE),
    ]


def storage_class() -> Manifest:
    """The default StorageClass, served by the nodes."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": {DEFAULT_CLASS: "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }


def snapshot_class() -> Manifest:
    """The default VolumeSnapshotClass, served by the nodes as well."""
    return {
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshotClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": {DEFAULT_SNAPSHOT_CLASS: "true"}},
        "driver": PROVISIONER,
        "deletionPolicy": "Delete",
    }


def group_class() -> Manifest:
    """The default VolumeGroupSnapshotClass: the same storage takes snapshots of several volumes at one moment."""
    return {
        "apiVersion": "groupsnapshot.storage.k8s.io/v1",
        "kind": "VolumeGroupSnapshotClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": {DEFAULT_GROUP_CLASS: "true"}},
        "driver": PROVISIONER,
        "deletionPolicy": "Delete",
    }


def storage_profile() -> Manifest:
    """What CDI shall ask of that class: it knows nothing of its provisioner."""
    claims = [{"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"}]
    return {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "StorageProfile",
        "metadata": {"name": STORAGE_CLASS},
        "spec": {"claimPropertySets": claims},
    }


def instancetype(flavor: Flavor) -> Manifest:
    """A flavor for everybody."""
    spec = {"id": flavor.id, "disk": flavor.disk}
    return {
        "apiVersion": "instancetype.kubevirt.io/v1beta1",
        "kind": "VirtualMachineClusterInstancetype",
        "metadata": {"name": flavor.name, "annotations": {FLAVOR_SPEC: json.dumps(spec)}},
        "spec": {"cpu": {"guest": flavor.vcpus}, "memory": {"guest": f"{flavor.ram}Mi"}},
    }


def namespace(name: str) -> Manifest:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def data_volume(image: Image) -> Manifest:
    """The disk of an image, imported."""
    return {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": {"name": image.name, "namespace": IMAGES_NAMESPACE},
        "spec": {
            "source": {"http": {"url": f"{DOWNLOADS}/{image.file}"}},
            "storage": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": image.size}}},
        },
    }


def data_source(image: Image) -> Manifest:
    """An image: the DataSource that names its disk."""
    spec = {
        "minDisk": image.min_disk,
        "minRam": image.min_ram,
        "diskFormat": "raw",
        "containerFormat": "bare",
        "properties": {"os_distro": image.distro, "architecture": "x86_64"},
    }
    return _data_source(image.name, {"pvc": {"name": image.name, "namespace": IMAGES_NAMESPACE}}, spec, {})


def live_image(name: str, reference: str) -> Manifest:
    """An image that is a containerDisk: it has no disk of its own."""
    spec = {"minRam": 128, "diskFormat": "raw", "containerFormat": "bare", "properties": {"os_distro": "cirros"}}
    return _data_source(name, {}, spec, {CONTAINER_DISK: reference})


def _data_source(name: str, source: Manifest, spec: Manifest, notes: Mapping[str, str]) -> Manifest:
    annotations = {IMAGE_SPEC: json.dumps(spec), **notes}
    return {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataSource",
        "metadata": {"name": name, "namespace": IMAGES_NAMESPACE, "annotations": annotations},
        "spec": {"source": source},
    }


_PLURALS: Mapping[str, str] = {
    "DataSource": "datasources",
    "DataVolume": "datavolumes",
    "Namespace": "namespaces",
    "StorageClass": "storageclasses",
    "StorageProfile": "storageprofiles",
    "VolumeGroupSnapshotClass": "volumegroupsnapshotclasses",
    "VolumeSnapshotClass": "volumesnapshotclasses",
    "VirtualMachineClusterInstancetype": "virtualmachineclusterinstancetypes",
}


def collection(manifest: Manifest) -> Place:
    """Where a seed is POSTed."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    return Place(group, version, _PLURALS[manifest["kind"]], manifest["metadata"].get("namespace", ""))


async def plant(kube: Kube, manifests: list[Manifest]) -> None:
    """Make them; what is there already keeps its identity, and gets the seed's annotations and spec."""
    for manifest in manifests:
        try:
            await kube.create(collection(manifest), manifest)
        except Exists:
            await _renew(kube, manifest)


async def _is_of_another(kube: Kube, manifest: Manifest) -> bool:
    """Whether a class is there with another provisioner, which cannot be changed."""
    found = msgspec.json.decode(await kube.read(replace(collection(manifest), name=manifest["metadata"]["name"])))
    return bool(found["provisioner"] != manifest["provisioner"])


async def _renew(kube: Kube, manifest: Manifest) -> None:
    at = collection(manifest)
    if manifest["kind"] == "StorageClass" and await _is_of_another(kube, manifest):
        await kube.delete(replace(at, name=manifest["metadata"]["name"]))
        await kube.create(at, manifest)
        return
    place = Place(at.group, at.version, at.plural, at.namespace, manifest["metadata"]["name"])
    changes: dict[str, Any] = {"metadata": {"annotations": manifest["metadata"].get("annotations", {})}}
    # A DataVolume's spec is as it was at its birth.
    if "spec" in manifest and manifest["kind"] != "DataVolume":
        changes["spec"] = manifest["spec"]
    await kube.patch(place, changes)
