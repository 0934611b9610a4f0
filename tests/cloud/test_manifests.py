"""Tests of what is installed."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.cloud.kinds.network import PORT
from dicot.cloud.kinds.storage import PVC
from dicot.cloud.reading.shelf import Shape
from dicot.cloud.resource import Bench, Join, Joined, Listed, Resource, Right, Source
from dicot.cloud.tenancy.calls import ROLES, Call, call_of, calls, covering, tenant_rights
from dicot.cloud.tenancy.manifests import manifests, rules
from dicot.config import Config
from dicot.kube.address import Account, Place
from dicot.kube.kind import Manifest
from dicot.served import resources

from .permitted import permitted


def nothing(bench: Bench) -> None:
    """Routes of no resource."""


def entry(joined: Joined, now: float) -> Listed:
    """No entry."""
    return Listed(None)


def document(joined: Joined, shape: Shape, now: float) -> object:
    """No document."""
    return {}


SERVERS = Resource(
    name="servers",
    register=nothing,
    sources=(Source(VM, entry, document, joins=(Join(VMI, lambda row, body: ()),)),),
    reads=(PVC,),
    rights={
        "reader": (Right("kubevirt.io", "virtualmachines", ("get",)),),
        "member": (
            Right("kubevirt.io", "virtualmachines", ("create", "delete")),
            Right("subresources.kubevirt.io", "virtualmachines/stop", ("update",)),
        ),
        "admin": (Right("kubevirt.io", "virtualmachineinstancemigrations", ("create",)),),
        "own": (
            Right("", "secrets", ("create",)),
            Right("instancetype.kubevirt.io", "virtualmachineclusterinstancetypes", ("create",)),
        ),
    },
)


class ManifestsCase(SynchronousTestCase):
    """What is made of one resource."""

    def setUp(self) -> None:
        self.made = manifests([SERVERS])

    def one(self, kind: str, name: str, namespace: str = "") -> Manifest:
        [found] = [
            body
            for body in self.made
            if body["kind"] == kind
            and body["metadata"]["name"] == name
            and body["metadata"].get("namespace", "") == namespace
        ]
        return found

    def may(self, role: Manifest, verb: str, group: str, resource: str) -> bool:
        return any(
            verb in rule["verbs"] and group in rule["apiGroups"] and resource in rule["resources"]
            for rule in role["rules"]
        )


class RoleTests(ManifestsCase):
    """Rights of projects' accounts."""

    def test_the_stronger_may_what_the_weaker_may(self) -> None:
        found = tenant_rights([SERVERS])
        for weaker, stronger in (("reader", "member"), ("member", "manager"), ("manager", "admin")):
            self.assertEqual(found[stronger][: len(found[weaker])], found[weaker])

    def test_each_role_may_what_its_resources_say_and_no_more(self) -> None:
        reader, member, admin = (self.one("ClusterRole", f"dicot:{role}") for role in ("reader", "member", "admin"))
        self.assertTrue(self.may(reader, "get", "kubevirt.io", "virtualmachines"))
        self.assertFalse(self.may(reader, "create", "kubevirt.io", "virtualmachines"))
        self.assertTrue(self.may(member, "update", "subresources.kubevirt.io", "virtualmachines/stop"))
        self.assertFalse(self.may(member, "create", "kubevirt.io", "virtualmachineinstancemigrations"))
        self.assertTrue(self.may(admin, "create", "kubevirt.io", "virtualmachineinstancemigrations"))

    def test_members_may_what_the_steward_does_in_their_name(self) -> None:
        member = self.one("ClusterRole", "dicot:member")
        for verb, group, resource in (
            ("patch", "", "secrets"),
            ("delete", "network.dicot.io", "ports"),
            ("patch", "kubevirt.io", "virtualmachines"),
        ):
            self.assertTrue(self.may(member, verb, group, resource), resource)

    def test_no_account_of_a_project_may_act_as_another(self) -> None:
        for role in ("reader", "member", "manager", "admin"):
            found = str(self.one("ClusterRole", f"dicot:{role}"))
            self.assertNotIn("impersonate", found)
            self.assertNotIn("serviceaccounts", found)

    def test_rules_name_each_resource_once(self) -> None:
        made = rules(
            [Call("", "", "g", *each) for each in (("a", "get"), ("b", "list"), ("b", "get"), ("a", "list"))]
        )
        self.assertEqual(made, [{"apiGroups": ["g"], "resources": ["a", "b"], "verbs": ["get", "list"]}])


class OwnTests(ManifestsCase):
    """Rights of Dicot's own account."""

    def test_it_watches_every_kind_of_every_resource(self) -> None:
        own = self.one("ClusterRole", "dicot")
        for kind in (VM, VMI, PVC):
            for verb in ("list", "watch"):
                self.assertTrue(self.may(own, verb, kind.group, kind.plural), kind.plural)
        self.assertFalse(self.may(own, "watch", PORT.group, PORT.plural))

    def test_secrets_are_its_only_in_its_own_namespace(self) -> None:
        self.assertNotIn("secrets", str(self.one("ClusterRole", "dicot")["rules"]))
        self.assertTrue(self.may(self.one("Role", "dicot", "dicot-system"), "create", "", "secrets"))

    def test_what_is_kept_in_its_namespace_is_its_only_there(self) -> None:
        own, inside = self.one("ClusterRole", "dicot"), self.one("Role", "dicot", "dicot-system")
        for group, resource in (
            ("identity.dicot.io", "ledgers"),
            ("identity.dicot.io", "users"),
            ("coordination.k8s.io", "leases"),
        ):
            self.assertFalse(self.may(own, "list", group, resource), resource)
            self.assertTrue(self.may(inside, "list", group, resource), resource)

    def test_it_acts_only_as_the_accounts_of_projects(self) -> None:
        self.assertTrue(self.may(self.one("Role", "dicot", "dicot-projects"), "impersonate", "", "serviceaccounts"))
        own = self.one("ClusterRole", "dicot")
        says = [rule for rule in own["rules"] if "impersonate" in rule["verbs"]]
        self.assertEqual(
            says,
            [
                {
                    "apiGroups": ["authentication.k8s.io"],
                    "resources": ["userextras/dicot.io/request-id", "userextras/dicot.io/user-id"],
                    "verbs": ["impersonate"],
                }
            ],
        )

    def test_it_binds_only_the_roles_of_projects(self) -> None:
        [bind] = [rule for rule in self.one("ClusterRole", "dicot")["rules"] if "bind" in rule["verbs"]]
        self.assertEqual(bind["resourceNames"], ["dicot:reader", "dicot:member", "dicot:manager", "dicot:admin"])

    def test_nothing_is_everything(self) -> None:
        for body in self.made:
            if body["kind"] in ("ClusterRole", "Role"):
                self.assertNotIn("'*'", str(body["rules"]), body["metadata"]["name"])

    def test_every_role_of_its_own_is_bound_to_its_account(self) -> None:
        subject = {"kind": "ServiceAccount", "name": "dicot", "namespace": "dicot-system"}
        for kind, namespace in (
            ("ClusterRoleBinding", ""),
            ("RoleBinding", "dicot-system"),
            ("RoleBinding", "dicot-projects"),
        ):
            self.assertEqual(self.one(kind, "dicot", namespace)["subjects"], [subject])


class PolicyTests(ManifestsCase):
    """Admission policies."""

    def test_each_has_its_binding_and_matches_only_dicots_accounts(self) -> None:
        names = [body["metadata"]["name"] for body in self.made if body["kind"] == "ValidatingAdmissionPolicy"]
        self.assertEqual(len(names), 4)
        for name in names:
            policy = self.one("ValidatingAdmissionPolicy", name)
            [only] = policy["spec"]["matchConditions"]
            self.assertIn("system:serviceaccount:dicot-", only["expression"])
            self.assertEqual(self.one("ValidatingAdmissionPolicyBinding", name)["spec"]["policyName"], name)

    def test_namespaces_come_before_what_is_in_them(self) -> None:
        kinds = [body["kind"] for body in self.made]
        self.assertEqual(kinds[:3], ["Namespace", "Namespace", "ServiceAccount"])


class WholeTests(SynchronousTestCase):
    """The roles of all that is served, read back."""

    ROLES = (("ClusterRole", "dicot", ""), ("Role", "dicot", "dicot-system"), ("Role", "dicot", "dicot-projects"))

    def setUp(self) -> None:
        self.table = calls(resources(Config()))
        self.roles = {
            (body["kind"], body["metadata"]["name"], body["metadata"].get("namespace", "")): body["rules"]
            for body in manifests(resources(Config()))
            if body["kind"] in ("ClusterRole", "Role")
        }

    def granted(self, key: tuple[str, str, str]) -> set[tuple[str, ...]]:
        return {
            (group, resource, verb, *rule.get("resourceNames", ()))
            for rule in self.roles[key]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }

    def test_roles_grant_the_table_and_nothing_else(self) -> None:
        own = {
            key: {_grant(line) for line in self.table if not line.account and line.where == key[2]}
            for key in self.ROLES
        }
        tenants = {
            ("ClusterRole", f"dicot:{role}", ""): {
                _grant(line) for line in self.table if line.account in ROLES[: place + 1]
            }
            for place, role in enumerate(ROLES)
        }
        self.assertEqual({key: self.granted(key) for key in self.roles}, own | tenants)

    def test_no_rule_is_of_urls_or_of_everything(self) -> None:
        for key, held in self.roles.items():
            for rule in held:
                self.assertLessEqual(set(rule), {"apiGroups", "resources", "resourceNames", "verbs"}, key)
                for field in ("apiGroups", "resources", "verbs"):
                    self.assertNotIn("*", "".join(rule[field]), key)


def _grant(line: Call) -> tuple[str, ...]:
    return (line.group, line.resource, line.verb, *line.names)


class TableTests(SynchronousTestCase):
    """The table of calls."""

    SERVED = calls(resources(Config()))

    def covered(self, verb: str, at: Place, acting_as: Account | None = None) -> str | None:
        found = covering(self.SERVED, call_of(verb, at, acting_as))
        return None if found is None else found.why

    def test_each_line_says_why(self) -> None:
        self.assertEqual([str(each) for each in self.SERVED if not each.why], [])

    def test_each_kind_of_call_is_there_once(self) -> None:
        keys = [(each.account, each.where, each.group, each.resource, each.verb) for each in self.SERVED]
        self.assertEqual(len(keys), len(set(keys)))

    def test_stronger_roles_make_the_calls_of_weaker_ones(self) -> None:
        at = Place("kubevirt.io", "v1", "virtualmachines", "demo")
        for role, may in (("reader", False), ("member", True), ("manager", True), ("admin", True), ("odd", False)):
            account = Account("dicot-projects", f"{'c' * 32}-{role}")
            self.assertEqual(self.covered("create", at, account) is not None, may, role)

    def test_a_right_in_a_namespace_ends_there(self) -> None:
        for namespace, may in (("dicot-system", True), ("demo", False), ("dicot-projects", False)):
            found = self.covered("create", Place("", "v1", "secrets", namespace))
            self.assertEqual(found is not None, may, namespace)

    def test_actions_are_updates_of_subresources(self) -> None:
        at = Place("subresources.kubevirt.io", "v1", "virtualmachines", "demo", "web", "stop")
        self.assertIsNone(self.covered("update", at))
        self.assertTrue(self.covered("update", at, Account("dicot-projects", "p-member")))

    def test_what_is_not_in_it_is_told_with_what_to_do(self) -> None:
        told = self.assertRaises(AssertionError, permitted, "create", Place("", "v1", "pods", "demo"), None)
        self.assertIn("no right to create pods as Dicot itself in the whole cluster. Add a Right", str(told))
