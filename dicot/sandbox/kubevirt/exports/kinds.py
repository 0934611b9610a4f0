"""What is watched for exports: these, their Services, and all Pods, since any may hold a claim."""

from collections.abc import Iterator
from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta, Row

from ..keeping.kinds import machine_link, snapshot_link
from ..machines.kinds import ALL, Whole, owner_link, uid_link, volume_link
from .names import PARAMETERS

GROUP = "export.kubevirt.io"
VERSION = "v1beta1"
APP = "virt-exporter"


class Mounted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A volume of a Pod, as far as it is a claim or a Secret."""

    name: str
    persistentVolumeClaim: dict[str, Any] | None = None
    secret: dict[str, Any] | None = None


class UserSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a Pod's spec."""

    volumes: tuple[Mounted, ...] = ()


class Contained(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of how a container is."""

    ready: bool = False


class UserStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a Pod's status."""

    phase: str = ""
    containerStatuses: tuple[Contained, ...] = ()


class User(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Pod, which may use claims."""

    metadata: Meta
    spec: UserSpec = UserSpec()
    status: UserStatus = UserStatus()


class Thing(msgspec.Struct, frozen=True, omit_defaults=True):
    """An object of which nothing but its metadata counts."""

    metadata: Meta


def _of_source(row: Row, export: Whole) -> tuple[str, ...]:
    source = export.spec.get("source", {})
    links = {
        "PersistentVolumeClaim": volume_link,
        "VirtualMachine": machine_link,
        "VirtualMachineSnapshot": snapshot_link,
    }
    link = links.get(source.get("kind", ""))
    return (uid_link(row, row.uid), *((link(row.namespace, source.get("name", "")),) if link is not None else ()))


def _user_links(row: Row, pod: User) -> tuple[str, ...]:
    return owner_link(row, row.owner), *{volume_link(row.namespace, name) for name in _claims(pod)}


def _claims(pod: User) -> Iterator[str]:
    for each in pod.spec.volumes:
        if each.persistentVolumeClaim is not None:
            yield each.persistentVolumeClaim["claimName"]


EXPORTS = Kind(
    GROUP, VERSION, "virtualmachineexports", "virtualmachineexport", Whole, links=_of_source, annotations=ALL
)
SERVICES = Kind("", "v1", "services", "service", Thing, selector=f"kubevirt.io={APP}")
USERS = Kind("", "v1", "pods", "pod", User, links=_user_links, annotations=frozenset({PARAMETERS}))
KINDS = (EXPORTS, SERVICES, USERS)
