"""Guessing passwords gets slower with each wrong one, for the same user and from the same place."""

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cachetools import TTLCache

FREE = 5
"""Wrong passwords in a row, for one user from one place, that cost nothing: a person's typing errors."""
LONGEST = 32.0
"""Seconds that one attempt is put off at most."""
BURST = 50
"""Wrong passwords from one place, whomever they are for, that cost nothing."""
PACE = 3.0
"""Seconds that each further one from there costs."""
PATIENCE = 64.0
"""Seconds that an attempt waits at most; one that would have to wait longer is refused."""
MEMORY = 900.0
"""Seconds after which wrong passwords are forgotten."""
_SIXTY_FOUR = 64
"""The prefix that is one place in IPv6: every host may choose its address in it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A password that may be tried; ``who`` it is for, and ``place`` from where."""

    who: str
    place: str


class Brake:
    """Attempts by whom they were made for and from where, in this process's memory alone: guessing writes nothing.

    Who guesses a user's password from elsewhere does not keep that user out, and who tries one password on all users
    is slowed down as well. An attempt counts as wrong from its beginning until it is known to be right, and those
    that have to wait follow each other, so that many at once gain nothing. ``clock`` is monotonic.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[object]]) -> None:
        self._clock = clock
        self._sleep = sleep
        # How many were wrong, and when the next may be made.
        self._wrong: TTLCache[Attempt, tuple[int, float]] = TTLCache(10_000, MEMORY, timer=clock)
        # When all that was wrong from a place is paid for.
        self._owed: TTLCache[str, float] = TTLCache(10_000, MEMORY, timer=clock)

    async def attempt(self, who: str, address: str) -> Attempt | None:
        """Waits until an attempt may be made; None where it may not."""
        made, now = Attempt(who, place_of(address)), self._clock()
        wrong, free = self._wrong.get(made, (0, now))
        owed = max(self._owed.get(made.place, now), now)
        start = max(now, free, owed - (BURST - 1) * PACE)
        if start - now > PATIENCE:
            return None
        wrong += 1
        pause = min(2.0 ** (wrong - FREE), LONGEST) if wrong >= FREE else 0.0
        self._wrong[made] = (wrong, start + pause)
        self._owed[made.place] = owed + PACE
        if start > now:
            await self._sleep(start - now)
        return made

    def right(self, attempt: Attempt) -> None:
        """It was the password."""
        self._wrong.pop(attempt, None)
        self._forgive(attempt)

    def open(self, attempt: Attempt) -> None:
        """Whether it was the password could not be told."""
        wrong, free = self._wrong.get(attempt, (1, 0.0))
        self._wrong[attempt] = (wrong - 1, free)
        self._forgive(attempt)

    def _forgive(self, attempt: Attempt) -> None:
        owed = self._owed.get(attempt.place)
        if owed is not None:
            self._owed[attempt.place] = owed - PACE


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the network that an IPv6 address is chosen in."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    inner = found.ipv4_mapped
    return str(inner) if inner else str(ipaddress.ip_network((found, _SIXTY_FOUR), strict=False))
