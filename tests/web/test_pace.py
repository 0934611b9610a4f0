"""Safety 1.4 and T33: who is slow, or too many, or does not read."""

import resource
from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from dicot.web.call import Reply
from dicot.web.limits import RESERVED, Limits, affordable

from .test_channel import GET, HEAD, ChannelCase
from .wire import BASE, DEMO, Bench, ListedGate, echoed, pending, written


class TimeTests(ChannelCase):
    def test_a_dripping_header_is_closed_at_its_deadline(self) -> None:
        for byte in (GET * 2)[:10]:
            self.wire.send(bytes((byte,)))
            self.bench.clock.advance(0.99)
        self.assertEqual(self.wire.responses(), [])
        self.bench.clock.advance(0.2)
        self.assertEqual(self.wire.response().code, 408)
        self.bench.clock.advance(1.1)
        self.assertTrue(self.wire.closing)

    def test_a_half_sent_header_is_answered_by_its_service(self) -> None:
        self.wire.send(GET + b"X-A")
        self.bench.clock.advance(10.1)
        self.refused(408, "computeFault")

    def test_a_silent_connection_is_closed_without_a_word(self) -> None:
        self.bench.clock.advance(10.1)
        self.assertTrue(self.wire.closing)
        self.assertEqual(self.wire.transport.value(), b"")

    def test_a_half_sent_body_is_408(self) -> None:
        self.wire.send(HEAD + b"Content-Length: 100\r\n\r\n{")
        self.bench.clock.advance(9.9)
        self.assertEqual(self.wire.responses(), [])
        self.bench.clock.advance(0.2)
        self.refused(408, "computeFault")

    def test_one_byte_a_second_is_408(self) -> None:
        for length in (b"Content-Length: 100000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
            wire = self.bench.wire()
            wire.send(HEAD + length)
            for _ in range(10):
                wire.send(b"1\r\na\r\n" if b"chunked" in length else b"a")
                self.bench.clock.advance(1.01)
            self.refused(408, "computeFault", wire)

    def test_a_trailer_without_end_is_408(self) -> None:
        self.wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
        for _ in range(10):
            self.wire.send(b"X: a\r\n")
            self.bench.clock.advance(1.01)
        self.refused(408, "computeFault")

    def test_a_slow_body_that_moves_is_read(self) -> None:
        body = b'"' + b"a" * 44_998 + b'"'
        self.wire.send(HEAD + b"Content-Type: application/json\r\nContent-Length: 45000\r\n\r\n")
        for start in range(0, 45_000, 1500):
            self.wire.send(body[start : start + 1500])
            self.bench.clock.advance(1)
        self.assertEqual(self.wire.response().code, 200)

    def test_an_idle_connection_is_closed_after_a_minute(self) -> None:
        self.wire.ask("GET", f"{BASE}/servers", token="good")
        self.bench.clock.advance(59.9)
        self.assertFalse(self.wire.closing)
        self.bench.clock.advance(0.2)
        self.assertTrue(self.wire.closing)
        self.assertEqual(self.wire.transport.value(), b"")

    def test_a_later_request_has_its_own_deadline(self) -> None:
        self.wire.ask("GET", f"{BASE}/servers", token="good")
        self.bench.clock.advance(50)
        self.wire.send(b"G")
        self.bench.clock.advance(9.9)
        self.assertEqual(self.wire.transport.value(), b"")
        self.bench.clock.advance(0.2)
        self.assertEqual(self.wire.response().code, 408)

    def test_an_operation_may_take_longer_than_any_of_it(self) -> None:
        later = pending()
        bench = Bench(gate=ListedGate({"slow": later}))
        bench.api.get("/servers", "p")(echoed)
        wire = bench.wire()
        wire.send(written("GET", f"{BASE}/servers", token="slow"))
        bench.clock.advance(300)
        later.callback(DEMO)
        self.assertEqual(wire.response().code, 200)

    def test_what_cannot_be_closed_is_cut(self) -> None:
        self.bench.clock.advance(10.1)
        self.assertFalse(self.wire.cut)
        self.bench.clock.advance(30.1)
        self.assertTrue(self.wire.cut)

    def test_no_timer_is_left_of_a_connection(self) -> None:
        self.wire.ask("GET", f"{BASE}/servers", token="good")
        self.wire.leave()
        self.assertEqual(self.bench.clock.getDelayedCalls(), [])


class SlowReaderTests(SynchronousTestCase):
    """A client that does not read holds one slice, and not for long."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.bench.api.get("/large", None)(lambda call: Reply(b"x" * 50_000_000))
        self.wire = self.bench.wire()
        channel, transport = self.wire.channel, self.wire.transport
        write = transport.write

        def full(data: bytes) -> None:
            write(data)
            if len(data) > 1000:
                channel.pauseProducing()

        transport.write = full  # type: ignore[method-assign]
        transport.writeSequence = lambda data: full(b"".join(data))  # type: ignore[method-assign]
        self.wire.send(written("GET", f"{BASE}/large"))

    def test_it_holds_one_slice(self) -> None:
        self.assertLess(len(self.wire.transport.value()), 70_000)

    def test_it_is_cut(self) -> None:
        self.bench.clock.advance(29.9)
        self.assertFalse(self.wire.cut)
        self.bench.clock.advance(0.2)
        self.assertTrue(self.wire.cut)

    def test_it_goes_on_while_it_reads(self) -> None:
        for _ in range(10):
            self.bench.clock.advance(20)
            self.wire.channel.resumeProducing()
        self.assertFalse(self.wire.cut)
        self.assertEqual(len(self.wire.transport.value()) // 65_536, 11)

    def test_nothing_is_left_when_it_leaves(self) -> None:
        self.wire.leave()
        self.assertEqual(self.bench.clock.getDelayedCalls(), [])
        self.assertEqual([record.status for record in self.bench.records], [499])


class CrowdTests(SynchronousTestCase):
    def test_connections_of_one_address_are_counted(self) -> None:
        bench = Bench(limits=Limits(per_address=3, connections=5))
        wires = [bench.wire("192.0.2.1") for _ in range(3)]
        with self.assertRaises(AssertionError):
            bench.wire("192.0.2.1")
        bench.wire("192.0.2.2")
        wires[0].leave()
        bench.wire("192.0.2.1")

    def test_a_proxy_may_have_more(self) -> None:
        bench = Bench(limits=Limits(per_address=3, connections=5), proxies=[ip_network("192.0.2.0/31")])
        wires = [bench.wire("192.0.2.1") for _ in range(5)]
        with self.assertRaises(AssertionError):
            bench.wire("192.0.2.1")
        wires[0].leave()
        bench.wire("192.0.2.1")

    def test_connections_are_counted_in_all(self) -> None:
        bench = Bench(limits=Limits(per_address=3, connections=5))
        wires = [bench.wire(f"192.0.2.{n}") for n in range(5)]
        with self.assertRaises(AssertionError):
            bench.wire("192.0.2.9")
        wires[4].leave()
        bench.wire("192.0.2.9")

    def test_who_waits_longest_gives_way(self) -> None:
        """Once his client has had a second; one that is asked for something stays."""
        bench = Bench(limits=Limits(per_address=3, connections=3))
        silent = bench.wire("192.0.2.1")
        bench.clock.advance(0.5)
        begun, idle = bench.wire("192.0.2.2"), bench.wire("192.0.2.3")
        begun.send(b"GET / HT")
        idle.ask("GET", f"{BASE}/servers", token="good")
        with self.assertRaises(AssertionError):
            bench.wire("192.0.2.9")
        bench.clock.advance(0.5)
        newest = bench.wire("192.0.2.9")
        self.assertEqual([wire.cut for wire in (silent, begun, idle, newest)], [True, False, False, False])

    def test_nobody_gives_way_twice_while_he_goes(self) -> None:
        bench = Bench(limits=Limits(per_address=3, connections=3))
        wires = [bench.wire(f"192.0.2.{n}") for n in range(3)]
        bench.clock.advance(1)
        for n in range(3):
            bench.wire(f"192.0.2.1{n}")
        self.assertEqual([wire.cut for wire in wires], [True] * 3)
        with self.assertRaises(AssertionError):
            bench.wire("192.0.2.20")

    def test_slow_bodies_and_slow_readers_give_way_too(self) -> None:
        bench = Bench(limits=Limits(per_address=3, connections=3))
        bench.api.get("/large", None)(lambda call: Reply(b"x" * 500_000))
        reader = bench.wire("192.0.2.1")
        reader.send(written("GET", f"{BASE}/large"))
        reader.channel.pauseProducing()
        bench.clock.advance(0.1)
        body = bench.wire("192.0.2.2")
        body.send(HEAD + b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1")
        bench.clock.advance(0.1)
        bench.wire("192.0.2.3")
        bench.clock.advance(1)
        for cut in ((True, False), (True, True)):
            bench.wire("192.0.2.9")
            self.assertEqual((reader.cut, body.cut), cut)

    def test_requests_under_way_never_give_way(self) -> None:
        bench = Bench(limits=Limits(per_address=3, connections=2))
        bench.api.get("/never", None)(lambda call: pending())
        for n in range(2):
            bench.wire(f"192.0.2.{n}").send(written("GET", f"{BASE}/never"))
        bench.clock.advance(5)
        with self.assertRaises(AssertionError):
            bench.wire("192.0.2.9")

    def test_no_more_than_there_may_be_open_files(self) -> None:
        asked: list[object] = []
        self.patch(resource, "setrlimit", lambda what, limits: asked.append(limits))
        for granted, most, wanted, limit in (
            (300, 20_000, 4_096, 4_096),
            (300, resource.RLIM_INFINITY, 4_096, 4_096),
            (300, 1_000, 4_096, 1_000 - RESERVED),
            (20_000, 20_000, 4_096, 4_096),
        ):
            self.patch(resource, "getrlimit", lambda what, now=(granted, most): now)
            self.assertEqual(affordable(Limits(connections=wanted)).connections, limit)
        whole = 4_096 + RESERVED
        self.assertEqual(asked, [(whole, 20_000), (whole, resource.RLIM_INFINITY), (1_000, 1_000)])

    def test_nothing_is_kept_of_addresses_that_left(self) -> None:
        """Safety T36."""
        bench = Bench()
        for n in range(300):
            bench.wire(f"192.0.2.{n}").leave()
        self.assertEqual(len(bench.site._addresses), 0)


class RetireTests(ChannelCase):
    def test_idle_connections_are_closed_at_once(self) -> None:
        self.wire.ask("GET", f"{BASE}/servers", token="good")
        self.bench.site.drain(30)
        self.assertTrue(self.wire.closing)

    def test_a_request_under_way_is_answered_and_its_connection_closed(self) -> None:
        self.wire.send(HEAD + b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1")
        self.bench.site.drain(30)
        self.assertFalse(self.wire.closing)
        self.wire.send(b"]")
        answer = self.wire.response()
        self.assertEqual((answer.code, answer.headers["connection"]), (200, "close"))
        self.assertTrue(self.wire.closing)

    def test_a_connection_that_has_said_nothing_is_closed_at_once(self) -> None:
        self.bench.site.drain(30)
        self.assertTrue(self.wire.closing)

    def test_draining_ends_when_the_last_answer_is_out(self) -> None:
        self.wire.send(HEAD + b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1")
        drained = self.bench.site.drain(30)
        self.wire.send(b"]")
        self.assertNoResult(drained)
        self.wire.leave()
        self.successResultOf(drained)

    def test_no_connection_is_taken_any_more(self) -> None:
        self.bench.site.drain(30)
        with self.assertRaises(AssertionError):
            self.bench.wire()
