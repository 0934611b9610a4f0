"""Agents on real sockets: rules 23, 37 and 41, and the pool."""

import socket
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, PrivateCertificate
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import URI, readBody
from twisted.web.iweb import IAgent, IResponse

from dicot.kube.agent import UNACKNOWLEDGED, Way, call_agent, watch_agent
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Store
from dicot.kube.trust import Pem, Tls

from .certificates import authority, signed
from .things import THINGS, added, bookmark, deleted

CA = authority("ca")
SERVER = signed("server", CA, dns="localhost", ip="127.0.0.1")
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LATE = 5.0


def chunk(*lines: bytes) -> bytes:
    """Lines as a chunk of a body."""
    text = b"".join(line + b"\n" for line in lines)
    return b"%x\r\n%b\r\n" % (len(text), text)


class Peer(Protocol):
    """The server's side of a connection."""

    factory: "Peers"
    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.lost: Deferred[BaseException | None] = Deferred()

    def connectionMade(self) -> None:
        self.factory.peers.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        while b"\r\n\r\n" in self.heard:
            head, _, self.heard = self.heard.partition(b"\r\n\r\n")
            self.factory.asked.put(self, head)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(reason.value)

    def say(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)


class Questions:
    """Requests, awaited one by one."""

    def __init__(self) -> None:
        self._heads: list[tuple[Peer, bytes]] = []
        self._waiting: list[Deferred[tuple[Peer, bytes]]] = []

    def put(self, peer: Peer, head: bytes) -> None:
        """One came."""
        if self._waiting:
            self._waiting.pop(0).callback((peer, head))
        else:
            self._heads.append((peer, head))

    def next(self) -> Deferred[tuple[Peer, bytes]]:
        """The next one."""
        waiting: Deferred[tuple[Peer, bytes]] = Deferred()
        if self._heads:
            waiting.callback(self._heads.pop(0))
        else:
            self._waiting.append(waiting)
        return waiting.addTimeout(LATE, reactor)


class Peers(Factory):
    """The server: what it was asked, and by whom."""

    def __init__(self) -> None:
        self.protocol: Any = Peer
        self.asked = Questions()
        self.peers: list[Any] = []


class Account:
    """Nobody in particular, at some port."""

    def __init__(self, server: str) -> None:
        self.server = server

    async def authorize(self, stale: bool = False) -> dict[str, str]:
        return {}


class SocketTestCase(TestCase):
    """A server on loopback whose every byte is scripted. ``scheme`` decides whether it speaks TLS."""

    scheme = "http"
    timeout = 20

    def setUp(self) -> None:
        self.factory = Peers()
        self.tls = Tls(Pem(CA.certificate))
        loop: Any = reactor
        if self.scheme == "https":
            shown = PrivateCertificate.loadPEM(SERVER.key + SERVER.certificate)
            options = shown.options(Certificate.loadPEM(CA.certificate))
            options.requireCertificate = False
            port = loop.listenSSL(0, self.factory, options, interface="127.0.0.1")
        else:
            port = loop.listenTCP(0, self.factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.server = f"{self.scheme}://127.0.0.1:{port.getHost().port}"
        self.addCleanup(self.wait_for_ends)

    async def wait_for_ends(self) -> None:
        for peer in self.factory.peers:
            if not peer.lost.called:
                peer.transport.abortConnection()
                await peer.lost

    def get(self, agent: IAgent) -> Deferred[IResponse]:
        return agent.request(b"GET", f"{self.server}/things".encode())


class Body(Protocol):
    """A body's reader."""

    def __init__(self) -> None:
        self.some: Deferred[bytes] = Deferred()
        self.lost: Deferred[BaseException | None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        if not self.some.called:
            self.some.callback(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(reason.value)


class WatchAgentTests(SocketTestCase):
    """What a watch needs of its connection."""

    async def test_rule_23_the_kernel_looks_after_the_connection(self) -> None:
        endpoint = Way(reactor, self.tls).endpointForURI(URI.fromBytes(self.server.encode()))
        protocol: Any = await endpoint.connect(Factory.forProtocol(Body))
        transport = protocol.transport
        handle: socket.socket = getattr(transport, "transport", transport).getHandle()
        self.assertEqual(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1)
        found = [
            handle.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        ]
        self.assertEqual(found, [5, 3, 3, UNACKNOWLEDGED * 1000])
        self.assertLess(found[0] + found[1] * found[2], 15)
        protocol.transport.abortConnection()
        await protocol.lost

    async def test_a_body_can_be_aborted(self) -> None:
        asking = self.get(watch_agent(reactor, self.tls))
        peer, _ = await self.factory.asked.next()
        peer.say(CHUNKED + chunk(added("a", 1)))
        body: Any = Body()
        (await asking).deliverBody(body)
        self.assertEqual(await body.some, added("a", 1) + b"\n")
        body.transport.abortConnection()
        reason = await peer.lost
        self.assertIsInstance(reason, ConnectionLost)
        await body.lost

    async def test_a_body_can_be_paused(self) -> None:
        asking = self.get(watch_agent(reactor, self.tls))
        peer, _ = await self.factory.asked.next()
        peer.say(CHUNKED)
        body: Any = Body()
        (await asking).deliverBody(body)
        body.transport.pauseProducing()
        peer.say(chunk(b"late"))
        await deferLater(reactor, 0.05)
        self.assertFalse(body.some.called)
        body.transport.resumeProducing()
        self.assertEqual(await body.some, b"late\n")
        body.transport.abortConnection()
        await body.lost

    async def test_nothing_is_encoded_and_nothing_is_kept(self) -> None:
        asking = self.get(watch_agent(reactor, self.tls))
        peer, head = await self.factory.asked.next()
        self.assertNotIn(b"accept-encoding", head.lower())
        self.assertIn(b"connection: close", head.lower())
        peer.say(CHUNKED + chunk(b"all") + b"0\r\n\r\n")
        self.assertEqual(await readBody(await asking), b"all\n")
        await peer.lost

    async def test_each_watch_has_its_own_connection(self) -> None:
        agent = watch_agent(reactor, self.tls)
        bodies: list[Any] = [Body(), Body()]
        for body in bodies:
            asking = self.get(agent)
            peer, _ = await self.factory.asked.next()
            peer.say(CHUNKED + chunk(b"some"))
            (await asking).deliverBody(body)
            await body.some
        self.assertEqual(len(self.factory.peers), 2)
        bodies[1].transport.abortConnection()
        await bodies[1].lost
        self.assertFalse(self.factory.peers[0].lost.called)
        bodies[0].transport.abortConnection()
        await bodies[0].lost


class SecureWatchAgentTests(WatchAgentTests):
    """The same over TLS."""

    scheme = "https"

    async def test_a_peer_that_stopped_reading_can_be_left(self) -> None:
        asking = self.get(watch_agent(reactor, self.tls))
        peer, _ = await self.factory.asked.next()
        peer.say(CHUNKED)
        body: Any = Body()
        (await asking).deliverBody(body)
        # Deaf: it will never answer a farewell.
        peer.transport.pauseProducing()
        body.transport.abortConnection()
        await body.lost


class CallAgentTests(SocketTestCase):
    """The pool for calls."""

    async def test_a_connection_is_used_again(self) -> None:
        agent: Any = call_agent(reactor, self.tls)
        self.addCleanup(agent._pool.closeCachedConnections)
        for _ in range(3):
            await self.call(agent)
        self.assertEqual(len(self.factory.peers), 1)

    async def test_a_connection_of_an_older_trust_is_not_used_again(self) -> None:
        agent: Any = call_agent(reactor, self.tls)
        self.addCleanup(agent._pool.closeCachedConnections)
        idle = await self.call(agent)
        asking = self.get(agent)
        busy, _ = await self.factory.asked.next()
        self.assertIs(busy, idle)
        mine = signed("dicot", CA)
        self.tls.show(mine.certificate, mine.key)
        other = await self.call(agent)
        busy.say(ANSWER)
        self.assertEqual(await readBody(await asking), b"ok")
        self.assertIs(await self.call(agent), other)
        self.tls.show(mine.certificate + CA.certificate, mine.key)
        await other.lost
        self.assertIsNot(await self.call(agent), other)

    async def call(self, agent: IAgent) -> Peer:
        """One whole call; answers the connection that it took."""
        asking = self.get(agent)
        peer, _ = await self.factory.asked.next()
        peer.say(ANSWER)
        self.assertEqual(await readBody(await asking), b"ok")
        return peer

    def test_the_pool_lets_go_before_the_server_does(self) -> None:
        agent: Any = call_agent(reactor, self.tls)
        self.assertEqual((agent._pool.cachedConnectionTimeout, agent._pool.maxPersistentPerHost), (60, 16))


class SecureCallAgentTests(SocketTestCase):
    """Calls, with certificates on both sides."""

    scheme = "https"

    async def test_a_rotated_certificate_is_shown_by_the_next_call(self) -> None:
        path = Path(self.mktemp())
        for name in ("old", "new"):
            mine = signed(name, CA)
            path.with_suffix(f".{name}").write_bytes(mine.certificate + mine.key)
        path.symlink_to(path.with_suffix(".old").name)
        agent: Any = call_agent(reactor, Tls(Pem(CA.certificate), Pem(path=str(path)), Pem(path=str(path))))
        self.addCleanup(agent._pool.closeCachedConnections)
        self.assertEqual([await self.shown(agent), await self.shown(agent)], ["old", "old"])
        path.unlink()
        path.symlink_to(path.with_suffix(".new").name)
        self.assertEqual(await self.shown(agent), "new")
        self.assertEqual(len(self.factory.peers), 2)

    async def shown(self, agent: IAgent) -> str:
        """The name in the client's certificate, by which one call was made."""
        asking = self.get(agent)
        peer, _ = await self.factory.asked.next()
        peer.say(ANSWER)
        await readBody(await asking)
        name: bytes = Certificate.peerFromTransport(peer.transport).getSubject().commonName
        return name.decode()


class ReflectorTests(SocketTestCase):
    """A reflector on a real connection."""

    def setUp(self) -> None:
        super().setUp()
        self.store = Store(THINGS)
        origin = Origin(watch_agent(reactor, self.tls), Account(self.server), DeferredSemaphore(2))
        loop: Any = reactor
        self.reflector = Reflector(self.store, origin, loop, lambda: 0.0)
        self.reflector.start()
        self.addCleanup(self.reflector.stop)

    async def test_rule_37_stopping_leaves_nothing(self) -> None:
        peer, _ = await self.factory.asked.next()
        peer.say(CHUNKED + chunk(added("a", 1), bookmark(10, end=True)))
        await self.store.synced()
        self.reflector.stop()
        reason = await peer.lost
        self.assertIsInstance(reason, ConnectionLost)

    async def test_rule_37_stopping_before_the_answer_leaves_nothing(self) -> None:
        peer, _ = await self.factory.asked.next()
        self.reflector.stop()
        await peer.lost

    async def test_rule_41_a_server_that_closes_each_connection_is_followed(self) -> None:
        peer, _ = await self.factory.asked.next()
        closing = CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        peer.say(closing + chunk(added("a", 1), bookmark(10, end=True)))
        await self.store.synced()
        reached = self.store.reached("11")
        peer.say(chunk(deleted("a", 11)) + b"0\r\n\r\n")
        await reached
        peer, head = await self.factory.asked.next()
        self.assertIn(b"resourceVersion=11", head)
        peer.say(closing + chunk(added("b", 12)))
        await self.store.reached("12")
        self.assertEqual([row.name for row in self.store.rows()], ["b"])

    async def test_rule_41_a_server_that_is_not_there_is_tried_again(self) -> None:
        peer, _ = await self.factory.asked.next()
        peer.transport.abortConnection()
        again, _ = await self.factory.asked.next()
        again.say(CHUNKED + chunk(bookmark(10, end=True)))
        await self.store.synced()
        self.assertEqual(self.reflector.health().cuts, 1)


class SecureReflectorTests(ReflectorTests):
    """The same over TLS."""

    scheme = "https"
