"""Guessing passwords gets slower with each wrong one."""

from collections.abc import Awaitable, Callable

from cachetools import TTLCache

FREE = 4
"""Wrong passwords in a row that cost nothing: a person's typing errors."""
LONGEST = 32.0
"""Seconds that one attempt is put off at most."""
PATIENCE = 64.0
"""Seconds that an attempt waits at most; one that would have to wait longer is refused."""
MEMORY = 900.0
"""Seconds after which wrong passwords are forgotten."""


class Brake:
    """Wrong passwords by whom they were tried for, in this process's memory alone: guessing writes nothing.

    ``clock`` is monotonic. The attempts for one name follow each other, so that many at once gain nothing.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[object]]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._wrong: TTLCache[str, tuple[int, float]] = TTLCache(10_000, MEMORY, timer=clock)

    async def wait(self, who: str) -> bool:
        """Waits until an attempt may be made; False where it may not."""
        wrong, free = self._wrong.get(who, (0, 0.0))
        if wrong <= FREE:
            return True
        now = self._clock()
        start = max(now, free)
        if start - now > PATIENCE:
            return False
        self._wrong[who] = (wrong, start + min(2.0 ** (wrong - FREE - 1), LONGEST))
        if start > now:
            await self._sleep(start - now)
        return True

    def failed(self, who: str) -> None:
        """An attempt was wrong."""
        wrong, free = self._wrong.get(who, (0, 0.0))
        wrong += 1
        if wrong == FREE + 1:
            free = self._clock() + 1.0
        self._wrong[who] = (wrong, free)

    def passed(self, who: str) -> None:
        """The right password was given."""
        self._wrong.pop(who, None)
