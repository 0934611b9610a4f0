"""The server that takes an image into a volume (CDI 1.65.0, pkg/uploadserver): TLS, and one client by its name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import crypto
from twisted.internet.defer import Deferred
from twisted.internet.ssl import CertificateOptions
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ...cdi.names import PROXY
from ...spool import SpoolSite
from . import formats, forms
from .contents import Contents
from .job import Job

PORT = 8443
_ROOT = ("/v1beta1/upload", "/v1alpha1/upload")
SYNC = frozenset(_ROOT)
ASYNC = frozenset(f"{root}-async" for root in _ROOT)
FORMS = frozenset(f"{root}-form" for root in _ROOT)
ASYNC_FORMS = frozenset(f"{root}-form-async" for root in _ROOT)
PATHS = SYNC | ASYNC | FORMS | ASYNC_FORMS
_TRANSFER = "Unable to transfer source data to scratch space"
_log = Logger()


class UploadSite(SpoolSite):
    """The server of one volume. ``done`` fires with nothing once the volume holds an image, or fails with Unusable
    where an image was taken that turned out to be none."""

    def __init__(self, job: Job, contents: Contents, reactor: Any) -> None:
        self.done: Deferred[None] = Deferred()
        super().__init__(_Uploads(self, job, contents, reactor), contents.folder)


class _Uploads(Resource):
    isLeaf = True

    def __init__(self, site: UploadSite, job: Job, contents: Contents, reactor: Any) -> None:
        super().__init__()
        self._site = site
        self._job = job
        self._contents = contents
        self._reactor = reactor
        self._busy = False
        self._done = False

    def render(self, request: Request) -> Any:
        """See IResource."""
        path, method = request.path.decode("utf-8", "replace"), request.method
        if path == "/healthz":
            return b"OK"
        if path not in PATHS:
            return _refuse(request, 404, "404 page not found\n")
        if method == b"HEAD" and path in ASYNC | ASYNC_FORMS:
            return b""
        if method != b"POST":
            return _refuse(request, 404)
        if _client(request) != self._job.settings.get("CLIENT_NAME", PROXY):
            return _refuse(request, 401)
        if self._busy or self._done:
            return _refuse(request, 503 if self._busy else 409)
        self._busy = True
        done = Deferred.fromCoroutine(self._take(request, path))
        done.addErrback(lambda failure: _log.failure("upload server", failure))
        return NOT_DONE_YET

    async def _take(self, request: Request, path: str) -> None:
        scratch = self._contents.scratch(self._job.held.volume)
        try:
            await self._run(self._stored, request.content, scratch, _boundary(request, path))
            later = path in ASYNC | ASYNC_FORMS
            if later:
                formats.promise(scratch, self._job.room)
            else:
                await self._run(self._fill, scratch)
        except formats.Unusable as reason:
            self._busy = False
            scratch.unlink(missing_ok=True)
            _finish(request, 400 if isinstance(reason, formats.TooLarge) else 500, _failed(reason))
            return
        _finish(request, 200)
        try:
            if later:
                await self._run(self._fill, scratch)
        except formats.Unusable:
            self._busy = False
            scratch.unlink(missing_ok=True)
            self._site.done.errback()
            return
        self._busy, self._done = False, True
        self._site.done.callback(None)

    def _stored(self, content: IO[bytes], scratch: Path, boundary: bytes) -> None:
        """Give the body, or the file that it carries, a name of its own."""
        if self._job.is_full():
            raise formats.TooLarge(f"{_TRANSFER}: {formats.NO_SPACE}")
        content.flush()
        scratch.unlink(missing_ok=True)
        if boundary:
            forms.extract(content, boundary, scratch)
        else:
            os.link(content.name, scratch)

    def _fill(self, scratch: Path) -> None:
        formats.raw(scratch, self._job.room)
        self._contents.put(scratch, self._job.held.volume, self._job.size)

    def _run(self, work: Any, *given: Any) -> "Deferred[None]":
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *given)


def options(data: Mapping[str, bytes]) -> CertificateOptions:
    """What a server serves with, of the data of its Secret. Where that has an authority of clients, a client may show
    no certificate, but none of somebody else's authority."""
    certificate, *chain = x509.load_pem_x509_certificates(data["tls.crt"])
    trusted = x509.load_pem_x509_certificates(data["ca.crt"]) if "ca.crt" in data else []
    return CertificateOptions(
        certificate=crypto.X509.from_cryptography(certificate),
        privateKey=crypto.PKey.from_cryptography_key(load_pem_private_key(data["tls.key"], None)),  # type: ignore[arg-type]
        extraCertChain=[crypto.X509.from_cryptography(each) for each in chain],
        verify=bool(trusted),
        caCerts=[crypto.X509.from_cryptography(each) for each in trusted] or None,
        requireCertificate=False,
    )


def _client(request: Request) -> str:
    """The name of who asks, "" for somebody without a certificate."""
    shown = request.transport.getPeerCertificate()  # type: ignore[union-attr]
    return "" if shown is None else str(shown.get_subject().CN)


def _boundary(request: Request, path: str) -> bytes:
    """What separates the parts of a form. Raises Unusable."""
    if path not in FORMS | ASYNC_FORMS:
        return b""
    return forms.boundary(request.getHeader("content-type") or "")


def _failed(reason: Exception) -> str:
    large = isinstance(reason, formats.TooLarge)
    before = "effective image size is larger than the reported available storage: " if large else ""
    return f"Saving stream failed: {before}{reason}"


def _refuse(request: Request, code: int, text: str = "") -> bytes:
    request.setResponseCode(code)
    return text.encode()


def _finish(request: Request, code: int, text: str = "") -> None:
    request.setResponseCode(code)
    if text:
        request.write(text.encode())
    request.finish()
