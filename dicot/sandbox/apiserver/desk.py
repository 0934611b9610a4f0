"""Where the faults and the clock of the sandbox are set: paths that no real API server has.

``/sandbox/faults``: GET lists the switches, POST sets one (a Rule of ``rules``), DELETE clears them all;
``/sandbox/faults/ID``: GET, DELETE. ``/sandbox/clock``: GET, and PUT of {"offset": SECONDS}, by how much the cluster
is ahead of its machine: the API server in its ``Date`` and the times that it writes, and the controllers and nodes.
Who may is the authorizer's to say.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec import json

from .asking import Asking, Reply, document
from .clock import Hands
from .refusals import bad_request, not_allowed, plain
from .rules import Rule
from .switches import Switch, Switches

PREFIX = "/sandbox/"
_FAULTS = "faults"
T = TypeVar("T")


class _Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    offset: float


class Desk:
    """Answers at those paths."""

    def __init__(self, switches: Switches, hands: Hands) -> None:
        self._switches = switches
        self._hands = hands

    def answer(self, asking: Asking) -> Reply:
        """May raise Refusal."""
        where, _, id = asking.path.removeprefix(PREFIX).partition("/")
        verbs: Mapping[str, Callable[[Asking], Reply]] = {}
        if where == _FAULTS:
            verbs = self._of_one(id) if id else self._of_all()
        elif asking.path == f"{PREFIX}clock":
            verbs = {"GET": lambda _: self._clock(), "PUT": self._turn}
        if not verbs:
            raise plain(404, "404 page not found")
        if asking.method not in verbs:
            raise not_allowed()
        return verbs[asking.method](asking)

    def _of_all(self) -> Mapping[str, Callable[[Asking], Reply]]:
        return {"GET": lambda _: _listed(self._switches.all()), "POST": self._set, "DELETE": lambda _: self._clear()}

    def _of_one(self, id: str) -> Mapping[str, Callable[[Asking], Reply]]:
        return {
            "GET": lambda _: _shown(self._switches.one(id)),
            "DELETE": lambda _: _shown(self._switches.clear(id)),
        }

    def _set(self, asking: Asking) -> Reply:
        return document(201, self._switches.set(_read(asking.body, Rule)).shown())

    def _clear(self) -> Reply:
        found = self._switches.all()
        for switch in found:
            self._switches.clear(switch.id)
        return _listed(found)

    def _clock(self) -> Reply:
        return document(200, {"offset": self._hands.offset})

    def _turn(self, asking: Asking) -> Reply:
        self._hands.offset = _read(asking.body, _Setting).offset
        return self._clock()


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise bad_request(str(error)) from error


def _shown(switch: Switch | None) -> Reply:
    if switch is None:
        raise plain(404, "there is no such switch")
    return document(200, switch.shown())


def _listed(switches: list[Switch]) -> Reply:
    return document(200, {"items": [switch.shown() for switch in switches]})
