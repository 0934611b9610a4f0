"""What one replica does for all: losing it only delays."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..writing.cluster import KUBE_ERRORS
from .lease import RETRY, Lease, parted

_log = Logger()


class Chore(Protocol):
    """Something that the holder of the Lease does again and again.

    It asks ``may`` before each write, and makes all of them so that one done twice does no harm.
    """

    @property
    def period(self) -> float:
        """Seconds between the end of one round and the next."""
        ...

    async def round(self, may: Callable[[], bool]) -> None:
        """One round. What Kubernetes answers may rise; the next round tries again."""
        ...

    def wake(self, call: Callable[[], None]) -> None:
        """What to call when a round should not wait for its time."""
        ...


@dataclass(frozen=True)
class Hook:
    """A chore of another part of Dicot, such as the rotation of token keys. ``waking`` is given what to call when it
    should not wait for its time."""

    call: Callable[[], Awaitable[None]]
    period: float = 60.0
    waking: Callable[[Callable[[], None]], None] | None = None

    async def round(self, may: Callable[[], bool]) -> None:
        """See Chore."""
        await self.call()

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore."""
        if self.waking is not None:
            self.waking(call)


class _Rounds:
    """One chore's rounds: never two at once, and one more where it is woken in the midst of one."""

    def __init__(self, chore: Chore, lease: Lease, clock: IReactorTime) -> None:
        self._chore = chore
        self._lease = lease
        self._clock = clock
        self._timer: IDelayedCall | None = None
        self._is_running = False
        self._again = False
        self._open = False
        chore.wake(self.wake)

    def begin(self) -> None:
        """A round now, if the Lease is held; else at its time."""
        if self._is_running:
            self._again = True
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if not self._lease.is_held:
            self._again = False
            self._ended(None)
            return
        self._is_running = True
        self._again = False
        Deferred.fromCoroutine(self._chore.round(self._may)).addErrback(self._failed).addCallback(self._ended)

    def open(self) -> None:
        """The Lease is held: rounds from now on."""
        self._open = True
        self.begin()

    def wake(self) -> None:
        """A round soon, out of its turn."""
        if self._open:
            self.begin()

    def rest(self) -> None:
        """No further round."""
        self._open = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _may(self) -> bool:
        return self._open and self._lease.is_held

    def _failed(self, failure: Failure) -> None:
        if failure.check(*KUBE_ERRORS):
            _log.info("{chore} waits: {error}", chore=type(self._chore).__name__, error=failure.value)
        else:
            _log.failure("{chore} failed", failure, chore=type(self._chore).__name__)

    def _ended(self, _: Any) -> None:
        self._is_running = False
        if self._open:
            self._timer = self._clock.callLater(0 if self._again else self._chore.period, self.begin)


class Steward:
    """Holds the Lease where it can, and then does the chores."""

    def __init__(self, lease: Lease, chores: Sequence[Chore], clock: IReactorTime) -> None:
        self._lease = lease
        self._clock = clock
        self._rounds = [_Rounds(chore, lease, clock) for chore in chores]
        self._timer: IDelayedCall | None = None
        self._turning: Deferred[None] | None = None
        self._was_held = False
        self._is_running = False

    @property
    def is_holder(self) -> bool:
        """Whether this replica is the one."""
        return self._lease.is_held

    def start(self) -> None:
        """Try for the Lease, and again every two seconds."""
        self._is_running = True
        self._turn()

    async def stop(self) -> None:
        """No further round; the Lease is given back."""
        self._is_running = False
        for rounds in self._rounds:
            rounds.rest()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        await parted(self._turning, self._clock)
        try:
            await self._lease.release()
        except KUBE_ERRORS as error:
            _log.info("the Lease was not given back: {error}", error=error)

    def _turn(self) -> None:
        turning: Deferred[Any] = Deferred.fromCoroutine(self._lease.turn())
        self._turning = turning.addErrback(self._failed).addCallback(self._turned)

    def _failed(self, failure: Failure) -> None:
        if failure.check(*KUBE_ERRORS, CancelledError):
            _log.info("the Lease is not renewed: {error}", error=failure.value)
        else:
            _log.failure("the Lease is not renewed", failure)

    def _turned(self, _: Any) -> None:
        self._turning = None
        if not self._is_running:
            return
        self._timer = self._clock.callLater(RETRY, self._turn)
        held = self._lease.is_held
        if held != self._was_held:
            self._was_held = held
            _log.info("this replica is the steward" if held else "this replica is no longer the steward")
            for rounds in self._rounds:
                rounds.open() if held else rounds.rest()
