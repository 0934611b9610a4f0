"""The disks of a new server, as KubeVirt and CDI take them."""

from collections.abc import Iterator
from typing import Any

from ... import names
from ...cloud.kinds.storage import DATA_VOLUME
from ...cloud.volumes import VOLUME_DISK
from ...kube.kind import Manifest
from ..facts import GIBI
from . import notes
from .devices import CDROM
from .disks import EPHEMERAL, ROOT, SWAP, Disk, Image, told_of
from .making import Making

CONFIG = "config"
"""The name of the config drive inside the VirtualMachine."""
LONGEST_SERIAL = 20
"""Letters of a volume's id that a guest sees of it: virtio has no more."""


def disks(making: Making) -> list[Manifest]:
    """What the guest sees."""
    found = [_disk(making, name, disk) for name, disk in making.disks]
    if making.has_config_drive:
        found.append({"name": CONFIG, "disk": {"bus": "virtio"}})
    return found


def _disk(making: Making, name: str, disk: Disk) -> Manifest:
    device = disk.device
    seen_as = CDROM if device.type == CDROM else "disk"
    found: dict[str, Any] = {"name": name, seen_as: {"bus": device.bus or ("sata" if seen_as == CDROM else "virtio")}}
    if device.boot is not None and device.boot >= 0:
        found["bootOrder"] = device.boot + 1
    if device.tag:
        found["tag"] = device.tag
    if device.target == "volume":
        found["serial"] = making.volume_id(name, disk)[:LONGEST_SERIAL]
    if disk.volume is not None and disk.volume.multiattach:
        found["shareable"] = True
    return found


def volumes(making: Making) -> list[Manifest]:
    """What is behind each of them."""
    found: list[Manifest] = [{"name": name, **_source(making, name, disk)} for name, disk in making.disks]
    if making.has_config_drive:
        found.append({"name": CONFIG, "cloudInitConfigDrive": {"secretRef": {"name": making.secret_name}}})
    return found


def _source(making: Making, name: str, disk: Disk) -> Manifest:
    if disk.volume is not None and disk.volume.data is not None:
        return {"dataVolume": {"name": disk.volume.data.name}}
    if disk.volume is not None and disk.volume.claim is not None:
        return {"persistentVolumeClaim": {"claimName": disk.volume.claim.name}}
    if disk.device.target != "volume" and disk.image is not None and disk.image.facts.container_disk:
        return {"containerDisk": {"image": disk.image.facts.container_disk}}
    return {"dataVolume": {"name": making.data_volume(name)}}


def doomed(making: Making) -> tuple[str, ...]:
    """The volumes that existed before, and are to go with the server."""
    return tuple(name for name, disk in making.disks if disk.volume is not None and disk.device.deletes)


def templates(making: Making) -> list[Manifest]:
    """What is made with the server and goes with it: local disks, and volumes of which that was said."""
    found = []
    for name, disk in making.disks:
        if disk.device.target != "volume":
            found += _local(making, name, disk)
        elif disk.volume is None and disk.device.deletes:
            found.append(_made(making, name, disk))
    return found


def lasting(making: Making) -> Iterator[Manifest]:
    """The volumes that are made with the server and stay when it goes, which nothing may own."""
    for name, disk in making.disks:
        if disk.device.target == "volume" and disk.volume is None and not disk.device.deletes:
            found = _made(making, name, disk)
            metadata = {**found["metadata"], "namespace": making.caller.namespace}
            yield {"apiVersion": DATA_VOLUME.api_version, "kind": DATA_VOLUME.singular, **found, "metadata": metadata}


def _local(making: Making, name: str, disk: Disk) -> list[Manifest]:
    """The root disk of an image, or an empty one: nobody here could make a file system on it, as hypervisors do."""
    device, image = disk.device, disk.image
    if image is not None:
        size = _size_of_root(making, image)
        return [] if image.facts.container_disk else [_template(making, name, ROOT, _clone_of(image), size)]
    kind, unit = (SWAP, "Mi") if device.is_swap else (EPHEMERAL, "Gi")
    return [_template(making, name, kind, {"source": {"blank": {}}}, f"{device.size}{unit}")]


def _template(making: Making, name: str, kind: str, source: Manifest, size: str) -> Manifest:
    return {
        "metadata": {
            "name": making.data_volume(name),
            "labels": {names.SERVER_ID: making.id, names.DISK: kind},
        },
        "spec": {**source, "storage": _storage(size, making.config.storage_class)},
    }


def _made(making: Making, name: str, disk: Disk) -> Manifest:
    """A volume that is made with the server. An empty one is called as Nova calls it."""
    found = _template(making, name, VOLUME_DISK, _content(making, disk), "")
    found["metadata"]["labels"] |= {names.ID: making.volume_id(name, disk), names.MANAGED: "true"}
    annotations = {names.USER_ID: making.caller.user}
    if disk.image is not None:
        annotations[names.IMAGE] = notes.as_note(told_of(disk.image.facts))
    if disk.image is None and disk.snapshot is None:
        annotations[names.NAME] = f"{making.id}-blank-vol"
    found["metadata"]["annotations"] = annotations
    found["spec"]["storage"] = _storage(_size_of(disk), disk.storage_class or making.config.storage_class)
    return found


def _size_of(disk: Disk) -> str:
    """As was asked for; of a snapshot what CDI compares it with, though it adds a file system's own to it again."""
    least = disk.snapshot.least if disk.snapshot else 0
    return str(least) if least > disk.size * GIBI else f"{disk.size}Gi"


def _content(making: Making, disk: Disk) -> Manifest:
    if disk.snapshot is not None:
        return {"source": {"snapshot": {"namespace": making.caller.namespace, "name": disk.snapshot.row.name}}}
    if disk.image is None:
        return {"source": {"blank": {}}}
    if disk.image.facts.container_disk:
        return {"source": {"registry": {"url": f"docker://{disk.image.facts.container_disk}"}}}
    return _clone_of(disk.image)


def _clone_of(image: Image) -> Manifest:
    return {"sourceRef": {"kind": "DataSource", "name": image.name, "namespace": image.namespace}}


def _storage(size: str, storage_class: str) -> Manifest:
    found: Manifest = {}
    if size:
        found["resources"] = {"requests": {"storage": size}}
    if storage_class:
        found["storageClassName"] = storage_class
    return found


def _size_of_root(making: Making, image: Image) -> str:
    """The flavor's, or where that says none the image's own; "" leaves it to CDI, which looks at the source."""
    disk, virtual = making.choice.flavor.copy.disk, image.facts.virtual_size
    if disk:
        return f"{disk}Gi"
    return str(virtual) if virtual else ""
