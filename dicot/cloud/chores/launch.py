"""When a VM was first launched, noted on it: a stopped one is told from one that never ran."""

from collections.abc import Callable

from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...kube.address import Account
from ...kube.kind import Row
from ...kube.store import Change
from ...names import ACCOUNTS_NAMESPACE, LAUNCHED_AT, account_name
from ..kinds.kubevirt import VM, VMI, Vmi
from ..plan import Patch
from ..writing.attempt import all_of
from ..writing.cluster import STUMBLES, Cluster
from ..writing.errand import Errand

_log = Logger()

_RUNNING = "Running"
# Looked for before an instance is decoded.
_MARK = b"Running"
_SIDE_BY_SIDE = 10
_STRIDE = 500
_MOST_WOKEN = 10_000
_LONGEST = 15.0


def launch(vm: Row, instance: Row, body: Vmi) -> Patch | None:
    """The note on a VM whose instance runs, or has run; None where there is nothing to note."""
    if instance.owner != vm.uid or LAUNCHED_AT in VM.read(vm).metadata.annotations:
        return None
    moments = body.status.phaseTransitionTimestamps
    since = next((moment.phaseTransitionTimestamp for moment in moments if moment.phase == _RUNNING), None)
    if not since:
        return None
    # Under the same name another VM may stand by now: the uid makes the patch fail then.
    metadata = {"uid": vm.uid, "annotations": {LAUNCHED_AT: since}}
    return Patch(VM, vm.namespace, vm.name, {"metadata": metadata})


class Launches:
    """The chore of noting launches: soon after an instance reached Running, and all that were missed each minute."""

    period = 60.0

    def __init__(self, cluster: Cluster, project_of: Callable[[str], str]) -> None:
        self._cluster = cluster
        self._project_of = project_of
        self._woken: dict[tuple[str, str], None] = {}
        self._walked = float("-inf")
        self._call: Callable[[], None] = lambda: None
        cluster.stores[VMI].listen(self._moved)

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore."""
        self._call = call

    async def round(self, may: Callable[[], bool]) -> None:
        """Notes what is due, as the member account of each VM's project."""
        rows = self._rows()
        for start in range(0, len(rows), _STRIDE):
            if start:
                await deferLater(self._cluster.clock, 0)
            steps = [step for row in rows[start : start + _STRIDE] if (step := self._step(row)) is not None]
            for first in range(0, len(steps), _SIDE_BY_SIDE):
                if not may():
                    self._walked = float("-inf")
                    return
                await all_of(self._note(step) for step in steps[first : first + _SIDE_BY_SIDE])

    def _rows(self) -> list[Row]:
        """The instances to look at: those that changed, and each minute all."""
        store = self._cluster.stores[VMI]
        woken, self._woken = self._woken, {}
        if self._cluster.now() - self._walked >= self.period:
            self._walked = self._cluster.now()
            return list(store.rows())
        return [row for namespace, name in woken if (row := store.one(namespace, name)) is not None]

    def _step(self, instance: Row) -> Patch | None:
        if _MARK not in instance.body or not self._project_of(instance.namespace):
            return None
        vm = self._cluster.stores[VM].one(instance.namespace, instance.name)
        return None if vm is None else launch(vm, instance, VMI.read(instance))

    async def _note(self, step: Patch) -> None:
        account = Account(ACCOUNTS_NAMESPACE, account_name(self._project_of(step.namespace), "member"))
        try:
            await Errand(self._cluster, lambda namespace: account, self._cluster.now() + _LONGEST).patch(step)
        except STUMBLES as error:
            _log.warn("launch of {name} not noted: {error}", name=f"{step.namespace}/{step.name}", error=error)

    def _moved(self, changes: tuple[Change, ...]) -> None:
        # Of a first list all are walked anyway, in strides.
        for change in changes if len(changes) <= _MOST_WOKEN else ():
            if change.new is not None and _MARK in change.new.body:
                self._woken[change.new.namespace, change.new.name] = None
        if max(len(self._woken), len(changes)) > _MOST_WOKEN:
            self._woken.clear()
            self._walked = float("-inf")
        if self._woken:
            self._call()
