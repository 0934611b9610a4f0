"""What is to be seen of a server at one moment: the objects that its status is read from."""

import msgspec

from ...cloud.kinds.condition import Condition
from ...cloud.kinds.kubevirt import Node, Vm, Vmi
from ...cloud.kinds.storage import DataVolume
from ...kube.deep import shallow
from ...moments import read
from ...names import LAUNCHED_AT, TASK

FINAL = frozenset({"Succeeded", "Failed"})
_NOTHING: frozenset[str] = frozenset()
_COUNTED = frozenset({"Always", "RerunOnFailure", "Once"})


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/task``: what Dicot was asked for and KubeVirt does not show.

    ``until`` ends it whatever happens; ``vmi`` is the uid of the instance that was there when it began.
    """

    task: str = ""
    until: str = ""
    vmi: str = ""


class Seen(msgspec.Struct, frozen=True):
    """The objects of a server. ``volumes`` are the DataVolumes that it names, ``node`` where its instance runs."""

    vm: Vm
    vmi: Vmi | None
    volumes: tuple[DataVolume, ...]
    node: Node | None
    now: float

    @property
    def printable(self) -> str:
        """virt-controller's own word; "" before it has said any."""
        return self.vm.status.printableStatus

    @property
    def phase(self) -> str | None:
        """The instance's phase; None where there is no instance."""
        return None if self.vmi is None else self.vmi.status.phase

    @property
    def is_coming(self) -> bool:
        """Whether there is an instance that does not run yet."""
        return self.vmi is not None and self.vmi.status.phase not in (*FINAL, "Running", "Unknown")

    @property
    def strategy(self) -> str:
        """The run strategy, also where a manifest says it by the older ``running``."""
        return self.vm.spec.runStrategy or ("Always" if self.vm.spec.running else "Halted")

    @property
    def launched(self) -> bool:
        """Whether it ever ran: noted, or to be seen from what is left."""
        return LAUNCHED_AT in self.vm.metadata.annotations or self._has_left

    @property
    def requests(self) -> frozenset[str]:
        """What virt-controller is asked to do and has not done: Start, Stop."""
        asked = self.vm.status.stateChangeRequests
        return frozenset([request.action for request in asked]) if asked else _NOTHING

    @property
    def _has_left(self) -> bool:
        """Whether the last instance is gone and had run, although nobody noted it.

        virt-controller keeps the conditions of an instance that is gone (pkg/virt-controller/watch/vm,
        syncConditions), and virt-handler gives LiveMigratable, true or false, to each that reached a node. One that
        ended before it ran leaves startFailure, with the strategies that start it again (syncStartFailureStatus).
        """
        status = self.vm.status
        if self.vmi is not None or self.strategy not in _COUNTED or status.startFailure is not None:
            return False
        kept = any(condition.type == "LiveMigratable" for condition in status.conditions)
        return kept and self.printable in ("Stopped", "Terminating")

    @property
    def is_resting(self) -> bool:
        """Whether nobody means it to run: it waits to be started."""
        return self.strategy in ("Halted", "Manual") and "Start" not in self.requests

    @property
    def is_filling(self) -> bool:
        """Whether a disk is still being made."""
        return any(volume.status.phase != "Succeeded" for volume in self.volumes)

    @property
    def failure(self) -> Condition | None:
        """virt-controller's Failure condition, where it holds."""
        return held(self.vm.status.conditions, "Failure", "True")

    def of_instance(self, type: str, status: str) -> Condition | None:
        """A condition of the instance, never the copy on the VM: that keeps those of dead instances too."""
        return None if self.vmi is None else held(self.vmi.status.conditions, type, status)

    @property
    def task(self) -> str:
        """The task in force, "" for none."""
        found = task_of(self.vm)
        until = read(found.until) if found else None
        if found is None or until is None or self.now >= until:
            return ""
        replaced = self.vmi is not None and self.vmi.metadata.uid != found.vmi
        return "" if replaced and self.phase == "Running" else found.task


def held(conditions: tuple[Condition, ...], type: str, status: str) -> Condition | None:
    """The condition of a type, if it has that status."""
    for found in conditions:
        if found.type == type and found.status == status:
            return found
    return None


def task_of(vm: Vm) -> Task | None:
    """The task annotation; one that does not fit counts as none."""
    text = vm.metadata.annotations.get(TASK)
    try:
        return shallow(text, Task) if text else None
    except msgspec.MsgspecError:
        return None
