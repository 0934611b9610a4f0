"""Decisions by roles and bindings."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.apiserver.asked import Attributes, User
from dicot.sandbox.apiserver.rights.defaults import defaults
from dicot.sandbox.apiserver.rights.rules import selects

from .objects import binding, rights, role, rule

ANN = User("ann", ("staff", "system:authenticated"))
KNOWN = rights(
    role("reader", rule("get list", "pods configmaps"), namespace="a"),
    role("logs", rule("get", "pods/log */scale")),
    role("one", rule("get", "secrets", resourceNames=["mine"])),
    role("vm", rule("*", "*", "kubevirt.io")),
    role("paths", rule("get", nonResourceURLs=["/healthz", "/apis/*"])),
    binding("r", "Role/reader", "User/ann", namespace="a"),
    binding("l", "ClusterRole/logs", "Group/staff", namespace="a"),
    binding("o", "ClusterRole/one", "ServiceAccount/robot", namespace="a"),
    binding("v", "ClusterRole/vm", "ServiceAccount/b/robot"),
    binding("p", "ClusterRole/paths", "Group/system:authenticated"),
    binding("gone", "Role/absent", "User/eve", "Group/staff", namespace="c"),
)
ROBOT_A = User("system:serviceaccount:a:robot")
ROBOT_B = User("system:serviceaccount:b:robot")
LIST = Attributes("list", "", "v1", "pods", "", "a")
TABLE: tuple[tuple[User, Attributes, bool], ...] = (
    (ANN, LIST, True),
    (ANN, Attributes("list", "", "v1", "pods", "", "b"), False),
    (ANN, Attributes("list", "", "v1", "pods"), False),
    (ANN, Attributes("watch", "", "v1", "pods", "", "a"), False),
    (ANN, Attributes("list", "apps", "v1", "pods", "", "a"), False),
    (ANN, Attributes("get", "", "v1", "pods", "log", "a", "p"), True),
    (ANN, Attributes("get", "", "v1", "pods", "exec", "a", "p"), False),
    (ANN, Attributes("get", "", "v1", "replicationcontrollers", "scale", "a", "p"), True),
    (ANN, Attributes("get", path="/apis/x"), True),
    (ANN, Attributes("get", path="/healthz"), True),
    (ANN, Attributes("get", path="/healthz/more"), False),
    (ANN, Attributes("post", path="/healthz"), False),
    (ROBOT_A, Attributes("get", "", "v1", "secrets", "", "a", "mine"), True),
    (ROBOT_A, Attributes("get", "", "v1", "secrets", "", "a", "other"), False),
    (ROBOT_A, Attributes("get", "", "v1", "secrets", "", "a"), False),
    (ROBOT_B, Attributes("get", "", "v1", "secrets", "", "a", "mine"), False),
    (ROBOT_B, Attributes("delete", "kubevirt.io", "v1", "virtualmachines", "", "z", "v"), True),
    (ROBOT_B, Attributes("update", "kubevirt.io", "v1", "virtualmachines", "status", "z", "v"), True),
    (User("nobody"), LIST, False),
    (User("root", ("system:masters",)), Attributes("delete", "x", "v1", "y"), True),
)


class DecisionTests(SynchronousTestCase):
    def test_decisions_follow_the_rules(self) -> None:
        for user, asked, allowed in TABLE:
            self.assertEqual(KNOWN.authorize(user, asked).allowed, allowed, (user, asked))

    def test_a_reason_names_binding_role_and_subject(self) -> None:
        said = 'RBAC: allowed by RoleBinding "r/a" of Role "reader" to User "ann"'
        self.assertEqual(KNOWN.authorize(ANN, LIST).reason, said)
        asked = Attributes("get", "", "v1", "secrets", "", "a", "mine")
        said = 'RBAC: allowed by RoleBinding "o/a" of ClusterRole "one" to ServiceAccount "robot/a"'
        self.assertEqual(KNOWN.authorize(ROBOT_A, asked).reason, said)
        asked = Attributes("get", "kubevirt.io", "v1", "virtualmachines", "", "z", "v")
        said = 'RBAC: allowed by ClusterRoleBinding "v" of ClusterRole "vm" to ServiceAccount "robot/b"'
        self.assertEqual(KNOWN.authorize(ROBOT_B, asked).reason, said)

    def test_a_refusal_names_roles_that_are_absent(self) -> None:
        verdict = KNOWN.authorize(User("eve"), Attributes("get", "", "v1", "pods", "", "c"))
        self.assertEqual(verdict.reason, 'RBAC: role.rbac.authorization.k8s.io "absent" not found')

    def test_a_binding_that_changes_or_goes_takes_its_rights_along(self) -> None:
        known = rights(
            role("reader", rule("list", "pods"), namespace="a"),
            binding("r", "Role/reader", "User/ann", "User/bob", namespace="a"),
        )
        known.put(*binding("r", "Role/reader", "User/bob", namespace="a"))
        self.assertEqual([known.authorize(User(name), LIST).allowed for name in ("ann", "bob")], [False, True])
        known.drop(*binding("r", "Role/reader", "User/bob", namespace="a"))
        self.assertFalse(known.authorize(User("bob"), LIST).allowed)

    def test_a_role_that_changes_changes_what_it_was_bound_for(self) -> None:
        known = rights(binding("r", "Role/reader", "User/ann", namespace="a"))
        known.put(*role("reader", rule("list", "pods"), namespace="a"))
        self.assertTrue(known.authorize(ANN, LIST).allowed)
        known.drop(*role("reader", namespace="a"))
        self.assertFalse(known.authorize(ANN, LIST).allowed)

    def test_all_rules_of_a_user_are_found(self) -> None:
        rules, amiss = KNOWN.rules_for(ANN, "a")
        self.assertEqual(
            [each.resources or each.urls for each in rules][1:], [("pods", "configmaps"), ("pods/log", "*/scale")]
        )
        self.assertEqual(amiss, "")
        self.assertEqual(KNOWN.rules_for(ANN, "c")[1], 'role.rbac.authorization.k8s.io "absent" not found')


class DefaultTests(SynchronousTestCase):
    def test_everybody_may_discover_and_anonymous_ones_may_ask_the_version(self) -> None:
        plurals = {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings", "Role": "roles"}
        known = rights(*((plurals[each["kind"]], each) for each in defaults()))
        anonymous = User("system:anonymous", ("system:unauthenticated",))
        table = (
            (ANN, "/apis/kubevirt.io/v1", True),
            (ANN, "/openapi/v3", True),
            (ANN, "/metrics", False),
            (anonymous, "/version", True),
            (anonymous, "/apis", False),
        )
        for user, path, allowed in table:
            self.assertEqual(known.authorize(user, Attributes("get", path=path)).allowed, allowed, (user, path))


class SelectorTests(SynchronousTestCase):
    def test_labels_and_expressions_must_all_fit(self) -> None:
        labels = {"a": "1", "b": "2"}
        table: tuple[tuple[dict[str, object], bool], ...] = (
            ({}, True),
            ({"matchLabels": {"a": "1"}}, True),
            ({"matchLabels": {"a": "2"}}, False),
            ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, True),
            ({"matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["1"]}]}, True),
            ({"matchExpressions": [{"key": "c", "operator": "Exists"}]}, False),
            ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, False),
        )
        for selector, fits in table:
            self.assertEqual(selects(selector, labels), fits, selector)
