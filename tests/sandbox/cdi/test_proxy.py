"""The upload proxy: whom it lets in, and what it passes on."""

from __future__ import annotations

import json
from typing import Any

from treq.testing import RequestTraversalAgent, StubTreq
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from dicot.kube.address import Place
from dicot.kube.errors import Missing
from dicot.sandbox.cdi.names import CONTENT_TYPE, POD_PHASE, POD_READY, PRIME, UPLOAD_REQUEST
from dicot.sandbox.cdi.proxy import UploadProxy, agent
from dicot.sandbox.cdi.tokens import API_SERVER, Grant

from .things import KEYS, NOW, TOKENS, manifest

READY = {UPLOAD_REQUEST: "", POD_READY: "true", POD_PHASE: "Running"}


POPULATED = {"dataSourceRef": {"apiGroup": "cdi.kubevirt.io", "kind": "VolumeUploadSource", "name": "s"}}


class Claims:
    """A Kube with one claim, and one that is filled for another."""

    def __init__(self, notes: dict[str, str]) -> None:
        self.notes = notes
        self.prime: dict[str, str] = {}

    async def read(self, at: Place) -> bytes:
        """See Kube."""
        if (at.namespace, at.name) == ("n", "p"):
            return json.dumps(manifest("p", notes=self.prime, spec=POPULATED)).encode()
        if (at.plural, at.namespace, at.name) != ("persistentvolumeclaims", "n", "c"):
            raise Missing(404, "NotFound", "no such claim")
        return json.dumps(manifest("c", notes=self.notes)).encode()


class Server(Resource):
    """An upload server that tells where it was asked."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """See IResource."""
        request.setResponseCode(409)
        return request.uri + b" " + (request.getHeader(b"x-own") or b"")


class Nobody:
    """Finds no server."""

    def request(self, method: bytes, uri: bytes, headers: object = None, body: object = None) -> Any:
        """See IAgent."""
        return fail(DNSLookupError("no such host"))


class ProxyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.servers: Any = RequestTraversalAgent(Server())

    def begin(self, path: str, token: str | None, notes: dict[str, str], method: str = "GET") -> tuple[Any, Any]:
        """A request on its way."""
        proxy = UploadProxy(KEYS, Claims(notes), self.servers, self.clock)  # type: ignore[arg-type]
        client: Any = StubTreq(proxy)
        headers = {"X-Own": "kept"} | ({} if token is None else {"Authorization": token})
        return client, client.request(method, f"https://proxy{path}", headers=headers)

    def ask(
        self, token: str | None, notes: dict[str, str] | None = None, path: str = "/v1beta1/upload"
    ) -> tuple[int, str]:
        """The answer's code and text."""
        client, answer = self.begin(path, token, READY if notes is None else notes)
        return self.end(client, answer)

    def end(self, client: Any, answer: Deferred[Any]) -> tuple[int, str]:
        """What came of a request."""
        for each in (client, self.servers, self.servers, client):
            if not isinstance(each, Nobody):
                each.flush()
        found = self.successResultOf(answer)
        return found.code, self.successResultOf(found.text())

    def token(self, name: str = "c", since: float = NOW) -> str:
        return f"Bearer {TOKENS.upload('n', name, since)}"

    def test_who_is_let_in(self) -> None:
        host = "https://cdi-upload-c.n.svc:8443/v1beta1/upload"
        self.assertEqual(self.ask(self.token()), (409, f"{host.partition(':8443')[2]} kept"))
        self.assertEqual(self.ask(self.token(since=NOW - 305))[0], 409)
        self.assertEqual(self.ask(self.token().replace("Bearer", "bearer"))[0], 409)

    def test_who_is_not(self) -> None:
        """Without a token, with half of one, one of before, one of somebody else, and one for something else."""
        cloning = f"Bearer {TOKENS.grant(Grant('n', 'c', 'n', 'd'), API_SERVER, NOW)}"
        asked = (None, "Basic x", "Bearer", "Bearer a.b.c", self.token(since=NOW - 311), cloning)
        self.assertEqual([self.ask(each) for each in asked], [(c, "") for c in (400, 400, 400, 401, 401, 400)])

    def test_a_claim_that_takes_nothing(self) -> None:
        for name, notes, text in (
            ("d", READY, "rejecting Upload Request for PVC d that doesn&#39;t exist"),
            ("c", {POD_READY: "true"}, "PVC c is not an upload target"),
            (
                "c",
                {**READY, POD_PHASE: "Succeeded"},
                "rejecting Upload Request for PVC c that already finished uploading",
            ),
            (
                "c",
                {**READY, CONTENT_TYPE: "x"},
                "rejecting upload request for PVC c - upload content-type x is invalid",
            ),
        ):
            self.assertEqual(self.ask(self.token(name), notes), (503, text))

    def test_a_server_that_is_late(self) -> None:
        """It is waited for ten seconds."""
        notes = {**READY, POD_READY: "false"}
        client, answer = self.begin("/v1beta1/upload", self.token(), notes)
        client.flush()
        self.clock.pump([1.0] * 5)
        self.assertNoResult(answer)
        notes[POD_READY] = "true"
        self.clock.advance(1.0)
        self.assertEqual(self.end(client, answer)[0], 409)
        client, answer = self.begin("/v1beta1/upload", self.token(), {**READY, POD_READY: "false"})
        client.flush()
        self.clock.pump([1.0] * 10)
        self.assertEqual(self.end(client, answer), (503, "context deadline exceeded"))

    def test_a_claim_that_another_is_filled_for(self) -> None:
        """What is sent to it goes to the server of that one, once it is known which that is."""
        kube = Claims(READY)
        client: Any = StubTreq(UploadProxy(KEYS, kube, self.servers, self.clock))  # type: ignore[arg-type]
        headers = {"Authorization": self.token("p")}

        def ask() -> Any:
            return client.request("GET", "https://proxy/v1beta1/upload", headers=headers)

        answer = ask()
        client.flush()
        self.assertNoResult(answer)
        kube.prime[PRIME] = "c"
        self.clock.advance(1.0)
        self.assertEqual(self.end(client, answer)[0], 409)
        kube.prime[PRIME] = "gone"
        text = "rejecting Upload Request for PVC p, PVC&#39; wasn&#39;t created yet"
        self.assertEqual(self.end(client, ask()), (503, text))

    def test_where_it_leads(self) -> None:
        """The same path, but for archives; no other is known."""
        for path in ("/v1beta1/upload-async", "/v1alpha1/upload-form", "/v1beta1/upload-form-async"):
            self.assertEqual(self.ask(self.token(), path=path)[1], f"{path} kept")
        archive = {**READY, CONTENT_TYPE: "archive"}
        self.assertEqual(self.ask(self.token(), archive)[1], "/v1beta1/upload-archive kept")
        self.assertEqual(
            self.ask(self.token(), archive, "/v1alpha1/upload-async")[1], "/v1alpha1/upload-archive kept"
        )
        self.assertEqual(self.ask(self.token(), path="/v1beta1/other"), (404, "404 page not found\n"))
        self.assertEqual(self.ask(None, path="/healthz"), (200, "OK"))

    def test_a_server_that_is_gone(self) -> None:
        self.servers = Nobody()
        code, text = self.ask(self.token())
        self.assertEqual(code, 502)
        self.assertIn("error in upload-proxy: http: proxy error: ", text)

    def test_a_name_that_nobody_has(self) -> None:
        found = agent(KEYS, lambda name: None, self.clock)
        self.assertRaises(DNSLookupError, found.request, b"GET", b"https://cdi-upload-c.n.svc:8443/")
