"""HTTP agents for the API server: one for calls, one for watches. Both find a dead peer soon."""

import socket
from collections.abc import Hashable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.python.components import proxyForInterface
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from .chunks import installed
from .trust import Tls

CONNECT_WITHIN = 10.0
IDLE_BEFORE_PROBE = 5
BETWEEN_PROBES = 3
PROBES = 3
UNACKNOWLEDGED = 12
"""Seconds without a sign of life after which the kernel gives a connection up, at the next probe: after 14 s."""
KEEP_IDLE = 60
"""Seconds. kube-apiserver closes an idle connection after 90 s, and a POST that meets a closed one fails."""
PER_HOST = 16
AT_ONCE = 2**18
"""Bytes that are read from a connection at once: lists come by the megabyte, and each read costs a turn."""


class Pool(HTTPConnectionPool):
    """Connections that wait to be used again, until what they were made with is out of date."""

    cachedConnectionTimeout = KEEP_IDLE
    maxPersistentPerHost = PER_HOST

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor, persistent=True)
        self._age = 0

    def renew(self) -> None:
        """Use none of the connections again: the idle ones end now, those under way as idle ones do."""
        self._age += 1
        self.closeCachedConnections()

    def getConnection(self, key: Hashable, endpoint: IStreamClientEndpoint) -> "Deferred[HTTP11ClientProtocol]":
        return super().getConnection((key, self._age), endpoint)


def call_agent(reactor: Any, trust: Tls) -> IAgent:
    """An agent for calls that are answered at once, with a pool of connections."""
    pool = Pool(reactor)
    trust.listen(pool.renew)
    agent: IAgent = Agent.usingEndpointFactory(reactor, Way(reactor, trust), pool)
    return agent


def watch_agent(reactor: Any, trust: IPolicyForHTTPS) -> IAgent:
    """An agent for watches: a connection for each, that whoever reads the body can abort. It decodes nothing."""
    return WatchAgent(reactor, Way(reactor, trust))


def find_dead_peers(transport: Any) -> None:
    """Let the kernel probe a TCP connection, so that a half-open one breaks within 15 s."""
    handle: socket.socket = transport.getHandle()
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": IDLE_BEFORE_PROBE,
        "TCP_KEEPINTVL": BETWEEN_PROBES,
        "TCP_KEEPCNT": PROBES,
        "TCP_USER_TIMEOUT": UNACKNOWLEDGED * 1000,
    }
    for name, value in options.items():
        # Not every system has all of them; those that lack one have the idle limit.
        option = getattr(socket, name, None)
        if option is not None:
            handle.setsockopt(socket.IPPROTO_TCP, option, value)


@implementer(IStreamClientEndpoint)
class Watchful:
    """A TCP endpoint whose connections find a dead peer."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":
        connected: Deferred[Any] = self._endpoint.connect(protocolFactory)
        return connected.addCallback(_watched)


def _watched(protocol: Any) -> Any:
    transport = protocol.transport
    find_dead_peers(transport)
    transport.bufferSize = AT_ONCE
    return protocol


@implementer(IAgentEndpointFactory)
class Way:
    """The way to a server: TCP, and TLS where the URL asks for it."""

    def __init__(self, reactor: Any, trust: IPolicyForHTTPS) -> None:
        self._reactor = reactor
        self._trust = trust

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        host = uri.host.decode("ascii").strip("[]")
        endpoint = Watchful(HostnameEndpoint(self._reactor, host, uri.port, timeout=CONNECT_WITHIN))
        if uri.scheme == b"https":
            return wrapClientTLS(self._trust.creatorForNetloc(uri.host, uri.port), endpoint)
        return endpoint


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class _Line:
    """One connection, that can be aborted also while a body comes: Twisted shows a body's reader less of it."""

    def __init__(self, way: IAgentEndpointFactory) -> None:
        self._way = way
        self._protocol: Any = None

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        self._endpoint = self._way.endpointForURI(uri)
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":
        connected: Deferred[Any] = self._endpoint.connect(protocolFactory)
        return connected.addCallback(self._connected)

    def abort(self) -> None:
        """Close it at once. Twisted's TLS cannot be told so twice."""
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.transport.abortConnection()

    def read_at_once(self, clock: IReactorTime) -> None:
        """Decode what comes in a turn of the reactor together."""
        installed(self._protocol, clock, self.abort)

    def _connected(self, protocol: Any) -> Any:
        self._protocol = protocol
        return protocol


@implementer(IAgent)
class WatchAgent:
    """An Agent whose bodies' transports have ``abortConnection``."""

    def __init__(self, reactor: Any, way: IAgentEndpointFactory) -> None:
        self._reactor = reactor
        self._way = way

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> "Deferred[IResponse]":
        line = _Line(self._way)
        asked: Deferred[IResponse] = Agent.usingEndpointFactory(self._reactor, line).request(
            method, uri, headers, bodyProducer
        )

        def answered(response: IResponse) -> IResponse:
            line.read_at_once(self._reactor)
            found: IResponse = _Response(response, line)
            return found

        return asked.addCallback(answered)


class _Response(proxyForInterface(IResponse)):  # type: ignore[misc]
    def __init__(self, response: IResponse, line: _Line) -> None:
        super().__init__(response)
        self._line = line

    def deliverBody(self, protocol: IProtocol) -> None:
        self.original.deliverBody(_Reader(protocol, self._line))


class _Reader(proxyForInterface(IProtocol)):  # type: ignore[misc]
    def __init__(self, protocol: IProtocol, line: _Line) -> None:
        super().__init__(protocol)
        self._line = line

    def makeConnection(self, transport: Any) -> None:
        self.original.makeConnection(_Handle(transport, self._line))


class _Handle:
    """What a body's reader may do with its connection."""

    disconnecting = False

    def __init__(self, transport: Any, line: _Line) -> None:
        self.pauseProducing = transport.pauseProducing
        self.resumeProducing = transport.resumeProducing
        self.stopProducing = transport.stopProducing
        self.loseConnection = transport.loseConnection
        self.abortConnection = line.abort
