"""The volumes that a server has, as Nova lists them, and which of them go with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...cloud.kinds.kubevirt import VM, Vm
from ...cloud.kinds.kubevirt import Volume as Entry
from ...cloud.kinds.storage import DATA_VOLUME, PVC
from ...cloud.resource import Joined
from ...cloud.volumes import VOLUME_DISK, is_volume, volume_id
from ...names import DISK
from . import notes


@dataclass(frozen=True, slots=True)
class Attached:
    """A volume of a server. ``deletes`` tells whether it goes with it."""

    id: str
    deletes: bool


def attached(joined: Joined) -> Iterator[Attached]:
    """In the order of the VirtualMachine; one of which there is nothing yet is left out."""
    vm = joined.main(VM)
    entries = vm.spec.template.spec.volumes
    if not any(entry.dataVolume or entry.persistentVolumeClaim for entry in entries):
        return
    ids, dooms = _ids(joined), doomed(vm)
    for entry in entries:
        id = ids.get(claim_of(entry))
        if id is not None:
            yield Attached(id, entry.name in dooms)


def doomed(vm: Vm) -> frozenset[str]:
    """The entries of ``volumes`` that go with it: what it made itself, and of what that was said."""
    made = {template.metadata.name for template in vm.spec.dataVolumeTemplates}
    own = {entry.name for entry in vm.spec.template.spec.volumes if claim_of(entry) in made}
    return frozenset(own | set(notes.server_note(vm).deletes))


def claim_of(entry: Entry) -> str:
    """The name of the claim behind an entry of ``volumes``, "" where there is none."""
    if entry.dataVolume is not None:
        return entry.dataVolume.name
    return entry.persistentVolumeClaim.claimName if entry.persistentVolumeClaim else ""


def _ids(joined: Joined) -> Mapping[str, str]:
    """The ids of volumes by the names of their claims."""
    found = {
        row.name: row.id
        for row, data in joined.all(DATA_VOLUME)
        if data.metadata.labels.get(DISK, VOLUME_DISK) == VOLUME_DISK
    }
    return found | {row.name: volume_id(row, claim) for row, claim in joined.all(PVC) if is_volume(claim, None)}
