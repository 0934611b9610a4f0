"""Answers to reviews."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import Attributes, User
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.rights.authentication import Authentication
from dicot.sandbox.apiserver.rights.credentials import Credentials
from dicot.sandbox.apiserver.rights.impersonation import Impersonation
from dicot.sandbox.apiserver.rights.reviews import AUTHENTICATION, AUTHORIZATION, Reviews
from dicot.sandbox.apiserver.rights.tokens import Signer, new_key
from dicot.sandbox.apiserver.seams import Posted

from .objects import Things, binding, rights, role, rule

ANN = User("ann", ("staff",), "7", {"k": ("v",)})
PODS = {"verb": "list", "resource": "pods", "namespace": "n"}
PATH = {"verb": "get", "path": "/x"}
ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


class ReviewsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.rights = rights(
            role("r", rule("list", "pods"), rule("get", nonResourceURLs=["/x"])),
            binding("b", "ClusterRole/r", "User/ann"),
            binding("gone", "ClusterRole/absent", "User/ann"),
        )
        things = Things()
        things.put("", "serviceaccounts", {"metadata": {"namespace": "n", "name": "a", "uid": "u"}})
        self.credentials = Credentials({"s": ANN}, Signer(new_key()), things, lambda: 1_000_000.0)
        self.posters = Reviews(self.rights, self.credentials, lambda: 0.0).posters()

    def post(self, group: str, plural: str, spec: Manifest, namespace: str = "", **more: object) -> Manifest:
        body = {"spec": spec, **more}
        return self.posters[group, plural](Posted(ANN, namespace, "", body, False))

    def refused(self, group: str, plural: str, spec: Manifest, namespace: str = "", **more: object) -> str:
        refusal = self.assertRaises(Refusal, self.post, group, plural, spec, namespace, **more)
        return f"{refusal.code} {refusal.message}"


class TokenTests(ReviewsTestCase):
    def test_a_token_is_told_with_its_user(self) -> None:
        answer = self.post(AUTHENTICATION, "tokenreviews", {"token": "s"})
        groups = ["staff", "system:authenticated"]
        self.assertEqual(
            answer["status"],
            {
                "authenticated": True,
                "user": {"username": "ann", "uid": "7", "groups": groups, "extra": {"k": ["v"]}},
                "audiences": ["https://kubernetes.default.svc"],
            },
        )

    def test_another_is_told_with_its_fault(self) -> None:
        answer = self.post(AUTHENTICATION, "tokenreviews", {"token": "t"})
        self.assertEqual(answer["status"], {"user": {}, "error": "invalid bearer token"})

    def test_none_is_a_bad_request(self) -> None:
        message = "400 token is required for TokenReview in authentication"
        self.assertEqual(self.refused(AUTHENTICATION, "tokenreviews", {}), message)

    def test_a_user_may_ask_who_he_is(self) -> None:
        answer = self.post(AUTHENTICATION, "selfsubjectreviews", {})
        self.assertEqual(answer["status"]["userInfo"]["username"], "ann")
        self.assertNotIn("spec", answer)


class AccessTests(ReviewsTestCase):
    def test_access_is_told_with_its_reason(self) -> None:
        answer = self.post(AUTHORIZATION, "subjectaccessreviews", {"user": "ann", "resourceAttributes": PODS})
        reason = 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "ann"'
        self.assertEqual(answer["status"], {"allowed": True, "reason": reason})
        answer = self.post(AUTHORIZATION, "subjectaccessreviews", {"user": "bob", "nonResourceAttributes": PATH})
        self.assertEqual(answer["status"], {"allowed": False})

    def test_own_access_is_the_users(self) -> None:
        for spec in ({"resourceAttributes": PODS}, {"nonResourceAttributes": PATH}):
            answer = self.post(AUTHORIZATION, "selfsubjectaccessreviews", spec)
            self.assertTrue(answer["status"]["allowed"])

    def test_a_local_review_stays_in_its_namespace(self) -> None:
        spec = {"user": "ann", "resourceAttributes": PODS}
        answer = self.post(AUTHORIZATION, "localsubjectaccessreviews", spec, "n")
        self.assertEqual((answer["kind"], answer["metadata"]), ("LocalSubjectAccessReview", {"namespace": "n"}))
        said = self.refused(AUTHORIZATION, "localsubjectaccessreviews", spec, "m")
        self.assertIn('spec.resourceAttributes.namespace: Invalid value: "n": must match metadata.namespace', said)
        said = self.refused(
            AUTHORIZATION, "localsubjectaccessreviews", {"user": "a", "nonResourceAttributes": PATH}, "n"
        )
        self.assertIn('Invalid value: {"Path":"/x","Verb":"get"}: disallowed on this kind of request', said)

    def test_a_question_is_about_one_thing_and_somebody(self) -> None:
        table: tuple[tuple[Manifest, str], ...] = (
            (
                {},
                f"[spec.resourceAttributes: Invalid value: null: {ONE}, "
                'spec.user: Invalid value: "": at least one of user or group must be specified]',
            ),
            (
                {"user": "a", "resourceAttributes": PODS, "nonResourceAttributes": PATH},
                'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: '
                "cannot be specified in combination with resourceAttributes",
            ),
        )
        for spec, text in table:
            said = self.refused(AUTHORIZATION, "subjectaccessreviews", spec)
            self.assertEqual(said, f'422 .authorization.k8s.io "" is invalid: {text}')

    def test_metadata_is_none_of_its_business(self) -> None:
        spec = {"resourceAttributes": PODS}
        said = self.refused(AUTHORIZATION, "selfsubjectaccessreviews", spec, metadata={"name": "n"})
        self.assertIn('metadata: Invalid value: {"name":"n"}: must be empty', said)

    def test_rules_of_a_user_are_listed(self) -> None:
        status = self.post(AUTHORIZATION, "selfsubjectrulesreviews", {"namespace": "n"})["status"]
        self.assertEqual(status["resourceRules"], [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}])
        self.assertEqual(status["nonResourceRules"], [{"verbs": ["get"], "nonResourceURLs": ["/x"]}])
        self.assertEqual(status["evaluationError"], 'clusterrole.rbac.authorization.k8s.io "absent" not found')
        said = self.refused(AUTHORIZATION, "selfsubjectrulesreviews", {})
        self.assertEqual(said, "400 no namespace on request")


class RequestTests(ReviewsTestCase):
    def test_a_token_is_requested_of_an_account(self) -> None:
        poster = self.posters["", "serviceaccounts/token"]
        token = poster(Posted(ANN, "n", "a", {"spec": {}}, False))["status"]["token"]
        headers = {"authorization": [f"Bearer {token}"]}
        asked = Attributes("list", "", "v1", "pods", "", "n")
        authentication = Authentication(self.credentials, Impersonation(self.rights))
        self.assertEqual(authentication.identify(headers, asked).name, "system:serviceaccount:n:a")
        self.assertRaises(Refusal, authentication.identify, {**headers, "impersonate-user": ["ann"]}, asked)
