"""What a controller does to the cluster: one write each, as data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dicot.kube.address import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest
from dicot.kube.media import MERGE


@dataclass(frozen=True, slots=True)
class Create:
    """POST; an object that is there already is as good. ``refused`` says what to write about a refusal, after which
    the object is decided again as after any other; ``then`` is written where it was not there before."""

    at: Place
    body: Manifest
    refused: "Callable[[Refused], tuple[Step, ...]] | None" = None
    then: "tuple[Step, ...]" = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """PATCH; what ``body`` is, ``media`` says. ``refused`` as of Create; that somebody was faster is no refusal."""

    at: Place
    body: Any
    media: str = MERGE
    refused: "Callable[[Refused], tuple[Step, ...]] | None" = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Read, change, PUT under the version that was read. ``change`` answers None where nothing is left to change."""

    at: Place
    change: Callable[[Manifest], Manifest | None]


@dataclass(frozen=True, slots=True)
class Replace:
    """PUT, under the version that the object says."""

    at: Place
    body: Manifest


@dataclass(frozen=True, slots=True)
class Remove:
    """DELETE of that very object: at once, or (None) when its own grace period is over."""

    at: Place
    uid: str
    grace: int | None = 0


@dataclass(frozen=True, slots=True)
class Tell:
    """POST an Event, or count it once more where it has been told before. That it cannot be told changes nothing."""

    body: Manifest

    @property
    def at(self) -> Place:
        """Where it is, once it has been told."""
        return Place("", "v1", "events", self.body["metadata"]["namespace"], self.body["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Call:
    """PUT to a subresource that does something at once and keeps nothing. ``refused`` as of Create."""

    at: Place
    body: Manifest
    refused: "Callable[[Refused], tuple[Step, ...]] | None" = None


@dataclass(frozen=True, slots=True)
class Ask:
    """POST a review. Its answer decides: nothing that stands after it is done."""

    at: Place
    body: Manifest
    then: "Callable[[Manifest], Decision]"


@dataclass(frozen=True, slots=True)
class Look:
    """GET an object as a whole. It decides: nothing that stands after it is done. ``missing`` is what to do where it
    is not there; None: the same as of any other object that somebody took away meanwhile."""

    at: Place
    then: "Callable[[Manifest], Decision]"
    missing: "Decision | None" = None


Step = Ask | Call | Create | Look | Patch | Rewrite | Replace | Remove | Tell


@dataclass(frozen=True, slots=True)
class Decision:
    """The next steps, in order, and when to decide again if nothing changes until then (seconds)."""

    steps: tuple[Step, ...] = ()
    again: float | None = None


REST = Decision()


def act(*steps: Step, again: float | None = None) -> Decision:
    """A decision to take steps."""
    return Decision(steps, again)
