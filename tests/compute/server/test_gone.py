"""What is left of servers that were deleted: their logs."""

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.plan import Create, Notice, Patch
from dicot.cloud.resource import Bench
from dicot.compute.kinds import SERVER_LOG
from dicot.compute.server import instance_actions
from dicot.compute.server import routes as servers
from dicot.faults import NotFound
from dicot.kube import errors
from dicot.kube.kind import Row
from dicot.web.dialect import Version

from .objects import NAMESPACE, PROJECT, USER
from .served import LATEST, Served
from .world import MEMBER, STRANGER, payload

CRD = Path(__file__).parents[3] / "etc" / "kubernetes" / "crds" / "serverlogs.compute.dicot.io.yaml"
STOPPED = {"action": "stop", "user": USER, "project": PROJECT, "start": "2026-11-21T12:00:02Z"}
BEGUN = "2026-11-21T10:00:00.000000Z"


class GoneCase(Served):
    @staticmethod
    def register(bench: Bench) -> None:
        servers.routes(bench)
        instance_actions.routes(bench)

    def server(self, **annotations: str) -> Row:
        more = {"dicot.io/request-id": "req-0", "dicot.io/action-req-9": json.dumps(STOPPED)}
        return self.place(**(more | annotations))

    def delete(self, row: Row) -> Any:
        """Deletes it, and gives the log that is kept."""
        self.ask("DELETE", "/servers/<id>", id=row.id)
        step = self.plans.applied[0].commit
        assert isinstance(step, Create)
        return step.body

    def vanish(self, row: Row, log: Any) -> None:
        """The server is gone, and its log there."""
        for kind in self.world.kinds():
            self.world.remove(kind, row.place)
        self.world.add(SERVER_LOG, {**log, "metadata": {**log["metadata"], "uid": "uid-log"}})

    def listed(self, row: Row, version: Version = LATEST, who: Caller = MEMBER) -> Any:
        url = "/servers/<id>/os-instance-actions"
        answer = payload(self.ask("GET", url, id=row.id, version=version, who=who))
        return [(each["request_id"], each["action"]) for each in answer["instanceActions"]]


class KeptTests(GoneCase):
    def test_the_object(self) -> None:
        row = self.server()
        log = self.delete(row)
        self.assertEqual(
            (log["apiVersion"], log["kind"], log["metadata"]["namespace"], log["metadata"]["labels"]),
            ("compute.dicot.io/v1", "ServerLog", NAMESPACE, {"dicot.io/id": row.id}),
        )
        spec = log["spec"]
        self.assertEqual((spec["serverId"], spec["name"], spec["expires"]), (row.id, "web1", "2026-11-22T10:00:00Z"))
        self.assertCountEqual([each["action"] for each in spec["actions"]], ["delete", "stop", "create"])
        [deletion] = [each for each in spec["actions"] if each["action"] == "delete"]
        self.assertEqual((deletion["request"], deletion["user"], deletion["start"]), ("req-1", USER, BEGUN))

    def test_what_it_had_used_is_kept(self) -> None:
        usage = self.delete(self.server())["spec"]["usage"]
        self.assertEqual(
            (usage.pop("startedAt"), usage.pop("endedAt")), ("2026-11-21T11:25:13Z", "2026-11-21T10:00:00Z")
        )
        self.assertEqual(usage, {"flavor": "m1.small", "vcpus": 1, "memoryMb": 2048, "localGb": 20})

    def test_the_machine_is_told_of_it(self) -> None:
        row = self.server()
        self.delete(row)
        self.assertEqual([plan.notice for plan in self.plans.applied], [None, Notice(VM, row, "ServerDelete", "")])

    def test_a_second_deletion_is_added_to_it(self) -> None:
        row = self.server()
        log = self.delete(row)
        self.assertEqual(log["metadata"]["name"], f"{row.name}.{row.uid[:8]}")
        for each in log["spec"]["actions"]:
            each["request"] = "req-8" if each["action"] == "delete" else each["request"]
        self.world.add(SERVER_LOG, {**log, "metadata": {**log["metadata"], "uid": "uid-log", "resourceVersion": "7"}})
        self.plans.applied.clear()
        self.ask("DELETE", "/servers/<id>", id=row.id)
        step = self.plans.applied[0].commit
        assert isinstance(step, Patch) and isinstance(step.body, dict)
        self.assertEqual((step.kind, step.name, step.version), (SERVER_LOG, log["metadata"]["name"], "7"))
        requests = [each["request"] for each in step.body["spec"]["actions"]]
        self.assertCountEqual(requests, ["req-1", "req-8", "req-9", "req-0"])

    def test_it_fits_its_schema_whatever_the_notes_say(self) -> None:
        """Nothing that somebody wrote may keep a server from being deleted."""
        schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        long = {"action": "x" * 9000, "start": BEGUN, "finish": "soon", "error": "e" * 9000, "host": "h" * 9000}
        notes = {f"dicot.io/action-req-{number}": json.dumps(long) for number in range(100)}
        row = self.server(**notes, **{"dicot.io/launched-at": "soon", "dicot.io/name": "n" * 9000})
        log = self.delete(row)
        Draft202012Validator(schema).validate(log)
        self.assertNotIn("soon", str(log))
        self.assertFalse(Draft202012Validator(schema).is_valid({"spec": {"serverId": 1}}))


class ReadTests(GoneCase):
    def test_after_the_server_is_gone(self) -> None:
        row = self.server()
        self.vanish(row, self.delete(row))
        self.assertCountEqual(self.listed(row), [("req-1", "delete"), ("req-9", "stop"), ("req-0", "create")])
        answer = self.ask(
            "GET", "/servers/<id>/os-instance-actions/<request_id>", id=row.id, request_id="req-1", version=LATEST
        )
        shown = payload(answer)["instanceAction"]
        [event] = shown["events"]
        self.assertEqual((event["event"], event["finish_time"]), ("compute_terminate_instance", None))

    def test_from_2_21_on(self) -> None:
        row = self.server()
        self.vanish(row, self.delete(row))
        self.assertEqual(len(self.listed(row, (2, 21))), 3)
        self.assertRaises(NotFound, self.listed, row, (2, 20))

    def test_by_nobody_of_another_project(self) -> None:
        row = self.server()
        self.vanish(row, self.delete(row))
        self.assertRaises(NotFound, self.listed, row, who=STRANGER)

    def test_of_a_server_that_left_none(self) -> None:
        row = self.server()
        for kind in self.world.kinds():
            self.world.remove(kind, row.place)
        fault = self.assertRaises(NotFound, self.listed, row)
        self.assertEqual(fault.message, f"Instance {row.id} could not be found.")

    def test_while_it_is_going(self) -> None:
        row = self.server()
        log = self.delete(row)
        self.world.add(SERVER_LOG, {**log, "metadata": {**log["metadata"], "uid": "uid-log"}})
        self.assertCountEqual(self.listed(row), [("req-9", "stop"), ("req-1", "delete"), ("req-0", "create")])

    def test_a_deletion_that_was_refused_is_an_error(self) -> None:
        row = self.server()
        log = self.delete(row)
        self.plans.applied.clear()
        applied: list[Any] = []

        async def apply(caller: Caller, request_id: str, derive: Any) -> None:
            applied.append(derive())
            if len(applied) == 2:
                raise applied[-1].refusals[errors.Missing](None)

        self.patch(self.plans, "apply", apply)
        self.assertRaises(NotFound, self.ask, "DELETE", "/servers/<id>", id=row.id)
        note = applied[2].commit.body["metadata"]["annotations"]["dicot.io/action-req-1"]
        self.assertIn("could not be found", json.loads(note)["error"])
        row = self.server(**{"dicot.io/action-req-1": note})
        self.world.add(SERVER_LOG, {**log, "metadata": {**log["metadata"], "uid": "uid-log"}})
        url = "/servers/<id>/os-instance-actions"
        [found] = [
            each
            for each in payload(self.ask("GET", url, id=row.id, version=LATEST))["instanceActions"]
            if each["request_id"] == "req-1"
        ]
        self.assertEqual(found["message"], "Error")
