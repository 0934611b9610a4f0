"""Who asks, and what he may: tokens, impersonation, reviews, roles.

It runs on the real programs and on the sandbox.

Differences that are meant: the sandbox knows a change of rights at once, and a token that ends with what it was bound
to ends at once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from tests.cluster.control import SOON, Answer
from tests.cluster.objects import Document, named
from tests.cluster.releases import CONSTRAINED, release, worded
from tests.live.seen.contract import ContractTestCase, review, rule, told
from tests.live.seen.objects import RBAC, binding, role
from tests.live.seen.person import Person

AUTHN, AUTHZ = "/apis/authentication.k8s.io/v1", "/apis/authorization.k8s.io/v1"
ONE_OF = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


class AuthenticationTests(ContractTestCase):
    async def reviewed(self, token: str, **more: object) -> Document:
        answer = await self.control.change(
            "POST", f"{AUTHN}/tokenreviews", review("TokenReview", token=token, **more)
        )
        status: Document = answer["status"]
        return status

    async def test_without_a_token_one_is_anonymous(self) -> None:
        nobody = self.control_of("")
        self.assertEqual((await nobody.ask("GET", "/version")).status, 200)
        table = (
            (
                "/api/v1/pods",
                'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
                "at the cluster scope",
            ),
            ("/nothing", 'forbidden: User "system:anonymous" cannot get path "/nothing"'),
        )
        for path, message in table:
            self.assertEqual(told(await nobody.ask("GET", path)), f"403 Forbidden: {message}")

    async def test_an_unknown_token_is_unauthorized(self) -> None:
        answer = await self.control_of("nobody's").ask("GET", "/api/v1/pods")
        self.assertEqual(told(answer), "401 Unauthorized: Unauthorized")
        self.assertNotIn("details", answer.document)

    async def test_a_static_token_is_known(self) -> None:
        status = await self.reviewed(self.access.admin)
        user = {"username": "admin", "uid": "admin", "groups": ["system:masters", "system:authenticated"]}
        audiences = ["https://kubernetes.default.svc"]
        self.assertEqual(status, {"authenticated": True, "user": user, "audiences": audiences})

    async def test_the_token_of_an_account_is_known(self) -> None:
        token = await self.token()
        uid = (await self.control.get(f"{self.core}/serviceaccounts/default"))["metadata"]["uid"]
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))
        own = {"namespace": self.namespace, "serviceaccount": {"name": "default", "uid": uid}}
        self.assertEqual((claims["sub"], claims["kubernetes.io"]), (self.name_of(), own))
        self.assertEqual(claims["exp"] - claims["iat"], 3600)
        status = await self.reviewed(token)
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", "system:authenticated"]
        extra = {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]}
        user = {"username": self.name_of(), "uid": uid, "groups": groups, "extra": extra}
        self.assertEqual(status["user"], user)

    async def test_tokens_that_are_void_are_told_why(self) -> None:
        token, other = await self.token(), await self.token(audiences=["x"])
        own = "https://kubernetes.default.svc"
        table: tuple[tuple[str, Document, str], ...] = (
            ("nope", {}, "invalid bearer token"),
            (self.access.admin, {"audiences": ["x"]}, "invalid bearer token"),
            (
                other,
                {},
                f'[invalid bearer token, token audiences ["x"] is invalid for the target audiences ["{own}"]]',
            ),
            (
                token,
                {"audiences": ["y"]},
                f'[invalid bearer token, token audiences ["{own}"] is invalid for the target audiences ["y"]]',
            ),
            (
                f"{token[:-12]}AAAAAAAAAAAA",
                {},
                "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]",
            ),
        )
        for asked, more, error in table:
            self.assertEqual(await self.reviewed(asked, **more), {"user": {}, "error": error})
        self.assertEqual((await self.reviewed(other, audiences=["y", "x"]))["audiences"], ["x"])
        self.assertEqual((await self.control_of(other).ask("GET", "/api/v1/pods")).status, 401)

    async def test_no_token_is_no_question(self) -> None:
        answer = await self.control.ask("POST", f"{AUTHN}/tokenreviews", review("TokenReview"))
        self.assertEqual(told(answer), "400 BadRequest: token is required for TokenReview in authentication")

    async def test_requests_for_tokens_that_are_wrong_are_refused(self) -> None:
        path = f"{self.core}/serviceaccounts/default/token"
        invalid = (
            '422 Invalid: TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value:'
        )
        pod = {"apiVersion": "v1", "kind": "Pod", "name": "absent"}
        table: tuple[tuple[str, Document, str], ...] = (
            (path, {"expirationSeconds": 599}, f"{invalid} 599: may not specify a duration less than 10 minutes"),
            (
                path,
                {"expirationSeconds": 2**33},
                f"{invalid} 8589934592: may not specify a duration larger than 2^32 seconds",
            ),
            (path, {"boundObjectRef": pod}, '404 NotFound: pods "absent" not found'),
            (
                path,
                {"boundObjectRef": {**pod, "kind": "ConfigMap"}},
                "400 BadRequest: cannot bind token to object of type /v1, Kind=ConfigMap",
            ),
            (path.replace("default", "absent"), {}, '404 NotFound: serviceaccounts "absent" not found'),
        )
        for at, spec, said in table:
            self.assertEqual(told(await self.control.ask("POST", at, review("TokenRequest", **spec))), said)

    async def test_a_token_is_bound_to_a_secret(self) -> None:
        await self.make(named("Secret", "bound"))
        token = await self.token(boundObjectRef={"apiVersion": "v1", "kind": "Secret", "name": "bound"})
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))
        self.assertEqual(claims["kubernetes.io"]["secret"]["name"], "bound")
        await self.control.change("DELETE", f"{self.core}/secrets/bound")
        void = {"user": {}, "error": "[invalid bearer token, service account token has been invalidated]"}

        async def known() -> bool:
            return await self.reviewed(token) == void

        # An API server looks for the Secret in its cache.
        await self.control.until(SOON, "the token to be void", known)


class ImpersonationTests(ContractTestCase):
    async def whoami(self, headers: Mapping[str, str]) -> Answer:
        return await self.admin(headers).ask("POST", f"{AUTHN}/selfsubjectreviews", review("SelfSubjectReview"))

    async def test_identities_come_out_as_they_are_named(self) -> None:
        table: tuple[tuple[Document, Document], ...] = (
            ({"Impersonate-User": "bob"}, {"username": "bob", "groups": ["system:authenticated"]}),
            (
                {
                    "Impersonate-User": "bob",
                    "Impersonate-Group": "g",
                    "Impersonate-Uid": "7",
                    "Impersonate-Extra-X": "1",
                },
                {"username": "bob", "uid": "7", "groups": ["g", "system:authenticated"], "extra": {"x": ["1"]}},
            ),
            (
                {"Impersonate-User": f"system:serviceaccount:{self.namespace}:any"},
                {
                    "username": self.name_of("any"),
                    "groups": [
                        "system:serviceaccounts",
                        f"system:serviceaccounts:{self.namespace}",
                        "system:authenticated",
                    ],
                },
            ),
            (
                {"Impersonate-User": "system:serviceaccount:Bad:name"},
                {"username": "system:serviceaccount:Bad:name", "groups": ["system:authenticated"]},
            ),
        )
        for headers, user in table:
            self.assertEqual((await self.whoami(headers)).document["status"]["userInfo"], user)

    async def needs_constraints(self) -> None:
        if await release(self.control) < CONSTRAINED:
            raise SkipTest("this release refuses impersonation in other words")

    async def test_who_is_not_authenticated_may_not_ask(self) -> None:
        for headers in (
            {"Impersonate-User": "system:anonymous"},
            {"Impersonate-User": "bob", "Impersonate-Group": "system:unauthenticated"},
        ):
            said = told(await self.whoami(headers))
            name = headers["Impersonate-User"]
            self.assertIn(f'User "{name}" cannot create resource "selfsubjectreviews"', said)

    async def test_a_part_of_an_identity_is_a_bad_request(self) -> None:
        await self.needs_constraints()
        table: tuple[tuple[Document, str], ...] = (
            ({"Impersonate-Uid": "u"}, 'UID:"u", Groups:[]string(nil), Extra:map[string][]string(nil)'),
            (
                {"Impersonate-Group": "g", "Impersonate-Extra-A": "b"},
                'UID:"", Groups:[]string{"g"}, Extra:map[string][]string{"a":[]string{"b"}}',
            ),
        )
        for headers, shown in table:
            text = f'requested &user.DefaultInfo{{Name:"", {shown}}} without impersonating a user name'
            self.assertEqual(told(await self.whoami(headers)), f"400 BadRequest: {text}")

    async def test_who_may_not_is_told(self) -> None:
        await self.needs_constraints()
        person = await self.person()
        constrained = 'impersonate-on:{}:list resource "pods" in API group "" in the namespace "{}"'
        table: tuple[tuple[Document, str], ...] = (
            (
                {"Impersonate-User": "bob"},
                f"pods is forbidden: User {{}} cannot {constrained.format('user-info', self.namespace)}",
            ),
            (
                {"Impersonate-User": self.name_of("any")},
                f"pods is forbidden: User {{}} cannot {constrained.format('serviceaccount', self.namespace)}",
            ),
            (
                {"Impersonate-User": self.name_of("any"), "Impersonate-Extra-X": "2"},
                'serviceaccounts "any" is forbidden: User {} cannot impersonate resource "serviceaccounts" '
                f'in API group "" in the namespace "{self.namespace}"',
            ),
        )
        for headers, text in table:
            answer = await person.also(headers).ask("GET", f"{self.core}/pods")
            self.assertEqual(told(answer), f"403 Forbidden: {text.format(json.dumps(self.name_of()))}")


class ReviewTests(ContractTestCase):
    async def test_access_is_answered_or_refused(self) -> None:
        pods = {"verb": "get", "resource": "pods"}
        path = {"verb": "get", "path": "/x"}
        group = "RBAC: allowed by ClusterRoleBinding {0} of ClusterRole {0} to Group {1}"
        discovery = group.format('"system:discovery"', '"system:authenticated"')
        table: tuple[tuple[Document, Document], ...] = (
            ({"user": "bob", "resourceAttributes": pods}, {"allowed": False}),
            ({"user": "bob", "groups": ["system:masters"], "resourceAttributes": pods}, {"allowed": True}),
            (
                {
                    "user": "bob",
                    "groups": ["system:authenticated"],
                    "nonResourceAttributes": {"verb": "get", "path": "/apis/x"},
                },
                {"allowed": True, "reason": discovery},
            ),
            ({"groups": ["system:authenticated"], "nonResourceAttributes": path}, {"allowed": False}),
        )
        for spec, status in table:
            answer = await self.control.change(
                "POST", f"{AUTHZ}/subjectaccessreviews", review("SubjectAccessReview", **spec)
            )
            self.assertEqual((answer["status"], answer["spec"]), (status, spec))

    async def test_questions_that_are_wrong_are_refused(self) -> None:
        pods = {"verb": "get", "resource": "pods"}
        path = {"verb": "get", "path": "/x"}
        whole, local = (
            f"{AUTHZ}/subjectaccessreviews",
            f"{AUTHZ}/namespaces/{self.namespace}/localsubjectaccessreviews",
        )
        own, rules = f"{AUTHZ}/selfsubjectaccessreviews", f"{AUTHZ}/selfsubjectrulesreviews"
        table: tuple[tuple[str, str, Document, str], ...] = (
            (
                whole,
                "SubjectAccessReview",
                {},
                f"[spec.resourceAttributes: Invalid value: null: {ONE_OF}, "
                'spec.user: Invalid value: "": at least one of user or group must be specified]',
            ),
            (
                whole,
                "SubjectAccessReview",
                {"user": "b", "resourceAttributes": pods, "nonResourceAttributes": path},
                'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: '
                "cannot be specified in combination with resourceAttributes",
            ),
            (
                local,
                "LocalSubjectAccessReview",
                {"user": "b", "resourceAttributes": pods},
                'spec.resourceAttributes.namespace: Invalid value: "": must match metadata.namespace',
            ),
            (
                local,
                "LocalSubjectAccessReview",
                {"user": "b", "nonResourceAttributes": path},
                'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: '
                "disallowed on this kind of request",
            ),
            (own, "SelfSubjectAccessReview", {}, f"spec.resourceAttributes: Invalid value: null: {ONE_OF}"),
        )
        here = await release(self.control)
        for at, kind, spec, text in table:
            said = told(await self.control.ask("POST", at, review(kind, **spec)))
            self.assertEqual(said, f'422 Invalid: .authorization.k8s.io "" is invalid: {worded(here, text)}')
        said = told(await self.control.ask("POST", rules, review("SelfSubjectRulesReview")))
        self.assertEqual(said, "400 BadRequest: no namespace on request")

    async def test_an_account_may_ask_about_itself(self) -> None:
        person = await self.person()
        pods = {"verb": "get", "resource": "pods", "namespace": self.namespace}
        answer = await person.ask(
            "POST", f"{AUTHZ}/selfsubjectaccessreviews", review("SelfSubjectAccessReview", resourceAttributes=pods)
        )
        self.assertEqual((answer.status, answer.document["status"]), (201, {"allowed": False}))
        asked = review("SelfSubjectRulesReview", namespace=self.namespace)
        status = (await person.ask("POST", f"{AUTHZ}/selfsubjectrulesreviews", asked)).document["status"]
        basic = {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]}
        self.assertIn(basic, status["resourceRules"])
        self.assertIn("/healthz", {url for each in status["nonResourceRules"] for url in each["nonResourceURLs"]})
        self.assertFalse(status["incomplete"])


class RefusalTests(ContractTestCase):
    async def test_what_is_not_allowed_is_named(self) -> None:
        person = await self.person()
        at, here = self.core, f'in the namespace "{self.namespace}"'
        core = 'in API group ""'
        table = (
            ("GET", f"{at}/secrets", f'secrets is|list resource "secrets" {core} {here}'),
            ("GET", f"{at}/secrets/a", f'secrets "a" is|get resource "secrets" {core} {here}'),
            ("GET", "/api/v1/secrets", f'secrets is|list resource "secrets" {core} at the cluster scope'),
            ("GET", f"{at}/pods?watch=1", f'pods is|watch resource "pods" {core} {here}'),
            ("GET", f"{at}/pods/x/log", f'pods "x" is|get resource "pods/log" {core} {here}'),
            ("DELETE", f"{at}/pods", f'pods is|deletecollection resource "pods" {core} {here}'),
            ("DELETE", f"{at}/pods/x", f'pods "x" is|delete resource "pods" {core} {here}'),
            ("GET", at, f'namespaces "{self.namespace}" is|get resource "namespaces" {core} {here}'),
            (
                "GET",
                f"/apis/a.b/v1/namespaces/{self.namespace}/things/x/status",
                f'things.a.b "x" is|get resource "things/status" in API group "a.b" {here}',
            ),
            ("GET", "/metrics", '|get path "/metrics"'),
        )
        for method, path, text in table:
            subject, _, what = text.partition("|")
            message = f'{subject} forbidden: User "{self.name_of()}" cannot {what}'.lstrip()
            self.assertEqual(told(await person.ask(method, path)), f"403 Forbidden: {message}", path)

    async def test_roles_that_are_absent_are_named(self) -> None:
        await self.make(named("ServiceAccount", "dangling"))
        person = await self.person("dangling")
        for kind in ("Role", "ClusterRole"):
            await self.make(binding(f"z-{kind.lower()}", kind, "absent", self.namespace, "dangling"))
        absent = {f'{kind}.rbac.authorization.k8s.io "absent" not found' for kind in ("role", "clusterrole")}
        answer = await self.until(
            lambda: Deferred.fromCoroutine(person.ask("GET", f"{self.core}/secrets")),
            lambda each: all(text in each.document["message"] for text in absent),
        )
        _, _, listed = told(answer).partition(": RBAC: [")
        self.assertEqual(set(listed.rstrip("]").split(", ")), absent)


class EscalationTests(ContractTestCase):
    CAST = (named("ServiceAccount", "granter"),)

    async def granter(self) -> Person:
        person = await self.person("granter")
        group = "rbac.authorization.k8s.io"
        await self.grant(
            "granter",
            rule("create update patch get", "roles rolebindings", group),
            rule("get", "pods"),
            rule("bind", "clusterroles", group, "system:basic-user"),
        )
        path = f"{RBAC}/namespaces/{self.namespace}/rolebindings/absent"
        await self.until(lambda: Deferred.fromCoroutine(person.ask("GET", path)), lambda answer: answer.status == 404)
        return person

    async def test_rights_are_given_only_by_who_has_them(self) -> None:
        person, roles = await self.granter(), f"{RBAC}/namespaces/{self.namespace}/roles"
        groups = f'["system:serviceaccounts" "system:serviceaccounts:{self.namespace}" "system:authenticated"]'
        prefix = (
            f'403 Forbidden: roles.rbac.authorization.k8s.io "r" is forbidden: user "{self.name_of("granter")}" '
            f"(groups={groups}) is attempting to grant RBAC permissions not currently held:\n"
        )
        wide = role("r", rule("list get", "pods secrets"), rule("get list", "configmaps", "", "x", "y"))
        lacking = (
            '{APIGroups:[""], Resources:["configmaps"], ResourceNames:["x"], Verbs:["get" "list"]}\n'
            '{APIGroups:[""], Resources:["configmaps"], ResourceNames:["y"], Verbs:["get" "list"]}\n'
            '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n'
            '{APIGroups:[""], Resources:["secrets"], Verbs:["list" "get"]}'
        )
        self.assertEqual(told(await person.ask("POST", roles, wide)), prefix + lacking)
        self.assertEqual((await person.ask("POST", roles, role("r", rule("get", "pods")))).status, 201)
        wider = role("r", rule("get list", "pods"))
        lacking = '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}'
        self.assertEqual(told(await person.ask("PUT", f"{roles}/r", wider)), prefix + lacking)

    async def test_bindings_need_the_rights_or_the_word(self) -> None:
        person, path = await self.granter(), f"{RBAC}/namespaces/{self.namespace}/rolebindings"
        table = (
            ("ClusterRole", "view", 403),
            ("ClusterRole", "system:basic-user", 201),
            ("Role", "absent", 404),
        )
        for number, (kind, name, code) in enumerate(table):
            answer = await person.ask("POST", path, binding(f"b{number}", kind, name, self.namespace, "granter"))
            self.assertEqual(answer.status, code, answer.content)
        self.assertEqual(answer.document["message"], 'rolebindings.rbac.authorization.k8s.io "absent" not found')

    async def test_what_is_malformed_is_told(self) -> None:
        at = f"{RBAC}/namespaces/{self.namespace}"
        bad: Document = binding("d", "Foo", "a", self.namespace, "default")
        bad["subjects"] += [{"kind": "Huh", "name": ""}]
        table: tuple[tuple[str, Document, str], ...] = (
            (
                f"{at}/roles",
                role(
                    "d",
                    {"verbs": []},
                    {"verbs": ["get"], "nonResourceURLs": ["/x"]},
                    {"verbs": ["get"], "resources": ["x"]},
                ),
                '422 Invalid: Role.rbac.authorization.k8s.io "d" is invalid: [rules[0].verbs: Required value: verbs '
                "must contain at least one value, rules[0].apiGroups: Required value: resource rules must supply at "
                "least one api group, rules[0].resources: Required value: resource rules must supply at least one "
                'resource, rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to '
                "non-resource URLs, rules[2].apiGroups: Required value: resource rules must supply at least one api "
                "group]",
            ),
            (
                f"{at}/rolebindings",
                bad,
                '422 Invalid: RoleBinding.rbac.authorization.k8s.io "d" is invalid: [roleRef.kind: Unsupported '
                'value: "Foo": supported values: "Role", "ClusterRole", subjects[1].name: Required value, '
                "subjects[1].kind: "
                'Unsupported value: "Huh": supported values: "ServiceAccount", "User", "Group"]',
            ),
        )
        here = await release(self.control)
        for path, document, said in table:
            self.assertEqual(told(await self.control.ask("POST", path, document)), worded(here, said))

    async def test_a_binding_keeps_its_role(self) -> None:
        await self.make(binding("fixed", "Role", "a", self.namespace, "default"))
        path = f"{RBAC}/namespaces/{self.namespace}/rolebindings/fixed"
        answer = await self.control.ask("PUT", path, binding("fixed", "Role", "b", self.namespace, "default"))
        self.assertEqual(
            told(answer),
            worded(
                await release(self.control),
                '422 Invalid: RoleBinding.rbac.authorization.k8s.io "fixed" is invalid: roleRef: Invalid value: '
                '{"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"b"}: cannot change roleRef',
            ),
        )

    async def test_roles_are_gathered_from_others(self) -> None:
        path, label = f"{RBAC}/clusterroles", f"gathered.{self.namespace}/by"
        version = "rbac.authorization.k8s.io/v1"
        whole = named("ClusterRole", f"{self.namespace}-all", None, version, rules=[rule("list", "pods")])
        whole["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {label: "x"}}]}
        parts = {"b": [rule("get", "pods")], "a": [rule("watch", "pods"), rule("get", "pods")]}
        for name in (f"{self.namespace}-{each}" for each in ("all", *parts)):
            self.forget(f"{path}/{name}")
        await self.control.change("POST", path, whole)
        for name, rules in parts.items():
            part = named("ClusterRole", f"{self.namespace}-{name}", None, version, rules=rules)
            part["metadata"]["labels"] = {label: "x"}
            await self.control.change("POST", path, part)
        wanted = [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]} for verb in ("watch", "get")]
        await self.becomes(f"{path}/{self.namespace}-all", "gathers", lambda found: found.get("rules") == wanted)
