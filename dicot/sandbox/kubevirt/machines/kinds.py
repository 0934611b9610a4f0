"""What virt-controller watches. Machines and guests are kept whole: it writes them back as a whole."""

from collections.abc import Iterator
from typing import Any

import msgspec

from dicot.kube.kind import Kind, Manifest, Meta, Owner, Row

from ...settled.mark import UNSETTLED
from ...snapshots.names import DEFAULT_CLASS
from ..settings import NAMESPACE
from .objects import is_changing

LAUNCHERS = "kubevirt.io in (virt-launcher,hotplug-disk)"
"""The Pods that run guests, and those that bring volumes to them."""


class _Everything:
    """Contains whatever it is asked for."""

    def __contains__(self, key: object) -> bool:
        return True


ALL = _Everything()
"""Annotations of what is kept whole."""


class Reference(Owner, frozen=True, omit_defaults=True, gc=False):
    """An owner, as it is written."""

    apiVersion: str = ""
    blockOwnerDeletion: bool = False


class Metadata(Meta, frozen=True, omit_defaults=True):
    """All of it but managedFields, which the API server keeps where a PUT has none."""

    generateName: str = ""
    generation: int = 0
    finalizers: list[str] = []
    deletionGracePeriodSeconds: int | None = None
    ownerReferences: tuple[Reference, ...] = ()


class Whole(msgspec.Struct, frozen=True, omit_defaults=True):
    """An object as a whole."""

    metadata: Metadata
    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}


class Revision(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ControllerRevision."""

    metadata: Metadata
    data: dict[str, Any] = {}
    revision: int = 0


class StorageDriver(msgspec.Struct, frozen=True, omit_defaults=True):
    """A StorageClass or a VolumeSnapshotClass: whose it is, and when the first binds."""

    metadata: Meta
    provisioner: str = ""
    volumeBindingMode: str = ""
    driver: str = ""


def whole(kind: Kind[Any], row: Row) -> Manifest:
    """The object of a row, as it can be written back."""
    found: Manifest = msgspec.to_builtins(kind.read(row))
    return {"apiVersion": kind.api_version, "kind": NAMES[kind.plural], **found}


def volume_link(namespace: str, name: str) -> str:
    """What machines and guests are found by where a DataVolume or a claim of theirs changes."""
    return f"{namespace}/volume/{name}"


def flavor_link(name: str) -> str:
    """What machines are found by where their instancetype or preference changes."""
    return f"*/flavor/{name}"


def source_link(name: str) -> str:
    """What machines are found by where a DataSource of theirs changes."""
    return f"*/source/{name}"


def node_link(name: str) -> str:
    """What guests are found by where their node changes."""
    return f"*/node/{name}"


CHANGED = "*/changed"
"""What guests are found by in which something is changed while they run."""


def owner_link(row: Row, uid: str) -> str:
    """What is found by its owner, in its namespace."""
    return f"{row.namespace}/owner/{uid}"


def uid_link(row: Row, uid: str) -> str:
    """What is found by its own uid, in its namespace."""
    return f"{row.namespace}/uid/{uid}"


def claim_of(volume: Manifest) -> str:
    """The claim that a volume of a guest is on, or ""."""
    if "dataVolume" in volume:
        return str(volume["dataVolume"]["name"])
    if "persistentVolumeClaim" in volume:
        return str(volume["persistentVolumeClaim"]["claimName"])
    return ""


def _volume_links(row: Row, spec: Manifest) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        if claim_of(volume):
            yield volume_link(row.namespace, claim_of(volume))


def _machine_links(row: Row, machine: Whole) -> tuple[str, ...]:
    spec = machine.spec
    names = {volume_link(row.namespace, each["metadata"]["name"]) for each in spec.get("dataVolumeTemplates") or ()}
    references = (each["spec"].get("sourceRef") for each in spec.get("dataVolumeTemplates") or ())
    names.update(source_link(each["name"]) for each in references if each)
    names.update(_volume_links(row, spec["template"].get("spec", {})))
    names.update(flavor_link(spec[each]["name"]) for each in ("instancetype", "preference") if _named(spec.get(each)))
    return tuple(names)


def _named(matcher: Any) -> bool:
    return bool(matcher and matcher.get("name"))


def _guest_links(row: Row, guest: Whole) -> tuple[str, ...]:
    links = {*_volume_links(row, guest.spec), node_link(guest.status.get("nodeName", ""))}
    changed = [CHANGED] if is_changing({"status": guest.status}) else []
    return (*links, *changed, uid_link(row, row.uid))


def moving_link(namespace: str, guest: str) -> str:
    """What migrations are found by where their guest changes."""
    return f"{namespace}/moving/{guest}"


def _migration_links(row: Row, migration: Whole) -> tuple[str, ...]:
    return (moving_link(row.namespace, migration.spec.get("vmiName", "")),)


def _by_owner(row: Row, _: Any) -> tuple[str, ...]:
    return (owner_link(row, row.owner),)


def _pod_links(row: Row, _: Any) -> tuple[str, ...]:
    return owner_link(row, row.owner), uid_link(row, row.uid)


def _kubevirt(plural: str, **more: Any) -> Kind[Whole]:
    return Kind("kubevirt.io", "v1", plural, plural[:-1], Whole, selector=UNSETTLED, annotations=ALL, **more)


def _flavor(plural: str, namespaced: bool) -> Kind[Whole]:
    group = "instancetype.kubevirt.io"
    return Kind(group, "v1beta1", plural, plural[:-1], Whole, namespaced=namespaced, annotations=ALL)


MACHINES = _kubevirt("virtualmachines", links=_machine_links)
GUESTS = _kubevirt("virtualmachineinstances", links=_guest_links)
MIGRATIONS = Kind(
    "kubevirt.io",
    "v1",
    "virtualmachineinstancemigrations",
    "virtualmachineinstancemigration",
    Whole,
    links=_migration_links,
    annotations=ALL,
)
KUBEVIRTS = Kind("kubevirt.io", "v1", "kubevirts", "kubevirt", Whole, namespace=NAMESPACE, name="kubevirt")
PODS = Kind("", "v1", "pods", "pod", Whole, links=_pod_links, selector=LAUNCHERS, annotations=ALL)
VOLUMES = Kind("cdi.kubevirt.io", "v1beta1", "datavolumes", "datavolume", Whole, selector=UNSETTLED, annotations=ALL)
SOURCES = Kind("cdi.kubevirt.io", "v1beta1", "datasources", "datasource", Whole)
CLAIMS = Kind("", "v1", "persistentvolumeclaims", "persistentvolumeclaim", Whole, selector=UNSETTLED, annotations=ALL)
REVISIONS = Kind("apps", "v1", "controllerrevisions", "controllerrevision", Revision, links=_by_owner)
INSTANCETYPES = _flavor("virtualmachineinstancetypes", namespaced=True)
CLUSTER_INSTANCETYPES = _flavor("virtualmachineclusterinstancetypes", namespaced=False)
PREFERENCES = _flavor("virtualmachinepreferences", namespaced=True)
CLUSTER_PREFERENCES = _flavor("virtualmachineclusterpreferences", namespaced=False)
NODES = Kind("", "v1", "nodes", "node", Whole, namespaced=False, annotations=ALL)
STORAGE_CLASSES = Kind(
    "storage.k8s.io", "v1", "storageclasses", "storageclass", StorageDriver, namespaced=False, optional=True
)
SNAPSHOT_CLASSES = Kind(
    "snapshot.storage.k8s.io",
    "v1",
    "volumesnapshotclasses",
    "volumesnapshotclass",
    StorageDriver,
    namespaced=False,
    optional=True,
    annotations=frozenset({DEFAULT_CLASS}),
)
CDI_CONFIGS = Kind(
    "cdi.kubevirt.io", "v1beta1", "cdiconfigs", "cdiconfig", Whole, namespaced=False, name="config", optional=True
)
FLAVORS = (INSTANCETYPES, CLUSTER_INSTANCETYPES, PREFERENCES, CLUSTER_PREFERENCES)
NAMES = {
    "virtualmachines": "VirtualMachine",
    "virtualmachineinstances": "VirtualMachineInstance",
    "virtualmachineinstancemigrations": "VirtualMachineInstanceMigration",
    "kubevirts": "KubeVirt",
    "pods": "Pod",
    "datavolumes": "DataVolume",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "controllerrevisions": "ControllerRevision",
    "virtualmachineinstancetypes": "VirtualMachineInstancetype",
    "virtualmachineclusterinstancetypes": "VirtualMachineClusterInstancetype",
    "virtualmachinepreferences": "VirtualMachinePreference",
    "virtualmachineclusterpreferences": "VirtualMachineClusterPreference",
    "nodes": "Node",
    "datasources": "DataSource",
    "cdiconfigs": "CDIConfig",
    "virtualmachinesnapshots": "VirtualMachineSnapshot",
    "virtualmachinesnapshotcontents": "VirtualMachineSnapshotContent",
    "virtualmachinerestores": "VirtualMachineRestore",
    "virtualmachineclones": "VirtualMachineClone",
    "virtualmachineexports": "VirtualMachineExport",
    "services": "Service",
    "volumesnapshots": "VolumeSnapshot",
}
