"""An API server of which a test speaks every byte, and a reflector that listens to it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from dicot.kube.kind import Kind
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Change, Store
from dicot.kube.watch import Watch

from .things import THINGS, added, bookmark, event, listed, status


class Wire:
    """The connection under a body."""

    disconnecting = False

    def __init__(self) -> None:
        self.aborted = False
        self.paused = False

    def abortConnection(self) -> None:
        self.aborted = True

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        raise AssertionError("a farewell to a peer that may be dead")


@implementer(IResponse)
class Scripted:
    """An answer whose body comes when the test says so."""

    version = (b"HTTP", 1, 1)
    phrase = b""
    length = 0
    request = None
    previousResponse = None

    def __init__(self, code: int, headers: Mapping[str, str], wire: Wire) -> None:
        self.code = code
        self.headers = Headers({name: [value] for name, value in headers.items()})
        self.body: Any = None
        self._wire = wire

    def deliverBody(self, protocol: IProtocol) -> None:
        self.body = protocol
        protocol.makeConnection(self._wire)  # type: ignore[arg-type]

    def setPreviousResponse(self, response: IResponse) -> None:
        raise AssertionError("nothing is redirected")


class Asked:
    """One request, and what the server makes of it."""

    def __init__(self, uri: bytes, headers: Headers, clock: Clock) -> None:
        parts = urlsplit(uri.decode())
        self.path = parts.path
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.headers = headers
        self.cancelled = False
        self.wire = Wire()
        self.answer: Deferred[IResponse] = Deferred(self._cancel)
        self._response: Scripted | None = None
        self._clock = clock

    def accept(self, code: int = 200, **headers: str) -> None:
        """Send the headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._response = Scripted(code, named, self.wire)
        self.answer.callback(self._response)

    def send(self, chunk: bytes) -> None:
        """Send bytes as they are."""
        assert self._response is not None
        self._response.body.dataReceived(chunk)
        self._clock.advance(0)

    def lines(self, *lines: bytes) -> None:
        """Send watch lines in one chunk."""
        self.send(b"".join(line + b"\n" for line in lines))

    def end(self) -> None:
        """End the body as HTTP has it."""
        self._lose(Failure(ResponseDone()))

    def cut(self) -> None:
        """Break the connection."""
        self._lose(Failure(ResponseFailed([Failure(ConnectionLost())])))

    def reply(self, body: bytes, code: int = 200, **headers: str) -> None:
        """Answer at once and wholly."""
        self.accept(code, **headers)
        self.send(body)
        self.end()

    def refuse(self, code: int, reason: str, *, header: str = "", **more: Any) -> None:
        """Answer with a Status; ``header`` is the Retry-After header."""
        self.reply(status(code, reason, **more), code, **({"Retry_After": header} if header else {}))

    def stream(self, version: int | str, *manifests: dict[str, Any]) -> None:
        """Answer with a streamed list."""
        self.accept()
        self.lines(*[event("ADDED", each) for each in manifests], bookmark(version, end=True))

    def list(self, version: int | str, *manifests: dict[str, Any], token: str = "") -> None:
        """Answer with a list."""
        self.reply(listed(version, *manifests, token=token))

    def unreachable(self, why: Exception) -> None:
        """Never answer."""
        self.answer.errback(Failure(why))

    def _lose(self, reason: Failure) -> None:
        assert self._response is not None
        self._response.body.connectionLost(reason)
        self._clock.advance(0)

    def _cancel(self, answer: Deferred[IResponse]) -> None:
        self.cancelled = True


@implementer(IAgent)
class ScriptedAgent:
    """Writes down what is asked; the test answers."""

    def __init__(self, clock: Clock) -> None:
        self.asked: list[Asked] = []
        self._clock = clock

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> "Deferred[IResponse]":
        assert method == b"GET" and bodyProducer is None and headers is not None
        asked = Asked(uri, headers, self._clock)
        self.asked.append(asked)
        return asked.answer


class Token:
    """A credential that is renewed when told that it is stale."""

    server = "https://kube.example:6443"

    def __init__(self) -> None:
        self.renewals = 0

    async def authorize(self, stale: bool = False) -> Mapping[str, str]:
        self.renewals += stale
        return {"Authorization": f"Bearer token-{self.renewals}"}


class Land:
    """Namespaces, as a test has them."""

    def __init__(self, *names: str) -> None:
        self.names: tuple[str, ...] | None = names
        self.listeners: list[Callable[[], None]] = []

    def namespaces(self) -> Iterable[str] | None:
        return self.names

    def listen(self, listener: Callable[[], None]) -> None:
        self.listeners.append(listener)

    def become(self, *names: str) -> None:
        """Other ones matter."""
        self.names = names
        for listener in self.listeners:
            listener()


class ReflectorTestCase(SynchronousTestCase):
    """A reflector of things at a scripted server. ``chance`` is what comes of every throw of the dice."""

    kind: Kind[Any] = THINGS
    path = "/apis/example.io/v1/things"
    chance = 0.0
    clock_type = Clock

    def setUp(self) -> None:
        self.clock = self.clock_type()
        self.agent = ScriptedAgent(self.clock)
        self.token = Token()
        self.turns = DeferredSemaphore(2)
        self.store = self.new_store()
        self.told: list[tuple[Change, ...]] = []
        self.store.listen(self.told.append)
        self.reflector = self.reflect(self.store)
        self.reflector.start()

    def tearDown(self) -> None:
        self.stop(self.reflector)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def new_store(self) -> Store[Any]:
        """A store that knows nothing yet."""
        return Store(self.kind)

    def reflect(self, store: Store[Any]) -> Reflector | Watch:
        """Another reflector of the same server."""
        return Reflector(store, Origin(self.agent, self.token, self.turns), self.clock, lambda: self.chance)

    def stop(self, *reflectors: Reflector | Watch) -> None:
        """Stop them, and see that they have ended."""
        for reflector in reflectors:
            ending = reflector.stop()
            self.clock.advance(0)
            self.successResultOf(ending)

    @property
    def asked(self) -> Asked:
        """The last request."""
        return self.agent.asked[-1]

    @property
    def count(self) -> int:
        """How many requests came."""
        return len(self.agent.asked)

    def next(self) -> Asked:
        """The request that comes after the reflector has rested as long as it does after a first failure."""
        before = self.count
        self.clock.advance(0.8)
        self.assertEqual(self.count, before + 1, "no request came after the rest")
        return self.asked

    def sync(self, version: int | str = 10, *names: str) -> Asked:
        """Stream a first list of things; answers the watch that goes on."""
        watch = self.asked
        watch.accept()
        watch.lines(*[added(name, index + 1) for index, name in enumerate(names)], bookmark(version, end=True))
        self.told.clear()
        return watch

    def plain(self, version: int | str = 10, *manifests: dict[str, Any]) -> Asked:
        """Let a server that cannot stream give its first list; answers the watch that follows."""
        self.asked.refuse(422, "Invalid")
        self.asked.list(version, *manifests)
        self.asked.accept()
        self.told.clear()
        return self.asked

    def names(self) -> list[str]:
        """What is in the store."""
        return sorted(row.name for row in self.store.rows())

    def state(self) -> str:
        """What the reflector says of itself."""
        return self.reflector.health().state
