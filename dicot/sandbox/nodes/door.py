"""The HTTPS port of a node's virt-handler, at which virt-api passes on what guests shall do at once."""

from collections.abc import Callable, Mapping
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

from dicot.kube.client import Kube, Place
from dicot.kube.errors import Conflict, Doubtful, Refused, Unreachable
from dicot.kube.kind import Manifest

from . import guests
from .machines import Machine

TRIES = 5
Change = Callable[[Manifest, float], Manifest | None]
_log = Logger()

_CHANGES: Mapping[str, Change] = {
    "pause": guests.pause,
    "unpause": guests.unpause,
    "freeze": guests.freeze,
    "unfreeze": guests.thaw,
    "softreboot": guests.reboot,
    "reset": guests.reboot,
}


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

    def __init__(self, kube: Kube, now: Callable[[], float]) -> None:
        super().__init__()
        self._kube = kube
        self._now = now

    def render(self, request: Request) -> Any:
        """See IResource."""
        parts = [part.decode("utf-8", "replace") for part in request.postpath or ()]
        known = len(parts) == 6 and (parts[0], parts[1], parts[3]) == ("v1", "namespaces", "virtualmachineinstances")
        if not known or request.method != b"PUT" or parts[5] not in _CHANGES:
            request.setResponseCode(404)
            return b""
        place = Place("kubevirt.io", "v1", "virtualmachineinstances", parts[2], parts[4])
        done = Deferred.fromCoroutine(self._change(place, _CHANGES[parts[5]]))
        done.addCallbacks(lambda _: request.setResponseCode(202), lambda failure: _refuse(request, failure))
        done.addCallback(lambda _: request.finish())
        done.addErrback(lambda failure: _log.failure("virt-handler", failure))
        return NOT_DONE_YET

    async def _change(self, place: Place, change: Change) -> None:
        for left in reversed(range(TRIES)):
            changed = change(json.decode(await self._kube.read(place)), self._now())
            if changed is None:
                return
            try:
                await self._kube.replace(place, changed)
            except Conflict:
                if not left:
                    raise
            else:
                return


def _refuse(request: Request, failure: Failure) -> None:
    failure.trap(Refused, Doubtful, Unreachable)
    request.setResponseCode(500)
    request.write(failure.getErrorMessage().encode())


class Doors:
    """The doors of all machines, all with one lock."""

    def __init__(self, lock: Lock, kube: Kube, reactor: Any) -> None:
        self._lock = lock
        self._site = Site(Guests(kube, reactor.seconds), parsePOSTFormSubmission=False)
        self._reactor = reactor
        self._ports: list[IListeningPort] = []

    def open(self, machine: Machine) -> None:
        """Serve a machine's door, on its own address."""
        options = self._lock.options()
        port = self._reactor.listenSSL(self._lock.port, self._site, options, interface=machine.address)
        self._ports.append(port)

    def close(self) -> None:
        """Serve none any more."""
        for port in self._ports:
            maybeDeferred(port.stopListening)
        self._ports.clear()


def pod(machine: Machine) -> Manifest:
    """The virt-handler Pod, by whose address virt-api finds a machine's door."""
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
            "containers": [{"name": "virt-handler", "image": "quay.io/kubevirt/virt-handler:v1.8.4"}],
        },
    }
