"""Waiting for a server, and taking steps side by side."""

from __future__ import annotations

from collections.abc import Iterator
from operator import length_hint

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.control import ATTEMPTS, JSON, PAUSE, RARELY, Answer, Control, Document, Overdue, Refused, together


class UntilTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.control = Control(self.reactor, "http://127.0.0.1:1")

    def waiting(self, answers: Iterator[bool | Exception], seconds: float = 5) -> Deferred[None]:
        async def seen() -> bool:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return Deferred.fromCoroutine(self.control.until(seconds, "the server", seen))

    def test_looks_again_until_it_is_there(self) -> None:
        waiting = self.waiting(iter([False, False, True]))
        self.assertNoResult(waiting)
        self.reactor.advance(PAUSE)
        self.assertNoResult(waiting)
        self.reactor.advance(PAUSE)
        self.successResultOf(waiting)

    def test_looks_less_often_the_longer_it_waits(self) -> None:
        answers = iter([False] * 1000)
        self.waiting(answers, 100)
        self.reactor.pump([PAUSE] * 4)
        self.assertEqual(1000 - length_hint(answers), 1 + 4)
        self.reactor.advance(50)
        before = length_hint(answers)
        self.reactor.pump([RARELY / 2] * 20)
        self.assertEqual(before - length_hint(answers), 10)

    def test_a_server_that_is_not_there_yet_is_no_error(self) -> None:
        waiting = self.waiting(iter([ConnectionRefusedError(), Refused("404"), True]))
        self.reactor.pump([PAUSE] * 2)
        self.successResultOf(waiting)

    def test_gives_up_and_tells_what_came_last(self) -> None:
        waiting = self.waiting(iter([Refused("GET /readyz: 500")] * 100))
        self.reactor.pump([PAUSE] * 26)
        error = self.failureResultOf(waiting, Overdue).value
        self.assertEqual(str(error), "waited 5 s for the server: GET /readyz: 500")

    def test_another_error_ends_it(self) -> None:
        self.failureResultOf(self.waiting(iter([KeyError("holder")])), KeyError)


class Answering(Control):
    """One whose server's answers are given."""

    def __init__(self, reactor: MemoryReactorClock, answers: list[Answer]) -> None:
        super().__init__(reactor, "http://127.0.0.1:1")
        self.given = answers

    async def ask(self, method: str, path: str, body: object = None, kind: str = JSON, accept: str = "") -> Answer:
        return self.given.pop(0)


class ChangeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()

    def changing(self, *answers: Answer, also: tuple[int, ...] = ()) -> Deferred[Document]:
        self.control = Answering(self.reactor, list(answers))
        return Deferred.fromCoroutine(self.control.change("POST", "/api", {}, also=also))

    def test_asks_again_when_it_is_told_to(self) -> None:
        busy = Answer(503, b"{}", retry_after="1")
        changing = self.changing(busy, busy, Answer(201, b'{"kind": "Thing"}'))
        self.assertNoResult(changing)
        self.reactor.advance(0.9)
        self.assertEqual(len(self.control.given), 2)
        self.reactor.pump([0.1, 1])
        self.assertEqual(self.successResultOf(changing), {"kind": "Thing"})

    def test_not_for_ever(self) -> None:
        changing = self.changing(*[Answer(429, b"{}", retry_after="1")] * 20)
        self.reactor.pump([1] * ATTEMPTS)
        self.failureResultOf(changing, Refused)
        self.assertEqual(len(self.control.given), 20 - ATTEMPTS - 1)

    def test_what_is_an_answer(self) -> None:
        self.failureResultOf(self.changing(Answer(503, b"{}")), Refused)
        self.failureResultOf(self.changing(Answer(409, b"{}", retry_after="1")), Refused)
        self.assertEqual(self.successResultOf(self.changing(Answer(429, b"{}", retry_after="1"), also=(429,))), {})


class TogetherTests(SynchronousTestCase):
    def test_waits_for_all(self) -> None:
        gates: list[Deferred[None]] = [Deferred(), Deferred()]

        async def step(gate: Deferred[None]) -> None:
            await gate

        taken = Deferred.fromCoroutine(together([step(gate) for gate in gates]))
        gates[1].callback(None)
        self.assertNoResult(taken)
        gates[0].callback(None)
        self.successResultOf(taken)

    def test_one_failure_gives_up_the_others(self) -> None:
        cancelled: list[bool] = []

        async def endless() -> None:
            try:
                await Deferred()
            except CancelledError:
                cancelled.append(True)
                raise

        async def fails() -> None:
            await succeed(None)
            raise Refused("409")

        self.failureResultOf(Deferred.fromCoroutine(together([endless(), fails()])), Refused)
        self.assertEqual(cancelled, [True])
