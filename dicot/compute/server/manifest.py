"""The Kubernetes objects that a server is made of."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ... import names
from ...caller import Caller
from ...cloud.kinds.network import PORT
from ...cloud.kinds.storage import SECRET
from ...config import Config
from ...kube.kind import Manifest
from . import notes
from .choice import Choice, Image
from .devices import Device
from .group import with_group
from .place import affinity_of
from .wish import NewServer

ROOT, INTERFACE, CONFIG = "root", "default", "config"
"""Names inside the VirtualMachine: its disk, its interface and network, its config drive."""
EPHEMERAL, SWAP = "ephemeral", "swap"
GRACE = 60
"""Seconds a guest has to shut down (Nova's shutdown_timeout)."""
LONGEST_SLUG = 36
"""A Secret's name becomes that of a volume of the Pod, with a suffix of KubeVirt's: 63 letters in all."""
EMPTY_USER_DATA = "#cloud-config\n"
MAC_PREFIX = "fa:16:3e"
"""Neutron's own base_mac."""
LONGEST_LABEL = 63
_OUTSIDE_HOSTNAME = re.compile(r"[^a-z0-9-]+")
_NUMBER = re.compile(r"-[0-9]{1,9}$")


@dataclass(frozen=True, slots=True)
class Making:
    """One server that is to be made, out of ``count``; ``place`` counts from 0."""

    id: str
    body: NewServer
    choice: Choice
    caller: Caller
    config: Config
    request_id: str
    reservation: str
    place: int = 0
    count: int = 1

    @property
    def display_name(self) -> str:
        """Nova's name: several of one request are numbered."""
        return f"{self.body.name}-{self.place + 1}" if self.count > 1 else self.body.name

    @property
    def object_name(self) -> str:
        """The VirtualMachine's name."""
        return names.object_name(self.display_name, self.id, longest=LONGEST_SLUG)

    @property
    def port_id(self) -> str:
        """The id of the port that is made for it, or that it binds."""
        nic = self.choice.nic
        return nic.port[0].id if nic and nic.port else names.synthetic_port(self.id, INTERFACE)

    @property
    def mac(self) -> str:
        """The hardware address: the port's, or one that follows from its id."""
        nic = self.choice.nic
        given = nic.port[1].spec.macAddress if nic and nic.port else ""
        digits = names.undashed(self.port_id)[:6]
        return given or ":".join((MAC_PREFIX, digits[:2], digits[2:4], digits[4:]))

    @property
    def has_config_drive(self) -> bool:
        """Only where it carries anything or was asked for."""
        nic, root = self.choice.nic, self.choice.disks[0]
        tagged = root.tag or (nic and nic.tag)
        return bool(self.body.user_data or self.choice.key or self.body.config_drive or tagged)

    @property
    def secret_name(self) -> str:
        """The Secret of the user data."""
        return f"{self.object_name}-config"

    @property
    def key_secret_name(self) -> str:
        """The Secret of the public key, apart: KubeVirt takes every entry of it for a key."""
        return f"{self.object_name}-key"


def hostname(making: Making) -> str:
    """The guest's host name as Nova makes it of the name (nova/utils.py, ``sanitize_hostname``)."""
    if making.body.hostname:
        return making.body.hostname
    plain = making.body.name.encode("latin-1", "ignore").decode("latin-1")[:LONGEST_LABEL]
    found = re.sub(r"[^\w.-]+", "", re.sub(r"[ _.]", "-", plain)).lower().strip(".-")
    if not found:
        return f"Server-{making.id}"
    return f"{found}-{making.place + 1}" if making.count > 1 else found


def label_of(full: str) -> str:
    """What Kubernetes takes of a host name: its first part, in which a number at the end is kept."""
    found = _OUTSIDE_HOSTNAME.sub("-", full.split(".")[0].lower()).strip("-")
    number = _NUMBER.search(found)
    end = number.group() if number and len(found) > LONGEST_LABEL else ""
    return (found[: LONGEST_LABEL - len(end)] + end).strip("-")


def virtual_machine(making: Making) -> Manifest:
    """The VirtualMachine, in which the root disk is a template of its own."""
    spec: Manifest = {
        "runStrategy": "RerunOnFailure",
        "instancetype": {"kind": making.choice.flavor.kind, "name": making.choice.flavor.object},
        "template": {"metadata": {"labels": labels(making)}, "spec": _instance(making)},
    }
    templates = [_blank_volume(making, name, disk) for name, disk in blanks(making)]
    if not making.choice.image.facts.container_disk:
        templates.insert(0, _root_volume(making))
    if templates:
        spec["dataVolumeTemplates"] = templates
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {
            "name": making.object_name,
            "namespace": making.caller.namespace,
            "labels": labels(making) | {names.MANAGED: "true", names.IMAGE_ID: making.choice.image.facts.id},
            "annotations": annotations(making),
        },
        "spec": spec,
    }


def labels(making: Making) -> dict[str, str]:
    """What Services and NetworkPolicies select by: on the VM, and on its Pod by way of the template."""
    groups = {f"{names.SECURITY_GROUP_PREFIX}{names.undashed(id)[:8]}": "" for id in making.choice.groups}
    group = making.choice.server_group
    return {names.ID: making.id, **groups, **(group.labels if group else {})}


def annotations(making: Making) -> dict[str, str]:
    """What KubeVirt has no place for. Clients choose values only, never a key."""
    body, image = making.body, making.choice.image.facts
    note = notes.ServerNote(
        accessIPv4=body.access_v4,
        accessIPv6=body.access_v6,
        diskConfig=making.choice.disk_config,
        zone=making.choice.place.zone or None,
        hostname=hostname(making),
        hints=dict(body.hints),
        launchIndex=making.place,
    )
    found = {
        names.NAME: making.display_name,
        names.USER_ID: making.caller.user,
        names.REQUEST_ID: making.request_id,
        names.RESERVATION: making.reservation,
        names.FLAVOR: notes.as_note(making.choice.flavor.copy),
        names.IMAGE: notes.as_note(notes.ImageNote(image.id, dict(image.properties))),
        names.SERVER: notes.as_note(note),
        names.METADATA: notes.as_note(dict(body.metadata)) if body.metadata else "",
        names.TAGS: notes.as_note(list(body.tags)) if body.tags else "",
        names.KEY_NAME: body.key_name or "",
    }
    kept = {key: value for key, value in found.items() if value}
    return kept if body.description is None else kept | {names.DESCRIPTION: body.description}


def _instance(making: Making) -> Manifest:
    """The template's spec."""
    choice = making.choice
    spec: Manifest = {
        "hostname": label_of(hostname(making)) or f"server-{making.id}",
        "terminationGracePeriodSeconds": GRACE,
        "evictionStrategy": "LiveMigrateIfPossible",
        "domain": {
            "firmware": {"uuid": making.id, "serial": making.id},
            "devices": {"disks": _disks(making), **_interfaces(making)},
        },
        "volumes": _volumes(making),
        "networks": [{"name": INTERFACE, "pod": {}}] if choice.nic else [],
    }
    if choice.key:
        source = {"secret": {"secretName": making.key_secret_name}}
        spec["accessCredentials"] = [{"sshPublicKey": {"source": source, "propagationMethod": {"configDrive": {}}}}]
    if choice.place.node_selector:
        spec["nodeSelector"] = choice.place.node_selector
    affinity = with_group(affinity_of(choice.place, making.id), choice.server_group)
    if affinity:
        spec["affinity"] = affinity
    return spec


def blanks(making: Making) -> Iterator[tuple[str, Device]]:
    """The empty disks beside the root disk, by the names that Nova knows them by."""
    count = 0
    for disk in making.choice.disks[1:]:
        if disk.is_swap:
            yield SWAP, disk
        else:
            yield f"{EPHEMERAL}{count}", disk
            count += 1


def _disk(name: str, disk: Device) -> Manifest:
    found: Manifest = {"name": name, "disk": {"bus": disk.bus or "virtio"}}
    return found | {"tag": disk.tag} if disk.tag else found


def _disks(making: Making) -> list[Manifest]:
    found = [_disk(ROOT, making.choice.disks[0]) | {"bootOrder": 1}]
    found += [_disk(name, disk) for name, disk in blanks(making)]
    if making.has_config_drive:
        found.append({"name": CONFIG, "disk": {"bus": "virtio"}})
    return found


def _interfaces(making: Making) -> Manifest:
    if making.choice.nic is None:
        return {"autoattachPodInterface": False}
    tag = {"tag": making.choice.nic.tag} if making.choice.nic.tag else {}
    return {
        "interfaces": [
            {"name": INTERFACE, "masquerade": {}, "model": "virtio", "macAddress": making.mac, **tag},
        ]
    }


def _volumes(making: Making) -> list[Manifest]:
    disk = making.choice.image.facts.container_disk
    root: Manifest = (
        {"containerDisk": {"image": disk}} if disk else {"dataVolume": {"name": _disk_name(making, ROOT)}}
    )
    found: list[Manifest] = [{"name": ROOT, **root}]
    found += [{"name": name, "dataVolume": {"name": _disk_name(making, name)}} for name, _ in blanks(making)]
    if making.has_config_drive:
        found.append({"name": CONFIG, "cloudInitConfigDrive": {"secretRef": {"name": making.secret_name}}})
    return found


def _disk_name(making: Making, disk: str) -> str:
    """The DataVolume of a disk, and the claim of that name."""
    return f"{making.object_name}-{disk}"


def _root_volume(making: Making) -> Manifest:
    image = making.choice.image
    source = {"sourceRef": {"kind": "DataSource", "name": image.name, "namespace": image.namespace}}
    return _volume(making, ROOT, ROOT, source, _size(making, image))


def _blank_volume(making: Making, name: str, disk: Device) -> Manifest:
    """An empty disk: nobody here could make a file system on it, which Nova's hypervisors do."""
    kind, unit = (SWAP, "Mi") if disk.is_swap else (EPHEMERAL, "Gi")
    return _volume(making, name, kind, {"source": {"blank": {}}}, f"{disk.size}{unit}")


def _volume(making: Making, name: str, kind: str, source: Manifest, size: str) -> Manifest:
    storage: Manifest = {}
    if size:
        storage["resources"] = {"requests": {"storage": size}}
    if making.config.storage_class:
        storage["storageClassName"] = making.config.storage_class
    return {
        "metadata": {
            "name": _disk_name(making, name),
            "labels": {names.SERVER_ID: making.id, names.DISK: kind},
        },
        "spec": {**source, "storage": storage},
    }


def _size(making: Making, image: Image) -> str:
    """The flavor's, or where that says none the image's own; "" leaves it to CDI, which looks at the source."""
    disk, virtual = making.choice.flavor.copy.disk, image.facts.virtual_size
    if disk:
        return f"{disk}Gi"
    return str(virtual) if virtual else ""


def secrets(making: Making) -> list[Manifest]:
    """User data always goes into a Secret, and so does the key."""
    found = []
    if making.has_config_drive:
        text = base64.b64decode(making.body.user_data.encode()) or EMPTY_USER_DATA.encode()
        found.append(_secret(making, making.secret_name, {"userdata": base64.b64encode(text).decode()}))
    if making.choice.key:
        key = base64.b64encode(making.choice.key.strip().encode()).decode()
        found.append(_secret(making, making.key_secret_name, {"key": key}))
    return found


def _secret(making: Making, name: str, content: dict[str, str]) -> Manifest:
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.singular,
        "metadata": _belonging(making, name),
        "type": "Opaque",
        "data": content,
    }


def port(making: Making) -> Manifest:
    """The port that is made with a server, and goes with it."""
    meta = _belonging(making, names.object_name(making.object_name, making.port_id))
    meta["labels"][names.ID] = making.port_id
    meta["annotations"] = {names.USER_ID: making.caller.user}
    return {
        "apiVersion": PORT.api_version,
        "kind": PORT.singular,
        "metadata": meta,
        "spec": {
            "formatVersion": 1,
            "networkId": making.choice.nic.network if making.choice.nic else "",
            "macAddress": making.mac,
            "securityGroups": list(making.choice.groups),
            **binding(making),
        },
    }


def binding(making: Making) -> dict[str, str]:
    """What ties a port to a server."""
    return {"vm": making.object_name, "vmId": making.id, "interface": INTERFACE}


def _belonging(making: Making, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": making.caller.namespace,
        "labels": {names.SERVER_ID: making.id, names.MANAGED: "true"},
    }
