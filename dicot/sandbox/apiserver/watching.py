"""Watches: what there is, what changes, and bookmarks, as lines that a slow client holds back."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import json
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from . import shape
from .history import Event, Type
from .resource import Resource
from .selectors import Selection
from .storage import Key, Storage, renumbered

SLICE = 65_536
"""Bytes of what there is at first that are handed out at a time."""
FULL = 50_000
"""Changes that may wait for a slow client; it is cut off at more."""
BOOKMARKS = 60.0
BEFORE_END = 2.0
INITIAL_END = "k8s.io/initial-events-end"
Printer = Callable[[bytes], bytes]
"""Makes another form of an object for a line, as a Table."""
Pieces = Callable[[bytes], list[bytes]]
"""What is sent for a line; where nothing goes wrong, the line."""


class Sink(Protocol):
    """Where the lines go."""

    def write(self, data: bytes) -> object: ...

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> object: ...

    def unregisterProducer(self) -> object: ...


class View:
    """What one watch shows: of which resource, which of its objects, in which form."""

    def __init__(
        self, resource: Resource, namespace: str, selection: Selection, printer: Printer | None = None
    ) -> None:
        self.resource = resource
        self.where = (resource.group, resource.plural)
        self._namespace = namespace
        self._selection = selection
        self._printer = printer

    def initial(self, key: Key, body: bytes) -> bytes:
        """The line of an object that is there, b"" where it is not shown."""
        namespace, _, name = key.partition("/")
        if not self._takes(namespace, name, body):
            return b""
        return self._line("ADDED", body)

    def line(self, event: Event) -> bytes:
        """The line of a change, b"" where nothing is seen of it. One that leaves the selection is deleted for who
        watches, one that comes into it is new."""
        if self._selection.everything:
            if self._namespace and event.namespace != self._namespace:
                return b""
            return self._shared(event, event.type)
        was = event.old is not None and self._takes(event.namespace, event.name, event.old)
        is_ = event.new is not None and self._takes(event.namespace, event.name, event.new)
        if is_:
            return self._shared(event, "MODIFIED" if was else "ADDED")
        if not was:
            return b""
        if event.new is None:
            return self._shared(event, "DELETED")
        assert event.old is not None
        return self._line("DELETED", renumbered(event.old, event.version))

    def bookmark(self, version: int, *, initial: bool = False) -> bytes:
        """A line that says how far it has come."""
        metadata: dict[str, object] = {"resourceVersion": str(version)}
        if initial:
            metadata["annotations"] = {INITIAL_END: "true"}
        shown = {"kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": metadata}
        return json.encode({"type": "BOOKMARK", "object": shown}) + b"\n"

    def _takes(self, namespace: str, name: str, body: bytes) -> bool:
        if self._namespace and namespace != self._namespace:
            return False
        return self._selection.everything or self._selection.takes(namespace, name, body)

    def _shared(self, event: Event, type_: Type) -> bytes:
        """The line that all who see the same share."""
        if self._printer is not None:
            return self._line(type_, event.shown)
        key = (type_, self.resource.api_version)
        line = event.lines.get(key)
        if line is None:
            line = event.lines[key] = self._line(type_, event.shown)
        return line

    def _line(self, type_: Type, body: bytes) -> bytes:
        shown = self._printer(body) if self._printer else shape.alone(self.resource, body)
        return b'{"type":"%b","object":%b}\n' % (type_.encode(), shown)


@implementer(IPushProducer)
class Watch:
    """A watch that is open. ``ended`` is told once, when it is over and the connection still stands."""

    def __init__(
        self,
        view: View,
        sink: Sink,
        clock: IReactorTime,
        ended: Callable[[], None],
        pieces: Pieces,
    ) -> None:
        self.view = view
        self._sink = sink
        self._clock = clock
        self._ended = ended
        self._pieces = pieces
        self._first: Iterator[bytes] = iter(())
        self._waiting: deque[bytes] = deque()
        self._paused = False
        self._pumping = False
        self._timers: list[IDelayedCall] = []
        self.over = False

    def start(self, first: Iterator[bytes], lasts: float, version: Callable[[], int] | None) -> None:
        """Begin with the first lines; ``version`` tells what bookmarks say, None where none are wanted."""
        self._first = first
        self._sink.registerProducer(self, True)
        self._timers.append(self._clock.callLater(lasts, self.stop))
        if version is not None:
            self._mark(version, BOOKMARKS)
            if lasts > BEFORE_END:
                self._timers.append(self._clock.callLater(lasts - BEFORE_END, self._bookmark, version))
        self._pump()

    def see(self, event: Event) -> None:
        """Show a change."""
        line = self.view.line(event)
        if line:
            self.say(line)

    def say(self, line: bytes) -> None:
        """Send a line, after all that came before."""
        self._waiting.append(line)
        if len(self._waiting) > FULL:
            self.stop()
        else:
            self._pump()

    def stop(self) -> None:
        """End it."""
        if self.over:
            return
        self._close()
        self._sink.unregisterProducer()
        self._ended()

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._paused = False
        self._pump()

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self._paused = True

    def stopProducing(self) -> None:
        """The client is gone."""
        self._close()

    def _close(self) -> None:
        self.over = True
        self._paused = True
        self._waiting.clear()
        self._first = iter(())
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self._timers.clear()

    def _pump(self) -> None:
        """Hand out what there is as long as the client takes it."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while not self._paused:
                block = self._next()
                if not block:
                    return
                self._sink.write(block)
        finally:
            self._pumping = False

    def _next(self) -> bytes:
        """The next lines, as many as fit into a slice."""
        held: list[bytes] = []
        size = 0
        while size < SLICE:
            line = next(self._first, b"") or (self._waiting.popleft() if self._waiting else b"")
            if not line:
                break
            for piece in self._pieces(line):
                held.append(piece)
                size += len(piece)
        return b"".join(held)

    def _mark(self, version: Callable[[], int], pause: float) -> None:
        def again() -> None:
            self._timers.remove(timer)
            self._bookmark(version)
            self._mark(version, pause)

        timer = self._clock.callLater(pause, again)
        self._timers.append(timer)

    def _bookmark(self, version: Callable[[], int]) -> None:
        self.say(self.view.bookmark(version()))


class Watches:
    """All watches that are open, by resource."""

    def __init__(self, storage: Storage) -> None:
        self._open: dict[tuple[str, str], list[Watch]] = {}
        storage.listen(self._tell)

    def add(self, watch: Watch) -> None:
        """Tell it of each change from now on."""
        self._open.setdefault(watch.view.where, []).append(watch)

    def remove(self, watch: Watch) -> None:
        """It is over."""
        watches = self._open.get(watch.view.where, [])
        if watch in watches:
            watches.remove(watch)

    def stop(self, where: tuple[str, str] | None = None) -> None:
        """End all, or those of a resource."""
        for place in [where] if where else list(self._open):
            for watch in list(self._open.get(place, ())):
                watch.stop()

    def _tell(self, event: Event) -> None:
        for watch in list(self._open.get(event.where, ())):
            watch.see(event)


def present(storage: Storage, view: View, namespace: str, version: int | None) -> Iterator[bytes]:
    """The lines of all there is now, and (with a version) the bookmark that ends them."""
    shelf = storage.shelf(view.where)
    found = [(key, shelf.bodies[key]) for key in shelf.within(namespace)]

    def lines() -> Iterator[bytes]:
        for key, body in found:
            line = view.initial(key, body)
            if line:
                yield line
        if version is not None:
            yield view.bookmark(version, initial=True)

    return lines()
