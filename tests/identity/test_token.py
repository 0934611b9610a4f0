"""POST, GET and DELETE /v3/auth/tokens, as keystone 30 answers them."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.callers.standing import LOGIN_AGE
from dicot.cloud.callers.tokens import DomainScope, ProjectScope, Scope, SystemScope, Unscoped
from dicot.cloud.kinds.identity import DOMAIN, ROLE_ASSIGNMENT, USER
from dicot.faults import BadRequest, Fault, Forbidden, NotFound, Unauthorized, Unavailable
from dicot.kube.address import Place
from dicot.kube.errors import Unreachable
from dicot.web.call import Reply

from ..cloud.town import hex_id
from .counter import Counter, by_password, by_token

REFUSED = "The request you have made requires authentication."
LAB = {"project": {"name": "lab", "domain": {"name": "Default"}}}
SYSTEM = {"system": {"all": True}}


def shown(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.body, dict)
    token = reply.body["token"]
    assert isinstance(token, dict)
    return token


def text(reply: Reply) -> str:
    assert reply.headers is not None
    return str(reply.headers["X-Subject-Token"])


class Case(SynchronousTestCase):
    """ann is a member of project lab and has no default project."""

    def setUp(self) -> None:
        self.counter = Counter()
        self.town = self.counter.town
        self.counter.user("ann")
        self.town.project("lab")
        self.grant = self.town.assign("ann", "member", project="lab")

    def refused(self, fault: type[Fault], body: object) -> str:
        return str(self.assertRaises(fault, self.counter.log_in, body).message)


class IssueTests(Case):
    """The answers to a log-in."""

    def test_a_project_token_has_keystones_shape(self) -> None:
        reply = self.counter.log_in(by_password("ann", scope=LAB))
        token = shown(reply)
        self.assertEqual(reply.code, 201)
        self.assertEqual(token.pop("catalog"), self.counter.desk.catalog)
        (audit,) = token.pop("audit_ids")
        self.assertEqual(len(audit), 22)
        self.assertEqual(
            token,
            {
                "methods": ["password"],
                "user": {
                    "domain": {"id": "default", "name": "Default"},
                    "id": hex_id("ann"),
                    "name": "ann",
                    "password_expires_at": None,
                },
                "expires_at": "2026-11-21T11:00:00.000000Z",
                "issued_at": "2026-11-21T10:00:00.000000Z",
                "project": {
                    "domain": {"id": "default", "name": "Default"},
                    "id": hex_id("lab"),
                    "name": "lab",
                },
                "is_domain": False,
                "roles": [
                    {"id": hex_id("member"), "name": "member"},
                    {"id": hex_id("reader"), "name": "reader"},
                ],
            },
        )

    def test_the_token_opens_the_gate(self) -> None:
        reply = self.counter.log_in(by_password("ann", scope=LAB))
        caller = self.counter.gate.identify(text(reply))
        self.assertEqual(getattr(caller, "project", None), hex_id("lab"))

    def test_an_unscoped_token_has_neither_roles_nor_catalog(self) -> None:
        scopes: tuple[Any, ...] = (None, "unscoped", {"unscoped": {}})
        for scope in scopes:
            token = shown(self.counter.log_in(by_password("ann", scope=scope)))
            self.assertEqual(set(token), {"methods", "user", "audit_ids", "expires_at", "issued_at"})

    def test_a_domain_token(self) -> None:
        self.town.assign("ann", "reader", domain="default")
        for scope in ({"domain": {"id": "default"}}, {"domain": {"name": "default"}}):
            token = shown(self.counter.log_in(by_password("ann", scope=scope)))
            self.assertEqual(token["domain"], {"id": "default", "name": "Default"})
            self.assertEqual(token["roles"], [{"id": hex_id("reader"), "name": "reader"}])
            self.assertNotIn("project", token)
            self.assertIn("catalog", token)

    def test_a_system_token(self) -> None:
        self.town.assign("ann", "reader", system="all")
        token = shown(self.counter.log_in(by_password("ann", scope=SYSTEM)))
        self.assertEqual(token["system"], {"all": True})
        self.assertEqual([role["name"] for role in token["roles"]], ["reader"])

    def test_the_default_project_is_taken_where_it_may_be_entered(self) -> None:
        self.counter.user("bob", defaultProjectId=hex_id("lab"))
        self.assertNotIn("project", shown(self.counter.log_in(by_password("bob"))))
        self.town.assign("bob", "reader", project="lab")
        self.assertEqual(shown(self.counter.log_in(by_password("bob")))["project"]["name"], "lab")
        self.assertNotIn("project", shown(self.counter.log_in(by_password("bob", scope="unscoped"))))
        self.town.land.change(hex_id("lab"), enabled=False)
        self.assertNotIn("project", shown(self.counter.log_in(by_password("bob"))))
        self.town.land.remove(hex_id("lab"))
        self.assertNotIn("project", shown(self.counter.log_in(by_password("bob"))))

    def test_without_a_catalog_where_it_is_not_wanted(self) -> None:
        token = shown(self.counter.log_in(by_password("ann", scope=LAB), nocatalog=[""]))
        self.assertNotIn("catalog", token)

    def test_a_user_and_a_project_by_id(self) -> None:
        user = {"id": hex_id("ann"), "password": "ann-secret"}
        auth = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": hex_id("lab")}},
        }
        self.assertEqual(shown(self.counter.log_in({"auth": auth}))["project"]["id"], hex_id("lab"))

    def test_without_a_key_nobody_gets_a_token(self) -> None:
        self.counter.desk.ring._forget()
        self.refused(Unavailable, by_password("ann"))

    def test_nobody_logs_in_by_what_was_known_long_ago(self) -> None:
        self.town.one.age = LOGIN_AGE + 1
        self.refused(Unavailable, by_password("ann"))


class RescopeTests(Case):
    """Tokens from tokens."""

    def setUp(self) -> None:
        super().setUp()
        self.first = self.counter.log_in(by_password("ann"))

    def test_a_token_gives_a_token_of_the_same_chain_and_end(self) -> None:
        self.town.clock.advance(600)
        reply = self.counter.log_in(by_token(text(self.first), LAB))
        token, first = shown(reply), shown(self.first)
        self.assertEqual(token["methods"], ["password", "token"])
        self.assertEqual(token["expires_at"], first["expires_at"])
        self.assertEqual(token["issued_at"], "2026-11-21T10:10:00.000000Z")
        self.assertEqual(token["audit_ids"][1:], first["audit_ids"])
        again = shown(self.counter.log_in(by_token(text(reply), "unscoped")))
        self.assertEqual(again["audit_ids"][1:], first["audit_ids"])

    def test_one_that_does_not_count_is_not_found(self) -> None:
        for bad in ("", "x", text(self.first)[:-1]):
            self.assertEqual(self.refused(NotFound, by_token(bad)), "Could not find token.")
        self.town.clock.advance(3600)
        self.refused(NotFound, by_token(text(self.first)))

    def test_a_system_token_does_not_become_one_of_a_project_or_a_domain(self) -> None:
        self.town.assign("ann", "admin", system="all")
        system = text(self.counter.log_in(by_password("ann", scope=SYSTEM)))
        for scope in (LAB, {"domain": {"id": "default"}}):
            self.assertEqual(
                self.refused(Forbidden, by_token(system, scope)),
                "You are not authorized to perform the requested action: Using a system-scoped token to create a"
                " project-scoped or domain-scoped token is not allowed..",
            )
        self.town.change(USER, "ann", defaultProjectId=hex_id("lab"))
        self.assertNotIn("project", shown(self.counter.log_in(by_token(system))))

    def test_a_project_may_be_changed_for_another(self) -> None:
        self.town.project("den")
        lab = text(self.counter.log_in(by_password("ann", scope=LAB)))
        den = {"project": {"id": hex_id("den")}}
        self.assertEqual(self.refused(Unauthorized, by_token(lab, den)), REFUSED)
        self.town.assign("ann", "reader", project="den")
        self.assertEqual(shown(self.counter.log_in(by_token(lab, den)))["project"]["name"], "den")

    def test_password_and_token_of_one_user_add_up(self) -> None:
        body = by_password("ann")
        body["auth"]["identity"]["methods"] = ["password", "token", "password", "token"]
        body["auth"]["identity"]["token"] = {"id": text(self.first)}
        jobs = self.counter.threads.jobs
        token = shown(self.counter.log_in(body))
        self.assertEqual(token["methods"], ["password", "token"])
        self.assertEqual(len(token["audit_ids"]), 2)
        self.assertLessEqual(self.counter.threads.jobs - jobs, 1)

    def test_two_proofs_of_two_users_are_none(self) -> None:
        self.counter.user("bob")
        body = by_password("bob")
        body["auth"]["identity"]["methods"] = ["token", "password"]
        body["auth"]["identity"]["token"] = {"id": text(self.first)}
        self.assertEqual(self.refused(Unauthorized, body), REFUSED)

    def test_no_proof_is_none(self) -> None:
        self.assertEqual(self.refused(Unauthorized, {"auth": {"identity": {"methods": []}}}), REFUSED)


class SameAnswerTests(Case):
    """T11: whatever is wrong, it looks and works alike."""

    def wrong(self) -> dict[str, Any]:
        self.counter.user("off", enabled=False)
        self.town.user("hashless")
        self.town.object(DOMAIN, "far", hex_id("far"), {"name": "far", "enabled": False})
        self.counter.user("remote", domainId=hex_id("far"))
        self.town.project("den")
        return {
            "wrong password": by_password("ann", "wrong"),
            "unknown user": by_password("nobody", "wrong"),
            "unknown user, right for another": by_password("nobody", "ann-secret"),
            "disabled user": by_password("off"),
            "disabled user, wrong password": by_password("off", "wrong"),
            "user without a password": by_password("hashless"),
            "unknown domain": by_password("ann", domain="nowhere"),
            "disabled domain": by_password("remote", domain=hex_id("far")),
            "unknown id": {
                "auth": {
                    "identity": {
                        "methods": ["password"],
                        "password": {"user": {"id": hex_id("x"), "password": "x"}},
                    }
                }
            },
            "no password": {
                "auth": {"identity": {"methods": ["password"], "password": {"user": {"id": hex_id("ann")}}}}
            },
            "unknown project": by_password("ann", scope={"project": {"id": hex_id("x")}}),
            "unknown project name": by_password("ann", scope={"project": {"name": "x", "domain": {"id": "default"}}}),
            "project without a role": by_password("ann", scope={"project": {"id": hex_id("den")}}),
            "project of an unknown domain": by_password(
                "ann", scope={"project": {"name": "lab", "domain": {"id": "x"}}}
            ),
            "domain without a role": by_password("ann", scope={"domain": {"id": "default"}}),
            "unknown domain scope": by_password("ann", scope={"domain": {"name": "x"}}),
            "system without a role": by_password("ann", scope=SYSTEM),
            "a trust": by_password("ann", scope={"OS-TRUST:trust": {"id": "x"}}),
        }

    def test_one_text_one_hash_one_read_for_all_of_it(self) -> None:
        seen = {}
        for name, body in self.wrong().items():
            self.town.clock.advance(1000)
            jobs = self.counter.threads.jobs
            self.town.kube.asked.clear()
            message = self.refused(Unauthorized, body)
            verbs = [(verb, at.plural) for verb, at in self.town.kube.asked]
            seen[name] = (message, self.counter.threads.jobs - jobs, verbs)
        for name, found in seen.items():
            self.assertEqual(found, (REFUSED, 1, [("read", "secrets")]), name)

    def test_it_slows_down_alike(self) -> None:
        for body in (by_password("ann", "wrong"), by_password("nobody", "wrong")):
            for _ in range(5):
                self.refused(Unauthorized, body)
            waiting = Deferred.fromCoroutine(self.counter.asking("POST", "/auth/tokens", body=body))
            self.assertNoResult(waiting)
            self.town.clock.advance(1.0)
            self.failureResultOf(waiting, Unauthorized)

    def test_an_answer_without_kubernetes_is_a_503_for_everybody(self) -> None:
        def down(verb: str, at: Place) -> None:
            raise Unreachable

        self.town.kube.fail = down
        for body in (by_password("ann"), by_password("nobody")):
            self.refused(Unavailable, body)


class ValidateTests(Case):
    """GET /auth/tokens."""

    def setUp(self) -> None:
        super().setUp()
        self.counter.user("bob")
        self.reply = self.counter.log_in(by_password("ann", scope=LAB))
        self.own = text(self.reply)

    def get(self, token: str, subject: str, **query: list[str]) -> Reply:
        return self.counter.ask("GET", "/auth/tokens", token, subject=subject, query=query)

    def test_what_was_issued_is_shown(self) -> None:
        reply = self.get(self.own, self.own)
        self.assertEqual((reply.code, reply.body, text(reply)), (200, self.reply.body, self.own))
        self.assertNotIn("catalog", shown(self.get(self.own, self.own, nocatalog=[""])))

    def test_another_token_of_the_user_may_ask(self) -> None:
        self.assertEqual(self.get(self.counter.token("ann", Unscoped()), self.own).body, self.reply.body)

    def test_who_may_ask_about_others(self) -> None:
        self.town.project("den")
        den, default = ProjectScope(hex_id("den")), DomainScope("default")
        people: tuple[tuple[str, str, Scope, dict[str, Any], bool], ...] = (
            ("p-reader", "reader", den, {"project": "den"}, False),
            ("p-manager", "manager", den, {"project": "den"}, False),
            ("p-admin", "admin", den, {"project": "den"}, True),
            ("p-service", "service", den, {"project": "den"}, True),
            ("d-admin", "admin", default, {"domain": "default"}, False),
            ("d-service", "service", default, {"domain": "default"}, True),
            ("s-reader", "reader", SystemScope(), {"system": "all"}, True),
            ("s-service", "service", SystemScope(), {"system": "all"}, True),
        )
        for user, role, scope, where, may in people:
            self.counter.user(user)
            self.town.assign(user, role, **where)
            token = self.counter.token(user, scope)
            if may:
                self.assertEqual(self.get(token, self.own).body, self.reply.body, user)
            else:
                fault = self.assertRaises(Forbidden, self.get, token, self.own)
                self.assertEqual(
                    fault.message,
                    "You are not authorized to perform the requested action: identity:validate_token.",
                )

    def test_what_does_not_count_is_not_found_by_anybody(self) -> None:
        for bad in ("x", self.own + "=", self.counter.token("ann", SystemScope())):
            fault = self.assertRaises(NotFound, self.get, self.own, bad)
            self.assertEqual(fault.message, "Could not find token.")
            self.assertNotIn(bad, fault.message)
        self.town.remove(ROLE_ASSIGNMENT, self.grant)
        self.assertRaises(NotFound, self.get, self.counter.token("ann", Unscoped()), self.own)

    def test_without_a_subject(self) -> None:
        self.assertRaises(Forbidden, self.get, self.own, "")
        self.town.assign("bob", "admin", system="all")
        self.assertRaises(NotFound, self.get, self.counter.token("bob", SystemScope()), "")

    def test_a_caller_whose_own_token_does_not_count(self) -> None:
        self.assertRaises(Unauthorized, self.get, "x", self.own)


class RevokeTests(Case):
    """DELETE /auth/tokens."""

    def setUp(self) -> None:
        super().setUp()
        self.counter.user("bob")
        self.own = text(self.counter.log_in(by_password("ann")))
        self.child = text(self.counter.log_in(by_token(self.own, LAB)))

    def delete(self, token: str, subject: str, **query: list[str]) -> Reply:
        return self.counter.ask("DELETE", "/auth/tokens", token, subject=subject, query=query)

    def counts(self, token: str) -> bool:
        return self.counter.desk.standings.shown(token) is not None

    def test_ones_own_with_all_that_came_of_it(self) -> None:
        reply = self.delete(self.own, self.own)
        self.assertEqual((reply.code, reply.body), (204, None))
        self.assertEqual((self.counts(self.own), self.counts(self.child)), (False, False))

    def test_alone_where_that_is_wanted(self) -> None:
        self.delete(self.own, self.own, cascade=["False"])
        self.assertEqual((self.counts(self.own), self.counts(self.child)), (False, True))

    def test_a_child_goes_alone(self) -> None:
        self.delete(self.own, self.child)
        self.assertEqual((self.counts(self.own), self.counts(self.child)), (True, False))

    def test_anothers_is_for_admins(self) -> None:
        self.assertRaises(Forbidden, self.delete, self.counter.token("bob", Unscoped()), self.own)
        self.town.assign("bob", "service", project="lab")
        self.assertRaises(Forbidden, self.delete, self.counter.token("bob", ProjectScope(hex_id("lab"))), self.own)
        self.assertTrue(self.counts(self.own))
        self.town.assign("bob", "admin", project="lab")
        self.delete(self.counter.token("bob", ProjectScope(hex_id("lab"))), self.own)
        self.assertFalse(self.counts(self.own))

    def test_it_is_answered_only_once_the_api_server_has_it(self) -> None:
        def down(verb: str, at: Place) -> None:
            raise Unreachable

        self.town.kube.fail = down
        self.assertRaises(Unavailable, self.delete, self.own, self.own)
        self.assertTrue(self.counts(self.own))

    def test_a_second_time_there_is_nothing(self) -> None:
        self.delete(self.own, self.child)
        self.assertRaises(NotFound, self.delete, self.own, self.child)


class LongPasswordTests(Case):
    """2012-002: nothing long is hashed."""

    def test_4096_bytes_are_hashed_and_one_more_is_refused(self) -> None:
        self.assertEqual(self.refused(Unauthorized, by_password("ann", "é" * 2048)), REFUSED)
        jobs = self.counter.threads.jobs
        self.refused(BadRequest, by_password("ann", "é" * 2048 + "x"))
        self.assertEqual(self.counter.threads.jobs, jobs)
