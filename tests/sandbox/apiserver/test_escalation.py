"""Rights are given away only by who has them."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import User
from dicot.sandbox.apiserver.builtin import built_in
from dicot.sandbox.apiserver.kinds.table import RULES
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.resource import Resource
from dicot.sandbox.apiserver.rights.escalation import Escalation
from dicot.sandbox.apiserver.schemas import Kinds
from dicot.sandbox.apiserver.seams import Review

from .objects import GROUP, binding, rights, role, rule

KINDS = {
    "roles": Resource(GROUP, "v1", "roles", "role", "Role"),
    "clusterroles": Resource(GROUP, "v1", "clusterroles", "clusterrole", "ClusterRole", namespaced=False),
    "rolebindings": Resource(GROUP, "v1", "rolebindings", "rolebinding", "RoleBinding"),
    "clusterrolebindings": Resource(
        GROUP, "v1", "clusterrolebindings", "clusterrolebinding", "ClusterRoleBinding", namespaced=False
    ),
}
KINDS_OF_RULES = Kinds(RULES)
ANN = User("ann", ("staff",))
ROOT = User("root", ("system:masters",))
KNOWN = Escalation(
    rights(
        role("mine", rule("get", "pods"), rule("bind", "clusterroles", GROUP, resourceNames=["big"]), namespace="n"),
        role("big", rule("*", "*", "*")),
        role("small", rule("get", "pods")),
        binding("b", "Role/mine", "User/ann", namespace="n"),
        role("free", rule("escalate", "roles", GROUP)),
        binding("f", "ClusterRole/free", "User/free"),
    )
)


def review(written: tuple[str, Manifest], user: User = ANN, old: Manifest | None = None) -> Review:
    plural, new = written
    metadata = new["metadata"]
    namespace = metadata.get("namespace", "")
    return Review(
        "UPDATE" if old else "CREATE", user, KINDS[plural], "", namespace, metadata["name"], new, old, False
    )


class EscalationTests(SynchronousTestCase):
    def refused(self, asked: Review) -> str:
        refusal = self.assertRaises(Refusal, KNOWN.validate, asked)
        return f"{refusal.code} {refusal.message}"

    def test_rights_that_are_not_held_are_named(self) -> None:
        rules = (rule("list get", "pods secrets"), rule("get", "configmaps", resourceNames=["x", "y"]))
        said = self.refused(review(role("r", *rules, namespace="n")))
        lacking = (
            '{APIGroups:[""], Resources:["configmaps"], ResourceNames:["x"], Verbs:["get"]}\n'
            '{APIGroups:[""], Resources:["configmaps"], ResourceNames:["y"], Verbs:["get"]}\n'
            '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n'
            '{APIGroups:[""], Resources:["secrets"], Verbs:["list" "get"]}'
        )
        who = 'user "ann" (groups=["staff"]) is attempting to grant RBAC permissions not currently held:'
        self.assertEqual(said, f'403 roles.rbac.authorization.k8s.io "r" is forbidden: {who}\n{lacking}')

    def test_what_is_held_or_free_may_be_given(self) -> None:
        everything = rule("*", "*", "*")
        table = (
            review(role("r", rule("get", "pods", resourceNames=["x"]), namespace="n")),
            review(role("r", everything, namespace="n"), ROOT),
            review(role("r", everything, namespace="n"), User("free")),
            review(binding("r", "ClusterRole/small", "User/x", namespace="n")),
            review(binding("r", "ClusterRole/big", "User/x", namespace="n")),
            review(binding("r", "ClusterRole/absent", "User/x", namespace="n"), ROOT),
        )
        for asked in table:
            KNOWN.validate(asked)

    def test_a_binding_needs_the_rights_of_its_role(self) -> None:
        self.assertIn("not currently held", self.refused(review(binding("r", "ClusterRole/big", "User/x"))))

    def test_an_absent_role_is_bound_by_nobody_who_would_have_to_hold_it(self) -> None:
        said = self.refused(review(binding("r", "Role/absent", "User/x", namespace="n")))
        self.assertEqual(said, '404 rolebindings.rbac.authorization.k8s.io "absent" not found')

    def test_aggregation_is_for_who_may_do_everything(self) -> None:
        selectors = [{"matchLabels": {"a": "b"}}]
        asked = review(role("r", aggregationRule={"clusterRoleSelectors": selectors}))
        self.assertIn("must have cluster-admin privileges to use the aggregationRule", self.refused(asked))

    def test_owners_may_change_on_roles_that_one_could_not_write(self) -> None:
        plural, old = role("r", rule("*", "*", "*"), namespace="n")
        owned = {**old, "metadata": {**old["metadata"], "ownerReferences": [{"uid": "u"}]}}
        KNOWN.validate(review((plural, owned), old=old))
        labelled = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}}
        self.assertIn("not currently held", self.refused(review((plural, labelled), old=old)))


class FormTests(SynchronousTestCase):
    """What the rules of kinds say of roles and bindings."""

    def wrong(self, plural: str, new: Manifest, old: Manifest | None = None) -> str:
        resource = built_in()[GROUP, "v1", plural]
        KINDS_OF_RULES.fit(resource, new)
        found = KINDS_OF_RULES.wrong(resource, "", new, old)
        return "\n".join(f"{each.field}: {each.message}" for each in found)

    def test_what_is_malformed_is_told(self) -> None:
        table: tuple[tuple[tuple[str, Manifest], str], ...] = (
            (role("r", {"verbs": []}), "rules[0].verbs: Required value: verbs must contain at least one value"),
            (role("r", {"verbs": ["get"]}), "rules[0].resources: Required value"),
            (
                role("r", rule("get", nonResourceURLs=["/x"]), namespace="n"),
                'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
            ),
            (
                role("r", rule("get", "a", nonResourceURLs=["/x"])),
                "rules cannot apply to both regular resources and non-resource URLs",
            ),
            (
                binding("b", "Foo/a", "User/x", namespace="n"),
                'roleRef.kind: Unsupported value: "Foo": supported values: "Role", "ClusterRole"',
            ),
            (binding("b", "Role/a", "User/x"), 'roleRef.kind: Unsupported value: "Role": supported values: "Clust'),
            (binding("b", "ClusterRole/", "User/x"), "roleRef.name: Required value"),
            (binding("b", "ClusterRole/a", "Huh/x"), 'subjects[0].kind: Unsupported value: "Huh": supported values'),
            (binding("b", "ClusterRole/a", "ServiceAccount/x"), "subjects[0].namespace: Required value"),
        )
        for (plural, new), text in table:
            self.assertIn(text, self.wrong(plural, new))

    def test_a_binding_keeps_its_role(self) -> None:
        _, old = binding("b", "ClusterRole/a", "User/x")
        self.assertIn("cannot change roleRef", self.wrong(*binding("b", "ClusterRole/b", "User/x"), old))

    def test_groups_of_roles_and_subjects_are_understood(self) -> None:
        plural, new = binding("b", "Role/a", "User/x", "ServiceAccount/y", namespace="n")
        del new["roleRef"]["apiGroup"]
        self.assertEqual(self.wrong(plural, new), "")
        self.assertEqual(new["roleRef"]["apiGroup"], GROUP)
        self.assertEqual([each.get("apiGroup") for each in new["subjects"]], [GROUP, None])

    def test_groups_that_are_none_are_refused(self) -> None:
        plural, new = binding("b", "Role/a", "User/x", namespace="n")
        new["subjects"][0]["apiGroup"] = "other"
        self.assertIn('subjects[0].apiGroup: Unsupported value: "other"', self.wrong(plural, new))

    def test_other_objects_are_let_alone(self) -> None:
        other = replace(review(role("r")), resource=Resource("", "v1", "pods", "pod", "Pod"))
        KNOWN.validate(other)
