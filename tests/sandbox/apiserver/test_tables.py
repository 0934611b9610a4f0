"""Tables, cell by cell."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.builtin import built_in
from dicot.sandbox.apiserver.tables.builtin import ROWS
from dicot.sandbox.apiserver.tables.paths import Unreadable, path, printed
from dicot.sandbox.apiserver.tables.pods import pod
from dicot.sandbox.apiserver.tables.printed import PrintedTables
from dicot.sandbox.apiserver.tables.words import access, lasting, selector, since

from .definitions import known, resource

NOW = 1_700_000_000.0
CREATED = "2023-11-14T22:12:20Z"


def _pod(**status: Any) -> Manifest:
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}], "nodeName": "n"}
    return {"metadata": {"name": "p", "creationTimestamp": CREATED}, "spec": spec, "status": status}


class Words(SynchronousTestCase):
    def test_durations(self) -> None:
        said = {
            -5: "<invalid>",
            -1: "0s",
            119: "119s",
            120: "2m",
            125: "2m5s",
            600: "10m",
            3 * 3600: "3h",
            3 * 3600 + 60: "3h1m",
            9 * 3600 + 60: "9h",
            2 * 86400: "2d",
            2 * 86400 + 3600: "2d1h",
            9 * 86400: "9d",
            730 * 86400: "2y",
            731 * 86400: "2y1d",
            3000 * 86400: "8y",
        }
        self.assertEqual({seconds: lasting(seconds) for seconds in said}, said)

    def test_moments(self) -> None:
        self.assertEqual(since(CREATED, NOW), "60s")
        self.assertEqual(since(None, NOW), "<unknown>")

    def test_access_modes_are_in_order_and_once(self) -> None:
        self.assertEqual(access(["ReadWriteMany", "ReadWriteOnce", "ReadWriteMany"]), "RWO,RWX")

    def test_selectors(self) -> None:
        found = {
            "matchLabels": {"b": "1"},
            "matchExpressions": [
                {"key": "a", "operator": "In", "values": ["y", "x"]},
                {"key": "c", "operator": "DoesNotExist"},
            ],
        }
        self.assertEqual(selector(found), "a in (x,y),b=1,!c")


class Paths(SynchronousTestCase):
    VALUE = {"a": {"b.c": [1, 2], "list": [{"type": "X", "s": "no"}, {"type": "Y", "s": "yes"}]}}

    def test_what_they_lead_to(self) -> None:
        said: dict[str, list[Any]] = {
            r".a.b\.c": [[1, 2]],
            ".a['b.c'][1]": [2],
            ".a['b.c'][-1]": [2],
            ".a['b.c'][5]": [],
            ".a.list[*].s": ["no", "yes"],
            ".a.list[?(@.type=='Y')].s": ["yes"],
            '.a.list[?(@.type!="Y")].s': ["no"],
            ".nothing.here": [],
        }
        self.assertEqual({text: path(text)(self.VALUE) for text in said}, said)

    def test_those_that_are_none(self) -> None:
        self.assertRaises(Unreadable, path, ".a[")

    def test_all_of_ours_can_be_read(self) -> None:
        for definition in known().values():
            for version in definition["spec"]["versions"]:
                for column in version.get("additionalPrinterColumns", ()):
                    path(column["jsonPath"])

    def test_values_as_text(self) -> None:
        said = {"x": "x", True: "true", 5: "5"}
        self.assertEqual({value: printed(value) for value in said}, said)


class Rows(SynchronousTestCase):
    def test_every_row_is_as_wide_as_its_columns(self) -> None:
        plain: Manifest = {
            "metadata": {"name": "x", "creationTimestamp": CREATED},
            "spec": {"template": {"spec": {"containers": []}}},
            "roleRef": {"kind": "Role", "name": "r"},
            "revision": 1,
        }
        for found in built_in().values():
            if "list" in found.verbs and found.plural in ROWS:
                self.assertEqual(len(ROWS[found.plural](plain, NOW)), len(found.columns), found.plural)

    def test_a_pod_that_waits(self) -> None:
        waiting = {"name": "i", "state": {"waiting": {"reason": "PodInitializing"}}}
        cells = pod(_pod(phase="Pending", initContainerStatuses=[waiting]), NOW)
        self.assertEqual(cells, ["p", "0/1", "Init:0/1", "0", "60s", "<none>", "n", "<none>", "<none>"])

    def test_a_pod_that_runs_again(self) -> None:
        ended = {"finishedAt": "2023-11-14T22:13:00Z"}
        state = {"name": "c", "ready": True, "restartCount": 2, "state": {"running": {}}}
        done = {"name": "i", "state": {"terminated": {"exitCode": 0}}, "restartCount": 7}
        found = _pod(
            phase="Running",
            podIPs=[{"ip": "10.0.0.1"}],
            initContainerStatuses=[done],
            containerStatuses=[{**state, "lastState": {"terminated": ended}}],
        )
        self.assertEqual(pod(found, NOW)[1:6], ["1/1", "Running", "2 (20s ago)", "60s", "10.0.0.1"])

    def test_a_pod_that_failed(self) -> None:
        state = {"name": "c", "state": {"terminated": {"exitCode": 1}}}
        self.assertEqual(pod(_pod(phase="Failed", containerStatuses=[state]), NOW)[2], "ExitCode:1")

    def test_a_pod_that_goes(self) -> None:
        found = _pod(phase="Running")
        found["metadata"]["deletionTimestamp"] = CREATED
        self.assertEqual(pod(found, NOW)[2], "Terminating")


class Tables(SynchronousTestCase):
    def table(self, include: str) -> Manifest:
        machines = resource("kubevirt.io/v1", "virtualmachines")
        vm = {
            "metadata": {"name": "v", "creationTimestamp": CREATED},
            "status": {"printableStatus": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }
        return PrintedTables(lambda: NOW).table(machines, [vm], include)

    def test_a_machine(self) -> None:
        found = self.table("Metadata")
        self.assertEqual([each["name"] for each in found["columnDefinitions"]], ["Name", "Age", "Status", "Ready"])
        self.assertEqual(found["rows"][0]["cells"], ["v", "60s", "Running", "True"])

    def test_what_goes_with_a_row(self) -> None:
        self.assertEqual(self.table("Metadata")["rows"][0]["object"]["kind"], "PartialObjectMetadata")
        self.assertIn("status", self.table("Object")["rows"][0]["object"])
        self.assertIsNone(self.table("None")["rows"][0]["object"])
