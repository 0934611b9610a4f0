"""A proxy before an API server that swallows the answers to chosen requests, after they were carried out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet import ssl
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.cluster.access import Access
from tests.cluster.certificates import Authority, write_secret


class Upstream(Protocol):
    """A proxy's connection to the API server: its client is told what comes, by ``answered``, and ended with it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self._client.answered(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Protocol."""
        self._client.transport.loseConnection()


class _Client(Protocol):
    """A connection of a client, with one of its own to the server. Its requests come one after the other."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._server: Upstream | None = None
        self._waiting: list[bytes] = []
        self._swallows = False

    def connectionMade(self) -> None:
        dialling = Deferred.fromCoroutine(self._dial())
        dialling.addErrback(lambda failure: self._end())

    async def _dial(self) -> None:
        self._server = await connectProtocol(self._proxy.endpoint(), Upstream(self))
        for data in self._waiting:
            self._server.transport.write(data)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self._swallows = self._swallows or self._proxy.takes(data)
        if self._server is None:
            self._waiting.append(data)
        else:
            self._server.transport.write(data)  # type: ignore[union-attr]

    def answered(self, data: bytes) -> None:
        if self._swallows:
            self._end()
        else:
            self.transport.write(data)  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._server is not None:
            self._server.transport.abortConnection()  # type: ignore[union-attr]

    def _end(self) -> None:
        self.transport.abortConnection()  # type: ignore[union-attr]


class Proxy(Factory):
    """Listens with a certificate of its own authority. ``swallow`` says whose next answers are lost."""

    noisy = False

    def __init__(self, reactor: Any, access: Access, folder: Path) -> None:
        self.swallowed: Counter[bytes] = Counter()
        self._reactor = reactor
        self._access = access
        self._authority = Authority.make("proxy-ca", folder)
        pair = self._authority.issue("proxy", "proxy")
        shown = ssl.PrivateCertificate.loadPEM(pair.certificate.read_bytes() + pair.key.read_bytes())
        self._port: IListeningPort = reactor.listenSSL(0, self, shown.options(), interface="127.0.0.1")
        self._wanted: Counter[bytes] = Counter()

    def swallow(self, start: bytes, times: int = 1) -> None:
        """The next answers to requests that begin so never arrive."""
        self._wanted[start] = times

    def takes(self, data: bytes) -> bool:
        """Whether these bytes begin a request of which the answer is to be lost."""
        for start, times in self._wanted.items():
            if times and data.startswith(start) and b"dryRun" not in data.partition(b"\r\n")[0]:
                self._wanted[start] -= 1
                self.swallowed[start] += 1
                return True
        return False

    def buildProtocol(self, addr: object) -> Protocol:
        return _Client(self)

    def endpoint(self) -> Any:
        """Where the API server is."""
        host, _, port = self._access.server.removeprefix("https://").partition(":")
        trusted = ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(self._access.authority)])
        options = ssl.optionsForClientTLS(host, trusted)
        return wrapClientTLS(options, HostnameEndpoint(self._reactor, host, int(port)))

    def kubeconfig(self, direct: Path, path: Path) -> Path:
        """A kubeconfig that leads through the proxy."""
        document = json.loads(direct.read_text())
        authority = path.with_suffix(".crt")
        authority.write_text(self._authority.pem)
        for entry in document["clusters"]:
            entry["cluster"] = {
                "server": f"https://127.0.0.1:{self._port.getHost().port}",  # type: ignore[attr-defined]
                "certificate-authority": str(authority),
            }
        write_secret(path, json.dumps(document).encode())
        return path

    def stop(self) -> Any:
        return self._port.stopListening()
