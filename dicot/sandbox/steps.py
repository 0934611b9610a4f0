"""What a controller does to the cluster: one write each, as data."""

from collections.abc import Callable
from dataclasses import dataclass

from dicot.kube.client import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest
from dicot.kube.media import MERGE


@dataclass(frozen=True, slots=True)
class Create:
    """POST; an object that is there already is as good. ``refused`` says what to write about a refusal, after which
    the object is decided again as after any other."""

    at: Place
    body: Manifest
    refused: "Callable[[Refused], tuple[Step, ...]] | None" = None


@dataclass(frozen=True, slots=True)
class Patch:
    """PATCH."""

    at: Place
    body: Manifest
    media: str = MERGE


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Read, change, PUT under the version that was read. ``change`` answers None where nothing is left to change."""

    at: Place
    change: Callable[[Manifest], Manifest | None]


@dataclass(frozen=True, slots=True)
class Remove:
    """DELETE at once, of that very object."""

    at: Place
    uid: str


Step = Create | Patch | Rewrite | Remove


@dataclass(frozen=True, slots=True)
class Decision:
    """The next steps, in order, and when to decide again if nothing changes until then (seconds)."""

    steps: tuple[Step, ...] = ()
    again: float | None = None


REST = Decision()


def act(*steps: Step, again: float | None = None) -> Decision:
    """A decision to take steps."""
    return Decision(steps, again)
