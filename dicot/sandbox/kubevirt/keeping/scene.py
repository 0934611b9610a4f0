"""What virt-controller looks at when it takes snapshots of machines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dicot.kube.kind import Manifest

from ..machines.kinds import claim_of
from ..machines.objects import condition, meta, says, status

SOURCE_FINALIZER = "snapshot.kubevirt.io/snapshot-source-protection"


@dataclass(frozen=True)
class Source:
    """A machine of which a snapshot is taken, and its instance. ``name`` is the snapshot's."""

    machine: Manifest
    guest: Manifest | None
    name: str

    @property
    def is_locked(self) -> bool:
        """Whether the machine is kept as it is for this snapshot."""
        held = SOURCE_FINALIZER in meta(self.machine).get("finalizers", ())
        return held and status(self.machine).get("snapshotInProgress") == self.name

    @property
    def is_paused(self) -> bool:
        """Whether its processors stand still."""
        return says(self.guest, "Paused", "True")

    @property
    def has_agent(self) -> bool:
        """Whether somebody in the guest can hold its file systems still."""
        return self.guest is not None and condition(self.guest, "AgentConnected") is not None

    @property
    def is_frozen(self) -> bool:
        """Whether they are."""
        return self.guest is not None and status(self.guest).get("fsFreezeStatus") == "frozen"

    @property
    def claims(self) -> Mapping[str, str]:
        """The claims of its volumes, by the names of these."""
        volumes = self.machine["spec"]["template"]["spec"].get("volumes") or ()
        return {each["name"]: claim_of(each) for each in volumes if claim_of(each)}


@dataclass(frozen=True)
class Shot:
    """A VirtualMachineSnapshot and what belongs to it. ``claims`` and ``volumes`` are the claims of the machine and
    the DataVolumes of their names, ``users`` counts the Pods that have such a claim, ``revision`` is what the machine
    was when its instance started. ``class_of`` tells the VolumeSnapshotClass of a StorageClass, "" for none.
    ``now``: seconds since 1970."""

    snapshot: Manifest
    content: Manifest | None
    source: Source | None
    claims: Mapping[str, Manifest]
    volumes: Mapping[str, Manifest]
    users: int
    revision: Manifest | None
    class_of: Callable[[str], str]
    now: float


@dataclass(frozen=True)
class Kept:
    """A VirtualMachineSnapshotContent and what belongs to it. ``taken`` are its VolumeSnapshots, by name."""

    content: Manifest
    snapshot: Manifest | None
    source: Source | None
    taken: Mapping[str, Manifest]
    class_of: Callable[[str], str]
    now: float


def backups(content: Manifest) -> Sequence[Manifest]:
    """What a content holds of each volume."""
    return content["spec"].get("volumeBackups") or ()
