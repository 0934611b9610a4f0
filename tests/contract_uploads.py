"""Uploads: tokens for them, and what goes into volumes by the upload proxy.

It runs on the real programs and on the sandbox.

Differences that are meant: the proxy of the sandbox has the whole of a body before it judges the token.
"""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers

from dicot.sandbox.cdi.names import POD_PHASE as PHASE
from dicot.sandbox.cdi.names import POD_READY as READY
from dicot.sandbox.cdi.names import UPLOAD_REQUEST as TARGET
from dicot.sandbox.cdi.tokens import API_SERVER, Grant, Tokens
from tests.cluster.objects import named
from tests.cluster.shared import is_sandbox
from tests.contract_bytes import IMMEDIATE, MEGABYTE, SMALL, Case
from tests.length import IS_LONG
from tests.live.seen.carrier import Known, Noise, send
from tests.live.seen.objects import from_source, volume
from tests.live.seen.person import Person, account
from tests.live.seen.stage import SeenTestCase
from tests.sandbox.snapshots import takes

UPLOADS = "/apis/upload.cdi.kubevirt.io/v1beta1"
LARGE, ROOMY = (20 * MEGABYTE, "24Mi") if is_sandbox() else (200 * MEGABYTE, "224Mi")


class TokenTests(SeenTestCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.tokens = f"{UPLOADS}/namespaces/{self.namespace}/uploadtokenrequests"
        self.wish = named("UploadTokenRequest", "wish", None, "upload.cdi.kubevirt.io/v1beta1", spec={"pvcName": "c"})

    async def test_what_is_served(self) -> None:
        found = await self.control.get(UPLOADS)
        (resource,) = found["resources"]
        said = {
            key: resource.get(key) for key in ("name", "singularName", "namespaced", "kind", "verbs", "shortNames")
        }
        self.assertEqual(
            (found["kind"], found["groupVersion"]), ("APIResourceList", "upload.cdi.kubevirt.io/v1beta1")
        )
        self.assertEqual(
            said,
            {
                "name": "uploadtokenrequests",
                "singularName": "uploadtokenrequest",
                "namespaced": True,
                "kind": "UploadTokenRequest",
                "verbs": ["create"],
                "shortNames": ["utr", "utrs"],
            },
        )

    async def test_a_token_says_what_may_be_written_to(self) -> None:
        """For five minutes; whether it is there is not asked."""
        answer = await self.control.ask("POST", self.tokens, self.wish)
        self.assertEqual(answer.status, 200, answer.content)
        token = answer.document["status"].pop("token")
        self.assertEqual(answer.document["spec"], {"pvcName": "c"})
        self.assertEqual(answer.document["metadata"]["name"], "wish")
        head, claims = parts(token)
        self.assertEqual(head, {"alg": "PS256"})
        self.assertEqual((claims.pop("exp") - claims["iat"], claims.pop("nbf")), (300, claims.pop("iat")))
        resource = {"group": "", "resource": "persistentvolumeclaims", "version": "v1"}
        wanted = {"iss": "cdi-apiserver", "name": "c", "namespace": self.namespace, "operation": "Upload"}
        self.assertEqual(claims, {**wanted, "resource": resource})

    async def test_what_is_no_request(self) -> None:
        """Another method, another path and no JSON."""
        answers = [
            await self.control.ask(method, path, body)
            for method, path, body in (
                ("GET", self.tokens, None),
                ("POST", f"{self.tokens}/wish", self.wish),
                ("POST", self.tokens, b""),
                ("POST", self.tokens, b"{"),
            )
        ]
        self.assertEqual([each.status for each in answers], [405, 404, 400, 400])

    async def test_it_is_refused_to_who_may_not(self) -> None:
        user = {"Impersonate-User": account(self.namespace, "nobody")}
        person = Person(self.pool, self.access, self.access.admin, user)
        answer = await person.ask("POST", self.tokens, self.wish)
        self.assertEqual(answer.status, 403)
        self.assertIn(
            f'cannot create resource "uploadtokenrequests" in API group "upload.cdi.kubevirt.io" in the namespace '
            f'"{self.namespace}"',
            answer.document["message"],
        )


def parts(token: str) -> list[dict[str, Any]]:
    """The head of a signed token, and what it says."""
    return [json.loads(b64decode(f"{part}==", b"-_")) for part in token.removeprefix("Bearer ").split(".")[:2]]


class Uploading(Case):
    """What uploads need."""

    async def allowed(self, name: str) -> dict[str, str]:
        """The header that lets somebody write to a claim."""
        request = named("UploadTokenRequest", name, None, "upload.cdi.kubevirt.io/v1beta1", spec={"pvcName": name})
        made = await self.control.change(
            "POST", f"{UPLOADS}/namespaces/{self.namespace}/uploadtokenrequests", request
        )
        return {"Authorization": f"Bearer {made['status']['token']}"}

    async def signing(self) -> Tokens:
        """CDI's own key of tokens."""
        found = await self.control.get("/api/v1/namespaces/cdi/secrets/cdi-api-signing-key")
        return Tokens.load(b64decode(found["data"]["id_rsa"]))

    async def proxy(self) -> tuple[str, bytes]:
        """Where uploads go, and who vouches for it."""
        config = await self.control.get("/apis/cdi.kubevirt.io/v1beta1/cdiconfigs/config")
        bundle = await self.control.get("/api/v1/namespaces/cdi/configmaps/cdi-uploadproxy-signer-bundle")
        return f"https://{config['status']['uploadProxyURL']}", bundle["data"]["ca-bundle.crt"].encode()


class UploadTests(Uploading):
    async def asked(self, name: str, size: str = SMALL) -> dict[str, str]:
        """A volume for an upload, and the header that lets somebody write to it."""
        await self.make(volume(name, from_source({"upload": {}}, size), IMMEDIATE))
        return await self.ready(name)

    async def ready(self, name: str) -> dict[str, str]:
        """The header that lets somebody write to a volume, once that takes an upload."""
        await self.filled(name, "UploadReady")
        return await self.allowed(name)

    async def test_all_ways_in(self) -> None:
        """At once and later, as a body and as a form, of the first version and the second."""
        noise = Noise(MEGABYTE)
        raw = b"".join(noise.blocks())
        form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + raw + b"\r\n--b--\r\n"
        url, authority = await self.proxy()
        ways = {
            "sync": ("/v1beta1/upload", raw),
            "async": ("/v1beta1/upload-async", raw),
            "form": ("/v1beta1/upload-form", form),
            "later-form": ("/v1beta1/upload-form-async", form),
            "old": ("/v1alpha1/upload", raw),
        }
        await self.make(*(volume(name, from_source({"upload": {}}, SMALL), IMMEDIATE) for name in ways))
        for name, (path, body) in ways.items():
            headers = await self.ready(name) | {"Content-Type": "multipart/form-data; boundary=b"}
            answer = await send(url + path, authority, headers, BytesIO(body))
            self.assertEqual((answer.status, answer.content), (200, b""), name)
        for name in ways:
            await self.filled(name)
            await self.gives(name, noise, MEGABYTE)

    async def test_who_is_not_let_in(self) -> None:
        """Without a token, with a wrong one, one that is too old, one for a clone, and a second time."""
        url, authority = await self.proxy()
        allowed = await self.asked("guarded")
        tokens = await self.signing()
        # The cluster's clock may be ahead of this machine's.
        now = parts(allowed["Authorization"])[1]["iat"]
        old = f"Bearer {tokens.upload(self.namespace, 'guarded', now - 400)}"
        grant = Grant(self.namespace, "guarded", self.namespace, "other")
        clone = f"Bearer {tokens.grant(grant, API_SERVER, now)}"
        for shown, code in (("", 400), ("Basic eA==", 400), ("Bearer a.b.c", 401), (old, 401), (clone, 400)):
            headers = {"Authorization": shown} if shown else {}
            answer = await send(f"{url}/v1beta1/upload", authority, headers, BytesIO(b"x"))
            self.assertEqual((answer.status, answer.content), (code, b""))
        for path, method, code in (
            ("/v1beta1/other", b"POST", 404),
            ("/v1beta1/upload-async", b"HEAD", 200),
            ("/v1beta1/upload", b"HEAD", 404),
            ("/v1beta1/upload", b"PUT", 404),
        ):
            answer = await send(url + path, authority, allowed, BytesIO(b"x"), method)
            self.assertEqual(answer.status, code, (path, method))
        answer = await send(f"{url}/v1beta1/upload", authority, allowed, BytesIO(b"x"))
        self.assertEqual(answer.status, 200)
        await self.filled("guarded")
        answer = await send(f"{url}/v1beta1/upload", authority, allowed, BytesIO(b"y"))
        self.assertEqual(answer.status, 503)
        self.assertIn(b"already finished uploading", answer.content)

    async def test_pages_from_anywhere_may_ask(self) -> None:
        """Browsers are told so, before they send anything and with each answer."""
        url, authority = await self.proxy()
        agent = Agent(reactor, Known("localhost", authority))
        page, wish = {"Origin": "https://x"}, {"Access-Control-Request-Method": "POST"}
        asked = wish | {"Access-Control-Request-Headers": "authorization, content-type"}
        allowed = {"origin": "*", "methods": "POST", "headers": "Authorization, Content-Type"}
        vary = ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"]
        for method, headers, code, said, varying in (
            (b"OPTIONS", page | asked, 200, allowed, vary),
            (b"OPTIONS", wish, 200, {}, vary),
            (b"OPTIONS", page | {"Access-Control-Request-Method": "TRACE"}, 200, {}, vary),
            (b"GET", page, 400, {"origin": "*"}, vary[:1]),
            (b"OPTIONS", {}, 400, {}, vary[:1]),
        ):
            sent = Headers({name: [value] for name, value in headers.items()})
            answer = await agent.request(method, f"{url}/v1beta1/upload".encode(), sent)
            await readBody(answer)
            found = {
                name.decode().lower().removeprefix("access-control-allow-"): values[0].decode()
                for name, values in answer.headers.getAllRawHeaders()
                if name.lower().startswith(b"access-control-")
            }
            self.assertEqual((answer.code, found), (code, said), (method, headers))
            self.assertEqual(answer.headers.getRawHeaders("vary"), varying)

    async def test_what_is_no_target(self) -> None:
        """A claim that is not there, and one that nobody asked to fill; whoever gives a token does not look."""
        url, authority = await self.proxy()
        await self.make(takes.claim("plain", SMALL))
        for name, text in (
            ("nothing", b"rejecting Upload Request for PVC nothing that doesn&#39;t exist"),
            ("plain", b"PVC plain is not an upload target"),
        ):
            answer = await send(f"{url}/v1beta1/upload", authority, await self.allowed(name), BytesIO(b"x"))
            self.assertEqual((answer.status, answer.content), (503, text))

    async def test_a_server_that_is_late(self) -> None:
        """It is waited for ten seconds."""
        if not IS_LONG:
            raise SkipTest("DICOT_LONG is not set")
        url, authority = await self.proxy()
        claim = takes.claim("late", SMALL, storageClassName="missing")
        claim["metadata"]["annotations"] = IMMEDIATE | {TARGET: ""}
        await self.make(claim)
        answer = await send(f"{url}/v1beta1/upload", authority, await self.allowed("late"), BytesIO(b"x"))
        self.assertEqual(answer.status, 503)
        # Whether its last look was cut off or not begun, is left to chance.
        self.assertIn(b"context deadline", answer.content)

    async def test_a_claim_by_itself(self) -> None:
        """Without any volume, as virtctl asks for it."""
        url, authority = await self.proxy()
        claim = takes.claim("alone", SMALL)
        claim["metadata"]["annotations"] = IMMEDIATE | {TARGET: ""}
        await self.make(claim)
        path = f"{self.core}/persistentvolumeclaims/alone"
        await self.becomes(path, "ready", lambda found: found["metadata"]["annotations"].get(READY) == "true")
        noise = Noise(5000)
        body = BytesIO(b"".join(noise.blocks()))
        answer = await send(f"{url}/v1beta1/upload", authority, await self.allowed("alone"), body)
        self.assertEqual(answer.status, 200)
        await self.becomes(path, "filled", lambda found: found["metadata"]["annotations"].get(PHASE) == "Succeeded")
        await self.gives("alone", noise, 5000)

    async def test_what_does_not_fit(self) -> None:
        """It is said at once, and there is another try."""
        url, authority = await self.proxy()
        allowed = await self.asked("small", "1Mi")
        noise = Noise(2 * MEGABYTE)
        answer = await send(f"{url}/v1beta1/upload", authority, allowed, BytesIO(b"".join(noise.blocks())))
        self.assertEqual(answer.status, 400)
        self.assertIn(b"effective image size is larger than the reported available storage", answer.content)
        answer = await send(f"{url}/v1beta1/upload", authority, allowed, BytesIO(b"x"))
        self.assertEqual(answer.status, 200)
        await self.filled("small")

    async def test_many_megabytes(self) -> None:
        """In by the proxy, copied, and out again."""
        noise = Noise(LARGE)
        url, authority = await self.proxy()
        allowed = await self.asked("large", ROOMY)
        with noise.write(self.folder / "large").open("rb") as body:
            answer = await send(f"{url}/v1beta1/upload", authority, allowed, body)
        self.assertEqual((answer.status, answer.content), (200, b""))
        await self.filled("large")
        source = {"pvc": {"name": "large", "namespace": self.namespace}}
        await self.make(volume("copy", from_source(source, ROOMY), IMMEDIATE))
        await self.filled("copy")
        await self.gives("copy", noise, LARGE)
