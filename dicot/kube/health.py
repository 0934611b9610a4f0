"""How the watch of a kind fares, in figures."""

from dataclasses import dataclass


class Tally:
    """What was counted since the start of one kind's store and reflector."""

    __slots__ = (
        "apply_seconds",
        "bookmarks",
        "cuts",
        "divergences",
        "duplicates",
        "events",
        "fallbacks",
        "gone",
        "last_event",
        "relists",
        "skipped",
        "unknown",
        "vanished",
    )

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


@dataclass(frozen=True, slots=True)
class Health:
    """One kind for ``/status``. Ages are seconds since then, None before the first; the rest counts from the start.

    ``scope`` is the namespace and name that the watch is narrowed to, "" for all.
    ``state`` is waiting, listing, watching, resting, not permitted, not served or stopped; ``problem`` is what went
    wrong last, "" once a watch is open again. ``vanished`` objects were found missing by a list, their last state
    unknown; ``skipped`` ones did not fit their type; ``duplicates`` were not newer than what was known; ``gone`` is
    410 answers, ``cuts`` streams that broke or fell silent, ``fallbacks`` streamed lists that had to be plain ones,
    ``divergences`` audits that found the store other than the server.
    """

    kind: str
    scope: str
    state: str
    problem: str
    synced: bool
    count: int
    version: str
    byte_age: float | None
    event_age: float | None
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
