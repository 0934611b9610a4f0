"""Requests that the load generator writes, answers that it reads, and the fragments that others join."""

import json

from twisted.trial.unittest import SynchronousTestCase

from bench.load import HEAD, Broken, Incoming, Seen, request
from bench.rows.writes import calls
from bench.servers.answers import fragments

ANSWER = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 5\r\nDate: now\r\n\r\nhello"


def taken(*pieces: bytes) -> Incoming:
    """An answer that came in these pieces; all but the last leave it unfinished."""
    answer = Incoming()
    whole = [answer.take(memoryview(piece), len(piece)) for piece in pieces]
    assert whole == [False] * (len(pieces) - 1) + [True], whole
    return answer


class IncomingTests(SynchronousTestCase):
    def test_wherever_it_is_cut(self) -> None:
        for cut in range(1, len(ANSWER)):
            self.assertEqual(taken(ANSWER[:cut], ANSWER[cut:]).code, 200, cut)

    def test_whole_or_byte_by_byte(self) -> None:
        self.assertEqual(taken(ANSWER).code, 200)
        self.assertEqual(taken(*(ANSWER[at : at + 1] for at in range(len(ANSWER)))).code, 200)

    def test_no_body(self) -> None:
        self.assertEqual(taken(b"HTTP/1.1 204 No Content\r\n\r\n").code, 204)
        self.assertEqual(taken(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").code, 503)

    def test_a_body_longer_than_any_head(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
        self.assertEqual(taken(head + bytes(HEAD), bytes(100_000 - HEAD)).code, 200)

    def test_what_it_cannot_measure(self) -> None:
        for wrong in (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ANSWER + b"and more",
        ):
            self.assertRaises(Broken, Incoming().take, memoryview(wrong), len(wrong))


class RequestTests(SynchronousTestCase):
    def test_without_a_body(self) -> None:
        head = request("GET", "/x?y=1", {"X-Auth-Token": "secret"}).split("\r\n")
        self.assertEqual(head[0], "GET /x?y=1 HTTP/1.1")
        self.assertIn("X-Auth-Token: secret", head)
        self.assertEqual(head[-2:], ["", ""])

    def test_with_a_body(self) -> None:
        head, _, body = request("POST", "/x", {}, {"a": 1}).partition("\r\n\r\n")
        self.assertEqual(json.loads(body), {"a": 1})
        self.assertIn(f"Content-Length: {len(body)}", head)


class SeenTests(SynchronousTestCase):
    def test_rates_and_errors(self) -> None:
        seen = Seen(200, 4.0, 0, 0, 0, 0, 0, 0.5, {"200": 190, "204": 5, "500": 4, "404": 1})
        self.assertEqual((seen.rate, seen.cost, seen.errors), (50, 0.0025, 5))


class CallTests(SynchronousTestCase):
    def test_calls_that_a_log_tells_of(self) -> None:
        log = "".join(
            f"2026-11-26T07:57:13+0000 [dicot.tap#info] {text}\n"
            for text in (
                "checkpoint: before create ledgers",
                "checkpoint: after create ledgers",
                "checkpoint: before rehearse virtualmachines 2",
                "checkpoint: before read leases 3",
                "checkpoint: before patch ledgers 4",
                "all lists are filled",
            )
        )
        self.assertEqual(calls(log), ["patch ledgers", "rehearse virtualmachines", "patch ledgers"])


class FragmentTests(SynchronousTestCase):
    def test_they_make_the_page(self) -> None:
        page = b'{"servers": [{"id": "a", "x": [1, 2]}, {"id": "]}"}], "servers_links": [{"rel": "next"}]}'
        self.assertEqual(
            fragments(page),
            (
                b'{"servers": [',
                [b'{"id": "a", "x": [1, 2]}', b'{"id": "]}"}'],
                b'], "servers_links": [{"rel": "next"}]}',
            ),
        )

    def test_an_empty_page(self) -> None:
        self.assertEqual(fragments(b'{"servers": []}'), (b'{"servers": [', [], b"]}"))

    def test_a_page_written_in_another_way(self) -> None:
        self.assertRaises(ValueError, fragments, b'{"servers": [{"id": 1},{"id": 2}]}')
