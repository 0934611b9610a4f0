"""What settled servers stand on: the project, and what there is to make servers of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from dicot.kube.kind import Manifest
from dicot.kube.quantity import whole
from dicot.moments import seconds
from dicot.names import CONTAINER_DISK, FLAVOR_SPEC, ID, IMAGE_SPEC, IMAGES_NAMESPACE, SYSTEM_NAMESPACE

from ..apiserver.seams import Reader

PROJECT = "demo"
"""The namespace, and the name of the user in it."""
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Flavor:
    """An instancetype of the cluster; ram in MiB, disk in GiB."""

    name: str
    uid: str
    generation: int
    id: str
    vcpus: int
    ram: int
    disk: int


@dataclass(frozen=True, slots=True)
class Image:
    """A containerDisk, whose servers need no volume."""

    id: str
    reference: str
    properties: Manifest


@dataclass(frozen=True, slots=True)
class Node:
    """A node, and where the addresses of its Pods come from."""

    name: str
    pods: IPv4Network


@dataclass(frozen=True, slots=True)
class Ground:
    """All of it. ``uid`` is the namespace's, ``since`` its birth in seconds since 1970, ``group`` the id of the
    security group ``default``."""

    namespace: str
    uid: str
    since: float
    user: str
    group: str
    flavors: tuple[Flavor, ...]
    images: tuple[Image, ...]
    nodes: tuple[Node, ...]


def ground(reader: Reader, project: str = PROJECT) -> Ground | None:
    """That of a project, None as long as something is missing."""
    namespace = reader.get("", "namespaces", "", project)
    if namespace is None or "deletionTimestamp" in namespace["metadata"]:
        return None
    users = _named(reader, "identity.dicot.io", "users", SYSTEM_NAMESPACE, project)
    groups = _named(reader, "network.dicot.io", "securitygroups", project, "default")
    flavors = tuple(_flavors(reader))
    images = tuple(_images(reader))
    nodes = tuple(_nodes(reader))
    if not (users and groups and flavors and images and nodes):
        return None
    metadata = namespace["metadata"]
    since = seconds(metadata["creationTimestamp"])
    return Ground(project, metadata["uid"], since, users[0], groups[0], flavors, images, nodes)


def _named(reader: Reader, group: str, plural: str, namespace: str, name: str) -> list[str]:
    """The ids of objects whose spec has that name."""
    found = reader.list(group, plural, namespace)
    return [each["metadata"]["labels"][ID] for each in found if each["spec"].get("name") == name]


def _flavors(reader: Reader) -> Iterator[Flavor]:
    for each in reader.list("instancetype.kubevirt.io", "virtualmachineclusterinstancetypes"):
        metadata, spec = each["metadata"], each["spec"]
        noted = _note(each, FLAVOR_SPEC)
        if "disk" in noted:
            yield Flavor(
                name=metadata["name"],
                uid=metadata["uid"],
                generation=metadata["generation"],
                id=noted.get("id") or metadata["name"],
                vcpus=spec["cpu"]["guest"],
                ram=whole(spec["memory"]["guest"]) // _MIB,
                disk=noted["disk"],
            )


def _images(reader: Reader) -> Iterator[Image]:
    for each in reader.list("cdi.kubevirt.io", "datasources", IMAGES_NAMESPACE):
        metadata = each["metadata"]
        reference = metadata.get("annotations", {}).get(CONTAINER_DISK)
        if reference:
            id = metadata.get("labels", {}).get(ID) or metadata["uid"]
            yield Image(id, reference, _note(each, IMAGE_SPEC).get("properties", {}))


def _nodes(reader: Reader) -> Iterator[Node]:
    for each in reader.list("", "nodes"):
        if "podCIDR" in each["spec"]:
            yield Node(each["metadata"]["name"], IPv4Network(each["spec"]["podCIDR"]))


def _note(found: Manifest, annotation: str) -> Manifest:
    noted: Manifest = json.loads(found["metadata"].get("annotations", {}).get(annotation, "{}"))
    return noted
