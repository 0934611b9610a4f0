"""The upload proxy: it lets in who has a token, and passes on what he sends to the upload server of a claim
(CDI 1.65.0, pkg/uploadproxy).

Unlike the real one, it has the whole of a body before it judges the token.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any

from msgspec import json
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS, trustRootFromCertificates
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.client import URI, Agent, FileBodyProducer, ResponseFailed, readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from dicot.kube.address import place
from dicot.kube.client import Kube
from dicot.kube.errors import Doubtful, Missing, Refused, Unreachable

from .keys import Keys
from .kinds.claims import CLAIMS, Claim
from .kinds.populators import UPLOAD
from .names import CONTENT_TYPE, GROUP, POD_PHASE, POD_READY, PRIME, PROXY, UPLOAD_REQUEST, joined, service
from .storage import ARCHIVE, KUBEVIRT
from .tokens import API_SERVER
from .tokens import CLAIMS as CLAIMS_RESOURCE

ACCOUNT = "system:serviceaccount:cdi:cdi-uploadproxy"
PATHS = frozenset(
    f"/{version}/upload{way}" for version in ("v1beta1", "v1alpha1") for way in ("", "-async", "-form", "-form-async")
)
LEEWAY = 10.0
"""Seconds by which the clocks of two machines may differ."""
_PORT = 8443
_TRIES, _REST = 10, 1.0
"""How often a claim is looked at until its server is ready, and the seconds between two looks."""
_BEARER = re.compile(r"(?i)Bearer\s+([A-Za-z0-9\-._~+/]+)\Z")
_METHODS = ("HEAD", "GET", "POST", "PUT", "PATCH", "DELETE")
_VARYING = [b"Origin", b"Access-Control-Request-Method", b"Access-Control-Request-Headers"]
_OWN = (b"connection", b"content-length", b"expect", b"host", b"transfer-encoding")
"""Headers that each connection has of its own."""
_log = Logger()


class Unready(Exception):
    """Nothing can be uploaded to a claim now; the text says why."""


class UploadProxy(Resource):
    """The pages. ``kube`` reads claims, ``agent`` finds upload servers by the names of their Services; ``clock``
    counts seconds since 1970."""

    isLeaf = True

    def __init__(self, keys: Keys, kube: Kube, agent: IAgent, clock: IReactorTime) -> None:
        super().__init__()
        self._tokens = keys.tokens
        self._kube = kube
        self._agent = agent
        self._clock = clock

    def render(self, request: Request) -> Any:
        """See IResource."""
        path = request.path.decode("utf-8", "replace")
        if _answers_a_page(request):
            return b""
        if path == "/healthz":
            return b"OK"
        if path not in PATHS:
            return _refused(request, 404, "404 page not found\n")
        match = _BEARER.match(request.getHeader("authorization") or "")
        if match is None:
            return _refused(request, 400)
        said = self._tokens.opened(match.group(1), API_SERVER, self._clock.seconds(), LEEWAY)
        if said is None:
            return _refused(request, 401)
        named = said.operation == "Upload" and said.name and said.namespace
        if not named or said.resource.get("resource") != CLAIMS_RESOURCE:
            return _refused(request, 400)
        passed = Deferred.fromCoroutine(self._answer(request, said.namespace, said.name, path))
        request.notifyFinish().addErrback(lambda _: passed.cancel())
        passed.addErrback(lambda failure: failure.trap(CancelledError))
        passed.addErrback(lambda failure: _log.failure("upload proxy", failure))
        return NOT_DONE_YET

    async def _answer(self, request: Request, namespace: str, name: str, path: str) -> None:
        try:
            claim = await self._ready(namespace, name)
            way = _way(claim, name, path)
        except Unready as reason:
            request.write(_refused(request, 503, escape(str(reason), quote=True).replace("&#x27;", "&#39;")))
        else:
            host = f"{service(joined('cdi-upload', claim.metadata.name))}.{namespace}.svc"
            await self._pass(request, f"https://{host}:{_PORT}{way}")
        request.finish()

    async def _ready(self, namespace: str, name: str) -> Claim:
        """The claim, once its server can be asked. Raises Unready."""
        for _ in range(_TRIES):
            claim = await self._filled(namespace, name)
            if claim is None:
                await deferLater(self._clock, _REST)
                continue
            notes = claim.metadata.annotations
            if UPLOAD_REQUEST not in notes:
                raise Unready(f"PVC {claim.metadata.name} is not an upload target")
            if notes.get(POD_PHASE) == "Succeeded":
                raise Unready(f"rejecting Upload Request for PVC {name} that already finished uploading")
            if notes.get(POD_READY) == "true":
                return claim
            await deferLater(self._clock, _REST)
        raise Unready("context deadline exceeded")

    async def _filled(self, namespace: str, name: str) -> Claim | None:
        """The claim that takes what is sent to another: that one itself, or the one that is filled for it; None while
        nobody knows which that is. Raises Unready."""
        claim = await self._read(namespace, name, f"PVC {name} that doesn't exist")
        source = claim.spec.dataSourceRef
        if source is None or (source.apiGroup, source.kind) != (GROUP, UPLOAD):
            return claim
        prime = claim.metadata.annotations.get(PRIME)
        if prime is None:
            return None
        return await self._read(namespace, prime, f"PVC {name}, PVC' wasn't created yet")

    async def _read(self, namespace: str, name: str, missing: str) -> Claim:
        try:
            return json.decode(await self._kube.read(place(CLAIMS, namespace, name)), type=Claim)
        except Missing:
            raise Unready(f"rejecting Upload Request for {missing}") from None
        except (Refused, Doubtful, Unreachable) as reason:
            raise Unready(str(reason)) from reason

    async def _pass(self, request: Request, url: str) -> None:
        """Ask an upload server the same, and answer as it does."""
        headers = Headers({key: values for key, values in _raw(request.requestHeaders) if key.lower() not in _OWN})
        body = FileBodyProducer(request.content) if request.method == b"POST" else None
        try:
            found = await self._agent.request(request.method, url.encode(), headers, body)
            content = await readBody(found)
        except (ConnectError, DNSLookupError, ResponseFailed) as reason:
            request.write(_refused(request, 502, f"error in upload-proxy: http: proxy error: {reason}\n"))
            return
        request.setResponseCode(found.code)
        for key, values in _raw(found.headers):
            request.responseHeaders.setRawHeaders(key, values)
        request.write(content)


@implementer(IAgentEndpointFactory)
class Servers:
    """The way to upload servers, as the proxy: ``find`` is the address behind the name of a Service."""

    def __init__(self, keys: Keys, find: Callable[[str], str | None], reactor: Any) -> None:
        certificate, key = keys.clients.issue(PROXY, (), client=True)
        self._trusted = trustRootFromCertificates([Certificate.loadPEM(keys.servers.pem)])
        self._shown = PrivateCertificate.loadPEM(certificate + key)
        self._find = find
        self._reactor = reactor

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """See IAgentEndpointFactory."""
        name = uri.host.decode("ascii", "replace")
        address = self._find(name)
        if address is None:
            raise DNSLookupError(f"lookup {name}: no such host")
        options = optionsForClientTLS(name, self._trusted, self._shown)
        endpoint: IStreamClientEndpoint = wrapClientTLS(options, HostnameEndpoint(self._reactor, address, uri.port))
        return endpoint


def agent(keys: Keys, find: Callable[[str], str | None], reactor: Any) -> IAgent:
    """Who asks upload servers."""
    made: IAgent = Agent.usingEndpointFactory(reactor, Servers(keys, find, reactor))
    return made


def _answers_a_page(request: Request) -> bool:
    """Tell a browser that pages from anywhere may ask; whether that was all that was asked (rs/cors, AllowAll)."""
    origin, wish = request.getHeader("origin"), request.getHeader("access-control-request-method") or ""
    asks = request.method == b"OPTIONS" and wish != ""
    said = request.responseHeaders
    said.setRawHeaders(b"vary", _VARYING if asks else _VARYING[:1])
    if not origin or (asks and wish not in _METHODS):
        return asks
    said.setRawHeaders(b"access-control-allow-origin", [b"*"])
    names = request.getHeader("access-control-request-headers")
    if asks:
        said.setRawHeaders(b"access-control-allow-methods", [wish.encode()])
    if asks and names:
        told = ", ".join(name.strip().title() for name in names.split(","))
        said.setRawHeaders(b"access-control-allow-headers", [told.encode()])
    return asks


def _way(claim: Claim, name: str, path: str) -> str:
    """Where a claim's server takes what somebody sends to a path. Raises Unready."""
    content = claim.metadata.annotations.get(CONTENT_TYPE) or KUBEVIRT
    if content == ARCHIVE:
        return "/v1alpha1/upload-archive" if "alpha" in path else "/v1beta1/upload-archive"
    if content != KUBEVIRT:
        text = f"rejecting upload request for PVC {name} - upload content-type {content} is invalid"
        raise Unready(text)
    return path


def _raw(headers: Headers) -> Iterator[tuple[bytes, Sequence[bytes]]]:
    return headers.getAllRawHeaders()


def _refused(request: Request, code: int, text: str = "") -> bytes:
    request.setResponseCode(code)
    return text.encode()
