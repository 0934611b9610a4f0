"""Bodies in chunks: the same as Twisted's own decoder makes of them, once in a turn of the reactor."""

import random

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web._newclient import HTTP11ClientProtocol, Request
from twisted.web.http import _ChunkedTransferDecoder, _DataLoss
from twisted.web.http_headers import Headers

from dicot.kube.chunks import LONGEST_HEAD, LONGEST_TRAILERS, Chunks, installed

LAST = b"0\r\n\r\n"


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


class ChunksTests(SynchronousTestCase):
    """What is given out."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.given: list[bytes] = []
        self.rest: list[bytes] = []
        self.breaks = 0
        self.chunks = Chunks(self.clock, self.given.append, self.rest.append, self.broke)

    def broke(self) -> None:
        self.breaks += 1

    def get(self, *pieces: bytes) -> None:
        """A turn of the reactor for each piece."""
        for piece in pieces:
            self.chunks.dataReceived(piece)
            self.clock.advance(0)

    def test_once_in_a_turn(self) -> None:
        for data in (b"one\n", b"two\n", b"three\n"):
            self.chunks.dataReceived(chunk(data))
        self.assertEqual(self.given, [])
        self.clock.advance(0)
        self.assertEqual(self.given, [b"one\ntwo\nthree\n"])
        self.clock.advance(0)
        self.assertEqual((self.given, self.clock.getDelayedCalls()), ([b"one\ntwo\nthree\n"], []))

    def test_what_is_there_of_a_chunk_is_given(self) -> None:
        self.get(b"6\r\nabc", b"def", b"\r", b"\n1", b"0\r", b"\n" + b"x" * 16)
        self.assertEqual(self.given, [b"abc", b"def", b"x" * 16])

    def test_cut_anywhere(self) -> None:
        dice = random.Random(5)
        for _ in range(300):
            extension = dice.choice((b"", b";a=b", b" ;x"))
            body = [bytes(dice.choices(range(256), k=dice.randrange(1, 40))) for _ in range(dice.randrange(8))]
            wire = b"".join(chunk(data, extension) for data in body) + LAST
            whole: list[bytes] = []
            _ChunkedTransferDecoder(whole.append, lambda rest: None).dataReceived(wire.replace(b" ;x", b";x"))
            self.setUp()
            cuts = sorted(dice.choices(range(len(wire)), k=4))
            self.get(*(wire[at:to] for at, to in zip((0, *cuts), (*cuts, len(wire)), strict=True) if at < to))
            self.assertEqual(b"".join(self.given), b"".join(whole))
            self.assertEqual(self.rest, [b""])
            self.chunks.noMoreData()

    def test_what_is_behind_the_last_chunk(self) -> None:
        self.get(chunk(b"x") + b"0\r\nTrailer: 1\r\n", b"Other: 2\r\n\r\nHTTP/1.1 200 OK")
        self.assertEqual((self.given, self.rest), ([b"x"], [b"HTTP/1.1 200 OK"]))

    def test_the_end_is_seen_at_once(self) -> None:
        self.chunks.dataReceived(chunk(b"x") + LAST)
        self.assertEqual((self.given, self.rest), ([b"x"], [b""]))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_line_that_only_looks_like_the_end(self) -> None:
        self.get(b"9\r\nabc0\r\n\r\n", b"d\r\n", LAST)
        self.assertEqual((b"".join(self.given), self.rest), (b"abc0\r\n\r\nd", [b""]))

    def test_a_connection_that_ends_too_soon(self) -> None:
        self.chunks.dataReceived(chunk(b"one") + b"5\r\ntw")
        self.assertRaises(_DataLoss, self.chunks.noMoreData)
        self.assertEqual((self.given, self.rest), ([b"onetw"], []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_connection_that_ends_in_the_same_turn(self) -> None:
        self.chunks.dataReceived(chunk(b"one") + b"0\r\n")
        self.chunks.dataReceived(b"\r\n")
        self.chunks.noMoreData()
        self.assertEqual((self.given, self.clock.getDelayedCalls()), ([b"one"], []))

    def test_no_chunks(self) -> None:
        for wire in (
            b"x\r\n",
            b"-1\r\n",
            b"1_0\r\n",
            b" 1\r\n",
            b"\r\n",
            b"5\n",
            b"f" * 16 + b"\r\n",
            b"3\r\nabcd\r\n",
            b"1;" + b"x" * LONGEST_HEAD,
            b"0\r\n" + b"a: b\r\n" * (LONGEST_TRAILERS // 6 + 1),
        ):
            self.setUp()
            with capturedLogs() as seen:
                self.get(chunk(b"good") + wire, chunk(b"late"))
            self.assertEqual((b"".join(self.given)[:4], self.breaks, self.rest), (b"good", 1, []), wire)
            self.assertNotIn(b"late", b"".join(self.given))
            self.assertIn("no HTTP", seen[0]["log_format"])
            self.assertRaises(_DataLoss, self.chunks.noMoreData)


class InstalledTests(SynchronousTestCase):
    """In the place of Twisted's own."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.protocol = HTTP11ClientProtocol()
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)
        headers = Headers({b"Host": [b"h"]})
        self.asked = self.protocol.request(Request(b"GET", b"/", headers, None, persistent=False))

    def answer(self, headers: bytes) -> Chunks | None:
        self.protocol.dataReceived(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n")
        return installed(self.protocol, self.clock, lambda: None)

    def test_in_chunks(self) -> None:
        self.assertIsNotNone(self.answer(b"Transfer-Encoding: chunked\r\n"))
        given: list[bytes] = []
        response = self.successResultOf(self.asked)
        self.patch(response, "_bodyDataReceived", given.append)
        self.protocol.dataReceived(chunk(b"one") + chunk(b"two"))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_otherwise(self) -> None:
        self.assertIsNone(self.answer(b"Content-Length: 3\r\n"))
