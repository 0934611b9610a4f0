"""Limits and quota sets: where the numbers come from, and how they are shown."""

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.cloud.kinds.quota import RESOURCE_QUOTA
from dicot.compute.limit import LIMITS
from dicot.compute.quota import NO_FILES, NO_NETWORKS
from dicot.compute.quota_set import QUOTA_SETS
from dicot.compute.server_group import SERVER_GROUP
from dicot.config import QUOTA_DEFAULTS, Config
from dicot.faults import BadRequest, Forbidden
from tests.bench import ADMIN, MEMBER, PROJECT, USER, Workbench

STRANGER = replace(MEMBER, roles=frozenset(), personas=frozenset({"any"}))
OTHER = "9" * 32
VERSIONS = ((2, 1), (2, 36), (2, 39), (2, 57), (2, 75))


def machine(name: str, user: str = USER) -> dict[str, Any]:
    flavor = '{"id": "2", "name": "m1.small", "vcpus": 2, "ram": 2048}'
    notes = {"dicot.io/flavor": flavor, "dicot.io/user-id": user}
    return {"metadata": {"name": name, "namespace": "demo", "uid": name, "annotations": notes}}


GROUPS = [
    {"metadata": {"name": name, "namespace": "demo", "uid": name}, "spec": {"userId": user}}
    for name, user in (("g", USER), ("h", "4" * 32))
]


def quota(name: str, note: str = "", namespace: str = "demo", **more: Any) -> dict[str, Any]:
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": name,
        "annotations": {"dicot.io/quota": note} if note else {},
    }
    return {"metadata": meta, "spec": more}


class AmountTests(SynchronousTestCase):
    """Where the numbers come from."""

    def limits(self, *quotas: dict[str, Any], config: Config | None = None) -> dict[str, int]:
        bench = Workbench(QUOTA_SETS, {VM: [], VMI: [], RESOURCE_QUOTA: quotas}, config)
        body: Any = self.successResultOf(bench.ask("GET", "/os-quota-sets/<id>", id=PROJECT)).body
        found: dict[str, int] = body["quota_set"]
        return found

    def test_the_configuration_has_defaults(self) -> None:
        found = self.limits(config=Config(quota={**QUOTA_DEFAULTS, "cores": 3}))
        self.assertEqual((found["cores"], found["instances"], found["server_groups"]), (3, 10, 10))

    def test_a_project_may_have_amounts_of_its_own(self) -> None:
        own = quota("dicot", '{"cores": 40, "ram": -1}', hard={"count/virtualmachines.kubevirt.io": "50"})
        found = self.limits(own)
        self.assertEqual((found["cores"], found["ram"], found["instances"]), (40, -1, 50))
        self.assertEqual(found["key_pairs"], 100)

    def test_what_kubernetes_enforces_holds_whoever_set_it(self) -> None:
        hard = {"count/virtualmachines.kubevirt.io": "5"}
        self.assertEqual(self.limits(quota("team", hard=hard))["instances"], 5)
        unlimited = quota("dicot", '{"instances": -1}')
        self.assertEqual(self.limits(unlimited)["instances"], -1)
        self.assertEqual(self.limits(unlimited, quota("team", hard=hard))["instances"], 5)
        roomy = quota("team", hard={"count/virtualmachines.kubevirt.io": "500"})
        self.assertEqual(self.limits(roomy)["instances"], 10)

    def test_other_quotas_say_nothing_of_cores(self) -> None:
        found = self.limits(quota("team", '{"cores": 1}', hard={"requests.cpu": "1"}))
        self.assertEqual(found["cores"], 20)

    def test_quotas_of_some_pods_and_of_other_namespaces_do_not_count(self) -> None:
        hard = {"count/virtualmachines.kubevirt.io": "1"}
        found = self.limits(
            quota("team", hard=hard, scopes=["BestEffort"]),
            quota("more", hard=hard, scopeSelector={"matchExpressions": []}),
            quota("dicot", namespace="other", hard=hard),
        )
        self.assertEqual(found["instances"], 10)

    def test_what_does_not_fit_counts_as_not_said(self) -> None:
        for note in ("{", "[]", '{"cores": "many"}', '{"cores": 1.5}'):
            self.assertEqual(self.limits(quota("dicot", note))["cores"], 20, note)
        self.assertEqual(self.limits(quota("dicot", '{"injected_files": 5, "gpus": 1}'))["injected_files"], 0)


class QuotaSetTests(SynchronousTestCase):
    """N-31."""

    def setUp(self) -> None:
        own = quota("dicot", '{"cores": 40}')
        machines = [machine("a"), machine("b", "4" * 32)]
        self.bench = Workbench(QUOTA_SETS, {VM: machines, VMI: [], SERVER_GROUP: GROUPS, RESOURCE_QUOTA: [own]})

    def ask(self, part: str = "", id: str = PROJECT, **asked: Any) -> Any:
        body: Any = self.successResultOf(self.bench.ask("GET", f"/os-quota-sets/<id>{part}", id=id, **asked)).body
        return body["quota_set"]

    def test_show(self) -> None:
        found = self.ask()
        self.assertEqual(found["id"], PROJECT)
        self.assertEqual((found["cores"], found["ram"]), (40, 51200))

    def test_defaults_are_those_of_nobody(self) -> None:
        self.assertEqual(self.ask("/defaults")["cores"], 20)
        self.assertEqual(self.ask("/defaults", id=OTHER, caller=STRANGER)["id"], OTHER)

    def test_detail_says_what_is_used(self) -> None:
        found = self.ask("/detail")
        self.assertEqual(found["cores"], {"limit": 40, "in_use": 4, "reserved": 0})
        self.assertEqual(found["instances"], {"limit": 10, "in_use": 2, "reserved": 0})
        self.assertEqual(found["key_pairs"], {"limit": 100, "in_use": 0, "reserved": 0})
        self.assertEqual(found["server_groups"], {"limit": 10, "in_use": 2, "reserved": 0})
        mine = self.ask("/detail", query={"user_id": [USER]})
        self.assertEqual((mine["instances"]["in_use"], mine["server_groups"]["in_use"]), (1, 1))

    def test_steps_drop_what_is_not_novas_any_more(self) -> None:
        for part in ("", "/defaults", "/detail"):
            found = {version: set(self.ask(part, version=version)) for version in VERSIONS}
            self.assertEqual(found[(2, 1)] - found[(2, 36)], set(NO_NETWORKS))
            self.assertEqual(found[(2, 36)] - found[(2, 57)], set(NO_FILES))
            self.assertEqual(found[(2, 57)], {"id", *QUOTA_DEFAULTS})

    def test_other_projects_are_for_admins(self) -> None:
        for part, policy in (("", "show"), ("/detail", "detail")):
            refused = self.failureResultOf(self.bench.ask("GET", f"/os-quota-sets/<id>{part}", id=OTHER), Forbidden)
            self.assertEqual(
                str(refused.value), f"Policy doesn't allow os_compute_api:os-quota-sets:{policy} to be performed."
            )
            elsewhere = replace(ADMIN, project="8" * 32, namespace="else")
            self.assertEqual(self.ask(part, caller=elsewhere)["id"], PROJECT)
        self.assertEqual(self.ask("/detail", caller=elsewhere)["instances"]["in_use"], 2)

    def test_admins_are_told_of_projects_that_are_none(self) -> None:
        for part in ("", "/defaults", "/detail"):
            asked = self.bench.ask("GET", f"/os-quota-sets/<id>{part}", id=OTHER, caller=ADMIN)
            refused = self.failureResultOf(asked, BadRequest)
            self.assertEqual(str(refused.value), f"Project ID {OTHER} is not a valid project.")

    def test_unknown_parameters_are_refused_from_2_75_on(self) -> None:
        for part in ("", "/detail"):
            self.ask(part, query={"x": ["y"]}, version=(2, 74))
            asked = self.bench.ask(
                "GET", f"/os-quota-sets/<id>{part}", id=PROJECT, query={"x": ["y"]}, version=(2, 75)
            )
            self.failureResultOf(asked, BadRequest)
        self.ask("/defaults", query={"x": ["y"]}, version=(2, 104))


class LimitTests(SynchronousTestCase):
    """N-30."""

    def setUp(self) -> None:
        own = quota("dicot", '{"cores": 40}')
        self.bench = Workbench(LIMITS, {VM: [machine("a")], VMI: [], SERVER_GROUP: GROUPS, RESOURCE_QUOTA: [own]})

    def absolute(self, **asked: Any) -> Any:
        body: Any = self.successResultOf(self.bench.ask("GET", "/limits", **asked)).body
        return body["limits"]["absolute"]

    def test_counts_what_servers_take(self) -> None:
        found = self.absolute()
        used = {key: found[key] for key in ("totalInstancesUsed", "totalCoresUsed", "totalRAMUsed")}
        self.assertEqual(used, {"totalInstancesUsed": 1, "totalCoresUsed": 2, "totalRAMUsed": 2048})
        self.assertEqual(
            (found["maxTotalInstances"], found["maxTotalCores"], found["maxTotalRAMSize"]), (10, 40, 51200)
        )
        self.assertEqual((found["maxServerGroups"], found["totalServerGroupsUsed"]), (10, 2))

    def test_steps_drop_what_is_not_novas_any_more(self) -> None:
        found = {version: set(self.absolute(version=version)) for version in VERSIONS}
        self.assertIn("maxTotalFloatingIps", found[(2, 1)] - found[(2, 36)])
        self.assertEqual(found[(2, 36)] - found[(2, 39)], {"maxImageMeta"})
        self.assertEqual(found[(2, 39)] - found[(2, 57)], {"maxPersonality", "maxPersonalitySize"})

    def test_who_names_a_project_must_be_an_admin(self) -> None:
        for named in (OTHER, PROJECT):
            self.failureResultOf(self.bench.ask("GET", "/limits", query={"tenant_id": [named]}), Forbidden)
        elsewhere = replace(ADMIN, project="8" * 32, namespace="else")
        found = self.absolute(query={"tenant_id": [PROJECT]}, caller=elsewhere)
        self.assertEqual((found["totalInstancesUsed"], found["maxTotalCores"]), (1, 40))
        found = self.absolute(query={"tenant_id": [OTHER]}, caller=ADMIN)
        self.assertEqual((found["totalInstancesUsed"], found["maxTotalCores"]), (0, 20))

    def test_reserved_is_ignored_until_2_75(self) -> None:
        self.absolute(query={"reserved": ["1"]}, version=(2, 74))
        self.failureResultOf(self.bench.ask("GET", "/limits", query={"reserved": ["1"]}, version=(2, 75)), BadRequest)
