"""What virt-controller looks at when it decides about a machine, and what comes of a decision."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dicot.kube.kind import Manifest

from ...steps import Step
from .attachments import Plug, has_plugged
from .objects import is_final, is_up, meta
from .target import is_target


@dataclass(frozen=True)
class Scene:
    """A machine and what belongs to it. ``guest`` is its instance, also one that nobody controls yet. ``volumes``
    and ``claims`` are the DataVolumes and PersistentVolumeClaims of its namespace that it names. ``revisions`` are
    ControllerRevisions that it owns. ``flavor`` finds an instancetype or preference by kind and name.
    ``source`` finds a DataSource by namespace and name, ``claim`` any claim.
    ``storage`` tells the driver of a StorageClass, ``snapshots`` are the drivers that have a VolumeSnapshotClass.
    ``plugs``: volumes of a template that may come and go are brought to running instances.
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
    plugs: bool
    now: float
    dice: float


@dataclass(frozen=True)
class Stage:
    """A guest and what belongs to it. ``pods`` are its launchers, ``attachments`` the Pods that bring volumes to
    them, by the uids of these. ``machine``: whether its owner is still there; ``ephemeral`` are volumes that were
    plugged in and that the owner's template has not.
    ``volumes`` and ``claims`` are those of its namespace that it names; ``overheads`` are CDI's shares of file
    systems, by StorageClass, "" for any other. ``moves`` are the migrations of the guest; ``moves_changed``: KubeVirt
    moves guests that were changed while they run. ``now``: seconds since 1970."""

    guest: Manifest
    pods: Sequence[Manifest]
    attachments: Mapping[str, Sequence[Manifest]]
    machine: bool
    ephemeral: Sequence[str]
    volumes: Mapping[str, Manifest]
    claims: Mapping[str, Manifest]
    overheads: Mapping[str, str]
    moves: Sequence[Manifest]
    moves_changed: bool
    now: float


@dataclass(frozen=True)
class Passage:
    """A migration and what belongs to it. ``guest`` is the one that it moves, ``pods`` are its launchers, ``source``
    the one that runs it now, ``plug`` what is brought to the launcher that waits for it. ``others`` are further
    migrations of that guest, ``under_way`` all guests of the cluster that other migrations move. ``limits`` is
    KubeVirt's configuration of migrations. ``now``: seconds since 1970."""

    migration: Manifest
    guest: Manifest | None
    pods: Sequence[Manifest]
    source: Manifest | None
    plug: Plug | None
    others: Sequence[Manifest]
    under_way: Sequence[Manifest]
    limits: Mapping[str, Any]
    now: float

    @property
    def target(self) -> Manifest | None:
        """The launcher that was made for it."""
        uid = meta(self.migration)["uid"]
        return next((each for each in self.pods if is_target(each, uid)), None)

    @property
    def is_target_up(self) -> bool:
        """Whether that is there for the guest."""
        return self.target is not None and is_up(self.target)

    @property
    def attachment(self) -> Manifest | None:
        """The Pod that brings the guest's plugged volumes to it."""
        return next(iter(self.plug.pods), None) if self.plug is not None else None

    @property
    def has_volumes(self) -> bool:
        """Whether all volumes that were plugged in are where the guest goes."""
        if self.guest is None or not has_plugged(self.guest):
            return True
        return self.attachment is not None and is_up(self.attachment)

    @property
    def state(self) -> Manifest:
        """The guest's migrationState: of this migration, of the one before, or empty."""
        return ((self.guest or {}).get("status") or {}).get("migrationState") or {}

    @property
    def is_ours(self) -> bool:
        """Whether that is of this migration, which then has been handed over to the nodes."""
        return bool(self.state.get("migrationUid") == meta(self.migration)["uid"])

    @property
    def may_go(self) -> bool:
        """Whether no other migration moves the guest."""
        uid = self.state.get("migrationUid")
        return not any(meta(each)["uid"] == uid and not is_final(each) for each in self.others)


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
