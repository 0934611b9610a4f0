"""The body of a log-in: what keystone 30 takes, and what it says to the rest."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.faults import BadRequest, Unauthorized
from dicot.identity.request import (
    DomainRef,
    LogIn,
    OnDomain,
    OnNothing,
    OnProject,
    OnSystem,
    OnTrust,
    PasswordProof,
    Ref,
    TokenProof,
    log_in,
)

EXPECTED = (
    "Expecting to find {} in {}. The server could not comply with the request since it is either malformed or"
    " otherwise incorrect. The client is assumed to be in error."
)
SCOPES = "system, project, domain, OS-TRUST:trust or unscoped"
USER: dict[str, Any] = {"name": "ann", "domain": {"id": "default"}, "password": "hush"}


def body(user: object = USER, **auth: object) -> dict[str, Any]:
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, **auth}}


def scoped(scope: object) -> dict[str, Any]:
    return body(scope=scope)


class ReadTests(SynchronousTestCase):
    """What is understood."""

    def test_a_user_by_name(self) -> None:
        ann = Ref("", "ann", DomainRef("default", ""))
        self.assertEqual(log_in(body()), LogIn((PasswordProof(ann, "hush"),), None))

    def test_a_user_by_id(self) -> None:
        found = log_in(body({"id": "5", "password": "hush"}))
        self.assertEqual(found.proofs, (PasswordProof(Ref("5", "", None), "hush"),))

    def test_a_password_left_out(self) -> None:
        self.assertEqual(log_in(body({"id": "5"})).proofs, (PasswordProof(Ref("5", "", None), None),))

    def test_methods_count_once_each_in_order(self) -> None:
        content = body()
        content["auth"]["identity"] |= {"methods": ["token", "password", "token"], "token": {"id": "t"}}
        self.assertEqual([type(proof) for proof in log_in(content).proofs], [TokenProof, PasswordProof])

    def test_scopes(self) -> None:
        domain = {"name": "Default"}
        cases: tuple[tuple[object, object], ...] = (
            ("unscoped", OnNothing()),
            ({"unscoped": {}}, OnNothing()),
            ({"system": {"all": True}}, OnSystem()),
            ({"domain": {"id": "default"}}, OnDomain(DomainRef("default", ""))),
            ({"project": {"id": "5"}}, OnProject(Ref("5", "", None))),
            ({"project": {"name": "p", "domain": domain}}, OnProject(Ref("", "p", DomainRef("", "Default")))),
            ({"OS-TRUST:trust": {"id": "5"}}, OnTrust()),
        )
        for scope, wanted in cases:
            self.assertEqual(log_in(scoped(scope)).wanted, wanted)

    def test_what_is_not_known_is_passed_over(self) -> None:
        content = body({**USER, "colour": "red"}, target={"user": 1}, user_id="5")
        self.assertEqual(log_in(content), log_in(body()))

    def test_neither_password_nor_token_is_shown(self) -> None:
        content = body()
        content["auth"]["identity"] |= {"methods": ["token", "password"], "token": {"id": "gone"}}
        self.assertNotIn("hush", repr(log_in(content)))
        self.assertNotIn("gone", repr(log_in(content)))


class RefusalTests(SynchronousTestCase):
    """What is not, and how it is said."""

    def refused(self, content: object, fault: type[Exception] = BadRequest) -> str:
        error = self.assertRaises(fault, log_in, content)
        assert isinstance(error, BadRequest | Unauthorized)
        self.assertNotIn("hush", error.message)
        return error.message

    def test_no_auth(self) -> None:
        self.assertEqual(self.refused({}), EXPECTED.format("auth", "request body"))
        self.assertEqual(self.refused({"auth": None}), EXPECTED.format("auth", "request body"))

    def test_no_object(self) -> None:
        contents: tuple[object, ...] = ([], "x", 1, None)
        for content in contents:
            self.assertEqual(self.refused(content), EXPECTED.format("valid JSON", "request body"))

    def test_what_is_required(self) -> None:
        self.assertEqual(self.refused({"auth": {}}), "'identity' is a required property")
        self.assertEqual(
            self.refused({"auth": {"identity": {}}}),
            "Invalid input for field 'identity': 'methods' is a required property",
        )
        self.assertEqual(
            self.refused({"auth": {"identity": {"methods": ["token"], "token": {}}}}),
            "Invalid input for field 'identity/token': 'id' is a required property",
        )

    def test_a_method_without_its_proof(self) -> None:
        message = self.refused({"auth": {"identity": {"methods": ["password"]}}})
        self.assertEqual(message, EXPECTED.format("password", "identity"))

    def test_a_method_that_is_not_served(self) -> None:
        for method in ("application_credential", "totp", "external", ""):
            content = {"auth": {"identity": {"methods": [method], method: {"id": "x", "secret": "y"}}}}
            self.assertEqual(
                self.refused(content, Unauthorized), "Attempted to authenticate with an unsupported method."
            )

    def test_user_and_project_need_a_domain_for_their_name(self) -> None:
        self.assertEqual(self.refused(body({"name": "ann"})), EXPECTED.format("domain", "user"))
        self.assertEqual(self.refused(scoped({"project": {"name": "p"}})), EXPECTED.format("domain", "project"))

    def test_nobody(self) -> None:
        path = "identity/password/user"
        ending = "id or name must be present."
        self.assertEqual(self.refused(body({})), f"Invalid input for field {path}: {ending}")
        for where, given in (
            (f"{path}/domain", body({"name": "ann", "domain": {}})),
            ("scope/project", scoped({"project": {}})),
            ("scope/project/domain", scoped({"project": {"name": "p", "domain": {}}})),
            ("scope/domain", scoped({"domain": {}})),
        ):
            self.assertEqual(self.refused(given), f"Invalid input for field {where}: {ending}")
        self.assertEqual(self.refused(body({"name": ""})), EXPECTED.format("id or name", "user"))
        self.assertEqual(
            self.refused(body({"name": "ann", "domain": {"name": ""}})), EXPECTED.format("id or name", "domain")
        )
        content = {"auth": {"identity": {"methods": ["password"], "password": {}}}}
        self.assertEqual(self.refused(content), EXPECTED.format("user", "password"))

    def test_one_scope_at_a_time(self) -> None:
        two = {"system": {"all": True}, "project": {"id": "5"}}
        scopes: tuple[object, ...] = ({}, "system", "", {"other": {}}, two)
        for scope in scopes:
            self.assertEqual(self.refused(scoped(scope)), EXPECTED.format(SCOPES, "scope"))

    def test_types(self) -> None:
        cases: dict[str, Any] = {
            "auth": {"auth": []},
            "identity": {"auth": {"identity": "x"}},
            "identity/methods": {"auth": {"identity": {"methods": "password"}}},
            "identity/methods/1": {"auth": {"identity": {"methods": ["password", 5]}}},
            "identity/password": {"auth": {"identity": {"methods": [], "password": "hush"}}},
            "identity/password/user": body("ann"),
            "identity/password/user/id": body({"id": 5}),
            "identity/password/user/name": body({**USER, "name": ["ann"]}),
            "identity/password/user/password": body({**USER, "password": {"hush": 1}}),
            "identity/password/user/domain": body({**USER, "domain": "default"}),
            "identity/password/user/domain/name": body({**USER, "domain": {"name": None}}),
            "identity/token": {"auth": {"identity": {"methods": [], "token": "x"}}},
            "identity/token/id": {"auth": {"identity": {"methods": [], "token": {"id": 5}}}},
            "scope": scoped(None),
            "scope/project": scoped({"project": "lab"}),
            "scope/project/id": scoped({"project": {"id": None}}),
            "scope/domain": scoped({"domain": 1}),
            "scope/system": scoped({"system": "all"}),
            "scope/OS-TRUST:trust": scoped({"OS-TRUST:trust": 5}),
        }
        for path, content in cases.items():
            self.assertIn(f"Invalid input for field '{path}': it is not of type ", self.refused(content), path)
