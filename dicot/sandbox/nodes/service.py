"""The node side of a cluster: a controller, the heartbeats of its machines, and their doors."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from dicot.kube.address import Place
from dicot.kube.errors import Doubtful, Missing, Refused, Unreachable
from dicot.kube.source import Origin
from dicot.moments import precise, stamp

from ..controller import RETRY, Accounts, Controller, Key, cancelled
from ..steps import Create, Patch
from .door import Doors, pod
from .kinds import PODS
from .machines import HEARTBEAT_PERIOD, LEASE_PERIOD, TWO, Machine
from .work.programs import Programs
from .world import NodeWorld

WORK = 0.5
"""Seconds that a worker of CDI takes."""
_log = Logger()


class Nodes(Controller):
    """Machines of a cluster. It writes as kubelet, scheduler and storage, and as virt-handler."""

    world: NodeWorld

    def __init__(
        self,
        accounts: Accounts,
        origin: Origin,
        clock: IReactorTime,
        random: Callable[[], float],
        doors: Doors | None = None,
        machines: Sequence[Machine] = TWO,
        work: float = WORK,
        programs: Programs | None = None,
    ) -> None:
        super().__init__(NodeWorld(machines, work, programs), accounts, origin, clock, random)
        if programs is not None:
            programs.look = lambda namespace, name: self.look(Key(PODS, namespace, name))
            programs.clock = clock
        self._programs = programs
        self._machines = machines
        self._doors = doors
        self._beats: list[Deferred[None]] = []

    def startService(self) -> None:
        """Register the machines, and watch. Raises CannotListenError where a door's port is taken."""
        if self._doors is not None:
            for machine in self._machines:
                self._doors.open(machine)
        self._beats = [
            Deferred.fromCoroutine(self._beat(machine)).addErrback(cancelled) for machine in self._machines
        ]
        super().startService()

    def stopService(self) -> None:
        """See Controller."""
        super().stopService()
        if self._doors is not None:
            self._doors.close()
        if self._programs is not None:
            self._programs.close()
        for beat in self._beats:
            beat.cancel()

    async def _beat(self, machine: Machine) -> None:
        """Keep a machine alive in the eyes of the cluster, unless it is lost."""
        await self.world.cluster.nodes.synced()
        since = due = self._clock.seconds()
        while True:
            pause = RETRY
            if self.world.cluster.is_lost(machine.name):
                since = due = self._clock.seconds()
                if self._doors is not None:
                    self._doors.shut(machine)
            else:
                try:
                    if self._clock.seconds() >= due:
                        await self._post(machine, stamp(since))
                        due = self._clock.seconds() + HEARTBEAT_PERIOD
                    await self._renew(machine)
                    pause = LEASE_PERIOD
                except (Refused, Doubtful, Unreachable, CannotListenError) as reason:
                    _log.warn("{node}: {reason}", node=machine.name, reason=reason)
            await deferLater(self._clock, pause)

    async def _post(self, machine: Machine, since: str) -> None:
        """kubelet's whole status, and virt-handler's heartbeat."""
        now = stamp(self._clock.seconds())
        await self.take(Create(Place("", "v1", "nodes"), machine.node(now)))
        await self.take(Patch(machine.at(), machine.beat(now)))
        await self.take(Patch(machine.at("status"), machine.status(now, since)))
        if self._doors is not None:
            self._doors.open(machine)
            await self.take(Create(Place("", "v1", "pods", "kubevirt"), pod(machine)))

    async def _renew(self, machine: Machine) -> None:
        """kubelet's Lease."""
        body = machine.leased(precise(self._clock.seconds()))
        try:
            await self.take(Patch(machine.lease(), {"spec": body["spec"]}))
        except Missing:
            await self.take(Create(replace(machine.lease(), name=""), body))
