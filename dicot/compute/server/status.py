"""A server's status: a function of its objects and of time alone.

The table is read from above; the first row that holds decides. printableStatus is virt-controller's word
(kubevirt.io/kubevirt pkg/virt-controller/watch/vm, setPrintableStatus).
"""

from collections.abc import Callable, Mapping

import msgspec

from ...cloud.kinds.condition import Condition
from ...moments import read
from .failure import FAILED_ONCE, NOT_PULLED, Failure, failure_of
from .seen import FINAL, Seen, held, task_of
from .states import ACTIVE, BUILDING, ERROR, PAUSED, STOPPED, status_of

GRACE = 300.0
"""Seconds for which Kubernetes may fail and try again before it counts as an error, which is final for clients."""
RETRIES = 3
"""Restarts of an importer after which its failure counts."""
NONE, RUNNING, HELD, OFF, CRASHED = 0, 1, 3, 4, 6
"""Nova's power states."""


class State(msgspec.Struct, frozen=True):
    """What Nova says of a server; ``again`` is the time from which it must be asked again."""

    vm_state: str | None
    task_state: str | None = None
    power_state: int = NONE
    again: float | None = None
    failure: Failure | None = None

    @property
    def status(self) -> str:
        """What clients see."""
        return status_of(self.vm_state, self.task_state)


Row = Callable[[Seen], State | None]
UNKNOWN = State(None)


def _deleting(seen: Seen) -> State | None:
    if seen.vm.metadata.deletionTimestamp is None and seen.printable != "Terminating":
        return None
    last = ACTIVE if seen.phase == "Running" else STOPPED if seen.launched else BUILDING
    return State(last, "deleting")


def _lost(seen: Seen) -> State | None:
    """A node that has gone silent: nobody knows what its instances do."""
    silent = seen.node is not None and held(seen.node.status.conditions, "Ready", "True") is None
    gone = seen.phase == "Unknown" or seen.printable == "Unknown" or (silent and seen.phase == "Running")
    return UNKNOWN if gone else None


_BETWEEN = frozenset({"Stopping", "Stopped", "Starting", "Provisioning", "WaitingForVolumeBinding"})


def _rebooting(seen: Seen) -> State | None:
    """A restart is a Stop and a Start request; then the Start alone; then an instance that is not yet running.

    The instance may be seen to end before the VM is seen to stop.
    """
    task = seen.task
    task = task if task in ("rebooting", "rebooting_hard") else ""
    if not task and not seen.requests:
        return None
    both = {"Stop", "Start"} <= seen.requests
    moving = seen.printable != "Stopped" or "Start" in seen.requests or seen.is_coming
    stopped_since = seen.requests == {"Stop"} and seen.printable == "Stopping"
    if both and "Running" in (seen.phase, seen.printable):
        return State(ACTIVE, task or "rebooting_hard", RUNNING)
    if task and seen.printable in _BETWEEN and moving and not stopped_since:
        return State(ACTIVE, task, RUNNING, again=_until(seen))
    return None


def _until(seen: Seen) -> float | None:
    found = task_of(seen.vm)
    return read(found.until) if found else None


def _migrating(seen: Seen) -> State | None:
    move = seen.vmi.status.migrationState if seen.vmi is not None else None
    under_way = move is not None and move.startTimestamp is not None and not move.completed and not move.failed
    if seen.printable != "Migrating" and not (under_way and seen.printable in ("Running", "Paused")):
        return None
    paused = seen.of_instance("Paused", "True") is not None
    return State(PAUSED, "migrating", HELD) if paused else State(ACTIVE, "migrating", RUNNING)


def _running(seen: Seen) -> State | None:
    """The instance tells sooner than the VM that it runs, and the VM sooner that it is to stop."""
    ahead = seen.printable == "Starting" and seen.phase == "Running"
    if seen.printable != "Running" and not (ahead and seen.of_instance("Paused", "True") is None):
        return None
    return State(ACTIVE, "powering-off" if seen.requests == {"Stop"} else None, RUNNING)


def _stopped_or_error(seen: Seen, power: int = OFF) -> State:
    return State(STOPPED, None, power) if seen.launched else State(ERROR)


def _refused(seen: Seen) -> State | None:
    """virt-controller cannot make the instance, or something that it needs."""
    return _stopped_or_error(seen) if seen.failure is not None and seen.vmi is None else None


def _unmade(seen: Seen) -> State | None:
    """The instance is there but its Pod cannot be made: a missing network keeps it starting for ever."""
    found = seen.of_instance("Synchronized", "False")
    if found is None or found.reason != "FailedCreate" or seen.phase == "Running":
        return None
    return _graced(seen, found, _stopped_or_error(seen))


def _graced(seen: Seen, found: Condition, then: State) -> State:
    """On its way as long as the condition is young."""
    end = (read(found.lastTransitionTime) or seen.now) + GRACE
    if seen.now >= end:
        return then
    young = State(STOPPED, "powering-on", OFF) if seen.launched else State(BUILDING, "scheduling")
    return State(young.vm_state, young.task_state, young.power_state, again=end)


def _filling(seen: Seen) -> State | None:
    if seen.launched or seen.printable not in ("WaitingForVolumeBinding", "Provisioning"):
        return None
    return State(STOPPED, None, OFF) if seen.is_resting else State(BUILDING, "block_device_mapping")


_STEPS: Mapping[str | None, str] = {"Scheduling": "networking", "Scheduled": "spawning"}


def _building(seen: Seen) -> State | None:
    if seen.launched:
        return None
    quiet = seen.printable in ("", "Stopped")
    fresh = quiet and seen.vmi is None and not seen.is_resting and seen.failure is None
    if seen.printable == "Starting" or fresh or (quiet and seen.is_coming):
        return State(BUILDING, _STEPS.get(seen.phase, "scheduling"))
    return None


def _unschedulable(seen: Seen) -> State | None:
    if seen.printable != "ErrorUnschedulable":
        return None
    if seen.is_filling and not seen.launched:
        return State(BUILDING, "block_device_mapping")
    found = seen.of_instance("PodScheduled", "False")
    return State(ERROR) if found is None else _graced(seen, found, State(ERROR, None, OFF if seen.launched else NONE))


def _without_disk(seen: Seen) -> State | None:
    if seen.printable != "ErrorPvcNotFound":
        return None
    if seen.is_filling:
        return State(STOPPED, "powering-on", OFF) if seen.launched else State(BUILDING, "block_device_mapping")
    found = seen.of_instance("Synchronized", "False")
    return State(ERROR) if found is None else _graced(seen, found, State(ERROR))


def _unclaimable(seen: Seen) -> State | None:
    """CDI cannot tell how a disk is to be claimed; it waits for a StorageProfile that may never say."""
    refused = (held(volume.status.conditions, "Bound", "False") for volume in seen.volumes)
    found = next((each for each in refused if each is not None and each.reason == "ErrClaimNotValid"), None)
    if found is None or seen.launched:
        return None
    end = (read(found.lastTransitionTime) or seen.now) + GRACE
    return State(ERROR) if seen.now >= end else State(BUILDING, "block_device_mapping", again=end)


def _with_broken_disk(seen: Seen) -> State | None:
    """The importer failed at least once; it is tried again, and CDI never calls the volume failed.

    One whose own image cannot be pulled never runs: that is as bad as with a launcher's.
    """
    if seen.printable != "DataVolumeError":
        return None
    if any(volume.status.restartCount >= RETRIES or volume.status.phase == "Failed" for volume in seen.volumes):
        return State(ERROR)
    failed = [held(volume.status.conditions, "Running", "False") for volume in seen.volumes]
    if any(each is not None and each.reason == NOT_PULLED for each in failed):
        return State(ERROR)
    found = next((each for each in failed if each is not None and each.reason == FAILED_ONCE), None)
    return State(BUILDING, "block_device_mapping") if found is None else _graced(seen, found, State(ERROR))


def _without_image(seen: Seen) -> State | None:
    return State(ERROR) if seen.printable in ("ErrImagePull", "ImagePullBackOff") else None


def _failed(seen: Seen) -> State | None:
    return _stopped_or_error(seen) if seen.failure is not None else None


def _withdrawn(seen: Seen) -> State | None:
    """Stopped before it ran: the VM's word still is about the instance that is gone."""
    gone = seen.requests == {"Stop"} and seen.phase in (None, *FINAL)
    return State(STOPPED, None, OFF) if gone and seen.printable not in ("Stopping", "Stopped") else None


def _crashing(seen: Seen) -> State | None:
    """Between two tries of virt-controller, of which each waits longer."""
    if seen.printable != "CrashLoopBackOff":
        return None
    if "Start" not in seen.requests and seen.strategy not in ("Always", "Once"):
        return State(STOPPED, None, OFF)
    again = read(seen.vm.status.startFailure.retryAfterTimestamp) if seen.vm.status.startFailure else None
    if seen.is_coming or (again is not None and seen.now >= again):
        return State(STOPPED, "powering-on", OFF) if seen.launched else State(BUILDING, "scheduling")
    return State(ERROR, None, CRASHED, again)


def _crashed(seen: Seen) -> State | None:
    ends = seen.phase == "Failed" and seen.strategy in ("Manual", "Once")
    return State(STOPPED, None, CRASHED) if ends else None


def _powering_on(seen: Seen) -> State | None:
    starting = seen.printable in ("Starting", "Provisioning", "WaitingForVolumeBinding")
    asked = seen.printable == "Stopped" and ("Start" in seen.requests or seen.is_coming)
    if not starting and not asked:
        return None
    resting = seen.is_resting and seen.vmi is None
    return State(STOPPED, None if resting else "powering-on", OFF)


def _by_phase(seen: Seen) -> State | None:
    """A VM of which virt-controller has not said anything yet."""
    if seen.printable:
        return None
    if seen.phase == "Running":
        return State(ACTIVE, None, RUNNING)
    if seen.phase == "Failed":
        return State(ERROR, None, CRASHED)
    return State(STOPPED, None, OFF)


def _word(printable: str, state: State) -> Row:
    """The row of one word of virt-controller's, whatever else there is."""
    return lambda seen: state if seen.printable == printable else None


TABLE: tuple[Row, ...] = (
    _deleting,
    _lost,
    _rebooting,
    _migrating,
    _word("Paused", State(PAUSED, None, HELD)),
    _running,
    _word("Stopping", State(ACTIVE, "powering-off", RUNNING)),
    _withdrawn,
    _refused,
    _unmade,
    _unclaimable,
    _filling,
    _building,
    _unschedulable,
    _without_disk,
    _with_broken_disk,
    _without_image,
    _failed,
    _crashing,
    _crashed,
    _powering_on,
    _word("Stopped", State(STOPPED, None, OFF)),
    _word("WaitingForReceiver", State(BUILDING, "migrating")),
    _by_phase,
)


def status(seen: Seen, id: str) -> State:
    """What Nova says of a server at this moment. A server in error also says why."""
    for row in TABLE:
        found = row(seen)
        if found is not None:
            break
    else:
        return UNKNOWN
    if found.vm_state != ERROR or found.status != "ERROR":
        return found
    return State(found.vm_state, found.task_state, found.power_state, found.again, failure_of(seen, id))
