"""The policies that Dicot installs, asked by the sandbox with its own CEL."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.tenancy.policies import policies
from dicot.kube.kind import Manifest
from dicot.names import MANAGED
from dicot.sandbox.apiserver.admission.policies import BINDINGS, GROUP, POLICIES, Policies
from dicot.sandbox.apiserver.asked import User
from dicot.sandbox.apiserver.cel import compiled
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.rights.rbac import account
from dicot.sandbox.apiserver.seams import Review

from .asking import ANN, Stored, review, thing

OWN = User(account("dicot-system", "dicot"))
MEMBER = User(account("dicot-projects", "p-member"))
RECORDED = "Dicot's own account writes only in its own namespaces and in recorded ones"
SYSTEM = "Dicot's own account leaves system namespaces alone"
LENT = "a project's account cannot use serviceAccount volumes"
PLURALS = {"ValidatingAdmissionPolicy": POLICIES, "ValidatingAdmissionPolicyBinding": BINDINGS}


def machine(*volumes: Manifest) -> Manifest:
    return thing("m", spec={"template": {"spec": {"volumes": list(volumes)}}})


LENDING = machine({"name": "v", "serviceAccount": {"serviceAccountName": "x"}})
PLAIN = machine({"name": "v", "containerDisk": {"image": "x"}})


class OwnPolicyTests(SynchronousTestCase):
    def setUp(self) -> None:
        stored = Stored()
        for name, labels in (("n", {MANAGED: "true"}), ("stranger", {}), ("dicot-system", {})):
            namespace = thing(name, "")
            namespace["metadata"]["labels"] = labels
            stored.put("", "namespaces", namespace)
        for manifest in policies():
            stored.put(GROUP, PLURALS[manifest["kind"]], manifest)
        self.policies = Policies(stored, compiled)

    def test_they_hold_dicots_accounts_and_nobody_else(self) -> None:
        table: tuple[tuple[Review, str], ...] = (
            (review("secrets", thing("s", "n"), user=OWN), ""),
            (review("secrets", thing("s", "dicot-system"), user=OWN), ""),
            (review("secrets", thing("s", "stranger"), user=OWN), RECORDED),
            (review("secrets", None, thing("s", "stranger"), user=OWN), RECORDED),
            (review("secrets", thing("s", "stranger")), ""),
            (review("namespaces", thing("fine", ""), user=OWN), ""),
            (review("namespaces", thing("kube-system", ""), user=OWN), SYSTEM),
            (review("namespaces", None, thing("kube-system", ""), user=OWN), SYSTEM),
            (review("virtualmachines", LENDING, group="kubevirt.io", user=MEMBER), LENT),
            (review("virtualmachines", PLAIN, group="kubevirt.io", user=MEMBER), ""),
            (review("virtualmachines", machine(), group="kubevirt.io", user=MEMBER), ""),
            (review("virtualmachines", LENDING, group="kubevirt.io", user=ANN), ""),
            (review("virtualmachines", LENDING, LENDING, group="kubevirt.io", user=MEMBER), LENT),
        )
        for asked, message in table:
            if not message:
                self.policies.validate(asked)
                continue
            refusal = self.assertRaises(Refusal, self.policies.validate, asked)
            self.assertTrue(refusal.message.endswith(f"denied request: {message}"), refusal.message)
