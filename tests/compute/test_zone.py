"""Availability zones, extensions and limits."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import NODE, VM, VMI
from dicot.compute.extension import EXTENSIONS
from dicot.compute.limit import LIMITS
from dicot.compute.zone import ZONES
from dicot.faults import BadRequest, Forbidden, NotFound
from tests.bench import ADMIN, PROJECT, Workbench


def node(name: str, zone: str = "", ready: bool = True, **labels: str) -> dict[str, Any]:
    told = {"kubevirt.io/schedulable": "true", **({"topology.kubernetes.io/zone": zone} if zone else {}), **labels}
    beat = {"kubevirt.io/heartbeat": "2026-11-21T10:00:00Z"}
    return {
        "metadata": {"name": name, "uid": name, "labels": told, "annotations": beat},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


NODES = [
    node("n1", "east"),
    node("n2", "east", ready=False),
    node("n3", "west", ready=False),
    node("n4"),
    {"metadata": {"name": "control", "uid": "c"}},
]


class ZoneTests(SynchronousTestCase):
    """N-29, N-60."""

    def setUp(self) -> None:
        self.bench = Workbench(ZONES, {NODE: NODES})

    def zones(self, url: str, **asked: Any) -> Any:
        body: Any = self.successResultOf(self.bench.ask("GET", url, **asked)).body
        return body["availabilityZoneInfo"]

    def test_names_zones_with_a_host_first(self) -> None:
        self.assertEqual(
            [
                (zone["zoneName"], zone["zoneState"]["available"], zone["hosts"])
                for zone in self.zones("/os-availability-zone")
            ],
            [("east", True, None), ("nova", True, None), ("west", False, None)],
        )

    def test_detail_names_hosts_and_what_runs_there(self) -> None:
        east = self.zones("/os-availability-zone/detail", caller=ADMIN)[0]
        self.assertEqual(sorted(east["hosts"]), ["n1", "n2"])
        self.assertEqual(
            east["hosts"]["n2"]["nova-compute"],
            {"available": False, "active": True, "updated_at": "2026-11-21T10:00:00.000000"},
        )

    def test_unknown_parameters_are_refused_from_2_102_on(self) -> None:
        asked = self.bench.ask("GET", "/os-availability-zone", query={"x": ["y"]}, version=(2, 102))
        self.failureResultOf(asked, BadRequest)


class ExtensionTests(SynchronousTestCase):
    """N-02."""

    def setUp(self) -> None:
        self.bench = Workbench(EXTENSIONS, {})

    def test_lists_and_shows(self) -> None:
        listed: Any = self.successResultOf(self.bench.ask("GET", "/extensions")).body
        shown: Any = self.successResultOf(self.bench.ask("GET", "/extensions/<alias>", alias="os-keypairs")).body
        self.assertIn(shown["extension"], listed["extensions"])
        self.failureResultOf(self.bench.ask("GET", "/extensions/<alias>", alias="os-nothing"), NotFound)


VM_OBJECT = {
    "metadata": {
        "name": "a",
        "namespace": "demo",
        "uid": "u",
        "annotations": {"dicot.io/flavor": '{"id": "2", "name": "m1.small", "vcpus": 2, "ram": 2048}'},
    }
}


class LimitTests(SynchronousTestCase):
    """N-30."""

    def setUp(self) -> None:
        self.bench = Workbench(LIMITS, {VM: [VM_OBJECT], VMI: []})

    def absolute(self, **asked: Any) -> Any:
        body: Any = self.successResultOf(self.bench.ask("GET", "/limits", **asked)).body
        return body["limits"]["absolute"]

    def test_counts_what_servers_take(self) -> None:
        found = self.absolute()
        used = {key: found[key] for key in ("totalInstancesUsed", "totalCoresUsed", "totalRAMUsed")}
        self.assertEqual(used, {"totalInstancesUsed": 1, "totalCoresUsed": 2, "totalRAMUsed": 2048})
        self.assertEqual(
            (found["maxTotalInstances"], found["maxTotalCores"], found["maxTotalRAMSize"]), (10, 20, 51200)
        )

    def test_steps_drop_what_is_not_novas_any_more(self) -> None:
        found = {version: set(self.absolute(version=version)) for version in ((2, 1), (2, 36), (2, 39), (2, 57))}
        self.assertIn("maxTotalFloatingIps", found[(2, 1)] - found[(2, 36)])
        self.assertEqual(found[(2, 36)] - found[(2, 39)], {"maxImageMeta"})
        self.assertEqual(found[(2, 39)] - found[(2, 57)], {"maxPersonality", "maxPersonalitySize"})

    def test_other_projects_are_for_admins(self) -> None:
        asked = self.bench.ask("GET", "/limits", query={"tenant_id": ["9" * 32]})
        self.failureResultOf(asked, Forbidden)
        self.assertEqual(self.absolute(query={"tenant_id": [PROJECT]}, caller=ADMIN)["totalInstancesUsed"], 1)
        self.assertEqual(self.absolute(query={"tenant_id": ["9" * 32]}, caller=ADMIN)["totalInstancesUsed"], 0)
