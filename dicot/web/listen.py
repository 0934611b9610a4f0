"""Sockets and TLS: bound before anything else starts, served once the reactor runs."""

import os
import socket
from collections.abc import Callable

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

from .prompt import prompt

_BACKLOG = 1024
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"


class CannotListen(Exception):
    """An address, certificate or key of the configuration cannot be used; the text names the configuration key."""


def bound(host: str, port: int, key: str) -> socket.socket:
    """A listening TCP socket. Raises CannotListen, which names ``key``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CannotListen(
            f"{key}: cannot listen on {host}:{port}: {os.strerror(error.errno) if error.errno else error}"
        ) from error
    found.setblocking(False)
    return found


class Listener(Service):
    """A bound socket that is served while the service runs; it stops when ``drain`` has fired."""

    def __init__(
        self,
        reactor: IReactorSocket,
        listening: socket.socket,
        factory: IProtocolFactory,
        drain: Callable[[], Deferred[None]],
    ) -> None:
        self._reactor = reactor
        self._socket = listening
        self._factory = factory
        self._drain = drain
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        Service.startService(self)
        fd, family = self._socket.fileno(), self._socket.family
        self._port = self._reactor.adoptStreamPort(fd, family, self._factory)  # type: ignore[arg-type]
        prompt(self._port)
        self._socket.close()

    async def _stopped(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            closed = port.stopListening()
            if closed is not None:
                await closed
        await self._drain()

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stopped())


@implementer(IOpenSSLServerConnectionCreator)
class Certificate:
    """A certificate chain and its key, for TLS 1.2 and 1.3 with AEAD ciphers and without renegotiation."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return SSL.Connection(self._context, None)


def certificate(chain_path: str, key_path: str, key: str) -> Certificate:
    """Reads a chain and its key from PEM files. Raises CannotListen, which names ``key``."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_cipher_list(_CIPHERS)
    try:
        context.use_certificate_chain_file(chain_path)
        context.use_privatekey_file(key_path)
        context.check_privatekey()
    except (SSL.Error, OSError) as error:
        raise CannotListen(f"{key}: cannot use {chain_path} with {key_path}: {error}") from error
    return Certificate(context)


def secured(factory: IProtocolFactory, certified: Certificate, clock: IReactorTime) -> IProtocolFactory:
    """The same service over TLS."""
    return TLSMemoryBIOFactory(certified, False, factory, clock)
