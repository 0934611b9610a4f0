"""Availability zones and extensions."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import NODE
from dicot.compute.extension import extensions
from dicot.compute.limit import LIMITS
from dicot.compute.zone import ZONES
from dicot.faults import BadRequest, NotFound
from tests.bench import ADMIN, Workbench


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
        self.bench = Workbench(extensions((LIMITS,)), {})

    def test_lists_and_shows(self) -> None:
        listed: Any = self.successResultOf(self.bench.ask("GET", "/extensions")).body
        shown: Any = self.successResultOf(self.bench.ask("GET", "/extensions/<alias>", alias="os-keypairs")).body
        self.assertIn(shown["extension"], listed["extensions"])
        self.assertIn("os-used-limits", [each["alias"] for each in listed["extensions"]])
        self.failureResultOf(self.bench.ask("GET", "/extensions/<alias>", alias="os-nothing"), NotFound)
