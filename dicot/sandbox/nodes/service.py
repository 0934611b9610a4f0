"""The node side of a cluster: ordinary clients that watch, decide and write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import json
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from dicot.kube.client import Kube, Place
from dicot.kube.errors import Conflict, Doubtful, Exists, Missing, Refused, Unreachable
from dicot.kube.kind import Manifest
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Change

from .door import Doors, pod
from .machines import HEARTBEAT_PERIOD, TWO, Machine
from .moments import written
from .steps import Create, Decision, Patch, Remove, Rewrite, Step
from .world import Key, World

AT_ONCE = 16
"""Objects that are written at a time."""
RETRY = 1.0
"""Seconds until a step that failed is decided again."""
WORK = 0.5
"""Seconds that a worker of CDI takes."""
_log = Logger()


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who writes: kubelet, scheduler and storage as ``kube``; virt-handler as ``handler``, the only one whom KubeVirt
    lets write the status of a guest."""

    kube: Kube
    handler: Kube


class Nodes(Service):
    """Machines of a cluster. What they watch is decided anew at each change, an object at most once at a time."""

    def __init__(
        self,
        accounts: Accounts,
        origin: Origin,
        clock: IReactorTime,
        random: Callable[[], float],
        doors: Doors | None = None,
        machines: Sequence[Machine] = TWO,
        work: float = WORK,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._machines = machines
        self._doors = doors
        self.world = World(machines, work)
        self._reflect = lambda store: Reflector(store, origin, clock, random)
        self._reflectors: list[Reflector] = []
        self._places = DeferredSemaphore(AT_ONCE)
        self._busy: dict[Key, Deferred[None]] = {}
        self._again: set[Key] = set()
        self._timers: dict[Key, IDelayedCall] = {}
        self._beats: list[Deferred[None]] = []
        self._sees_all = False
        for store in self.world.stores:
            store.listen(self._changed)

    def startService(self) -> None:
        """Register the machines, and watch. Raises CannotListenError where a door's port is taken."""
        if self._doors is not None:
            for machine in self._machines:
                self._doors.open(machine)
        super().startService()
        steps = [self._wait(), *(self._beat(machine) for machine in self._machines)]
        self._beats = [Deferred.fromCoroutine(each).addErrback(_cancelled) for each in steps]
        self._reflectors = [self._reflect(store) for store in self.world.stores]
        for reflector in self._reflectors:
            reflector.start()

    def stopService(self) -> None:
        """Stop at once; what is half done is decided anew at the next start."""
        super().stopService()
        if self._doors is not None:
            self._doors.close()
        for reflector in self._reflectors:
            reflector.stop()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for running in [*self._beats, *self._busy.values()]:
            running.cancel()

    async def _wait(self) -> None:
        """Nothing is decided on half of what there is: a guest whose launcher is not listed yet is not lost."""
        for store in self.world.stores:
            await store.synced()
        self._sees_all = True
        for key in self.world.everything():
            self._look(key)

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            for key in self.world.saw(change):
                self._look(key)

    def _look(self, key: Key) -> None:
        if not self.running or not self._sees_all:
            return
        if key in self._busy:
            self._again.add(key)
            return
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        running: Deferred[None] = self._places.run(lambda: Deferred.fromCoroutine(self._settle(key)))
        self._busy[key] = running
        running.addErrback(_cancelled).addErrback(_report, key).addBoth(self._done, key)

    def _done(self, _: object, key: Key) -> None:
        del self._busy[key]
        if key in self._again:
            self._again.discard(key)
            self._look(key)

    def _later(self, key: Key, seconds: float) -> None:
        def now() -> None:
            del self._timers[key]
            self._look(key)

        if self.running and key not in self._timers:
            self._timers[key] = self._clock.callLater(seconds, now)

    async def _settle(self, key: Key) -> None:
        """Decide, and do it."""
        decision: Decision = self.world.decide(key, self._clock.seconds())
        try:
            for step in decision.steps:
                await self._take(step)
        except (Conflict, Missing):
            # Somebody was faster; the watch will tell, unless it has told already.
            self._later(key, RETRY)
        except (Refused, Doubtful, Unreachable) as reason:
            _log.warn("{key}: {reason}", key=f"{key.kind.singular} {key.namespace}/{key.name}", reason=reason)
            self._later(key, RETRY)
        else:
            if decision.again is not None:
                self._later(key, decision.again)

    async def _take(self, step: Step) -> None:
        kube = self._accounts.kube
        match step:
            case Create(at, body):
                try:
                    await kube.create(at, body)
                except Exists:
                    return
            case Patch(at, body, media):
                self._learn(at, await kube.patch(at, body, media=media))
            case Remove(at, uid):
                await kube.delete(at, uid=uid, grace=0)
            case Rewrite(at, change):
                await self._rewrite(at, change)

    async def _rewrite(self, at: Place, change: Callable[[Manifest], Manifest | None]) -> None:
        handler = self._accounts.handler
        changed = change(json.decode(await handler.read(at)))
        if changed is not None:
            self._learn(at, await handler.replace(at, changed))

    def _learn(self, at: Place, answer: bytes) -> None:
        """What was written is not decided about again as it was before."""
        for store in self.world.stores:
            if (store.kind.group, store.kind.plural) == (at.group, at.plural):
                store.learn(answer)

    async def _beat(self, machine: Machine) -> None:
        """Keep a machine alive in the eyes of the cluster."""
        since = written(self._clock.seconds())
        while True:
            now = written(self._clock.seconds())
            pause = HEARTBEAT_PERIOD
            try:
                await self._take(Create(Place("", "v1", "nodes"), machine.node(now)))
                await self._take(Patch(machine.at(), machine.beat(now)))
                await self._take(Patch(machine.at("status"), machine.status(now, since)))
                if self._doors is not None:
                    await self._take(Create(Place("", "v1", "pods", "kubevirt"), pod(machine)))
            except (Refused, Doubtful, Unreachable) as reason:
                _log.warn("{node}: {reason}", node=machine.name, reason=reason)
                pause = RETRY
            await deferLater(self._clock, pause)


def _cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)


def _report(failure: Failure, key: Key) -> None:
    _log.failure("{kind} {namespace}/{name}", failure, kind=key.kind.singular, namespace=key.namespace, name=key.name)
