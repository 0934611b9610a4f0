"""Acting as somebody else."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import Attributes, User
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.rights.impersonation import Impersonation, wanted

from .objects import binding, rights, role, rule

GATE = User("system:serviceaccount:g:gate")
READER = User("system:serviceaccount:p:reader")
PODS = Attributes("list", "", "v1", "pods", "", "p")
EXTRAS = rule("impersonate", "userextras/dicot.io/user-id", "authentication.k8s.io")


def gate(*rules: Manifest, whole: tuple[Manifest, ...] = ()) -> Impersonation:
    """What an account may that has rules in the namespace p, and others in the whole cluster."""
    return Impersonation(
        rights(
            role("r", *rules, namespace="p"),
            role("w", *whole),
            binding("r", "Role/r", "ServiceAccount/g/gate", namespace="p"),
            binding("w", "ClusterRole/w", "ServiceAccount/g/gate"),
        )
    )


class HeaderTests(SynchronousTestCase):
    def test_nobody_is_named_without_headers(self) -> None:
        self.assertIsNone(wanted([("Accept", "x")]))

    def test_all_of_an_identity_can_be_named(self) -> None:
        headers = [
            ("Impersonate-User", "bob"),
            ("impersonate-group", "g1"),
            ("Impersonate-Group", "g2"),
            ("Impersonate-Uid", "7"),
            ("IMPERSONATE-EXTRA-Dicot.io%2FUser", "1"),
            ("Impersonate-Extra-dicot.io%2fuser", "2"),
        ]
        self.assertEqual(wanted(headers), User("bob", ("g1", "g2"), "7", {"dicot.io/user": ("1", "2")}))

    def test_a_part_of_an_identity_is_a_bad_request(self) -> None:
        refusal = self.assertRaises(Refusal, wanted, [("Impersonate-Group", "bob"), ("Impersonate-Extra-A", "b")])
        shown = 'Groups:[]string{"bob"}, Extra:map[string][]string{"a":[]string{"b"}}'
        message = f'requested &user.DefaultInfo{{Name:"", UID:"", {shown}}} without impersonating a user name'
        self.assertEqual((refusal.code, refusal.message), (400, message))


class ActingTests(SynchronousTestCase):
    def test_an_account_comes_with_its_groups(self) -> None:
        acting = gate(rule("impersonate", "serviceaccounts", resourceNames=["reader"]))
        groups = ("system:serviceaccounts", "system:serviceaccounts:p", "system:authenticated")
        self.assertEqual(acting.act(GATE, READER, PODS), User(READER.name, groups))

    def test_one_that_is_not_named_is_refused(self) -> None:
        acting = gate(rule("impersonate", "serviceaccounts", resourceNames=["reader"]))
        acting.act(GATE, READER, PODS)
        refusal = self.assertRaises(Refusal, acting.act, GATE, User("system:serviceaccount:p:other"), PODS)
        message = (
            'serviceaccounts "other" is forbidden: User "system:serviceaccount:g:gate" cannot impersonate resource '
            '"serviceaccounts" in API group "" in the namespace "p"'
        )
        self.assertEqual((refusal.code, refusal.message), (403, message))

    def test_who_never_acted_is_told_of_the_constrained_right(self) -> None:
        refusal = self.assertRaises(Refusal, gate().act, GATE, READER, PODS)
        self.assertIn('cannot impersonate-on:serviceaccount:list resource "pods"', refusal.message)

    def test_extras_need_a_right_in_the_whole_cluster(self) -> None:
        reader = User(READER.name, extra={"dicot.io/user-id": ("u",)})
        acting = rule("impersonate", "serviceaccounts")
        refusal = self.assertRaises(Refusal, gate(acting, EXTRAS).act, GATE, reader, PODS)
        self.assertIn(
            'cannot impersonate resource "userextras/dicot.io/user-id" in API group "authentication.k8s.io" '
            "at the cluster scope",
            refusal.message,
        )
        self.assertEqual(gate(acting, whole=(EXTRAS,)).act(GATE, reader, PODS).extra, reader.extra)

    def test_a_constrained_right_is_for_one_verb(self) -> None:
        acting = gate(
            rule("impersonate:serviceaccount", "serviceaccounts", "authentication.k8s.io"),
            rule("impersonate-on:serviceaccount:list", "pods"),
        )
        self.assertEqual(acting.act(GATE, READER, PODS).name, READER.name)
        one = Attributes("get", "", "v1", "pods", "", "p", "x")
        self.assertRaises(Refusal, acting.act, GATE, READER, one)

    def test_groups_say_whether_somebody_is_authenticated(self) -> None:
        acting = gate(whole=(rule("impersonate", "users groups"),))
        table = (
            ((), ("system:authenticated",)),
            (("a",), ("a", "system:authenticated")),
            (("system:unauthenticated",), ("system:unauthenticated",)),
        )
        for groups, becomes in table:
            self.assertEqual(acting.act(GATE, User("bob", groups), PODS).groups, becomes)
        self.assertEqual(acting.act(GATE, User("system:anonymous"), PODS).groups, ("system:unauthenticated",))

    def test_masters_are_out_of_reach_of_constrained_rights(self) -> None:
        acting = gate(
            rule("impersonate-on:user-info:list", "pods"),
            whole=(rule("impersonate:user-info", "users groups", "authentication.k8s.io"),),
        )
        self.assertEqual(acting.act(GATE, User("bob", ("staff",)), PODS).groups, ("staff", "system:authenticated"))
        refusal = self.assertRaises(Refusal, acting.act, GATE, User("bob", ("system:masters",)), PODS)
        self.assertIn("impersonating the system:masters group is not allowed", refusal.message)
