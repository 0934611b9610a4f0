"""Watches of clients that are slow, that go, and that stay long."""

from collections.abc import Iterator

from msgspec import json
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver import watching
from dicot.sandbox.apiserver.history import Event
from dicot.sandbox.apiserver.journal import Nowhere
from dicot.sandbox.apiserver.resource import Resource
from dicot.sandbox.apiserver.selectors import EVERYTHING, Selection, selection
from dicot.sandbox.apiserver.storage import Storage
from dicot.sandbox.apiserver.watching import View, Watch, Watches, present

MAPS = Resource("", "v1", "configmaps", "configmap", "ConfigMap")
WHERE = ("", "configmaps")


class Sink:
    """A client that takes ``room`` writes and then no more."""

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.blocks: list[bytes] = []
        self.producer: IPushProducer | None = None

    def write(self, data: bytes) -> None:
        self.blocks.append(data)
        self.room -= 1
        if self.room <= 0 and self.producer is not None:
            self.producer.pauseProducing()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def events(self) -> list[tuple[str, str]]:
        """Types and names."""
        found: list[Manifest] = [json.decode(line) for line in b"".join(self.blocks).splitlines()]
        return [(each["type"], each["object"]["metadata"].get("name", "")) for each in found]


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.storage = Storage(Nowhere())
        self.watches = Watches(self.storage)
        self.ended = 0

    def put(self, name: str, namespace: str = "n", **labels: str) -> None:
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        self.storage.put(WHERE, namespace, name, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata})

    def watch(
        self, sink: Sink, lasts: float = 100.0, *, bookmarks: bool = False, chosen: Selection = EVERYTHING
    ) -> Watch:
        view = View(MAPS, "n", chosen)

        def ended() -> None:
            self.ended += 1

        watch = Watch(view, sink, self.clock, ended, lambda line: [line])
        first: Iterator[bytes] = present(self.storage, view, "n", None)
        self.watches.add(watch)
        watch.start(first, lasts, (lambda: self.storage.version) if bookmarks else None)
        return watch

    def test_what_there_is_and_what_comes(self) -> None:
        self.put("a")
        self.put("elsewhere", "m")
        sink = Sink()
        self.watch(sink)
        self.put("b")
        self.put("elsewhere", "m")
        self.storage.remove(WHERE, "n", "a")
        self.assertEqual(sink.events(), [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")])

    def test_a_slow_client_holds_a_slice(self) -> None:
        for number in range(1000):
            self.put(f"m-{number:04}", text="x" * 900)
        sink = Sink(room=1)
        self.watch(sink)
        self.put("z")
        self.assertEqual(len(sink.blocks), 1)
        self.assertLess(len(sink.blocks[0]), 2 * watching.SLICE)
        assert sink.producer is not None
        sink.room = 10**9
        sink.producer.resumeProducing()
        names = [name for _, name in sink.events()]
        self.assertEqual(names, [*(f"m-{number:04}" for number in range(1000)), "z"])

    def test_a_client_that_takes_nothing_is_cut_off(self) -> None:
        self.patch(watching, "FULL", 10)
        sink = Sink(room=1)
        self.put("a")
        self.watch(sink)
        for _ in range(11):
            self.put("a")
        self.assertEqual((self.ended, sink.producer), (1, None))

    def test_a_watch_has_an_end(self) -> None:
        sink = Sink()
        self.watch(sink, 5.0)
        self.clock.advance(4.9)
        self.assertEqual(self.ended, 0)
        self.clock.advance(0.2)
        self.assertEqual((self.ended, self.clock.getDelayedCalls()), (1, []))
        self.put("late")
        self.assertEqual(sink.events(), [])

    def test_bookmarks_come_each_minute_and_before_the_end(self) -> None:
        sink = Sink()
        self.watch(sink, 150.0, bookmarks=True)
        moments = []
        for second in range(1, 151):
            before = len(sink.blocks)
            self.clock.advance(1)
            if len(sink.blocks) > before:
                moments.append(second)
        self.assertEqual(moments, [60, 120, 148])
        self.assertEqual(sink.events(), [("BOOKMARK", "")] * 3)

    def test_a_client_that_goes_leaves_nothing_behind(self) -> None:
        sink = Sink()
        watch = self.watch(sink, bookmarks=True)
        watch.stopProducing()
        self.watches.remove(watch)
        self.put("a")
        self.assertEqual((self.clock.getDelayedCalls(), self.ended, sink.blocks), ([], 0, []))

    def test_a_line_is_made_once_for_all(self) -> None:
        seen: list[Event] = []
        self.storage.listen(seen.append)
        sinks = [Sink() for _ in range(3)]
        for sink in sinks:
            self.watch(sink)
        chosen = selection("a=1", "", WHERE)
        narrow = Sink()
        self.watch(narrow, chosen=chosen)
        self.put("x", a="1")
        self.assertEqual(len(seen[0].lines), 1)
        self.assertEqual({bytes(sink.blocks[0]) for sink in [*sinks, narrow]}, {next(iter(seen[0].lines.values()))})
