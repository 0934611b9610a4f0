"""``dicot check`` over what a cluster may have."""

from collections.abc import Mapping
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.check import APPLY, GOOD, LACKING, code, definitions, examined, told
from dicot.cloud.tenancy.calls import Call, calls
from dicot.command import installation
from dicot.config import Config
from dicot.kube import errors
from dicot.kube.address import Account, Place
from dicot.kube.kind import Kind, Manifest
from dicot.served import resources
from dicot.status.findings import FOUND, LIMITED, MISSING, Finding
from tests.cluster.shared import DEFINITIONS

SERVED = resources(Config())
TABLE = [line for line in calls(SERVED) if not line.account]
OWN = "system:serviceaccount:dicot-system:dicot"


class Cluster:
    """Answers what a check asks. ``hidden`` plurals are not shown to it; ``may`` says who has which calls."""

    def __init__(self, user: str = "admin") -> None:
        self.user = user
        self.plurals = {name.partition(".")[0] for name in definitions(SERVED)}
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.rights = list(TABLE)
        self.hidden = False
        self.asked_as: list[Account | None] = []
        for body in installation():
            metadata = body["metadata"]
            self.objects[body["kind"], metadata.get("namespace", ""), metadata["name"]] = body

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        if path == "/version":
            return b'{"gitVersion": "v1.36.3"}'
        if path == "/apis":
            return b"{}"
        found = [{"name": plural} for plural in sorted(self.plurals)]
        if not found:
            raise errors.Missing(404, "NotFound", path)
        return msgspec.json.encode({"resources": found})

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        return []

    async def read(self, at: Place, *, acting_as: Account | None = None, within: float = 10.0) -> bytes:
        if self.hidden:
            raise errors.Denied(403, "Forbidden", "no")
        for (kind, namespace, name), body in self.objects.items():
            plural = "validatingadmissionpolicies" if kind.endswith("Policy") else f"{kind.lower()}s"
            if (plural, namespace, name) == (at.plural, at.namespace, at.name):
                return msgspec.json.encode(body)
        raise errors.Missing(404, "NotFound", at.name)

    async def create(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, dry: bool = False, within: float = 30.0
    ) -> bytes:
        if at.plural == "selfsubjectreviews":
            return msgspec.json.encode({"status": {"userInfo": {"username": self.user}}})
        self.asked_as.append(acting_as)
        where = {"default": ""}.get(body["spec"]["namespace"], body["spec"]["namespace"])
        rules = [rule(line) for line in self.rights if line.where == where]
        return msgspec.json.encode({"status": {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}})


def rule(line: Call) -> Mapping[str, Any]:
    return {
        "apiGroups": [line.group],
        "resources": [line.resource],
        "verbs": [line.verb],
        "resourceNames": list(line.names),
    }


class CheckCase(SynchronousTestCase):
    """A cluster where all is well."""

    def setUp(self) -> None:
        self.cluster = Cluster()

    def found(self) -> Mapping[str, Finding]:
        kube: Any = self.cluster
        findings = self.successResultOf(Deferred.fromCoroutine(examined(kube, SERVED)))
        return {each.name: each for each in findings}

    def lacking(self, name: str, words: str) -> None:
        found = self.found()[name]
        self.assertEqual((found.state, found.remedy), (MISSING, APPLY))
        self.assertIn(words, found.detail)


class ExaminedTests(CheckCase):
    """What is found out."""

    def test_what_is_installed_as_it_should_be(self) -> None:
        found = self.found()
        for name in ("Dicot's kinds", "Dicot's accounts and roles", "Dicot's rights"):
            self.assertEqual(found[name].state, FOUND, found[name].detail)
        self.assertEqual({each.name if each else "" for each in self.cluster.asked_as}, {"dicot"})

    def test_a_kind_that_is_not_served(self) -> None:
        self.cluster.plurals -= {"ledgers"}
        self.lacking("Dicot's kinds", "not served: ledgers.identity.dicot.io")

    def test_no_kind_at_all(self) -> None:
        self.cluster.plurals.clear()
        self.lacking("Dicot's kinds", "and 11 more")

    def test_a_role_that_is_not_there(self) -> None:
        del self.cluster.objects["ClusterRole", "", "dicot:member"]
        self.lacking("Dicot's accounts and roles", "not there: ClusterRole dicot:member")

    def test_a_role_of_another_version(self) -> None:
        role = self.cluster.objects["ClusterRole", "", "dicot:member"]
        self.cluster.objects["ClusterRole", "", "dicot:member"] = {**role, "rules": role["rules"][1:]}
        self.lacking("Dicot's accounts and roles", "not as this version has them: ClusterRole dicot:member")

    def test_a_role_without_rules_may_have_null(self) -> None:
        role = self.cluster.objects["ClusterRole", "", "dicot:reader"]
        self.cluster.objects["ClusterRole", "", "dicot:reader"] = {**role, "rules": None}
        self.assertEqual(self.found()["Dicot's accounts and roles"].state, FOUND)

    def test_what_may_not_be_looked_at_is_said(self) -> None:
        self.cluster.hidden = True
        found = self.found()["Dicot's accounts and roles"]
        self.assertEqual(found.state, LIMITED)
        self.assertIn("not shown to this account", found.detail)

    def test_a_right_that_is_missing(self) -> None:
        for line in TABLE:
            self.cluster.rights = [each for each in TABLE if each is not line]
            if line.verb != "bind":
                self.lacking("Dicot's rights", f"may not {line}")

    def test_dicots_own_account_asks_for_itself(self) -> None:
        self.cluster.user = OWN
        self.assertEqual(self.found()["Dicot's rights"].state, FOUND)
        self.assertEqual(set(self.cluster.asked_as), {None})


class DefinitionTests(SynchronousTestCase):
    """Dicot's kinds."""

    def test_they_are_those_that_are_installed(self) -> None:
        self.assertEqual(definitions(SERVED), {path.stem for path in DEFINITIONS.glob("*.yaml")})


class ToldTests(SynchronousTestCase):
    """What is printed, and the exit code."""

    def test_each_is_one_line_and_what_to_do_another(self) -> None:
        found = [Finding("a", FOUND, "there"), Finding("b", LIMITED, "half"), Finding("c", MISSING, "none", "do it")]
        self.assertEqual(told(found), "ok       a: there\nlimited  b: half\nMISSING  c: none\n         -> do it\n")

    def test_only_what_is_missing_fails(self) -> None:
        self.assertEqual(code([Finding("a", FOUND, ""), Finding("b", LIMITED, "")]), GOOD)
        self.assertEqual(code([Finding("a", FOUND, ""), Finding("b", MISSING, "")]), LACKING)
