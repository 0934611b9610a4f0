"""Keeps the store of one kind like the server: by one watch, or by one for each namespace."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from .health import Health, merged, oldest
from .source import Origin
from .store import Store
from .watch import Means, Watch

log = Logger()


class Territory(Protocol):
    """The namespaces that matter."""

    def namespaces(self) -> Iterable[str] | None:
        """Those of now; None while they are not known."""
        ...

    def listen(self, listener: Callable[[], None]) -> None:
        """Tell a listener whenever they may be others."""
        ...


class Reflector:
    """The watches of one kind, from ``start`` to ``stop``.

    Where the account may not watch the kind everywhere, and a ``territory`` says which namespaces matter, there is
    one watch in each of them, until the watch of all is permitted: that is asked for each minute.
    """

    def __init__(
        self,
        store: Store[Any],
        origin: Origin,
        clock: IReactorTime,
        random: Callable[[], float],
        territory: Territory | None = None,
    ) -> None:
        self.store = store
        self._means = Means(origin, clock, random)
        self._territory = territory
        self._whole = Watch(store, store.whole, self._means, self._turned)
        self._scattered: dict[str, Watch] = {}
        self._ending: set[Deferred[None]] = set()
        self._is_shut_out = False

    def start(self) -> None:
        """Begin, and go on whatever happens."""
        if self._territory is not None:
            self._territory.listen(self._moved)
        self._whole.start()

    def stop(self) -> Deferred[None]:
        """End, by aborting what is open. Fires once nothing is left behind."""
        self._territory = None
        self._leave(tuple(self._scattered))
        ends = [self._whole.stop(), *self._ending]
        return gatherResults(ends).addCallback(lambda _: None)

    @property
    def byte_age(self) -> float | None:
        """Seconds since the quietest of its watches was last heard; None before the first byte."""
        if not self.store.is_divided:
            return self._whole.byte_age
        return oldest([watch.byte_age for watch in self._scattered.values()])

    def health(self) -> Health:
        """How it fares, for ``/status``."""
        whole = self._whole.health()
        if not self.store.is_divided:
            return whole
        return merged(whole, [watch.health() for watch in self._scattered.values()])

    def _turned(self) -> None:
        """The watch of the whole was refused, or has listed."""
        course = self._whole.course
        if course.is_shut_out and not self._is_shut_out:
            self._is_shut_out = True
            self._moved()
        elif self._is_shut_out and not course.is_shut_out and not self.store.is_divided:
            self._is_shut_out = False
            self._leave(tuple(self._scattered))

    def _moved(self) -> None:
        """Watch in each namespace that matters now."""
        namespaces = None if self._territory is None or not self._is_shut_out else self._territory.namespaces()
        if namespaces is None:
            return
        if not self.store.is_divided:
            log.warn("{kind} is watched in each namespace by itself", kind=self.store.kind.resource)
            self._whole.course.relist = True
        parts = self.store.divide(namespaces)
        self._leave(self._scattered.keys() - parts.keys())
        for namespace in sorted(parts.keys() - self._scattered.keys()):
            watch = Watch(self.store, parts[namespace], self._means, lambda: None)
            self._scattered[namespace] = watch
            watch.start()

    def _leave(self, namespaces: Iterable[str]) -> None:
        for namespace in namespaces:
            ending = self._scattered.pop(namespace).stop()
            self._ending.add(ending)
            ending.addCallback(lambda _, ended: self._ending.discard(ended), ending)
