"""The Kubernetes objects that a server is made of."""

import base64
from typing import Any

from ... import names
from ...cloud.kinds.network import PORT
from ...cloud.kinds.storage import SECRET
from ...kube.kind import Manifest
from . import notes
from .group import with_group
from .making import INTERFACE, Making, hostname, label_of
from .place import affinity_of
from .storage import disks, doomed, templates, volumes

GRACE = 60
"""Seconds a guest has to shut down (Nova's shutdown_timeout)."""
EMPTY_USER_DATA = "#cloud-config\n"


def virtual_machine(making: Making) -> Manifest:
    """The VirtualMachine, in which the disks that go with it are templates."""
    spec: Manifest = {
        "runStrategy": "RerunOnFailure",
        "instancetype": {"kind": making.choice.flavor.kind, "name": making.choice.flavor.object},
        "template": {"metadata": {"labels": labels(making)}, "spec": _instance(making)},
    }
    if made := templates(making):
        spec["dataVolumeTemplates"] = made
    image = making.choice.image
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {
            "name": making.object_name,
            "namespace": making.caller.namespace,
            "labels": labels(making) | {names.MANAGED: "true"} | ({names.IMAGE_ID: image.facts.id} if image else {}),
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
    body, image = making.body, making.choice.image
    note = notes.ServerNote(
        accessIPv4=body.access_v4,
        accessIPv6=body.access_v6,
        diskConfig=making.choice.disk_config,
        zone=making.choice.place.zone or None,
        hostname=hostname(making),
        hints=dict(body.hints),
        launchIndex=making.place,
        deletes=doomed(making),
    )
    found = {
        names.NAME: making.display_name,
        names.USER_ID: making.caller.user,
        names.REQUEST_ID: making.request_id,
        names.RESERVATION: making.reservation,
        names.FLAVOR: notes.as_note(making.choice.flavor.copy),
        names.IMAGE: notes.as_note(notes.ImageNote(image.facts.id, dict(image.facts.properties))) if image else "",
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
            "devices": {"disks": disks(making), **_interfaces(making)},
        },
        "volumes": volumes(making),
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


def _interfaces(making: Making) -> Manifest:
    if making.choice.nic is None:
        return {"autoattachPodInterface": False}
    tag = {"tag": making.choice.nic.tag} if making.choice.nic.tag else {}
    return {
        "interfaces": [
            {"name": INTERFACE, "masquerade": {}, "model": "virtio", "macAddress": making.mac, **tag},
        ]
    }


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
