"""The HTTPS port of a node's virt-handler, at which virt-api passes on what guests shall do at once."""

from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import json
from OpenSSL import crypto
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.ssl import Certificate, CertificateOptions, trustRootFromCertificates
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from dicot.kube.client import Kube
from dicot.kube.errors import Doubtful, Refused, Unreachable
from dicot.kube.kind import Manifest

from . import websocket
from .devices import DEVICES
from .handler import FACTS, Handler
from .machines import Machine

_log = Logger()


@dataclass(frozen=True, slots=True)
class Lock:
    """What a door is served with: the port, files of certificate and key, and of the authority of virt-api."""

    port: int
    certificate: str
    key: str
    authority: str

    def options(self) -> CertificateOptions:
        """For a server whose clients must show a certificate."""
        certificate = x509.load_pem_x509_certificate(Path(self.certificate).read_bytes())
        key = load_pem_private_key(Path(self.key).read_bytes(), None)
        return CertificateOptions(
            certificate=crypto.X509.from_cryptography(certificate),
            privateKey=crypto.PKey.from_cryptography_key(key),  # type: ignore[arg-type]
            trustRoot=trustRootFromCertificates([Certificate.loadPEM(Path(self.authority).read_bytes())]),
        )


class Guests(Resource):
    """``/v1/namespaces/NAMESPACE/virtualmachineinstances/NAME/ACTION``."""

    isLeaf = True

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler

    def render(self, request: Request) -> Any:
        """See IResource."""
        parts = [part.decode("utf-8", "replace") for part in request.postpath or ()]
        known = len(parts) == 6 and (parts[0], parts[1], parts[3]) == ("v1", "namespaces", "virtualmachineinstances")
        answer = self._way(request, parts[2], parts[4], parts[5]) if known else None
        if answer is None:
            request.setResponseCode(404)
            return b""
        done = Deferred.fromCoroutine(answer)
        done.addErrback(lambda failure: _refuse(request, failure))
        done.addErrback(lambda failure: _log.failure("virt-handler", failure))
        return NOT_DONE_YET

    def _way(self, request: Request, namespace: str, name: str, action: str) -> Coroutine[Any, Any, None] | None:
        """Who answers; None where nobody does."""
        if request.method == b"PUT" and self._handler.knows(action):
            return self._tell(request, namespace, name, action)
        if request.method == b"GET" and action in FACTS:
            return self._facts(request, namespace, name, action)
        if request.method == b"GET" and action in DEVICES:
            return self._connect(request, namespace, name, action)
        return None

    async def _tell(self, request: Request, namespace: str, name: str, action: str) -> None:
        await self._handler.tell(namespace, name, action)
        request.setResponseCode(202)
        request.finish()

    async def _facts(self, request: Request, namespace: str, name: str, action: str) -> None:
        found = FACTS[action](await self._handler.find(namespace, name))
        request.setHeader("Content-Type", "application/json")
        request.write(json.encode(found))
        request.finish()

    async def _connect(self, request: Request, namespace: str, name: str, kind: str) -> None:
        await self._handler.find(namespace, name)
        preserve = (request.args or {}).get(b"preserveSession", [b""])[0] == b"true"
        if not websocket.wants(request):
            request.setResponseCode(400)
            request.write(b"Bad Request\n")
            request.finish()
        elif kind == "vnc" and preserve and self._handler.sessions.is_open(namespace, name, kind):
            request.setResponseCode(503)
            request.write(b"Active VNC connection. Request denied.")
            request.finish()
        else:
            websocket.take_over(request, self._handler.sessions.frames(namespace, name, kind))


def _refuse(request: Request, failure: Failure) -> None:
    failure.trap(Refused, Doubtful, Unreachable)
    request.setResponseCode(500)
    request.write(failure.getErrorMessage().encode())
    request.finish()


class Doors:
    """The doors of all machines, all with one lock."""

    def __init__(self, lock: Lock, kube: Kube, reactor: Any) -> None:
        self._lock = lock
        self._site = Site(Guests(Handler(kube, reactor.seconds)), parsePOSTFormSubmission=False)
        self._reactor = reactor
        self._ports: dict[str, IListeningPort] = {}

    def open(self, machine: Machine) -> None:
        """Serve a machine's door, on its own address, if it is shut."""
        if machine.name in self._ports:
            return
        options = self._lock.options()
        port = self._reactor.listenSSL(self._lock.port, self._site, options, interface=machine.address)
        self._ports[machine.name] = port

    def shut(self, machine: Machine) -> None:
        """Serve a machine's door no more."""
        port = self._ports.pop(machine.name, None)
        if port is not None:
            maybeDeferred(port.stopListening)

    def close(self) -> None:
        """Serve none any more."""
        for port in self._ports.values():
            maybeDeferred(port.stopListening)
        self._ports.clear()


def pod(machine: Machine) -> Manifest:
    """The virt-handler Pod, by whose address virt-api finds a machine's door. No taint sends it away: nobody would
    bring it back at once, as its DaemonSet does."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"virt-handler-{machine.name}",
            "namespace": "kubevirt",
            "labels": {"kubevirt.io": "virt-handler"},
        },
        "spec": {
            "nodeName": machine.name,
            "hostNetwork": True,
            "automountServiceAccountToken": False,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "virt-handler", "image": "quay.io/kubevirt/virt-handler:v1.8.4"}],
        },
    }
