"""A head that came whole is read in one pass; it must mean what it means when it comes in pieces."""

import os
import random

from twisted.trial.unittest import SynchronousTestCase

from dicot.web.call import Call, Reply
from dicot.web.limits import Limits
from dicot.web.quick import LONGEST, quick

from .test_mutation import SPLINTERS
from .wire import BASE, Bench, pending, written

SEED = 11
ROUNDS = int(os.environ.get("DICOT_TEST_MUTATIONS", "1500")) // 2
USUAL = written(
    "GET",
    f"{BASE}/servers/x?a=1",
    token="good",
    Accept="application/json",
    Connection="keep-alive",
    OpenStack_API_Version="compute 2.96",
)
PATH = b"/compute/v2.1/servers/x"
NAMES = (
    *(b"Host", b"X-Auth-Token", b"x-openstack-request-id", b"Accept", b"Connection", b"Content-Length", b"Expect"),
    *(b"Transfer-Encoding", b"Content-Encoding", b"OpenStack-API-Version", b"X-Forwarded-For", b"Cookie", b"a b"),
)
VALUES = (
    *(b"cloud.example", b"good", b"bad", b"keep-alive", b"close", b"Keep-Alive", b"keep-alive, close", b"0", b"5"),
    *(b"chunked", b"100-continue", b"gzip", b"compute 2.1", b"compute latest", b"\t x \t", b"a\0b", b"a\rb", b""),
    *(b"\xff", b"req-12345678-1234-1234-1234-123456789abc"),
)


def told(call: Call[None]) -> Reply:
    """All that an operation can see."""
    seen = {"names": dict(call.names), "query": dict(call.query), "headers": dict(call.headers)}
    return Reply({**seen, "version": call.version, "user": call.caller.user, "from": call.address})


def head(dice: random.Random) -> bytes:
    """A head that is nearly usual."""
    method = dice.choice((*[b"GET"] * 8, b"HEAD", b"HEAD", b"POST", b"get"))
    path = dice.choice((*[PATH] * 8, PATH + b"?a=%41&b", b"/", b"/a", b"/\xff"))
    version = dice.choice((*[b"HTTP/1.1"] * 9, b"HTTP/1.0"))
    lines = [b"Host: cloud.example", b"X-Auth-Token: good"][dice.randrange(9) // 8 :]
    for _ in range(dice.randrange(4)):
        lines.append(dice.choice(NAMES) + dice.choice((*[b": "] * 8, b":", b" : ")) + dice.choice(VALUES))
    dice.shuffle(lines)
    found = b"\r\n".join((b" ".join((method, path, version)), *lines, b"", b""))
    return found if dice.random() < 0.7 else splintered(found, dice)


def splintered(found: bytes, dice: random.Random) -> bytes:
    """The same with something put in or over a byte."""
    at = dice.randrange(len(found))
    return found[:at] + dice.choice(SPLINTERS) + found[at + dice.randrange(2) :]


class QuickTests(SynchronousTestCase):
    """What is taken, and as what."""

    def test_a_usual_head(self) -> None:
        found = quick(USUAL)
        assert found is not None
        self.assertEqual((found.method, found.target), (b"GET", b"/compute/v2.1/servers/x?a=1"))
        self.assertEqual(
            found.fields,
            {
                b"host": b"cloud.example",
                b"accept": b"application/json",
                b"connection": b"keep-alive",
                b"openstack-api-version": b"compute 2.96",
                b"x-auth-token": b"good",
            },
        )

    def test_what_may_be_read_in_another_way_is_left(self) -> None:
        first = b"GET / HTTP/1.1\r\n"
        for data in (
            b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\nHost: a\n\n",
            first + b"\r\n",
            first + b"Host: a\r\n",
            first + b"Host: a\r\n\r\nGET",
            first + b"Host: a\r\n\r\n\r\n",
            first + b"Host: a\r\nHost: a\r\n\r\n",
            first + b"Host: a\r\nhost: a\r\n\r\n",
            first + b"Host : a\r\n\r\n",
            first + b"Host: a\r\n b\r\n\r\n",
            first + b"Host: a\r\nX: \x00\r\n\r\n",
            first + b"Host: a\r\nX: \xe9\r\n\r\n",
            first + b"Host: a\r\nX: a\rb\r\n\r\n",
            first + b"Host: a\r\nContent-Length: 0\r\n\r\n",
            first + b"Host: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            first + b"Host: a\r\nExpect: 100-continue\r\n\r\n",
            first + b"Host: a\r\nConnection: close\r\n\r\n",
            first + b"Host: a\r\nConnection: keep-alive, X-Auth-Token\r\n\r\n",
            first + b"Host: a\r\n" + b"X" * 129 + b": a\r\n\r\n",
            first + b"".join(b"X-%d: a\r\n" % number for number in range(65)) + b"\r\n",
        ):
            self.assertIsNone(quick(data), data)


class SameTests(SynchronousTestCase):
    """Whole, in two pieces, or byte by byte."""

    def served(self, pieces: list[bytes], limits: Limits | None = None) -> object:
        bench = Bench(limits=limits)
        bench.api.get("/servers/<id>", "p")(told)
        wire = bench.wire()
        for piece in pieces:
            wire.send(piece)
            bench.clock.advance(0)
        answers = wire.transport.value().split(b"\r\n")
        found = ([line for line in answers if not line.startswith(b"Date: ")], bench.records, wire.closing)
        wire.leave()
        return found

    def test_any_head(self) -> None:
        dice = random.Random(SEED)
        quickly = 0
        for _ in range(ROUNDS):
            data = head(dice)
            cut = dice.randrange(1, len(data))
            quickly += quick(data) is not None
            self.assertEqual(self.served([data]), self.served([data[:cut], data[cut:]]), data)
        self.assertGreater(quickly, ROUNDS / 10)

    def test_byte_by_byte(self) -> None:
        self.assertEqual(self.served([USUAL]), self.served([bytes((each,)) for each in USUAL]))

    def test_one_after_the_other(self) -> None:
        twice = self.served([USUAL, USUAL])
        self.assertEqual(twice, self.served([USUAL + USUAL]))
        self.assertEqual(twice, self.served([b"\r\n", USUAL, USUAL]))
        self.assertEqual(twice, self.served([USUAL[:7], USUAL[7:] + USUAL]))

    def test_the_limits_are_the_same(self) -> None:
        for limits in (Limits(header_block=64), Limits(request_line=20)):
            self.assertEqual(self.served([USUAL], limits), self.served([USUAL[:3], USUAL[3:]], limits))
        long = USUAL.replace(b"good", b"a" * LONGEST)
        self.assertEqual(self.served([long]), self.served([long[:3], long[3:]]))


class TurnTests(SynchronousTestCase):
    def test_the_next_request_waits_for_the_answer(self) -> None:
        bench, later = Bench(), pending()
        answers = iter((later, Reply({"a": 2})))
        bench.api.get("/servers/<id>", "p")(lambda call: next(answers))
        wire = bench.wire()
        wire.send(USUAL)
        wire.send(USUAL)
        bench.clock.advance(0)
        self.assertEqual(wire.responses(), [])
        later.callback(Reply({"a": 1}))
        bench.clock.advance(0)
        self.assertEqual([answer.json for answer in wire.responses()], [{"a": 1}, {"a": 2}])
        self.assertEqual([record.status for record in bench.records], [200, 200])
