"""What a reflector does next, and how long it rests before."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from .backoff import Backoff
from .errors import Refused
from .health import Tally
from .kind import Kind
from .stream import Silence

RETRY_UNAVAILABLE = 60.0
"""Seconds until a kind that is not served, or not permitted, is asked for again."""
PATIENCE_WITH_FAILURES = 60.0
"""Seconds of 5xx, after which a watch is not resumed any more but listed anew."""
IDLE = 90.0
"""Seconds without a byte. Bookmarks come each minute."""
_TOO_LARGE = "Too large resource version"
log = Logger()


class Course:
    """Where one reflector stands.

    ``relist``: a list comes before the next watch. ``newest``: that list shall be a consistent one, because no older
    state will do. ``streams``: it shall be a streamed one.
    """

    def __init__(self, kind: Kind[Any], tally: Tally, clock: IReactorTime, random: Callable[[], float]) -> None:
        self.relist = True
        self.newest = False
        self.streams = True
        self.state = "waiting"
        self.problem = ""
        self._kind = kind
        self._tally = tally
        self._clock = clock
        self._backoff = Backoff(clock, random)
        self._failing_since: float | None = None
        self._was_permitted = False
        self._denied_since: float | None = None
        self._was_behind = False
        self._silences = 0

    def listed(self) -> None:
        """The store has the initial state."""
        self.relist = self.newest = self._was_behind = False
        self.streams = self._was_permitted = True
        self.went_well()

    @property
    def is_shut_out(self) -> bool:
        """Whether it is refused for good: an API server that comes back denies everything for a while."""
        if self._denied_since is None:
            return False
        return not self._was_permitted or self._clock.seconds() - self._denied_since >= RETRY_UNAVAILABLE

    def went_well(self) -> None:
        """The watch has said something."""
        self.state, self.problem = "watching", ""
        self._failing_since = self._denied_since = None
        if self._tally.bookmarks:
            self._silences = 0

    def fall_back(self, why: str) -> None:
        """This server does not stream lists, or not now."""
        self.streams = False
        self._tally.fallbacks += 1
        log.warn("{kind}: no streamed list, so a plain one: {why}", kind=self._kind.resource, why=why)

    def patience(self, lasts: int) -> float:
        """Seconds of silence that are accepted in a watch of so many seconds: where bookmarks never come, all."""
        return lasts + 30.0 if self._silences >= 2 else IDLE

    def broke(self, why: Exception) -> float:
        """A connection failed, or a stream broke. The version stays. Answers the seconds to rest."""
        self._tally.cuts += 1
        if isinstance(why, Silence) and not self.relist:
            # No fault of anybody: of a kind that never changes, kube-apiserver sends no bookmark either. And it has
            # waited long enough.
            self._silences += not self._tally.bookmarks
            return 0.0
        return self._rest(str(why))

    def failed(self, why: str) -> float:
        """Something is wrong with ourselves: begin with a list. Answers the seconds to rest."""
        self.relist = True
        return self._rest(why)

    def refused(self, refusal: Refused) -> float:
        """The server said no. Answers the seconds to rest."""
        if refusal.code == 410 or refusal.reason in ("Expired", "Gone"):
            return self._expired(refusal)
        if refusal.code in (403, 404):
            return self._unavailable(refusal)
        rest = self._rest(str(refusal))
        if _is_too_large(refusal):
            return self._behind(refusal)
        if refusal.code >= 500:
            self._fail()
        elif refusal.code not in (401, 426, 429):
            self.relist = True
        return max(rest, float(refusal.retry_after))

    def _expired(self, refusal: Refused) -> float:
        """A version is gone: list at the last one seen, and where that is gone too, whatever is the newest."""
        self._tally.gone += 1
        if self.relist and self.newest:
            return self._rest(str(refusal))
        self.newest = self.relist
        self.relist = True
        self.problem = str(refusal)
        return 0.0

    def _unavailable(self, refusal: Refused) -> float:
        """Asked for each minute. An API server that comes back denies everything until it has read its roles."""
        rest = RETRY_UNAVAILABLE
        if refusal.code == 403 and self._was_permitted:
            rest = min(rest, self._rest(str(refusal)))
        self.state = "not permitted" if refusal.code == 403 else "not served"
        if refusal.code == 404:
            self._denied_since = None
        elif self._denied_since is None:
            self._denied_since = self._clock.seconds()
        self.problem = str(refusal)
        if refusal.code == 404:
            self.relist = True
        log.warn("{kind} is {state}: {why}", kind=self._kind.resource, state=self.state, why=self.problem)
        return rest

    def _behind(self, refusal: Refused) -> float:
        """This API server has not seen our version yet. If it still has not after a while, what it has must do."""
        if self._was_behind:
            self.relist = self.newest = True
            self._was_behind = False
            return 0.0
        self._was_behind = True
        return max(1.0, float(refusal.retry_after))

    def _fail(self) -> None:
        now = self._clock.seconds()
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since >= PATIENCE_WITH_FAILURES:
            self.relist = True

    def _rest(self, why: str) -> float:
        rest = self._backoff.next()
        self.state, self.problem = "resting", why
        log.info("{kind} rests {rest:.1f} s: {why}", kind=self._kind.resource, rest=rest, why=why)
        return rest


def _is_too_large(refusal: Refused) -> bool:
    """Whether the version asked for is newer than what the server has. The cause has no field, only this message."""
    return refusal.code == 504 and any(message == _TOO_LARGE for _, message in refusal.causes)
