"""Loads settled servers once their project is there, a batch in each turn of the reactor."""

from collections.abc import Iterator

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from dicot.kube.kind import Manifest

from ..apiserver.seams import Objects
from ..apiserver.storage import Storage, Where
from ..apiserver.watching import Watches
from .ground import Ground, ground
from .manifests import GUESTS, MACHINES, PORTS, objects
from .server import server
from .turns import Turns

LOADED = "sandbox.dicot.io/loaded-servers"
"""Annotation of the project's namespace: how many servers it has got."""
BATCH = 100
PAUSE = 0.5
"""Seconds between two looks for what is still missing."""
_log = Logger()
Placed = tuple[Where, str, str, Manifest]


class Loader(Turns):
    """Sees to it that the project has got so many servers; those that were deleted since do not come back."""

    def __init__(
        self, storage: Storage, objects: Objects, watches: Watches, clock: IReactorTime, servers: int
    ) -> None:
        super().__init__(clock)
        self._storage = storage
        self._objects = objects
        self._watches = watches
        self._servers = servers

    def startService(self) -> None:
        """Wait for the project."""
        super().startService()
        self._later(0, self._look)

    def _look(self) -> None:
        found = ground(self._objects)
        if found is None:
            self._later(PAUSE, self._look)
        elif loaded(self._objects, found) < self._servers:
            self._load(found, loaded(self._objects, found))

    def _load(self, found: Ground, first: int) -> None:
        last = min(first + BATCH, self._servers)
        self._storage.fill(self._free(batch(found, first, last)))
        if last < self._servers:
            self._later(0, self._load, found, last)
            return
        self._note(found, last)
        # Nobody was told of what was loaded.
        for where in (MACHINES, GUESTS, PORTS):
            self._watches.stop(where)
        _log.info("{count} servers are settled in {namespace}", count=last, namespace=found.namespace)

    def _free(self, placed: Iterator[Placed]) -> Iterator[Placed]:
        """Without what an earlier run had loaded before it was cut off."""
        return (each for each in placed if self._storage.get(*each[:3]) is None)

    def _note(self, found: Ground, count: int) -> None:
        def noted(namespace: Manifest) -> Manifest:
            annotations = {**namespace["metadata"].get("annotations", {}), LOADED: str(count)}
            return {**namespace, "metadata": {**namespace["metadata"], "annotations": annotations}}

        self._objects.change("", "namespaces", "", found.namespace, noted)


def batch(found: Ground, first: int, last: int) -> Iterator[Placed]:
    """The objects of some servers."""
    for index in range(first, last):
        yield from objects(server(found, index))


def loaded(reader: Objects, found: Ground) -> int:
    """How many servers the project has got."""
    namespace = reader.get("", "namespaces", "", found.namespace) or {"metadata": {}}
    return int(namespace["metadata"].get("annotations", {}).get(LOADED, 0))
