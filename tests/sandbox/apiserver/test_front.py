"""The HTTP side of the API server, with a backend that says what a test wants."""

from collections.abc import Callable
from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IResponse

from dicot.sandbox.apiserver.asking import Asking, Following, Reply, document
from dicot.sandbox.apiserver.faults import GOOD, Course, Stream
from dicot.sandbox.apiserver.front import Front
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.refusals import too_large

URL = "http://127.0.0.1/api/v1/x"


class Said:
    """A backend."""

    def __init__(self, answer: Callable[[Asking], Reply | Following]) -> None:
        self._answer = answer
        self.asked: list[Asking] = []

    async def answer(self, asking: Asking) -> Reply | Following:
        self.asked.append(asking)
        return self._answer(asking)


class Twice:
    """Says each line of a watch twice, and is busy for who asks so."""

    def course(self, asking: Asking) -> Course:
        busy = Refusal(429, "TooManyRequests", "busy", retry_after=7)
        return Course(refusal=busy) if "busy" in asking.query else GOOD

    def follow(self, asking: Asking, course: Course, stream: Stream) -> "Twice":
        return self

    def pieces(self, line: bytes) -> list[bytes]:
        return [line, line]

    def over(self) -> None:
        pass


class FrontTests(SynchronousTestCase):
    def ask(self, answer: Callable[[Asking], Reply | Following], query: str = "", body: bytes = b"") -> IResponse:
        self.said = Said(answer)
        client: Any = StubTreq(Front(self.said, Twice(), Clock()))
        self.client = client
        response: IResponse = self.successResultOf(client.post(URL + query, data=body))
        return response

    def body(self, response: IResponse) -> bytes:
        content: Deferred[bytes] = self.client.content(response)
        return self.successResultOf(content)

    def header(self, response: IResponse, name: str) -> list[str]:
        return [str(each) for each in response.headers.getRawHeaders(name, [])]

    def test_an_object(self) -> None:
        response = self.ask(lambda asking: document(201, {"a": "b"}), "?x=1&x=2&y")
        self.assertEqual((response.code, self.body(response)), (201, b'{"a":"b"}\n'))
        self.assertEqual(self.header(response, "content-type"), ["application/json"])
        self.assertEqual(len(self.header(response, "audit-id")), 1)
        self.assertEqual(self.said.asked[0].query, {"x": ("1", "2"), "y": ("",)})

    def test_warnings(self) -> None:
        def warn(asking: Asking) -> Reply:
            asking.warnings.extend(['unknown field "a"', "b"])
            return document(200, {})

        response = self.ask(warn)
        self.assertEqual(self.header(response, "warning"), ['299 - "unknown field \\"a\\""', '299 - "b"'])

    def test_refusals(self) -> None:
        def refuse(asking: Asking) -> Reply:
            raise too_large(5, 3)

        response = self.ask(refuse)
        self.assertEqual((response.code, self.header(response, "retry-after")), (504, ["1"]))
        self.assertIn(b'"reason":"Timeout"', self.body(response))

    def test_faults_that_refuse_come_before_everything(self) -> None:
        response = self.ask(lambda asking: document(200, {}), "?busy")
        self.assertEqual((response.code, self.header(response, "retry-after")), (429, ["7"]))
        self.assertEqual(self.said.asked, [])

    def test_bodies_have_a_limit(self) -> None:
        response = self.ask(lambda asking: document(200, {}), body=b"x" * (3 * 2**20 + 1))
        self.assertEqual(response.code, 413)

    def test_what_nobody_foresaw(self) -> None:
        def fail(asking: Asking) -> Reply:
            raise ZeroDivisionError("by zero")

        response = self.ask(fail)
        self.assertEqual(response.code, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_faults_have_a_hand_in_each_line(self) -> None:
        def begin(
            sink: object, clock: object, ended: Callable[[], None], pieces: Callable[[bytes], list[bytes]]
        ) -> Callable[[], None]:
            for piece in pieces(b"line\n"):
                sink.write(piece)  # type: ignore[attr-defined]
            ended()
            return lambda: None

        response = self.ask(lambda asking: Following(begin))
        self.assertEqual(self.body(response), b"line\nline\n")

    def test_long_answers_come_whole(self) -> None:
        pieces = tuple(bytes([65 + number % 26]) * 1000 for number in range(300))
        response = self.ask(lambda asking: Reply(200, pieces))
        self.assertEqual(response.length, 300_000)
        self.client.flush()
        self.assertEqual(self.body(response), b"".join(pieces))
