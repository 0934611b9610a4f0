from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase

from dicot.pull import SLICE, Slices, length, sliced


class SliceTests(SynchronousTestCase):
    def test_the_bytes_stay_the_same(self) -> None:
        short: list[list[int]] = [[], [0], [0, 0], [1], [10] * 20_000, [50_000] * 7, [0] * 9 + [70_000] + [0] * 9]
        for sizes in (*short, [SLICE], [SLICE - 1, 1, 1], [3 * SLICE + 5], [0, SLICE, 0], [1500] * 1000):
            for between in (b"", b", "):
                parts = [bytes([n % 251]) * size for n, size in enumerate(sizes)]
                slices = list(sliced(parts, between))
                self.assertEqual(b"".join(slices), between.join(parts))
                self.assertTrue(all(len(piece) <= 1.5 * SLICE for piece in slices), sizes)
                self.assertEqual(list(sliced(parts, between, length(parts, between))), slices)
                self.assertEqual(length(parts, between), len(between.join(parts)))

    def test_they_end_where_a_part_does(self) -> None:
        slices = list(sliced([b"x" * 1498] * 1000, b", "))
        self.assertEqual([len(piece) for piece in slices[:-1]], [SLICE // 1500 * 1500] * (len(slices) - 1))

    def test_long_parts_are_cut(self) -> None:
        self.assertEqual([len(piece) for piece in sliced([b"x" * (2 * SLICE + 1)])], [SLICE, SLICE, 1])
        slices = list(sliced([b"x"] * 999 + [b"y" * (9 * SLICE)]))
        self.assertTrue(max(map(len, slices)) <= 1.5 * SLICE)
        self.assertEqual(len(slices), 1 + 999 // 110 + 9)


class Sink:
    """A consumer that has room for so many slices."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[bytes] = []
        self.producer: IPushProducer | None = None

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.taken.append(data)
        self.room -= 1
        if self.room == 0 and self.producer is not None:
            self.producer.pauseProducing()

    def drain(self, room: int) -> None:
        self.room = room
        assert self.producer is not None
        self.producer.resumeProducing()


def slices_of(sink: Sink, parts: list[bytes]) -> Slices[bytes]:
    return Slices(sink, sliced(parts), sink.write)


class SlicesTests(SynchronousTestCase):
    def test_no_more_than_there_is_room_for(self) -> None:
        sink = Sink(2)
        sent = slices_of(sink, [b"x" * (5 * SLICE)]).send()
        self.assertEqual(len(sink.taken), 2)
        sink.drain(1)
        self.assertEqual(len(sink.taken), 3)
        self.assertNoResult(sent)
        sink.drain(9)
        self.successResultOf(sent)
        self.assertEqual((len(sink.taken), sink.producer), (5, None))

    def test_room_that_ends_with_the_body(self) -> None:
        sink = Sink(2)
        sent = slices_of(sink, [b"x" * (2 * SLICE)]).send()
        self.assertNoResult(sent)
        sink.drain(1)
        self.successResultOf(sent)

    def test_a_consumer_that_resumes_while_it_is_written_to(self) -> None:
        sink = Sink(99)
        write = sink.write

        def eager(data: bytes) -> None:
            write(data)
            assert sink.producer is not None
            sink.producer.pauseProducing()
            sink.producer.resumeProducing()

        sink.write = eager  # type: ignore[method-assign]
        sent = slices_of(sink, [b"x" * (3 * SLICE)]).send()
        self.successResultOf(sent)
        self.assertEqual(len(sink.taken), 3)

    def test_after_stop_nothing_is_written(self) -> None:
        sink = Sink(1)
        slices = slices_of(sink, [b"x" * (5 * SLICE)])
        sent = slices.send()
        slices.stopProducing()
        slices.resumeProducing()
        self.assertEqual(len(sink.taken), 1)
        sent.addErrback(lambda _: None)
