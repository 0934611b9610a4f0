"""What is logged of objects that are not as they should be: so little that nobody can fill a log with them."""

import time
from collections.abc import Callable

from cachetools import LRUCache
from twisted.logger import Logger

from .allowance import Allowance, Rate

LONGEST = 256
"""Characters of a reason."""
LINES = Rate(10, 60.0)
"""Of a namespace."""
LINES_OF_ALL = Rate(100, 30.0)
"""Of all namespaces together."""
MOST_KNOWN = 4_096
"""Objects with their reason, and namespaces, that are remembered."""


class _Namespace(Allowance):
    """Lines that may be written of it, and how many were not since the last."""

    __slots__ = ("unsaid",)

    def __init__(self, now: float) -> None:
        super().__init__(LINES, now)
        self.unsaid = 0


class Complaints:
    """Each object and reason is logged once, and of a namespace's only so many; the rest is counted in ``left_out``.

    Whoever may write objects chooses what these lines say and how many there might be. ``seconds`` never goes back.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self.left_out = 0
        self._seconds = seconds
        self._said: LRUCache[tuple[str, str, str], None] = LRUCache(MOST_KNOWN)
        self._namespaces: LRUCache[str, _Namespace] = LRUCache(MOST_KNOWN)
        self._all = Allowance(LINES_OF_ALL, seconds())

    def tell(self, log: Logger, of: str, namespace: str, name: str, problem: object) -> None:
        """A line, if it is a new one and there is room: ``of`` is the kind of object, or the resource."""
        reason = one_line(str(problem), LONGEST)
        said = (of, f"{namespace}/{name}", reason)
        here = self._namespaces.get(namespace)
        if here is None:
            here = self._namespaces[namespace] = _Namespace(self._seconds())
        if said in self._said or not self._may(here):
            here.unsaid += 1
            self.left_out += 1
            return
        self._said[said] = None
        log.warn(
            "{of} {place} is not shown: {reason}{beside}",
            of=of,
            place=said[1],
            reason=reason,
            beside=f" ({here.unsaid} such lines were left out)" if here.unsaid else "",
        )
        here.unsaid = 0

    def _may(self, here: Allowance) -> bool:
        """Takes one from both allowances, or none from either."""
        both, now = (here, self._all), self._seconds()
        may = all(each.fill(now) for each in both)
        for each in both if may else ():
            each.take()
        return may


def one_line(text: str, longest: int) -> str:
    """Text of others as a log or a terminal may have it: one line, and not too long."""
    return "".join(each if each.isprintable() else " " for each in text[:longest])
