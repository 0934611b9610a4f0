"""A socket on loopback, bound before anything else starts, and TLS on it."""

import os
import socket

from OpenSSL import SSL
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorSocket,
    IReactorTime,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

_BACKLOG = 1024


class CannotListen(Exception):
    """An address, certificate or key cannot be used; the text names the option."""


def bound(host: str, port: int, option: str) -> socket.socket:
    """A listening TCP socket. Raises CannotListen, which names ``option``."""
    try:
        found = socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise CannotListen(f"{option}: cannot listen on {host}:{port}: {reason}") from error
    found.setblocking(False)
    return found


class Listener(Service):
    """A bound socket that is served while the service runs."""

    def __init__(self, reactor: IReactorSocket, listening: socket.socket, factory: IProtocolFactory) -> None:
        self._reactor = reactor
        self._socket = listening
        self._factory = factory
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        """Accept."""
        Service.startService(self)
        fd, family = self._socket.fileno(), self._socket.family
        self._port = self._reactor.adoptStreamPort(fd, family, self._factory)  # type: ignore[arg-type]
        self._socket.close()

    async def _stopped(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            closed = port.stopListening()
            if closed is not None:
                await closed

    def stopService(self) -> Deferred[None]:
        """Accept no more."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stopped())


@implementer(IOpenSSLServerConnectionCreator)
class Certificate:
    """A certificate and its key."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See IOpenSSLServerConnectionCreator."""
        return SSL.Connection(self._context, None)


def certificate(chain: str, key: str, option: str) -> Certificate:
    """Reads a certificate and its key from PEM files. Raises CannotListen, which names ``option``."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    try:
        context.use_certificate_chain_file(chain)
        context.use_privatekey_file(key)
        context.check_privatekey()
    except (SSL.Error, OSError) as error:
        raise CannotListen(f"{option}: cannot use {chain} with {key}: {error}") from error
    return Certificate(context)


def secured(factory: IProtocolFactory, certified: Certificate, clock: IReactorTime) -> IProtocolFactory:
    """The same service over TLS."""
    return TLSMemoryBIOFactory(certified, False, factory, clock)
