"""How the watch of a kind fares, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp

_SUMMED = (
    "apply_seconds",
    "bookmarks",
    "cuts",
    "divergences",
    "duplicates",
    "events",
    "fallbacks",
    "gone",
    "relists",
    "skipped",
    "unknown",
    "vanished",
)


_MEMORY = 60.0


class Rate:
    """So many a second, lately: what is a minute old counts for a third, and so on."""

    def __init__(self) -> None:
        self._value = 0.0
        self._at = 0.0

    def add(self, count: int, now: float) -> None:
        """So many more."""
        self._value, self._at = self.at(now) + count / _MEMORY, now

    def at(self, now: float) -> float:
        """The rate of now."""
        return self._value * exp((self._at - now) / _MEMORY)


class Tally:
    """What was counted since the start of one kind's store and reflector."""

    __slots__ = (*_SUMMED, "last_event")

    def __init__(self) -> None:
        self.events = 0
        self.bookmarks = 0
        self.duplicates = 0
        self.skipped = 0
        self.unknown = 0
        self.vanished = 0
        self.relists = 0
        self.gone = 0
        self.cuts = 0
        self.fallbacks = 0
        self.divergences = 0
        self.apply_seconds = 0.0
        self.last_event: float | None = None

    def absorb(self, other: "Tally") -> None:
        """Count also what another has counted that counts no more."""
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Health:
    """One kind for ``/status``. Ages are seconds since then, None before the first; ``rate`` is events a second,
    lately, and ``lag`` about how many seconds the last of them came late, by two clocks; the rest counts from the
    start.

    ``scope`` is the namespace and name that the watch is narrowed to, "" for all; ``namespaces`` is the number of
    those that are watched each by itself, because the watch of all is not permitted.
    ``state`` is waiting, listing, watching, resting, not permitted, not served or stopped; ``problem`` is what went
    wrong last, "" once a watch is open again. ``vanished`` objects were found missing by a list, their last state
    unknown; ``skipped`` ones did not fit their type; ``duplicates`` were not newer than what was known; ``gone`` is
    410 answers, ``cuts`` streams that broke or fell silent, ``fallbacks`` streamed lists that had to be plain ones,
    ``divergences`` audits that found the store other than the server.
    """

    kind: str
    scope: str
    namespaces: int
    state: str
    problem: str
    synced: bool
    count: int
    version: str
    byte_age: float | None
    event_age: float | None
    rate: float
    lag: float | None
    events: int
    bookmarks: int
    duplicates: int
    skipped: int
    unknown: int
    vanished: int
    relists: int
    gone: int
    cuts: int
    fallbacks: int
    divergences: int
    apply_seconds: float


def merged(whole: Health, parts: Sequence[Health]) -> Health:
    """A kind whose namespaces are watched each by itself: the figures of all watches, and what is wrong with one."""
    worst = next((each for each in parts if each.state != "watching"), None)
    return replace(
        whole,
        namespaces=len(parts),
        state="watching" if worst is None else worst.state,
        problem="" if worst is None else f"{worst.scope}: {worst.problem}",
        synced=all(each.synced for each in parts),
        byte_age=oldest([each.byte_age for each in parts]),
        event_age=oldest([each.event_age for each in parts]),
        rate=sum(each.rate for each in parts),
        lag=oldest([each.lag for each in parts]),
        **{name: sum(getattr(each, name) for each in (whole, *parts)) for name in _SUMMED},
    )


def oldest(ages: Sequence[float | None]) -> float | None:
    """The greatest of the ages that there are."""
    return max((age for age in ages if age is not None), default=None)
