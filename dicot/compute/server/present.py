"""A server as it is now, for those who want to change it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...cloud.kinds.kubevirt import NODE, VM, VMI, Vm
from ...cloud.kinds.storage import DATA_VOLUME, PVC
from ...cloud.resource import Known
from ...kube.kind import Kind, Meta, Row
from . import notes
from .attached import claim_of
from .seen import Seen
from .status import State, status


@dataclass(frozen=True, slots=True)
class Doomed:
    """A DataVolume, or a claim without one, that is to go with a server, which Kubernetes does not know yet."""

    kind: Kind[Any]
    row: Row
    meta: Meta


@dataclass(frozen=True, slots=True)
class Present:
    """A VirtualMachine with its status at one moment. ``dooms`` are older volumes that end with it."""

    row: Row
    seen: Seen
    state: State
    dooms: tuple[Doomed, ...] = ()

    @property
    def vm(self) -> Vm:
        """The VirtualMachine."""
        return self.seen.vm

    @property
    def instance_uid(self) -> str:
        """The uid of its instance, "" for none."""
        return "" if self.seen.vmi is None else self.seen.vmi.metadata.uid


def present(known: Known, id: str, now: float) -> Present | None:
    """The server of an id, None where the caller sees none."""
    found = known.find(VM, id)
    if found is None:
        return None
    row, vm = found
    instance = known.named(VMI, row.name, row.namespace)
    vmi = instance[1] if instance is not None and instance[0].owner == row.uid else None
    volumes = []
    for volume in vm.spec.template.spec.volumes:
        data = volume.dataVolume and known.named(DATA_VOLUME, volume.dataVolume.name, row.namespace)
        if data:
            volumes.append(data[1])
    node = known.named(NODE, vmi.status.nodeName) if vmi is not None and vmi.status.nodeName else None
    seen = Seen(vm, vmi, tuple(volumes), node[1] if node else None, now)
    return Present(row, seen, status(seen, row.id), tuple(_dooms(known, row, vm)))


def _dooms(known: Known, row: Row, vm: Vm) -> Iterator[Doomed]:
    wanted = notes.server_note(vm).deletes
    kinds: tuple[Kind[Any], ...] = (DATA_VOLUME, PVC)
    for entry in vm.spec.template.spec.volumes:
        if entry.name not in wanted:
            continue
        for kind in kinds:
            found = known.named(kind, claim_of(entry), row.namespace)
            if found is not None:
                yield Doomed(kind, found[0], found[1].metadata)
                break
