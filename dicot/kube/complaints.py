"""What is logged of objects that are not as they should be: so little that nobody can fill a log with them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache
from twisted.logger import Logger

LONGEST = 256
"""Characters of a reason."""
BURST, PAUSE = 10, 60.0
"""Lines about a namespace at once, and seconds until it may have one more."""
BURST_OF_ALL, PAUSE_OF_ALL = 100, 30.0
"""The same of all namespaces together."""
MOST_KNOWN = 4_096
"""Objects with their reason, and namespaces, that are remembered."""


@dataclass
class _Allowance:
    """Lines that may be written, and how many were not since the last."""

    left: float
    since: float
    unsaid: int = 0


class Complaints:
    """Each object and reason is logged once, and of a namespace's only so many; the rest is counted in ``left_out``.

    Whoever may write objects chooses what these lines say and how many there might be. ``seconds`` never goes back.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self.left_out = 0
        self._seconds = seconds
        self._said: LRUCache[tuple[str, str, str], None] = LRUCache(MOST_KNOWN)
        self._namespaces: LRUCache[str, _Allowance] = LRUCache(MOST_KNOWN)
        self._all = _Allowance(BURST_OF_ALL, seconds())

    def tell(self, log: Logger, of: str, namespace: str, name: str, problem: object) -> None:
        """A line, if it is a new one and there is room: ``of`` is the kind of object, or the resource."""
        reason = one_line(str(problem), LONGEST)
        said = (of, f"{namespace}/{name}", reason)
        allowance = self._namespaces.get(namespace)
        if allowance is None:
            allowance = self._namespaces[namespace] = _Allowance(BURST, self._seconds())
        if said in self._said or not self._may(allowance):
            allowance.unsaid += 1
            self.left_out += 1
            return
        self._said[said] = None
        log.warn(
            "{of} {place} is not shown: {reason}{beside}",
            of=of,
            place=said[1],
            reason=reason,
            beside=f" ({allowance.unsaid} such lines were left out)" if allowance.unsaid else "",
        )
        allowance.unsaid = 0

    def _may(self, allowance: _Allowance) -> bool:
        """Takes one from both allowances, which fill up with time."""
        both = ((allowance, BURST, PAUSE), (self._all, BURST_OF_ALL, PAUSE_OF_ALL))
        now = self._seconds()
        for each, most, pause in both:
            each.left, each.since = min(most, each.left + (now - each.since) / pause), now
        if any(each.left < 1 for each, _, _ in both):
            return False
        for each, _, _ in both:
            each.left -= 1
        return True


def one_line(text: str, longest: int) -> str:
    """Text of others as a log or a terminal may have it: one line, and not too long."""
    return "".join(each if each.isprintable() else " " for each in text[:longest])
