"""Renames some settled servers at a steady rate, so that whoever watches has events: each name tells its moment."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from dicot import names

from ..apiserver.seams import Objects
from ..apiserver.storage import Storage
from .ground import Ground, ground
from .loader import PAUSE, loaded
from .manifests import MACHINES
from .mark import is_settled
from .server import Server, server
from .turns import Turns

SOME = 20
"""So many servers, so that each is renamed often."""
TICK = 0.005
"""Seconds between two looks at how many are due."""
MOMENT = " at "
"""Stands in a name before the seconds since 1970."""


class Renamer(Turns):
    """Begins once the project has got its servers. Names are put as the API server would after a PATCH; nobody is
    woken by it."""

    def __init__(
        self, storage: Storage, objects: Objects, clock: IReactorTime, now: Callable[[], float], rate: int
    ) -> None:
        super().__init__(clock)
        self._storage = storage
        self._objects = objects
        self._now = now
        self._rate = rate
        self._servers: tuple[Server, ...] = ()
        self._began = 0.0
        self._done = 0

    def startService(self) -> None:
        """Wait for the servers."""
        super().startService()
        if self._rate:
            self._later(0, self._look)

    def _look(self) -> None:
        found = ground(self._objects)
        if found is None or not loaded(self._objects, found):
            self._later(PAUSE, self._look)
            return
        self._servers = self._chosen(found, loaded(self._objects, found))
        self._began = self._clock.seconds()
        self._rename()

    def _chosen(self, found: Ground, count: int) -> tuple[Server, ...]:
        listed = (server(found, index) for index in range(min(SOME, count)))
        return tuple(each for each in listed if self._sleeps(each))

    def _sleeps(self, chosen: Server) -> bool:
        return is_settled(self._storage.get(MACHINES, chosen.ground.namespace, chosen.object))

    def _rename(self) -> None:
        due = int((self._clock.seconds() - self._began) * self._rate)
        while self._servers and self._done < due:
            self._name(self._servers[self._done % len(self._servers)])
            self._done += 1
        self._later(TICK, self._rename)

    def _name(self, chosen: Server) -> None:
        if not self._sleeps(chosen):
            return
        where = (MACHINES, chosen.ground.namespace, chosen.object)
        machine = self._storage.read(*where)
        assert machine is not None
        machine["metadata"]["annotations"][names.NAME] = f"{chosen.name}{MOMENT}{self._now():.6f}"
        self._storage.put(*where, machine)
