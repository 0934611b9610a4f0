"""Whom Dicot trusts to be the API server, and the certificate by which it is known there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

_log = Logger()


@dataclass(frozen=True, slots=True)
class Pem:
    """PEM text: given in the configuration, or a file that is read again whenever a connection is made."""

    text: bytes = b""
    path: str = ""

    def read(self) -> bytes:
        """The text of now; b"" for none. Raises OSError."""
        return Path(self.path).read_bytes() if self.path else self.text


@dataclass(frozen=True, slots=True)
class Material:
    """What a connection is made with. ``authority`` b"" means the authorities of this machine."""

    authority: bytes = b""
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)


@implementer(IPolicyForHTTPS)
class Tls:
    """The policy for connections to one API server: its certificate is always verified, unless told otherwise.

    ``server_name`` is the name that the certificate must carry, where it is not the URL's host. Rotated files count
    for the next connection; a file that cannot be read or parsed leaves the last material in force.
    """

    def __init__(
        self,
        authority: Pem = Pem(),
        certificate: Pem = Pem(),
        key: Pem = Pem(),
        server_name: str = "",
        unverified: bool = False,
    ) -> None:
        self._sources = (authority, certificate, key)
        self._server_name = server_name
        self._unverified = unverified
        self._shown: tuple[bytes, bytes] | None = None
        self._material = self._read()
        self._options = _options(self._material)
        self._creators: dict[str, IOpenSSLClientConnectionCreator] = {}
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Call it whenever connections made before are out of date: a pool drops its idle ones then."""
        self._listeners.append(listener)

    def show(self, certificate: bytes, key: bytes) -> None:
        """Use another client certificate (PEM) from now on. Raises ValueError where it does not parse or fit."""
        self._take(Material(self._material.authority, certificate, key))
        self._shown = (certificate, key)

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        """See IPolicyForHTTPS."""
        try:
            self._take(self._read())
        except (OSError, ValueError) as reason:
            _log.error("TLS material is not usable, the last one stays in force: {reason}", reason=reason)
        name = self._server_name or hostname.decode("ascii")
        if name not in self._creators:
            self._creators[name] = self._creator(name)
        return self._creators[name]

    def _read(self) -> Material:
        authority, certificate, key = self._sources
        if self._shown is not None:
            return Material(authority.read(), *self._shown)
        return Material(authority.read(), certificate.read(), key.read())

    def _take(self, material: Material) -> None:
        if material != self._material:
            self._options = _options(material)
            self._material = material
            self._creators = {}
            for listener in self._listeners:
                listener()

    def _creator(self, name: str) -> IOpenSSLClientConnectionCreator:
        if self._unverified:
            return _Unverified(CertificateOptions(**self._options))
        roots = _roots(self._material.authority)
        return optionsForClientTLS(name, trustRoot=roots, extraCertificateOptions=dict(self._options))


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """Connections to whoever answers, for those who asked for it by name."""

    def __init__(self, options: CertificateOptions) -> None:
        self._options = options

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""
        return SSL.Connection(self._options.getContext(), None)


def _roots(authority: bytes) -> Any:
    if not authority:
        return platformTrust()
    found = x509.load_pem_x509_certificates(authority)
    return trustRootFromCertificates([Certificate(crypto.X509.from_cryptography(each)) for each in found])


def _options(material: Material) -> dict[str, Any]:
    """CertificateOptions' arguments for the client's own certificate. Raises ValueError where the material is bad."""
    _roots(material.authority)
    if not material.certificate and not material.key:
        return {}
    chain = [crypto.X509.from_cryptography(each) for each in x509.load_pem_x509_certificates(material.certificate)]
    key = load_pem_private_key(material.key, None)
    options: dict[str, Any] = {
        "certificate": chain[0],
        "extraCertChain": chain[1:],
        "privateKey": crypto.PKey.from_cryptography_key(key),  # type: ignore[arg-type]
    }
    try:
        CertificateOptions(**options).getContext()
    except SSL.Error as reason:
        raise ValueError(f"the client's key and certificate do not fit: {reason}") from reason
    return options
