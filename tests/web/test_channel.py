"""Safety 1.4, row by row, and T30, T33, T34: bytes in, bytes out."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.web.call import Call, Reply

from .wire import BASE, DEMO, Asked, Bench, ListedGate, Wire, as_is, echoed, pending, written

HEAD = b"POST /compute/v2.1/servers HTTP/1.1\r\nHost: a\r\nX-Auth-Token: good\r\n"
GET = b"GET /compute/v2.1/servers HTTP/1.1\r\nHost: a\r\nX-Auth-Token: good\r\n"


class ChannelCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.calls: list[Call[Any]] = []

        def noted(call: Call[Any]) -> Reply:
            self.calls.append(call)
            return echoed(call)

        self.bench.api.get("/servers", "p")(noted)
        self.bench.api.write("POST", "/servers", "p", [((2, 1), as_is)])(noted)
        self.bench.api.write("POST", "/tokens", None, [((2, 1), as_is)])(noted)
        self.wire = self.bench.wire()

    def refused(self, code: int, fault: str, wire: Wire | None = None) -> None:
        """The only answer is a refusal in Nova's envelope, nothing ran, and the connection ends soon after."""
        wire = wire or self.wire
        answer = wire.response()
        self.assertEqual((answer.code, list(answer.json)), (code, [fault]))
        self.assertEqual(answer.headers["connection"], "close")
        self.assertIn("x-openstack-request-id", answer.headers)
        self.assertEqual(self.calls, [])
        self.bench.clock.advance(1.1)
        self.assertTrue(wire.closing)
        self.assertEqual([error.getTraceback() for error in self.flushLoggedErrors()], [])


class FramingTests(ChannelCase):
    def test_broken_framing_is_400_and_the_end(self) -> None:
        for field in (
            b"Content-Length: 1\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 1",
            b"Content-Length: 1\r\nContent-Length: 1",
            b"Content-Length: 1\r\nContent-Length: 2",
            b"Content-Length: +2",
            b"Content-Length: -1",
            b"Content-Length: 1, 1",
            b"Content-Length: " + b"9" * 5000,
            b"Content-Length:",
            b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Content-Length : 1",
            b"X-A: a\r\n folded",
            b"X-A: a\r\n\tfolded",
            b"no colon",
            b": no name",
            b"X-A: a\x00b",
            b"X\x01: a",
            b"\r\n".join(b"X-%d: a" % n for n in range(600)),
        ):
            wire = self.bench.wire()
            wire.send(HEAD + field + b"\r\n\r\n" + GET + b"\r\n")
            self.refused(400, "badRequest", wire)

    def test_a_broken_request_line_is_400(self) -> None:
        for line in (
            b"GET /compute/v2.1/servers",
            b"GET  /compute/v2.1/servers HTTP/1.1",
            b"GET /compute/v2.1/servers HTTP/9.9",
            b"GET /compute/v2.1/servers HTTP/2",
            b"G\x01T /compute/v2.1/servers HTTP/1.1",
            b"get /compute/v2.1/servers HTTP/1.1",
            b"GET http://evil.example/compute/v2.1/servers HTTP/1.1",
            b"CONNECT evil.example:443 HTTP/1.1",
            b"OPTIONS * HTTP/1.1",
            b" GET /compute/v2.1/servers HTTP/1.1",
            b"\x16\x03\x01\x02",
        ):
            wire = self.bench.wire()
            wire.send(line + b"\r\nHost: a\r\n\r\n")
            (answer,) = wire.responses()
            self.assertEqual(answer.code, 400, line)
            self.assertEqual(answer.json[next(iter(answer.json))]["code"], 400)
            self.bench.clock.advance(1.1)
            self.assertTrue(wire.closing)

    def test_a_broken_request_line_is_refused_in_the_words_of_its_service(self) -> None:
        for line in (b"GET /compute/v2.1/servers", b"GET /compute/v2.1/servers?name=\xff HTTP/1.1"):
            wire = self.bench.wire()
            wire.send(line + b"\r\nHost: a\r\n\r\n")
            self.refused(400, "badRequest", wire)

    def test_what_a_connection_asked_before_says_nothing_of_a_broken_line(self) -> None:
        self.wire.send(b"GET /compute/v2.1/none HTTP/1.1\r\nHost: a\r\n\r\n" + b"\x16\x03 \x01\x02\r\n")
        self.bench.clock.advance(0)
        first, second = self.wire.responses()
        self.assertEqual((first.code, list(first.json)), (404, ["itemNotFound"]))
        self.assertEqual((second.code, list(second.json)), (400, ["error"]))

    def test_http_1_0_is_not_spoken(self) -> None:
        self.wire.send(b"GET /compute/v2.1/servers HTTP/1.0\r\nHost: a\r\n\r\n")
        self.refused(505, "computeFault")

    def test_broken_chunks_are_400(self) -> None:
        for chunks in (b"zz\r\n", b"-1\r\n", b"1\r\nab\r\n", b"1;" + b"x" * 2000, b"0\r\n" + b"X: a\r\n" * 20_000):
            wire = self.bench.wire()
            wire.send(HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
            self.refused(400, "badRequest", wire)

    def test_chunks_are_read(self) -> None:
        self.wire.send(HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.wire.send(b"3;ext=1\r\n[1,\r\n2\r\n2]\r\n0\r\nX-Trailer: a\r\n\r\n")
        self.assertEqual(self.wire.response().json["body"], [1, 2])

    def test_byte_by_byte_is_the_same(self) -> None:
        for byte in HEAD + b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]":
            self.wire.send(bytes((byte,)))
        self.assertEqual(self.wire.response().json["body"], [1])

    def test_nothing_is_read_after_a_refusal(self) -> None:
        self.wire.send(HEAD + b"Content-Length: +1\r\n\r\n")
        self.wire.send((GET + b"\r\n") * 3)
        self.refused(400, "badRequest")

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        later = pending()
        bench = Bench(gate=ListedGate({"good": DEMO, "slow": later}))
        bench.api.get("/servers/<id>", "p")(echoed)
        wire = bench.wire()
        slow = written("GET", f"{BASE}/servers/1", token="slow")
        wire.send(slow + written("GET", f"{BASE}/servers/2", token="good"))
        self.assertEqual(wire.responses(), [])
        later.callback(DEMO)
        bench.clock.advance(0)
        self.assertEqual([answer.json["names"]["id"] for answer in wire.responses()], ["1", "2"])

    def test_pipelined_requests_let_others_have_their_turn(self) -> None:
        bench, order = Bench(), list[str]()

        def noted(call: Call[Any]) -> Reply:
            order.append(call.names["id"])
            return echoed(call)

        bench.api.get("/servers/<id>", "p")(noted)
        bench.api.write("POST", "/<id>", "p", [((2, 1), as_is)])(noted)
        for who in "ab":
            get = written("GET", f"{BASE}/servers/{who}1", token="good")
            bench.wire().send(get + written("POST", f"{BASE}/{who}2", [], token="good") + get)
        bench.clock.advance(0)
        self.assertEqual(order, ["a1", "b1", "a2", "b2", "a1", "b1"])

    def test_who_leaves_with_requests_that_wait_leaves_nothing(self) -> None:
        self.wire.send((GET + b"\r\n") * 3)
        self.wire.leave()
        self.assertEqual(self.bench.clock.getDelayedCalls(), [])


class HostTests(ChannelCase):
    def test_a_host_is_required_once_and_well_formed(self) -> None:
        for host in (
            b"",
            b"Host: a\r\nHost: a\r\n",
            b"Host: a\r\nHost: evil.example\r\n",
            b"Host:\r\n",
            b"Host: a..b\r\n",
            b"Host: " + b"a" * 64 + b"\r\n",
            b"Host: a b\r\n",
            b"Host: a/b\r\n",
            b"Host: a:b\r\n",
            b"Host: a@b\r\n",
            b"Host: \xff\r\n",
            b"Host: [::1\r\n",
        ):
            wire = self.bench.wire()
            wire.send(b"GET /compute/v2.1/servers HTTP/1.1\r\nX-Auth-Token: good\r\n" + host + b"\r\n")
            self.refused(400, "badRequest", wire)

    def test_hosts(self) -> None:
        for host in ("a", "a.b.", "10.0.0.1:5000", "[::1]:5000", "my_cloud.example:80", "localhost"):
            self.assertEqual(self.bench.ask("GET", f"{BASE}/servers", token="good", Host=host).code, 200, host)

    def test_no_answer_shows_the_host(self) -> None:
        """Safety T39."""
        for path in ("/", "/identity", "/compute", "/compute/v2.1/", f"{BASE}/servers", f"{BASE}/servers/", "/nope"):
            answer = self.bench.ask("GET", path, token="good", Host="evil.example", X_Forwarded_Host="evil.example")
            self.assertNotIn(b"evil", answer.body)
            self.assertNotIn("evil", str(answer.headers))


class SizeTests(ChannelCase):
    def test_a_header_block_over_the_limit_is_431(self) -> None:
        self.wire.send(GET + b"X-A: " + b"a" * 20_000 + b"\r\n\r\n")
        self.refused(431, "computeFault")

    def test_many_small_headers_over_the_limit_are_431(self) -> None:
        self.wire.send(GET + b"".join(b"X-%03d: %s\r\n" % (n, b"a" * 90) for n in range(200)) + b"\r\n")
        self.refused(431, "computeFault")

    def test_a_long_name_of_a_header_is_431(self) -> None:
        for name in (b"X" * 129, b"X" * 9_000, b"Content-Length" + b" " * 120, b"\xff" * 200):
            for begin in (GET, HEAD):
                wire = self.bench.wire()
                wire.send(begin + name + b": 1\r\n\r\n")
                self.refused(431, "computeFault", wire)
        self.wire.send(GET + b"X" * 128 + b": " + b":" * 200 + b"\r\n\r\n")
        self.assertEqual(self.wire.response().code, 200)

    def test_a_header_that_never_ends_is_431(self) -> None:
        self.wire.send(GET + b"X-A: ")
        for _ in range(20):
            self.wire.send(b"a" * 1000)
        self.refused(431, "computeFault")

    def test_a_request_line_over_the_limit_is_414(self) -> None:
        self.wire.send(b"GET /compute/v2.1/servers?" + b"a" * 70_000 + b" HTTP/1.1\r\n")
        self.refused(414, "computeFault")

    def test_a_long_query_is_no_long_header(self) -> None:
        ids = ",".join(["0" * 36] * 1000)
        self.assertEqual(self.bench.ask("GET", f"{BASE}/servers?id=in:{ids}", token="good").code, 200)

    def test_a_long_body_is_refused_before_it_is_sent(self) -> None:
        self.wire.send(HEAD + b"Content-Length: 114689\r\nExpect: 100-continue\r\n\r\n")
        self.refused(413, "overLimit")

    def test_the_limit_is_named_as_oslo_does(self) -> None:
        self.wire.send(HEAD + b"Content-Length: 99999999999\r\n\r\n")
        self.assertEqual(
            self.wire.response().json["overLimit"]["message"],
            "Request is too large. Larger than max_request_body_size (114688).",
        )

    def test_a_body_at_the_limit_is_read(self) -> None:
        body = b'"' + b"a" * (114_688 - 2) + b'"'
        self.assertEqual(self.bench.ask("POST", f"{BASE}/servers", body, token="good").code, 200)

    def test_chunks_are_cut_at_the_limit(self) -> None:
        self.wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(30):
            self.wire.send(b"1000\r\n" + b"a" * 4096 + b"\r\n")
        self.refused(413, "overLimit")
        self.assertLessEqual(len(self.wire.channel.requests[-1].body.getvalue()), 114_688)

    def test_chunks_that_come_at_once_are_cut_too(self) -> None:
        chunk = b"1000\r\n" + b"a" * 4096 + b"\r\n"
        self.wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 100 + b"0\r\n\r\n")
        self.refused(413, "overLimit")

    def test_encoded_bodies_are_415(self) -> None:
        for encoding in (b"gzip", b"deflate", b"identity, gzip"):
            wire = self.bench.wire()
            wire.send(HEAD + b"Content-Encoding: " + encoding + b"\r\nContent-Length: 10\r\n\r\n")
            self.refused(415, "badMediaType", wire)


class ContinueTests(ChannelCase):
    """A body is asked for only if it is wanted."""

    def expect(self, path: bytes, token: bytes, wire: Wire | None = None) -> Wire:
        wire = wire or self.wire
        fields = b"Host: a\r\n" + token + b"Content-Type: application/json\r\n"
        wire.send(b"POST " + path + b" HTTP/1.1\r\n" + fields + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        return wire

    def test_without_a_token_it_is_not(self) -> None:
        self.expect(b"/compute/v2.1/servers", b"")
        answer = self.wire.response()
        self.assertEqual((answer.code, answer.json["error"]["code"]), (401, 401))
        self.assertIn("www-authenticate", answer.headers)
        self.refused(401, "error")

    def test_with_a_bad_token_it_is_not(self) -> None:
        self.expect(b"/compute/v2.1/servers", b"X-Auth-Token: bad\r\n")
        self.refused(401, "error")

    def test_on_an_unknown_path_it_is_not(self) -> None:
        for path, code in ((b"/compute/v2.1/nope", 404), (b"/compute/v2.1/a%2fb", 400), (b"/compute/x", 404)):
            wire = self.expect(path, b"X-Auth-Token: good\r\n", self.bench.wire())
            self.refused(code, "itemNotFound" if code == 404 else "badRequest", wire)

    def test_with_a_token_it_is(self) -> None:
        self.expect(b"/compute/v2.1/servers", b"X-Auth-Token: good\r\n")
        self.assertEqual(self.wire.transport.value(), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wire.send(b"[1]")
        self.assertEqual([answer.code for answer in self.wire.responses()], [100, 200])

    def test_on_a_public_route_it_is(self) -> None:
        self.expect(b"/compute/v2.1/tokens", b"")
        self.assertEqual(self.wire.response().code, 100)

    def test_the_gate_may_take_its_time(self) -> None:
        later = pending()
        bench = Bench(gate=ListedGate({"slow": later}))
        bench.api.write("POST", "/servers", "p", [((2, 1), as_is)])(echoed)
        wire = self.expect(b"/compute/v2.1/servers", b"X-Auth-Token: slow\r\n", bench.wire())
        self.assertEqual(wire.responses(), [])
        later.callback(DEMO)
        self.assertEqual(wire.response().code, 100)

    def test_a_body_that_comes_unasked_is_taken(self) -> None:
        asked = Asked()
        bench = Bench(gate=ListedGate({"slow": asked}))
        bench.api.write("POST", "/servers", "p", [((2, 1), as_is)])(echoed)
        wire = self.expect(b"/compute/v2.1/servers", b"X-Auth-Token: slow\r\n", bench.wire())
        wire.send(b"[1]")
        first, second = asked.waiting
        first.callback(DEMO)
        second.callback(DEMO)
        self.assertEqual(wire.response().json["body"], [1])
