"""Bytes into volumes and out again, as the clients of CDI and KubeVirt move them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, FileBodyProducer, ResponseDone, readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from tests.cluster.control import Answer
from tests.cluster.objects import Document, named

BLOCK = 1 << 20
EXPORTER = "kubevirt.io.virt-export-service"
TOKEN = "a token of twenty characters and more"
_NAME = "export-server"


class Noise:
    """A file of bytes that nobody can guess or pack, as long as it is said to be, and its digest when it was read."""

    def __init__(self, size: int, seed: int = 1) -> None:
        self._size = size
        self._seed = seed

    def blocks(self) -> Iterator[bytes]:
        """The bytes, in blocks."""
        unit = hashlib.shake_256(str(self._seed).encode()).digest(BLOCK)
        for number, start in enumerate(range(0, self._size, BLOCK)):
            block = number.to_bytes(8, "big") + unit[8:]
            yield block[: self._size - start]

    def digest(self) -> str:
        """The sha256 of all of it."""
        found = hashlib.sha256()
        for block in self.blocks():
            found.update(block)
        return found.hexdigest()

    def write(self, path: Path) -> Path:
        """Write it into a file."""
        with path.open("wb") as written:
            written.writelines(self.blocks())
        return path


@implementer(IPolicyForHTTPS)
class Known:
    """Whom one trusts, whatever the address: a server of that name with a certificate of that authority."""

    def __init__(self, name: str, authority: bytes) -> None:
        self._options = optionsForClientTLS(name, trustRootFromCertificates([Certificate.loadPEM(authority)]))

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """See IPolicyForHTTPS."""
        return self._options


async def send(
    url: str, authority: bytes, headers: dict[str, str], body: IO[bytes], method: bytes = b"POST"
) -> Answer:
    """Send a file to a server on loopback; a HEAD carries nothing."""
    agent = Agent(reactor, Known("localhost", authority))
    sent = Headers({name: [value] for name, value in headers.items()})
    carried = FileBodyProducer(body) if method != b"HEAD" else None
    response = await agent.request(method, url.encode(), sent, carried)
    return Answer(response.code, await readBody(response))


class Sum(Protocol):
    """The digest of the first bytes of a body, and whether nothing but zeros follows."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._digest = hashlib.sha256()
        self.padded = True
        self.done: Deferred[str] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        head, rest = data[: self._left], data[self._left :]
        self._left -= len(head)
        self._digest.update(head)
        self.padded = self.padded and rest.count(0) == len(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Protocol."""
        if reason.check(ResponseDone):
            self.done.callback(self._digest.hexdigest())
        else:
            self.done.errback(reason)


def certificate() -> tuple[bytes, bytes]:
    """A certificate of its own authority and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), private


def export_server(claim: str, certified: tuple[bytes, bytes]) -> tuple[Document, ...]:
    """The Secrets and the Pod by which virt-controller gives a claim back (pkg/storage/export/export)."""
    name = f"virt-export-{claim}"
    encoded = {"tls.crt": b64encode(certified[0]).decode(), "tls.key": b64encode(certified[1]).decode()}
    path = f"/volumes/{claim}/disk.img"
    settings = {
        "VOLUME0_EXPORT_PATH": f"/export-volumes/{claim}",
        "VOLUME0_EXPORT_RAW_URI": path,
        "VOLUME0_EXPORT_RAW_GZIP_URI": f"{path}.gz",
    }
    container = {
        "name": "exporter",
        "image": "virt-exportserver",
        "env": [{"name": key, "value": value} for key, value in settings.items()],
        "volumeMounts": [{"name": claim, "mountPath": f"/export-volumes/{claim}"}],
    }
    volumes: list[Document] = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}}]
    for volume, secret in (("certificates", f"{name}-tls"), ("token", f"{name}-token")):
        volumes.append({"name": volume, "secret": {"secretName": secret}})
    pod = named("Pod", name, None, spec={"containers": [container], "volumes": volumes, "restartPolicy": "Never"})
    pod["metadata"]["labels"] = {EXPORTER: claim}
    return (
        named("Secret", f"{name}-tls", data=encoded),
        named("Secret", f"{name}-token", stringData={"token": TOKEN}),
        pod,
    )


async def fetch(address: str, path: str, authority: bytes, size: int, token: str = TOKEN) -> tuple[int, str, bool]:
    """What an export server answers: the code, the digest of the first bytes, and whether zeros follow."""
    agent = Agent(reactor, Known(_NAME, authority))
    asked = Headers({"x-kubevirt-export-token": [token]})
    response = await agent.request(b"GET", f"https://{address}:8443{path}".encode(), asked)
    found = Sum(size)
    response.deliverBody(found)
    return response.code, await found.done, found.padded


async def give(
    address: str,
    host: str,
    path: str,
    authority: bytes,
    token: str | None,
    *,
    method: bytes = b"GET",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str, bytes]:
    """What the export server that is known by a host answers: the code, the media type and the body."""
    agent = Agent(reactor, Known(host, authority))
    carried = dict(headers or {}) | ({"x-kubevirt-export-token": token} if token is not None else {})
    asked = Headers({name: [value] for name, value in carried.items()})
    response = await agent.request(method, f"https://{address}:8443{path}".encode(), asked)
    media = response.headers.getRawHeaders("content-type", [""])[0]
    return response.code, media, await readBody(response)
