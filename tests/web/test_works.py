from typing import Any

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from dicot.faults import Conflict
from dicot.web.call import Call, Reply
from dicot.web.works import Works

from .wire import BASE, Bench, pending


class DisconnectTests(SynchronousTestCase):
    """Decision D7: a write runs to its end, whoever listens."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.steps: list[str] = []
        self.first, self.second = pending(), pending()

        async def create(call: Call[Any]) -> Reply:
            await self.first
            self.steps.append("first")
            await self.second
            self.steps.append("second")
            return Reply(None, 202)

        self.bench.api.write("POST", "/servers", "p", ())(create)
        self.bench.api.action("/servers/<id>/action", "go", "p", ())(create)
        self.bench.api.get("/slow", "p")(create)
        self.bench.api.get("/hot/<id>", "p")(create)

    def begin(self, method: str, path: str, body: bytes | None = b"") -> Any:
        wire = self.bench.wire()
        length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
        head = f"{method} {BASE}{path} HTTP/1.1\r\nHost: a\r\nX-Auth-Token: good\r\n".encode()
        wire.send(head + length + b"\r\n" + (body or b""))
        return wire

    def test_a_write_goes_on_without_its_client(self) -> None:
        for path, body in (("/servers", b""), ("/servers/s/action", b'{"go": null}')):
            self.setUp()
            wire = self.begin("POST", path, body)
            wire.leave()
            self.first.callback(None)
            self.second.callback(None)
            self.assertEqual(self.steps, ["first", "second"])
            self.assertEqual([record.status for record in self.bench.records], [499])

    def test_a_write_goes_on_when_the_client_leaves_between_steps(self) -> None:
        wire = self.begin("POST", "/servers")
        self.first.callback(None)
        wire.leave()
        self.second.callback(None)
        self.assertEqual(self.steps, ["first", "second"])
        self.assertEqual(wire.transport.value(), b"")

    def test_a_read_stops(self) -> None:
        for path in ("/slow", "/hot/x"):
            self.setUp()
            wire = self.begin("GET", path, None)
            wire.leave()
            self.assertTrue(self.first.called, "cancelled")
            self.assertEqual(self.steps, [])

    def test_a_write_that_fails_without_its_client_is_logged(self) -> None:
        wire = self.begin("POST", "/servers")
        wire.leave()
        self.first.errback(RuntimeError("late"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_write_refused_without_its_client_is_no_error(self) -> None:
        wire = self.begin("POST", "/servers")
        wire.leave()
        self.first.errback(Conflict("late"))
        self.assertEqual([error.getTraceback() for error in self.flushLoggedErrors()], [])

    def test_drain_waits_for_open_writes(self) -> None:
        self.begin("POST", "/servers")
        drained = self.bench.api.drain(self.bench.clock, 30)
        self.first.callback(None)
        self.assertNoResult(drained)
        self.assertEqual(self.steps, ["first"])
        self.second.callback(None)
        self.successResultOf(drained)
        self.assertNotIn(30.0, [call.getTime() for call in self.bench.clock.getDelayedCalls()])

    def test_drain_waits_for_writes_whose_client_has_left(self) -> None:
        self.begin("POST", "/servers").leave()
        drained = self.bench.api.drain(self.bench.clock, 30)
        self.assertNoResult(drained)
        self.first.callback(None)
        self.second.callback(None)
        self.successResultOf(drained)

    def test_drain_waits_so_long_and_no_longer(self) -> None:
        self.begin("POST", "/servers")
        drained = self.bench.api.drain(self.bench.clock, 30)
        self.bench.clock.advance(29.9)
        self.assertNoResult(drained)
        self.bench.clock.advance(0.2)
        self.successResultOf(drained)

    def test_after_drain_no_write_begins(self) -> None:
        self.successResultOf(self.bench.api.drain(self.bench.clock, 30))
        answer = self.bench.ask("POST", f"{BASE}/servers", b"", token="good")
        self.assertEqual((answer.code, answer.headers["retry-after"]), (503, "1"))


class WorksTests(SynchronousTestCase):
    def test_open_writes_are_counted(self) -> None:
        works, later = Works(), pending()
        waiter = works.shield(later, self.fail)
        self.assertEqual(len(works), 1)
        later.callback(5)
        self.assertEqual((len(works), self.successResultOf(waiter)), (0, 5))

    def test_who_no_longer_waits_is_told_elsewhere(self) -> None:
        works, later = Works(), pending()
        orphans: list[object] = []
        waiter = works.shield(later, orphans.append)
        waiter.cancel()
        self.failureResultOf(waiter, CancelledError)
        later.callback(5)
        self.assertEqual(orphans, [5])
