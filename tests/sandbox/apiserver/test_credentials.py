"""Tokens and whom they stand for."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import User
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.rights.credentials import AUDIENCES, Credentials, Rejected
from dicot.sandbox.apiserver.rights.names import NOBODY
from dicot.sandbox.apiserver.rights.tokens import Forged, Signer, new_key

from .objects import Things

GROUPS = ("system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated")


class CredentialsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.things = Things()
        self.things.put("", "serviceaccounts", {"metadata": {"namespace": "n", "name": "a", "uid": "u1"}})
        self.signer = Signer(new_key())
        static = {"secret": User("admin", ("system:masters",), "admin")}
        self.credentials = Credentials(static, self.signer, self.things, self.clock.seconds)

    def token(self, **spec: object) -> str:
        answer = self.credentials.request("n", "a", {"spec": spec})
        token: str = answer["status"]["token"]
        return token

    def why(self, token: str, *audiences: str) -> str:
        return str(self.assertRaises(Rejected, self.credentials.know, token, audiences or AUDIENCES))


class StaticTests(CredentialsTestCase):
    def test_a_bearer_token_names_its_user(self) -> None:
        user = self.credentials.who("Bearer secret")
        self.assertEqual(user, User("admin", ("system:masters", "system:authenticated"), "admin"))

    def test_without_a_token_somebody_is_anonymous(self) -> None:
        for header in (None, "", "Bearer", "Bearer ", "Basic c2VjcmV0"):
            self.assertEqual(self.credentials.who(header), NOBODY)

    def test_an_unknown_token_is_unauthorized(self) -> None:
        refusal = self.assertRaises(Refusal, self.credentials.who, "Bearer other")
        self.assertEqual((refusal.code, refusal.message), (401, "Unauthorized"))

    def test_it_is_for_the_cluster_itself(self) -> None:
        self.assertEqual(self.why("secret", "elsewhere"), "invalid bearer token")


class AccountTests(CredentialsTestCase):
    def test_a_token_stands_for_its_account(self) -> None:
        user = self.credentials.who(f"Bearer {self.token()}")
        self.assertEqual((user.name, user.uid, user.groups), ("system:serviceaccount:n:a", "u1", GROUPS))
        self.assertRegex(user.extra["authentication.kubernetes.io/credential-id"][0], r"^JTI=[0-9a-f-]{36}$")

    def test_it_ends(self) -> None:
        token = self.token(expirationSeconds=600)
        self.clock.advance(659)
        self.credentials.know(token, AUDIENCES)
        self.clock.advance(2)
        self.assertEqual(self.why(token), "[invalid bearer token, service account token has expired]")

    def test_it_ends_with_its_account(self) -> None:
        token = self.token()
        self.things.put("", "serviceaccounts", {"metadata": {"namespace": "n", "name": "a", "uid": "u2"}})
        self.assertIn("service account UID (u2) does not match claim (u1)", self.why(token))
        self.things.drop("", "serviceaccounts", "n", "a")
        self.assertIn('serviceaccounts "a" not found', self.why(token))

    def test_it_is_for_its_audiences(self) -> None:
        token = self.token(audiences=["x"])
        wrong = 'token audiences ["x"] is invalid for the target audiences ["https://kubernetes.default.svc"]'
        self.assertEqual(self.why(token), f"[invalid bearer token, {wrong}]")
        self.assertEqual(self.credentials.know(token, ("y", "x")).audiences, ("x",))

    def test_a_forged_one_is_found(self) -> None:
        head, body, _ = self.token().split(".")
        forged = f"{head}.{body}.{'A' * 86}"
        self.assertRaises(Forged, self.signer.read, forged)
        self.assertEqual(
            self.why(forged), "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]"
        )

    def test_one_of_another_key_is_found(self) -> None:
        other = Credentials({}, Signer(new_key()), self.things, self.clock.seconds)
        self.assertRaises(Rejected, other.know, self.token(), AUDIENCES)

    def test_garbage_is_no_token(self) -> None:
        for garbage in ("a.b.c", "....", "a.e30.c", "é.é.é", "a.bnVsbA.c"):
            self.assertEqual(self.why(garbage), "invalid bearer token")


class RequestTests(CredentialsTestCase):
    def refused(self, body: Manifest, name: str = "a") -> tuple[int, str]:
        refusal = self.assertRaises(Refusal, self.credentials.request, "n", name, body)
        return refusal.code, refusal.message

    def test_the_answer_says_what_was_given(self) -> None:
        answer = self.credentials.request("n", "a", {"spec": {}})
        self.assertEqual(answer["metadata"]["uid"], "u1")
        spec = {"audiences": list(AUDIENCES), "expirationSeconds": 3600, "boundObjectRef": None}
        self.assertEqual(answer["spec"], spec)
        self.assertEqual(answer["status"]["expirationTimestamp"], "1970-01-12T14:46:40Z")

    def test_its_life_has_limits(self) -> None:
        for seconds, text in ((599, "less than 10 minutes"), (2**33, "larger than 2^32 seconds")):
            code, message = self.refused({"spec": {"expirationSeconds": seconds}})
            self.assertEqual(code, 422)
            self.assertIn(f"Invalid value: {seconds}: may not specify a duration {text}", message)

    def test_an_absent_account_is_not_found(self) -> None:
        self.assertEqual(self.refused({}, "b"), (404, 'serviceaccounts "b" not found'))

    def test_a_token_is_bound_to_an_object(self) -> None:
        pod = {
            "metadata": {"namespace": "n", "name": "p", "uid": "p1"},
            "spec": {"serviceAccountName": "a", "nodeName": "w"},
        }
        self.things.put("", "pods", pod)
        self.things.put("", "nodes", {"metadata": {"name": "w", "uid": "w1"}})
        token = self.token(boundObjectRef={"apiVersion": "v1", "kind": "Pod", "name": "p"})
        extra = self.credentials.know(token, AUDIENCES).user.extra
        own = {key.rpartition("/")[2]: values[0] for key, values in extra.items() if "credential" not in key}
        self.assertEqual(own, {"pod-name": "p", "pod-uid": "p1", "node-name": "w", "node-uid": "w1"})
        self.things.drop("", "pods", "n", "p")
        self.assertEqual(self.why(token), "[invalid bearer token, service account token has been invalidated]")

    def test_what_it_cannot_be_bound_to_is_refused(self) -> None:
        ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c"}
        message = "cannot bind token to object of type /v1, Kind=ConfigMap"
        self.assertEqual(self.refused({"spec": {"boundObjectRef": ref}}), (400, message))
        ref = {"apiVersion": "v1", "kind": "Secret", "name": "c"}
        self.assertEqual(self.refused({"spec": {"boundObjectRef": ref}}), (404, 'secrets "c" not found'))
