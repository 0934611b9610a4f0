"""What a switch of faults says, as data."""

from fnmatch import fnmatchcase
from typing import Literal

import msgspec
from msgspec import json

from ..marks import Mark
from .asked import Attributes
from .asking import Asking
from .faults import GOOD, Course
from .query import one
from .refusal import Refusal
from .route import path_attributes, route

WATCH, CREATE = "watch", "create"


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests a switch is about: all that are as said. ``namespace``, ``name``, ``user`` and ``path`` are
    patterns (``*``, ``?``); ``verbs`` are those of RBAC, and a watch's is "watch"; ``subresource`` "" is of none;
    ``path`` is of what is no resource. ``dry``: only, or never, what is a dry run."""

    verbs: tuple[str, ...] = ()
    group: str | None = None
    resource: str = ""
    subresource: str | None = None
    namespace: str = ""
    name: str = ""
    user: str = ""
    path: str = ""
    dry: bool | None = None

    def takes(self, asking: Asking, asked: Attributes) -> bool:
        """Whether a request is such a one, whoever asks."""
        if not self.takes_kind(asked) or not fits(self.namespace, asked.namespace):
            return False
        if self.dry is not None and self.dry != (one(asking.query, "dryRun") == "All"):
            return False
        return not self.name or fits(self.name, asked.name or _sent_name(asking))

    def takes_kind(self, asked: Attributes) -> bool:
        """Whether what is asked for is of that kind, whatever the object."""
        if self.verbs and asked.verb not in self.verbs:
            return False
        if self.group is not None and (asked.group != self.group or not asked.resource):
            return False
        if self.subresource is not None and asked.subresource != self.subresource:
            return False
        if self.resource and asked.resource != self.resource:
            return False
        return fits(self.path, asked.path)

    def takes_event(self, namespace: str, name: str) -> bool:
        """Whether an object that a watch tells of is such a one."""
        return fits(self.namespace, namespace) and fits(self.name, name)


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A Status. ``retryAfter`` in seconds."""

    code: int
    reason: str = ""
    message: str = "a fault on purpose"
    retryAfter: int = 0

    def refusal(self) -> Refusal:
        """The same, to be raised."""
        return Refusal(self.code, self.reason, self.message, retry_after=self.retryAfter)


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What happens.

    To requests: ``before`` and ``after`` are seconds of delay, ``refuse`` answers instead, ``lose`` loses the request
    or the answer, ``cut`` ends the answer after so many bytes of its body, ``twice`` carries it out two times and
    answers with the second. ``mark`` lets the node side fail with what is made (see ``marks``).

    To watches, also those that are open: ``lose`` and ``cut`` as well, ``hold`` keeps all lines back until the switch
    goes, ``error`` ends them with a line of type ERROR, ``events`` loses or doubles the lines of objects.
    """

    before: float = 0.0
    after: float = 0.0
    refuse: Told | None = None
    lose: Literal["", "request", "answer"] = ""
    cut: int | None = None
    twice: bool = False
    mark: Mark | Literal[""] = ""
    hold: bool = False
    error: Told | None = None
    events: Literal["", "lost", "doubled"] = ""

    def bend(self, course: Course) -> Course:
        """A request's course with this on top of it."""
        return Course(
            before=course.before + self.before,
            after=course.after + self.after,
            refusal=self.refuse.refusal() if self.refuse is not None else course.refusal,
            times=2 if self.twice else course.times,
            mark=self.mark or course.mark,
            lost=self.lose or course.lost,
            cut=course.cut if self.cut is None else self.cut,
            error=self.error.refusal() if self.error is not None else course.error,
        )

    @property
    def is_of_requests(self) -> bool:
        """Whether it does anything to a request."""
        return self.hold or self.bend(GOOD) != GOOD


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A switch. Of all that match, every ``every``-th is met, and of these one with ``chance``, by a generator that
    begins with ``seed``; at most ``times`` in all (0: as often as they come)."""

    effect: Effect
    match: Match = Match()
    every: int = 1
    chance: float = 1.0
    seed: int = 0
    times: int = 0

    def __post_init__(self) -> None:
        if self.effect == Effect():
            raise ValueError("an effect must have something in it")
        if self.effect.events and self.effect.is_of_requests:
            raise ValueError("an effect is of events or of requests")
        if self.match.verbs not in ((), (WATCH,)) and (self.effect.hold or self.effect.error or self.effect.events):
            raise ValueError("what happens to watches has only their verb")
        if self.effect.mark and self.match.verbs not in ((), (CREATE,)):
            raise ValueError("what is made has only the verb of that")
        if self.every < 1 or self.times < 0 or not 0 < self.chance <= 1:
            raise ValueError("every is 1 or more, times 0 or more, chance above 0 and at most 1")

    def takes(self, asking: Asking, asked: Attributes) -> bool:
        """Whether a request is one that the effect may happen to."""
        effect = self.effect
        if not effect.is_of_requests or ((effect.hold or effect.error) and asked.verb != WATCH):
            return False
        if effect.mark and (asked.verb != CREATE or asked.subresource):
            return False
        return self.match.takes(asking, asked)

    def takes_events(self, asked: Attributes) -> bool:
        """Whether a watch is one whose events the effect may happen to."""
        return bool(self.effect.events) and asked.verb == WATCH and self.match.takes_kind(asked)


class Sent(msgspec.Struct, frozen=True):
    """An object, as far as a match looks at it."""

    class Metadata(msgspec.Struct, frozen=True):
        namespace: str = ""
        name: str = ""

    metadata: Metadata = Metadata()


def attributes(asking: Asking) -> Attributes:
    """What a request wants."""
    way = route(asking.method, asking.path, asking.query)
    return path_attributes(asking.method, asking.path) if way is None else way.attributes


def fits(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern has it; any is without one."""
    return not pattern or fnmatchcase(text, pattern)


def _sent_name(asking: Asking) -> str:
    """The name of what is to be created."""
    if asking.method != "POST":
        return ""
    try:
        return json.decode(asking.body, type=Sent).metadata.name
    except msgspec.DecodeError:
        return ""
