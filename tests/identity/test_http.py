"""The same operations as bytes on a connection, as clients see them."""

from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.identity.brake import FREE
from dicot.web.api import Api
from dicot.web.limits import Limits
from dicot.web.site import build_site

from ..cloud.town import hex_id
from ..web.wire import Response, Wire, written
from .counter import CONFIG, Counter, by_password, by_token

BASE = "/identity/v3"
UNAUTHORIZED = {
    "error": {
        "code": 401,
        "title": "Unauthorized",
        "message": "The request you have made requires authentication.",
    }
}


class HttpTests(SynchronousTestCase):
    """ann is a member of lab."""

    def setUp(self) -> None:
        self.counter = Counter()
        self.counter.user("ann")
        self.counter.town.project("lab")
        self.counter.town.assign("ann", "member", project="lab")
        api = Api(self.counter.service.dialect, self.counter.gate)
        for resource in self.counter.service.resources:
            resource.register(self.counter.bench(api))
        self.records: list[Any] = []
        self.site = build_site(
            [api],
            {},
            CONFIG.public_url,
            self.counter.town.clock,
            self.records.append,
            new_id=lambda: "req-00000000-0000-4000-8000-000000000001",
            limits=Limits(),
        )

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        return Wire(self.site).ask(method, BASE + path, body, **headers)

    def guess(self, address: str) -> None:
        """Wrong passwords, until the next one has to wait."""
        for _ in range(FREE):
            Wire(self.site, address).ask("POST", BASE + "/auth/tokens", by_password("ann", "wrong"))

    def log_in(self, scope: object = None) -> Response:
        return self.ask("POST", "/auth/tokens", by_password("ann", scope=scope))

    def token(self, scope: object = None) -> str:
        return self.log_in(scope).headers["x-subject-token"]

    def test_a_log_in(self) -> None:
        response = self.log_in({"project": {"id": hex_id("lab")}})
        self.assertEqual(response.code, 201)
        self.assertEqual(response.json["token"]["project"]["name"], "lab")
        self.assertEqual(response.headers["vary"], "X-Auth-Token")
        self.assertEqual(len(response.headers["x-subject-token"]), 159)

    def test_validate_by_get_and_head(self) -> None:
        token = self.token()
        got = self.ask("GET", "/auth/tokens", token=token, X_Subject_Token=token)
        self.assertEqual((got.code, got.json["token"]["user"]["name"]), (200, "ann"))
        self.assertEqual(got.headers["x-subject-token"], token)
        head = self.ask("HEAD", "/auth/tokens", token=token, X_Subject_Token=token)
        self.assertEqual((head.code, head.body), (200, b""))

    def test_revoke(self) -> None:
        token = self.token()
        response = self.ask("DELETE", "/auth/tokens", token=token, X_Subject_Token=token)
        self.assertEqual((response.code, response.body), (204, b""))
        after = self.ask("GET", "/auth/projects", token=token)
        self.assertEqual((after.code, after.json), (401, UNAUTHORIZED))

    def test_a_wrong_password_and_a_wrong_token_are_challenged(self) -> None:
        token = self.token()
        answers = [
            self.ask("POST", "/auth/tokens", by_password("ann", "wrong")),
            self.ask("GET", "/auth/projects"),
            *(self.ask("GET", "/auth/projects", token=bad) for bad in (token[:-1], token + "=", "x", token.lower())),
        ]
        for answer in answers:
            self.assertEqual((answer.code, answer.json), (401, UNAUTHORIZED))
            challenge = 'Keystone uri="https://cloud.example:5000/identity"'
            self.assertEqual(answer.headers["www-authenticate"], challenge)

    def test_who_guesses_from_elsewhere_keeps_nobody_out(self) -> None:
        self.guess("192.0.2.9")
        self.assertEqual(self.log_in().code, 201)
        slowed = Wire(self.site, "192.0.2.9")
        slowed.send(written("POST", BASE + "/auth/tokens", by_password("ann", "guess")))
        self.assertEqual(slowed.transport.value(), b"")
        self.counter.town.clock.advance(1)
        self.assertEqual(slowed.response().code, 401)

    def test_bad_bodies_are_400_in_keystones_words(self) -> None:
        bodies: Mapping[bytes, str] = {
            b"{": "valid JSON in request body",
            b"[]": "valid JSON in request body",
            b'{"auth": 1, "auth": 2}': "valid JSON in request body",
            b"{}": "auth in request body",
            b'{"auth": {"identity": {"methods": ["password"]}}}': "password in identity",
        }
        for body, expected in bodies.items():
            response = self.ask("POST", "/auth/tokens", body)
            self.assertEqual((response.code, response.json["error"]["title"]), (400, "Bad Request"), body)
            self.assertIn(f"Expecting to find {expected}.", response.json["error"]["message"])

    def test_what_is_forbidden_and_what_is_not_found(self) -> None:
        token = self.token()
        forbidden = self.ask("GET", f"/users/{hex_id('x')}", token=token)
        self.assertEqual(
            forbidden.json["error"],
            {
                "code": 403,
                "title": "Forbidden",
                "message": "You are not authorized to perform the requested action: identity:get_user.",
            },
        )
        missing = self.ask("POST", "/auth/tokens", by_token("x"))
        self.assertEqual((missing.code, missing.json["error"]["title"]), (404, "Not Found"))

    def test_no_secret_is_in_an_answer_or_a_log_line(self) -> None:
        token = self.token()
        responses = [
            self.ask("POST", "/auth/tokens", by_password("ann", "canary-secret")),
            self.ask("POST", "/auth/tokens", by_token("canary-token")),
            self.ask("GET", "/auth/tokens", token=token, X_Subject_Token="canary-token"),
        ]
        for response in responses:
            self.assertNotIn(b"canary", response.body)
        self.assertNotIn("canary", repr(self.records))
        self.assertNotIn(token, repr(self.records))

    def test_headers_that_claim_an_identity_change_nothing(self) -> None:
        token = self.token()
        plain = self.ask("GET", f"/users/{hex_id('bob')}", token=token)
        for header in ("X_User_Id", "X_Roles", "X_Is_Admin", "X_Project_Id", "X_Remote_User", "X_Service_Token"):
            response = self.ask("GET", f"/users/{hex_id('bob')}", token=token, **{header: "admin"})
            self.assertEqual((response.code, response.body), (plain.code, plain.body))
        body = {"user_id": hex_id("bob"), "target": {"user": {"id": hex_id("ann")}}}
        path = f"/users/{hex_id('bob')}?user_id={hex_id('ann')}"
        self.assertEqual(self.ask("GET", path, body, token=token).body, plain.body)
