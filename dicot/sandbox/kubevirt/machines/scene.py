"""What virt-controller looks at when it decides about a machine, and what comes of a decision."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dicot.kube.kind import Manifest

from ...steps import Step


@dataclass(frozen=True)
class Scene:
    """A machine and what belongs to it. ``guest`` is its instance, also one that nobody controls yet. ``volumes``
    and ``claims`` are the DataVolumes and PersistentVolumeClaims of its namespace that it names. ``revisions`` are
    ControllerRevisions that it owns. ``flavor`` finds an instancetype or preference by kind and name.
    ``source`` finds a DataSource by namespace and name, ``claim`` any claim.
    ``storage`` tells the driver of a StorageClass, ``snapshots`` are the drivers that have a VolumeSnapshotClass.
    ``now``: seconds since 1970. ``dice``: a number below 1 that scatters what failed together.
    """

    machine: Manifest
    guest: Manifest | None
    volumes: Mapping[str, Manifest]
    claims: Mapping[str, Manifest]
    revisions: Sequence[Manifest]
    flavor: Callable[[str, str], Manifest | None]
    source: Callable[[str, str], Manifest | None]
    claim: Callable[[str, str], Manifest | None]
    storage: Mapping[str, str]
    snapshots: frozenset[str]
    now: float
    dice: float


@dataclass(frozen=True)
class Stage:
    """A guest and what belongs to it. ``pods`` are its launchers. ``machine``: whether its owner is still there.
    ``volumes`` and ``claims`` are those of its namespace that it names; ``overheads`` are CDI's shares of file
    systems, by StorageClass, "" for any other. ``has_network`` knows NetworkAttachmentDefinitions by namespace and
    name. ``now``: seconds since 1970."""

    guest: Manifest
    pods: Sequence[Manifest]
    machine: bool
    volumes: Mapping[str, Manifest]
    claims: Mapping[str, Manifest]
    overheads: Mapping[str, str]
    has_network: Callable[[str, str], bool]
    now: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a machine is not as it should be, as its condition Failure says it."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of looking at a machine. ``steps`` are taken before its status is written, ``wrote`` says that they
    write the machine itself, whose status then waits for the next look. ``starting`` and ``stopping``: its instance
    is on its way, or off. ``restart``: what the condition RestartRequired says ("": there is none; None: as it is).
    ``waits``: seconds until the next look.
    """

    steps: tuple[Step, ...] = ()
    wrote: bool = False
    failure: Failure | None = None
    starting: bool = False
    stopping: bool = False
    restart: str | None = None
    waits: float | None = None


def strategy(machine: Manifest) -> str:
    """The run strategy; ``running`` is the older way to say it (VirtualMachine.RunStrategy)."""
    spec = machine["spec"]
    if spec.get("running") is not None:
        return "Always" if spec["running"] else "Halted"
    return str(spec.get("runStrategy") or "Halted")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a status is computed from, beside the machine."""

    guest: Manifest | None
    volumes: Mapping[str, Manifest]
    claims: Mapping[str, Manifest]
    now: float
    dice: float
    outcome: Outcome = field(default_factory=Outcome)
