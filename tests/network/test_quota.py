"""Quotas: what the cluster's ResourceQuotas hold a project to."""

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.kinds.quota import RESOURCE_QUOTA
from dicot.faults import Forbidden
from dicot.network.quota import QUOTAS
from tests.bench import ADMIN, PROJECT, Workbench

from .test_port import PORT_OBJECT, VM_OBJECT

OTHER = "9" * 32
LONE = {"metadata": {"name": "lone", "namespace": "demo", "uid": "u-lone"}, "spec": VM_OBJECT["spec"]}
GROUP = {"metadata": {"name": "g", "namespace": "demo", "uid": "u-g"}, "spec": {"rules": [{"id": "1"}, {"id": "2"}]}}
QUOTA = {
    "metadata": {
        "name": "team",
        "namespace": "demo",
        "uid": "u-q",
        "annotations": {"dicot.io/quota": '{"network": 3}'},
    },
    "spec": {"hard": {"count/ports.network.dicot.io": "7", "count/securitygroups.network.dicot.io": "2"}},
}


class QuotaTests(SynchronousTestCase):
    """Q-15."""

    def setUp(self) -> None:
        objects: Any = {VM: [VM_OBJECT, LONE], PORT: [PORT_OBJECT], SECURITY_GROUP: [GROUP], RESOURCE_QUOTA: [QUOTA]}
        self.bench = Workbench(QUOTAS, objects)

    def ask(self, part: str = "", id: str = PROJECT, **asked: Any) -> Any:
        body: Any = self.successResultOf(self.bench.ask("GET", f"/quotas/<id>{part}", id=id, **asked)).body
        return body["quota"]

    def refusal(self, part: str) -> Forbidden:
        asked = self.bench.ask("GET", f"/quotas/<id>{part}", id=OTHER)
        refused = self.failureResultOf(asked, Forbidden).value
        assert isinstance(refused, Forbidden)
        return refused

    def test_limits_are_those_that_kubernetes_enforces(self) -> None:
        found = self.ask()
        self.assertEqual((found["port"], found["security_group"], found["network"]), (7, 2, -1))

    def test_defaults(self) -> None:
        self.assertEqual(set(self.ask("/default").values()), {-1})

    def test_details_count_all_ports_that_are_shown(self) -> None:
        found = self.ask("/details")
        self.assertEqual(found["port"], {"limit": 7, "used": 2, "reserved": 0})
        self.assertEqual(found["security_group"], {"limit": 2, "used": 1, "reserved": 0})
        self.assertEqual(found["security_group_rule"], {"limit": -1, "used": 2, "reserved": 0})
        self.assertEqual(found["network"], {"limit": -1, "used": 0, "reserved": 0})

    def test_other_projects_are_for_admins(self) -> None:
        for part in ("", "/default"):
            self.assertEqual(self.refusal(part).kind, "PolicyNotAuthorized")
        self.assertEqual(self.refusal("/details").kind, "AdminRequired")
        elsewhere = replace(ADMIN, project="8" * 32, namespace="else")
        self.assertEqual(self.ask(caller=elsewhere)["port"], 7)
        self.assertEqual(self.ask("/details", caller=elsewhere)["port"]["used"], 2)
        self.assertEqual(self.ask(id=OTHER, caller=ADMIN)["port"], -1)
