"""Controllers as ordinary clients: they watch, decide and write."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from msgspec import json
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from dicot.kube.address import Place
from dicot.kube.client import Kube
from dicot.kube.errors import Conflict, Doubtful, Exists, Missing, Refused, Unreachable
from dicot.kube.kind import Kind, Manifest
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Change, Store

from .apiserver.selectors import selection
from .settled.mark import calm, may_be_woken
from .steps import Ask, Call, Create, Decision, Look, Patch, Remove, Replace, Rewrite, Step, Tell

AT_ONCE = 16
"""Objects that are written at a time."""
RETRY = 1.0
"""Seconds until a step that failed is decided again."""
_log = Logger()


@dataclass(frozen=True, slots=True)
class Key:
    """One object."""

    kind: Kind[Any]
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who writes: ``kube`` in general, ``handler`` what is read, changed and PUT as a whole (KubeVirt lets only
    virt-handler write the status of a guest; other controllers use one account for both)."""

    kube: Kube
    handler: Kube


class World(Protocol):
    """The stores of what is watched, joined, and what follows from them for each object."""

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched."""
        ...

    def saw(self, change: Change) -> Iterable[Key]:
        """Take a change into account; what must be decided again."""
        ...

    def everything(self) -> list[Key]:
        """All objects that there are."""
        ...

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an object; ``now`` in seconds since 1970."""
        ...


class Controller(Service):
    """Keeps a world as it should be. What is watched is decided anew at each change, an object at most once at a
    time."""

    def __init__(
        self,
        world: World,
        accounts: Accounts,
        origin: Origin,
        clock: IReactorTime,
        random: Callable[[], float],
    ) -> None:
        self.world = world
        self._accounts = accounts
        self._clock = clock
        self._reflect = lambda store: Reflector(store, origin, clock, random)
        self._reflectors: list[Reflector] = []
        self._places = DeferredSemaphore(AT_ONCE)
        self._busy: dict[Key, Deferred[None]] = {}
        self._again: set[Key] = set()
        self._timers: dict[Key, IDelayedCall] = {}
        self._waiting: Deferred[None] | None = None
        self._sees_all = False
        for store in world.stores:
            store.listen(self._changed)

    def startService(self) -> None:
        """Watch."""
        super().startService()
        self._waiting = Deferred.fromCoroutine(self._wait()).addErrback(cancelled)
        self._reflectors = [self._reflect(store) for store in self.world.stores]
        for reflector in self._reflectors:
            reflector.start()

    def stopService(self) -> None:
        """Stop at once; what is half done is decided anew at the next start."""
        super().stopService()
        for reflector in self._reflectors:
            reflector.stop()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._waiting is not None:
            self._waiting.cancel()
        for running in list(self._busy.values()):
            running.cancel()

    async def _wait(self) -> None:
        """Nothing is decided on half of what there is: a guest whose launcher is not listed yet is not lost."""
        for store in self.world.stores:
            await store.synced()
        self._sees_all = True
        for key in self.world.everything():
            self.look(key)

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            for key in self.world.saw(change):
                self.look(key)

    def look(self, key: Key) -> None:
        """Decide about an object, now or as soon as what is being done about it is done."""
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
        running.addErrback(cancelled).addErrback(_report, key).addBoth(self._done, key)

    def _done(self, _: object, key: Key) -> None:
        del self._busy[key]
        if key in self._again:
            self._again.discard(key)
            self.look(key)

    def _later(self, key: Key, seconds: float) -> None:
        def now() -> None:
            del self._timers[key]
            self.look(key)

        if self.running and key not in self._timers:
            self._timers[key] = self._clock.callLater(seconds, now)

    async def _settle(self, key: Key) -> None:
        """Decide, and do it."""
        pause = self._calm(key)
        if pause:
            self._later(key, pause)
            return
        try:
            again = await self._follow(self.world.decide(key, self._clock.seconds()))
        except (Conflict, Missing):
            # Somebody was faster; the watch will tell, unless it has told already.
            self._later(key, RETRY)
        except (Refused, Doubtful, Unreachable) as reason:
            _log.warn("{key}: {reason}", key=f"{key.kind.singular} {key.namespace}/{key.name}", reason=reason)
            self._later(key, RETRY)
        else:
            if again is not None:
                self._later(key, again)

    def _calm(self, key: Key) -> float:
        """Seconds for which an object is left alone that was woken a moment ago."""
        store = next((store for store in self.world.stores if store.kind is key.kind), None)
        row = store.one(key.namespace, key.name) if store is not None else None
        if store is None or row is None or not may_be_woken(row.body):
            return 0.0
        return calm(store.read(row).metadata, self._clock.seconds())

    async def _follow(self, decision: Decision) -> float | None:
        """Take the steps; when to decide again."""
        for step in decision.steps:
            if isinstance(step, Ask):
                answer = json.decode(await self._accounts.kube.create(step.at, step.body))
                return await self._follow(step.then(answer))
            if isinstance(step, Look):
                return await self._follow(await self._look_at(step))
            await self.take(step)
        return decision.again

    async def _look_at(self, step: Look) -> Decision:
        try:
            found = json.decode(await self._accounts.kube.read(step.at))
        except Missing:
            if step.missing is None:
                raise
            return step.missing
        return step.then(found)

    async def take(self, step: Step) -> None:
        """Write it, whatever the store shows."""
        kube = self._accounts.kube
        match step:
            case Create():
                await self._create(step)
            case Patch():
                await self._patch(step)
            case Replace(at, body):
                self._learn(at, await kube.replace(at, body))
            case Remove(at, uid, grace):
                await kube.delete(at, uid=uid, grace=grace)
            case Rewrite(at, change):
                await self._rewrite(at, change)
            case Tell():
                await self._tell(step)
            case Call():
                await self._call(step)

    async def _create(self, step: Create) -> None:
        try:
            made = await self._accounts.kube.create(step.at, step.body)
        except Exists:
            return
        except Refused as reason:
            await self._tell_why(step, reason)
            raise
        if not step.at.subresource:
            self._learn(step.at, made)
        for told in step.then:
            await self.take(told)

    async def _call(self, step: Call) -> None:
        try:
            await self._accounts.kube.replace(step.at, step.body)
        except Refused as reason:
            await self._tell_why(step, reason)
            raise

    async def _patch(self, step: Patch) -> None:
        try:
            found = await self._accounts.kube.patch(step.at, step.body, media=step.media)
        except (Conflict, Missing):
            raise
        except Refused as reason:
            await self._tell_why(step, reason)
            raise
        self._learn(step.at, found)

    async def _tell_why(self, step: Call | Create | Patch, reason: Refused) -> None:
        for told in step.refused(reason) if step.refused is not None else ():
            await self.take(told)

    async def _rewrite(self, at: Place, change: Callable[[Manifest], Manifest | None]) -> None:
        handler = self._accounts.handler
        changed = change(json.decode(await handler.read(at)))
        if changed is not None:
            self._learn(at, await handler.replace(at, changed))

    async def _tell(self, event: Tell) -> None:
        kube, at = self._accounts.kube, event.at
        try:
            try:
                await kube.create(replace(at, name=""), event.body)
            except Exists:
                told = json.decode(await kube.read(at))
                again = {"count": told["count"] + 1, "lastTimestamp": event.body["lastTimestamp"]}
                await kube.replace(at, {**told, **again})
        except Refused as reason:
            _log.debug("{event}: {reason}", event=event.body["message"], reason=reason)

    def _learn(self, at: Place, answer: bytes) -> None:
        """What was written is not decided about again as it was before. A store that does not select it would never
        hear of its end."""
        for store in self.world.stores:
            where = store.kind.group, store.kind.plural
            if where == (at.group, at.plural) and selection(store.kind.selector, "", where).takes("", "", answer):
                store.learn(answer)


def cancelled(failure: Failure) -> None:
    """Nothing is wrong with what was cancelled."""
    failure.trap(CancelledError)


def _report(failure: Failure, key: Key) -> None:
    _log.failure("{kind} {namespace}/{name}", failure, kind=key.kind.singular, namespace=key.namespace, name=key.name)
