"""What servers and flavors both say of an instancetype."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from ..cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE, Instancetype, Vm, Vmi, flavor_id
from ..cloud.resource import Known
from ..kube.deep import shallow
from ..kube.kind import Kind, Row
from ..kube.quantity import whole
from ..names import FLAVOR, FLAVOR_SPEC, NAME

MEBI = 1 << 20
GIBI = 1 << 30
MOST_ALIKE, LONGEST_ALIKE = 256, 2048
"""Texts that many servers carry alike, and are read once for all of them: so many, and of so many characters."""


class FlavorSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/flavor-spec``: what KubeVirt has no place for. disk, ephemeral in GiB, swap in MiB."""

    id: str = ""
    disk: int = 0
    ephemeral: int = 0
    swap: int = 0
    rxtxFactor: float = 1.0
    description: str | None = None
    extraSpecs: dict[str, str] = {}


class FlavorCopy(msgspec.Struct, frozen=True):
    """Annotation ``dicot.io/flavor``: the flavor as it was when a server took it. ram, swap in MiB, disks in GiB."""

    id: str = ""
    name: str = ""
    vcpus: int = 0
    ram: int = 0
    disk: int = 0
    ephemeral: int = 0
    swap: int = 0
    extraSpecs: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Flavor:
    """An instancetype as a flavor: ``kind`` and ``object`` name it; ``namespace`` is "" for a public one."""

    copy: FlavorCopy
    kind: str
    object: str
    namespace: str
    rxtx_factor: float
    description: str | None


def flavor_of(row: Row, body: Instancetype, kind: Kind[Any]) -> Flavor:
    """The flavor that an instancetype is; an annotation that does not fit counts as not said."""
    spec = _spec(body.metadata.annotations.get(FLAVOR_SPEC, ""))
    copy = FlavorCopy(
        id=flavor_id(row, body),
        name=body.metadata.annotations.get(NAME) or row.name,
        vcpus=body.spec.cpu.guest,
        ram=whole(body.spec.memory.guest) // MEBI,
        disk=spec.disk,
        ephemeral=spec.ephemeral,
        swap=spec.swap,
        extraSpecs=spec.extraSpecs,
    )
    return Flavor(copy, kind.singular, row.name, row.namespace, spec.rxtxFactor, spec.description)


def _spec(text: str) -> FlavorSpec:
    try:
        return shallow(text, FlavorSpec) if text else FlavorSpec()
    except msgspec.MsgspecError:
        return FlavorSpec()


def flavor_named(known: Known, id: str, *, everywhere: bool = False) -> Flavor | None:
    """The flavor of an id: a public one, else one of the caller's project; ``everywhere`` any for cloud admins."""
    for kind in (CLUSTER_INSTANCETYPE, INSTANCETYPE):
        for row, body in known.linked(kind, id, everywhere=everywhere):
            return flavor_of(row, body, kind)
    return None


def copied(annotations: Mapping[str, str]) -> FlavorCopy | None:
    """The copy that a server carries, None where it has none that fits."""
    text = annotations.get(FLAVOR, "")
    return _known_copy(text) if len(text) <= LONGEST_ALIKE else _copy(text)


def _copy(text: str) -> FlavorCopy | None:
    try:
        return shallow(text, FlavorCopy) if text else None
    except msgspec.MsgspecError:
        return None


_known_copy = lru_cache(MOST_ALIKE)(_copy)


def flavor_of_vm(vm: Vm, vmi: Vmi | None = None, instancetype: FlavorCopy | None = None) -> FlavorCopy:
    """A server's flavor: its copy, else its instancetype, else one made of its processors and memory."""
    copy = copied(vm.metadata.annotations)
    if copy is not None:
        return copy
    if instancetype is not None:
        return instancetype
    vcpus, ram = _size(vm, vmi)
    name = vm.spec.instancetype.name if vm.spec.instancetype else f"custom-{vcpus}-{ram}"
    return FlavorCopy(id=name, name=name, vcpus=vcpus, ram=ram)


def _size(vm: Vm, vmi: Vmi | None) -> tuple[int, int]:
    """Processors and MiB, as the running instance says, else the template (KubeVirt's default is one processor)."""
    domain = (vmi.spec if vmi is not None and vm.spec.instancetype else vm.spec.template.spec).domain
    cpu = domain.cpu
    vcpus = max(cpu.cores, 1) * max(cpu.sockets, 1) * max(cpu.threads, 1) if cpu else 1
    memory = (domain.memory and domain.memory.guest) or domain.resources.requests.get("memory", 0)
    return vcpus, whole(memory) // MEBI
