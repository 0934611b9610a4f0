"""Runs the controllers that live in the API server: each change is looked at at once, and acted on a turn later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ...settled.mark import is_settled
from ..refusal import Refusal
from ..seams import Change, Objects

SLICE = 0.002
"""Seconds of work in one turn of the reactor."""
RETRY = 1.0
"""Seconds until what was refused is tried again."""
_log = Logger()

Key = tuple[str, ...]
"""What a controller is to look at: in its own words."""


class Controller(Protocol):
    """Keeps something as it should be. It learns by changes and acts by keys."""

    def saw(self, change: Change) -> Iterable[Key]:
        """Take a change into account; what must be looked at. Nothing may be written here."""
        ...

    def settle(self, key: Key) -> float | None:
        """Look, and write what must be written. Answers in how many seconds to look again if at all. May raise
        Refusal."""
        ...


class Loop(Service):
    """Looks at each key once for all changes of a turn, in the order in which they came."""

    def __init__(self, objects: Objects, controllers: Sequence[Controller], clock: IReactorTime) -> None:
        self._controllers = controllers
        self._clock = clock
        self._waiting: dict[tuple[int, Key], None] = {}
        self._turn: IDelayedCall | None = None
        self._later: dict[tuple[int, Key], IDelayedCall] = {}
        objects.listen(self.saw)
        for stored in objects.everything():
            self.saw(stored)

    def startService(self) -> None:
        """Act on what was seen until now."""
        super().startService()
        self._wake()

    def stopService(self) -> None:
        """Act no more."""
        super().stopService()
        for call in (self._turn, *self._later.values()):
            if call is not None:
                call.cancel()
        self._turn = None
        self._later.clear()

    def saw(self, change: Change) -> None:
        """Let every controller take a change into account. What is settled is nobody's business: once it is woken, it
        is as if it had just been made."""
        if is_settled(change.new):
            return
        if is_settled(change.old):
            change = replace(change, old=None)
        for at, controller in enumerate(self._controllers):
            for key in controller.saw(change):
                self._waiting[at, key] = None
        self._wake()

    def _wake(self) -> None:
        if self.running and self._waiting and self._turn is None:
            self._turn = self._clock.callLater(0, self._work)

    def _work(self) -> None:
        self._turn = None
        end = self._clock.seconds() + SLICE
        while self._waiting:
            entry = next(iter(self._waiting))
            del self._waiting[entry]
            self._settle(entry)
            if self._clock.seconds() >= end:
                break
        self._wake()

    def _settle(self, entry: tuple[int, Key]) -> None:
        at, key = entry
        try:
            again = self._controllers[at].settle(key)
        except Refusal as refusal:
            _log.warn("{key}: {refusal}", key=" ".join(key), refusal=refusal.message)
            again = RETRY
        if again is not None and entry not in self._later:
            self._later[entry] = self._clock.callLater(again, self._again, entry)

    def _again(self, entry: tuple[int, Key]) -> None:
        del self._later[entry]
        self._waiting[entry] = None
        self._wake()
