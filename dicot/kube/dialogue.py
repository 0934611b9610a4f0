"""A request, and what becomes of it in the end."""

from collections.abc import Callable
from itertools import count

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from .errors import Doubtful, Refused, Throttled, Unauthenticated, Unreachable, nothing_written, refusal
from .exchange import Exchange, Request

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
# Other programs answer there, by their own clocks.
_AGGREGATED = ("/apis/subresources.kubevirt.io/", "/apis/upload.cdi.kubevirt.io/")


class Dialogue:
    """Asks one API server, again where that harms nothing and may help, and hears what time it is there."""

    def __init__(self, exchange: Exchange, clock: IReactorTime, jitter: Callable[[], float]) -> None:
        self._exchange = exchange
        self._clock = clock
        self._jitter = jitter
        self._heard: tuple[float, float] | None = None

    async def ask(self, request: Request, tenant: str, within: float) -> bytes:
        """Asks until the answer is final or the time is over; ``tenant`` is the user that is impersonated, if any.

        Raises errors of kube.
        """
        deadline = self._clock.seconds() + within
        stale = False
        for attempt in count():
            try:
                return await self._attempt(request, tenant, stale, deadline)
            except Unauthenticated:
                if stale:
                    raise
                stale = True
            except (Refused, Unreachable) as fault:
                pause = self._pause(fault, attempt)
                if not _is_passing(fault, request) or self._clock.seconds() + pause >= deadline:
                    raise
                await deferLater(self._clock, pause)
        raise AssertionError("count() ends")

    def server_time(self) -> float | None:
        """By the last ``Date`` header, which counts whole seconds, moved on by our own; None before any answer."""
        if self._heard is None:
            return None
        date, then = self._heard
        return date + self._clock.seconds() - then

    async def _attempt(self, request: Request, tenant: str, stale: bool, deadline: float) -> bytes:
        left = deadline - self._clock.seconds()
        answer = await self._exchange.ask(request, stale=stale, within=left)
        if answer.date is not None and not request.path.startswith(_AGGREGATED):
            self._heard = (answer.date, self._clock.seconds())
        if answer.code < 300:
            return answer.body
        refused = refusal(answer.code, answer.body, retry_after=answer.retry_after, tenant=tenant)
        if request.repeatable or nothing_written(refused):
            raise refused
        raise Doubtful(str(refused)) from refused

    def _pause(self, fault: Refused | Unreachable, attempt: int) -> float:
        asked = fault.retry_after if isinstance(fault, Refused) else 0
        own: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 16)) * (1 + self._jitter())
        return max(asked, own)


def _is_passing(fault: Refused | Unreachable, request: Request) -> bool:
    """Whether the same request may fare better in a moment, and may be sent again."""
    if isinstance(fault, Unreachable | Throttled):
        return True
    return fault.code in ((502, 503, 504) if request.repeatable else (503,))
