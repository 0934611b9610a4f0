"""A small version of safety's goal G9: mutated requests are never a 500, never an error in the log."""

import os
import random

from twisted.trial.unittest import SynchronousTestCase

from .test_site import others
from .wire import BASE, Bench, as_is, echoed, written

ROUNDS = int(os.environ.get("DICOT_TEST_MUTATIONS", "1500"))
SEED = 7
CHUNKED = (
    b"POST /compute/v2.1/servers HTTP/1.1\r\nHost: a\r\nX-Auth-Token: good\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Type: application/json\r\n\r\n3\r\n[1]\r\n0\r\n\r\n"
)
REQUESTS = (
    written("GET", f"{BASE}/servers/x?a=1", token="good"),
    written("POST", f"{BASE}/servers", {"a": [1, {"b": None}]}, token="good"),
    written("POST", f"{BASE}/servers/x/action", {"go": None}, token="good"),
    written("GET", "/identity/v3/x", token="good"),
    written("OPTIONS", "/image/v2/x"),
    CHUNKED,
)
SPLINTERS = (
    b"\r\n",
    b" ",
    b"\0",
    b"%2f",
    b"//",
    b"..",
    b":",
    b"9" * 30,
    b"[",
    b'"\\ud800"',
    b"{",
    b"\xff",
    b"\r\n b",
)


def mutated(dice: random.Random) -> bytes:
    """One or two requests with up to five changes."""
    found = bytearray(dice.choice(REQUESTS) * dice.choice((1, 1, 2)))
    for _ in range(dice.randrange(6)):
        at = dice.randrange(len(found))
        match dice.randrange(4):
            case 0:
                found[at] = dice.randrange(256)
            case 1:
                del found[at : at + dice.randrange(8)]
            case 2:
                found[at:at] = dice.choice(SPLINTERS)
            case _:
                start = dice.randrange(len(found))
                found[at:at] = found[start : start + 20]
    return bytes(found)


class MutationTests(SynchronousTestCase):
    def test_no_mutation_breaks_anything(self) -> None:
        bench = Bench(others=others())
        bench.api.get("/servers/<id>", "p")(echoed)
        bench.api.write("POST", "/servers", "p", [((2, 1), as_is)])(echoed)
        bench.api.action("/servers/<id>/action", "go", "p", ())(echoed)
        dice = random.Random(SEED)
        for _ in range(ROUNDS):
            data = mutated(dice)
            cut = dice.randrange(len(data))
            wire = bench.wire()
            wire.send(data[:cut])
            wire.send(data[cut:])
            bench.clock.pump([0] * 3)
            for answer in wire.transport.value().split(b"HTTP/1.1 ")[1:]:
                self.assertTrue(answer[:1] in b"234" or answer[:3] == b"505", (data, answer))
            wire.leave()
            self.assertEqual([error.getTraceback() for error in self.flushLoggedErrors()], [], data)
