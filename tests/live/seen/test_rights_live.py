"""Acting as somebody else's account, and what Kubernetes' own roles let tenants do."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.cluster.control import SOON, Answer
from tests.cluster.objects import Document, named
from tests.cluster.releases import CONSTRAINED, release

from .objects import KUBEVIRT, RBAC, SUBRESOURCES, binding, machine, role
from .person import Person, account
from .stage import SeenTestCase

EXTRAS = ["userextras/dicot.io/user-id", "userextras/dicot.io/request-id"]
NOTED = {"Impersonate-Extra-dicot.io%2fuser-id": "u1", "Impersonate-Extra-dicot.io%2frequest-id": "req-1"}
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW: Document = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
TOKEN: Document = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
MAY_ACT = {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["reader"], "verbs": ["impersonate"]}
MAY_NOTE = {"apiGroups": ["authentication.k8s.io"], "resources": EXTRAS, "verbs": ["impersonate"]}
READS = {"apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"], "verbs": ["get", "list"]}
MACHINES = {"apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"], "verbs": ["create"]}
STOP = 'cannot update resource "virtualmachines/stop" in API group "subresources.kubevirt.io"'


def accounts(*names: str) -> tuple[Document, ...]:
    return tuple(named("ServiceAccount", name) for name in names)


class RightsTestCase(SeenTestCase):
    """Accounts with tokens of their own, and how they get rights."""

    async def person(self, name: str) -> Person:
        """An account of the namespace."""
        path = f"{self.core}/serviceaccounts/{name}/token"
        answer = await self.control.change("POST", path, TOKEN)
        return Person(self.pool, self.access, answer["status"]["token"])

    def as_account(self, name: str) -> Mapping[str, str]:
        return {"Impersonate-User": account(self.namespace, name)}

    async def grant(self, name: str, *rules: Document) -> None:
        """Rights of an account in the namespace."""
        made = f"{name}-{uuid4().hex[:8]}"
        await self.make(role(made, *rules), binding(made, "Role", made, self.namespace, name))

    async def grant_everywhere(self, name: str, rule: Document) -> None:
        """A right of an account in the whole cluster, for this test."""
        whole, version = f"{self.namespace}-{name}", "rbac.authorization.k8s.io/v1"
        bound = binding(whole, "ClusterRole", whole, self.namespace, name) | {"kind": "ClusterRoleBinding"}
        for plural, made in (
            ("clusterroles", named("ClusterRole", whole, None, version, rules=[rule])),
            ("clusterrolebindings", bound),
        ):
            await self.control.change("POST", f"{RBAC}/{plural}", made)
            self.addCleanup(self._forget, f"{RBAC}/{plural}/{whole}")

    async def until_allowed(self, person: Person, method: str, path: str, body: object = None) -> Answer:
        """What is answered once somebody may ask for it: an authorizer learns of rights a little later."""
        found: list[Answer] = []

        async def allowed() -> bool:
            found[:] = [await person.ask(method, path, body)]
            return found[0].status != 403

        await self.control.until(SOON, f"the right to {method} {path}", allowed)
        return found[0]

    def _forget(self, path: str) -> Deferred[Document]:
        return Deferred.fromCoroutine(self.control.change("DELETE", path))


class ImpersonationTests(RightsTestCase):
    CAST = (*accounts("gateway", "local", "modern", "reader", "other"), machine("m", runStrategy="Halted"))

    async def test_an_account_is_taken_with_its_groups(self) -> None:
        """9: a Role where the accounts live allows it for those it names; their groups come by themselves."""
        gateway = await self.person("gateway")
        await self.grant("gateway", MAY_ACT)
        answer = await self.until_allowed(gateway.also(self.as_account("reader")), "POST", SELF, REVIEW)
        told = answer.document["status"]["userInfo"]
        self.assertEqual(told["username"], account(self.namespace, "reader"))
        wanted = {"system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{self.namespace}"}
        self.assertEqual(set(told["groups"]), wanted)
        refused = await gateway.also(self.as_account("other")).ask("POST", SELF, REVIEW)
        self.refused(refused, 403, f'User "{account(self.namespace, "gateway")}" cannot impersonate resource')

    async def test_groups_are_not_for_it_to_say(self) -> None:
        """9: with an Impersonate-Group of any kind it is 403 for the gateway itself."""
        gateway = await self.person("gateway")
        await self.grant("gateway", MAY_ACT)
        reader = gateway.also(self.as_account("reader"))
        await self.until_allowed(reader, "POST", SELF, REVIEW)
        grouped = reader.also({"Impersonate-Group": "system:authenticated"})
        refused = await grouped.ask("POST", SELF, REVIEW)
        self.refused(refused, 403, 'cannot impersonate resource "groups"')

    async def test_extras_need_a_right_in_the_whole_cluster(self) -> None:
        """9: in a Role userextras are refused "at the cluster scope", in a ClusterRole they are allowed."""
        local = (await self.person("local")).also(self.as_account("reader"))
        await self.grant("local", MAY_ACT, MAY_NOTE)
        await self.until_allowed(local, "POST", SELF, REVIEW)
        refused = await local.also(NOTED).ask("POST", SELF, REVIEW)
        self.refused(refused, 403, 'cannot impersonate resource "userextras/dicot.io/')
        self.assertIn("at the cluster scope", refused.document["message"])
        await self.grant_everywhere("local", MAY_NOTE)
        answer = await self.until_allowed(local.also(NOTED), "POST", SELF, REVIEW)
        extra = answer.document["status"]["userInfo"]["extra"]
        self.assertEqual((extra["dicot.io/user-id"], extra["dicot.io/request-id"]), (["u1"], ["req-1"]))

    async def test_keys_of_extras_come_out_in_lower_case(self) -> None:
        """9: the header's name is folded, its %2f is a slash."""
        gateway = (await self.person("gateway")).also(self.as_account("reader"))
        await self.grant("gateway", MAY_ACT)
        await self.grant_everywhere("gateway", MAY_NOTE)
        loud = gateway.also({"IMPERSONATE-EXTRA-DICOT.IO%2FUSER-ID": "U1"})
        answer = await self.until_allowed(loud, "POST", SELF, REVIEW)
        self.assertEqual(answer.document["status"]["userInfo"]["extra"]["dicot.io/user-id"], ["U1"])

    async def test_a_slash_in_the_header_is_a_bare_400(self) -> None:
        """9: it is refused before anybody reads it as a request."""
        gateway = await self.person("gateway")
        answer = await deferToThread(gateway.spell, "GET", "/version", {"Impersonate-Extra-dicot.io/user-id": "u1"})
        self.assertEqual(answer, Answer(400, b"400 Bad Request"))

    async def test_a_reader_may_not_stop(self) -> None:
        """9: an aggregated subresource sees the account that is acted as, and names it and what it lacks."""
        gateway = await self.person("gateway")
        await self.grant("gateway", MAY_ACT)
        await self.grant("reader", READS)
        reader = gateway.also(self.as_account("reader"))
        answer = await self.until_allowed(reader, "GET", f"{self.machines}/m")
        self.assertEqual(answer.status, 200)
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachines/m/stop"
        refused = await reader.ask("PUT", path, {})
        self.refused(refused, 403, f'User "{account(self.namespace, "reader")}" {STOP}')

    async def test_constrained_impersonation_knows_no_extras(self) -> None:
        """9: the right to act as an account for one verb is for that verb alone, and for no request with extras."""
        if await release(self.control) < CONSTRAINED:
            raise SkipTest("this release does not know such rights")
        acting = {"apiGroups": ["authentication.k8s.io"], "resources": ["serviceaccounts"]}
        verbs = ["impersonate", "impersonate:serviceaccount"]
        await self.grant("modern", {**acting, "resourceNames": ["reader"], "verbs": verbs[1:]})
        await self.grant("modern", {**READS, "verbs": ["impersonate-on:serviceaccount:list"]})
        await self.grant_everywhere("modern", {**MAY_NOTE, "verbs": verbs})
        await self.grant("reader", READS)
        modern = (await self.person("modern")).also(self.as_account("reader"))
        self.assertEqual((await self.until_allowed(modern, "GET", self.machines)).status, 200)
        self.refused(await modern.ask("GET", f"{self.machines}/m"), 403, "cannot impersonate")
        for verb in verbs:
            await self._holds("modern", verb)
        self.refused(await modern.also(NOTED).ask("GET", self.machines), 403, "cannot impersonate")

    async def _holds(self, name: str, verb: str) -> None:
        """Wait until the authorizer knows that somebody may give himself an extra."""
        attributes = {"group": "authentication.k8s.io", "resource": "userextras", "subresource": "dicot.io/user-id"}
        spec = {"user": account(self.namespace, name), "resourceAttributes": {**attributes, "verb": verb}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}

        async def allowed() -> bool:
            told = await self.control.change("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
            return bool(told["status"]["allowed"])

        await self.control.until(SOON, f"the right to {verb}", allowed)


class TenantTests(RightsTestCase):
    CAST = accounts("member", "forger", "powerful", "starter")

    async def test_edit_is_the_right_to_be_anybody(self) -> None:
        """9: who has Kubernetes' edit gets tokens of every account of the namespace, and may act as it."""
        member = await self.person("member")
        await self.make(binding("member", "ClusterRole", "edit", self.namespace, "member"))
        path = f"{self.core}/serviceaccounts/powerful/token"
        answer = await self.until_allowed(member, "POST", path, TOKEN)
        stolen = Person(self.pool, self.access, answer.document["status"]["token"])
        acting = member.also(self.as_account("powerful"))
        for person in (stolen, acting):
            told = (await person.ask("POST", SELF, REVIEW)).document["status"]["userInfo"]
            self.assertEqual(told["username"], account(self.namespace, "powerful"))

    async def test_extras_cannot_be_forged(self) -> None:
        """9: nor does edit allow userextras, with or without acting as somebody."""
        forger = await self.person("forger")
        await self.make(binding("forger", "ClusterRole", "edit", self.namespace, "forger"))
        acting = forger.also(self.as_account("powerful"))
        await self.until_allowed(acting, "POST", SELF, REVIEW)
        refused = await acting.also(NOTED).ask("POST", SELF, REVIEW)
        self.refused(refused, 403, 'cannot impersonate resource "userextras/dicot.io/')

    async def test_a_machine_may_have_the_token_of_any_account(self) -> None:
        """9: a volume with a ServiceAccount of the namespace is admitted of anyone who may create machines."""
        starter = await self.person("starter")
        await self.grant("starter", MACHINES)
        made = machine("thief")
        inner = made["spec"]["template"]["spec"]
        inner["volumes"].append({"name": "token", "serviceAccount": {"serviceAccountName": "powerful"}})
        inner["domain"]["devices"]["disks"].append({"name": "token", "disk": {}})
        path = f"{KUBEVIRT}/namespaces/{self.namespace}/virtualmachines"
        answer = await self.until_allowed(starter, "POST", path, made)
        self.assertEqual(answer.status, 201, answer.content)
