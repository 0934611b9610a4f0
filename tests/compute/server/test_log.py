"""What is noted of actions, and when they ended."""

import json
from typing import Any

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.plan import Ask, Notice, Patch
from dicot.cloud.resource import Bench
from dicot.compute.kinds import Action
from dicot.compute.server import locking
from dicot.compute.server import routes as powering
from dicot.compute.server.log import MOST, actions
from dicot.compute.server.present import Present, present
from dicot.faults import Conflict, Fault, Unavailable
from dicot.kube import errors
from dicot.kube.kind import Row
from dicot.web.call import Reply

from .objects import NAMESPACE, NOW, PROJECT, USER, recorded
from .served import ACTION, LATEST, Served
from .world import MEMBER

KEY = "dicot.io/action-req-1"
BEGUN = "2026-11-21T10:00:00.000000Z"


def note(action: str, start: str, **more: str) -> str:
    return json.dumps({"action": action, "user": USER, "project": PROJECT, "start": start, **more})


class LogCase(Served):
    @staticmethod
    def register(bench: Bench) -> None:
        powering.routes(bench)
        locking.routes(bench)

    def act(self, key: str, row: Row, value: Any = None, who: Caller = MEMBER) -> Reply:
        return self.ask(key, ACTION, value, id=row.id, who=who, version=LATEST)

    def noted(self, place: int = 0) -> dict[str, Any]:
        """The annotations of actions that a plan changes."""
        plan = self.plans.applied[place]
        steps = [step for step in (*plan.binds, plan.commit) if isinstance(step, Patch)]
        found: dict[str, Any] = {}
        for step in steps:
            assert isinstance(step.body, dict)
            for name, text in step.body["metadata"].get("annotations", {}).items():
                if name.startswith("dicot.io/action-"):
                    found[name] = None if text is None else json.loads(text)
        return found

    def seen(self, row: Row) -> Present:
        found = present(self.world.known(), row.id, NOW)
        assert found is not None
        return found

    def log(self, row: Row) -> list[Action]:
        return actions(self.seen(row), PROJECT)


class NotingTests(LogCase):
    def test_before_an_action_is_carried_out(self) -> None:
        row = self.place()
        host = recorded("running")["vmi"]["status"]["nodeName"]
        entry = {"action": "stop", "user": USER, "project": PROJECT, "start": BEGUN, "host": host}
        self.act("os-stop", row)
        plan = self.applied()
        self.assertEqual(plan.commit, Ask(VM, NAMESPACE, row.name, "stop"))
        [bind] = plan.binds
        self.assertEqual((bind.kind, bind.namespace, bind.name, bind.version), (VM, NAMESPACE, row.name, ""))
        self.assertEqual(self.noted(), {KEY: entry})

    def test_beside_what_else_is_noted_then(self) -> None:
        self.act("os-stop", self.place())
        [bind] = self.applied().binds
        assert isinstance(bind.body, dict)
        self.assertEqual(bind.body["metadata"]["annotations"].keys(), {KEY, "dicot.io/launched-at"})

    def test_with_the_patch_where_the_action_is_one(self) -> None:
        self.act("lock", self.place())
        plan = self.applied()
        self.assertEqual(plan.binds, ())
        self.assertTrue(isinstance(plan.commit, Patch) and plan.commit.version)
        self.assertEqual(self.noted()[KEY]["finish"], BEGUN)
        row = self.place("crash_loop_waits", "loop")
        self.plans.applied.clear()
        self.act("os-stop", row)
        commit = self.applied().commit
        assert isinstance(commit, Patch) and isinstance(commit.body, dict)
        self.assertEqual(commit.body.get("spec"), {"runStrategy": "Manual"})
        self.assertEqual(self.noted()[KEY]["action"], "stop")

    def test_of_everything_that_is_done_to_a_server(self) -> None:
        for key, value, moment, action in (
            ("os-start", None, "stopped_succeeded", "start"),
            ("os-stop", None, "running", "stop"),
            ("reboot", {"type": "HARD"}, "running", "reboot"),
            ("reboot", {"type": "SOFT"}, "running", "reboot"),
            ("lock", None, "running", "lock"),
            ("unlock", None, "running", "unlock"),
        ):
            self.plans.applied.clear()
            row = self.place(moment)
            self.act(key, row, value)
            self.assertEqual(self.noted()[KEY]["action"], action, key)
            self.assertEqual(self.applied().notice, Notice(VM, row, f"Server{action.capitalize()}", ""), key)

    def test_nothing_of_what_is_refused_before_it_begins(self) -> None:
        self.assertRaises(Conflict, self.act, "os-start", self.place())
        self.act("lock", self.place(**{"dicot.io/lock": '{"by":"owner"}'}))
        self.assertEqual(self.plans.applied, [])

    def test_what_the_cluster_refuses_is_an_error(self) -> None:
        row = self.place()
        self.plans.refuse = [errors.Conflict(409, "Conflict", "VM is not running")]
        fault = self.assertRaises(Conflict, self.act, "os-stop", row)
        entry = self.noted(1)[KEY]
        self.assertEqual((entry["action"], entry["error"], entry["finish"]), ("stop", fault.message, BEGUN))
        self.assertEqual(self.plans.applied[1].binds, ())
        told = Notice(VM, row, "ServerStopRefused", fault.message, warning=True)
        self.assertEqual(self.plans.applied[1].notice, told)

    def test_also_where_that_cannot_be_noted(self) -> None:
        row, refused = self.place(), [Conflict("no"), Unavailable("gone")]

        async def apply(caller: Caller, request_id: str, derive: Any) -> None:
            derive()
            raise refused.pop(0)

        self.patch(self.plans, "apply", apply)
        self.assertEqual(self.assertRaises(Fault, self.act, "os-stop", row).message, "no")
        self.assertEqual(refused, [])

    def test_a_guest_that_cannot_be_asked_leaves_one_note(self) -> None:
        self.plans.refuse = [errors.Conflict(409, "Conflict", "no agent")]
        self.act("reboot", self.place(), {"type": "SOFT"})
        self.assertEqual((self.noted(0)[KEY].get("finish"), self.noted(1)[KEY].get("finish")), (BEGUN, None))
        self.assertEqual(len(self.plans.applied), 2)

    def test_no_more_than_there_is_room_for(self) -> None:
        old = {
            f"dicot.io/action-req-{number + 10}": note("lock", f"2026-11-21T09:{number:02}:00Z", finish="x")
            for number in range(MOST + 2)
        }
        self.act("lock", self.place(**old))
        dropped = [f"dicot.io/action-req-{number}" for number in (10, 11, 12)]
        self.assertEqual([key for key, entry in self.noted().items() if entry is None], dropped)


class EndTests(LogCase):
    """When the last action ended."""

    def ends(self, moment: str, action: str, start: str, **more: str) -> str:
        annotations = {"dicot.io/action-req-9": note(action, start, **more), "dicot.io/launched-at": start}
        [found] = [each for each in self.log(self.place(moment, **annotations)) if each.request == "req-9"]
        return found.finish

    def test_a_start_when_the_instance_runs(self) -> None:
        since = recorded("running")["vmi"]["status"]["phaseTransitionTimestamps"]
        [at] = [each["phaseTransitionTimestamp"] for each in since if each["phase"] == "Running"]
        for action in ("start", "reboot"):
            self.assertEqual(self.ends("running", action, at.replace("Z", ".000000Z")), at.replace("Z", ".000000Z"))
            self.assertEqual(self.ends("running", action, at.replace("Z", ".500000Z")), at.replace("Z", ".500000Z"))
            self.assertEqual(self.ends("running", action, "2036-01-01T00:00:00Z"), "")

    def test_not_while_it_is_under_way(self) -> None:
        self.assertEqual(self.ends("start_starting", "start", "2020-01-01T00:00:00Z"), "")
        self.assertEqual(self.ends("stopping", "stop", "2020-01-01T00:00:00Z"), "")

    def test_a_stop_when_the_machine_is_not_ready_any_more(self) -> None:
        [at] = [
            each["lastTransitionTime"]
            for each in recorded("stopped")["vm"]["status"]["conditions"]
            if each["type"] == "Ready"
        ]
        self.assertEqual(self.ends("stopped", "stop", "2020-01-01T00:00:00Z"), at.replace("Z", ".000000Z"))
        self.assertEqual(self.ends("running", "stop", "2020-01-01T00:00:00Z"), "")

    def test_as_noted(self) -> None:
        self.assertEqual(
            self.ends("running", "stop", "2020-01-01T00:00:00Z", finish="2020-01-01T00:00:05Z")[:4], "2020"
        )

    def test_what_was_told_of_it_is_kept_with_the_next(self) -> None:
        start = "2020-01-01T00:00:00.000000Z"
        self.act("lock", self.place(**{"dicot.io/action-req-9": note("start", start)}))
        entry = self.noted()["dicot.io/action-req-9"]
        self.assertEqual((entry["action"], entry["start"]), ("start", start))
        self.assertTrue(entry["finish"])


class MakingTests(LogCase):
    def made(self, moment: str, **annotations: str) -> list[Action]:
        more = {"dicot.io/request-id": "req-0", "dicot.io/user-id": USER, **annotations}
        return self.log(self.place(moment, **more))

    def test_the_machine_tells_of_it(self) -> None:
        [found] = self.made("running", **{"dicot.io/launched-at": "2026-11-21T11:25:13Z"})
        created = recorded("running")["vm"]["metadata"]["creationTimestamp"]
        self.assertEqual(
            (found.request, found.action, found.user, found.project, found.start, found.finish, found.error),
            ("req-0", "create", USER, PROJECT, created, "2026-11-21T11:25:13Z", ""),
        )

    def test_it_has_not_ended_before_it_ran(self) -> None:
        [found] = self.made("starting_scheduled")
        self.assertEqual((found.finish, found.error), ("", ""))

    def test_it_failed(self) -> None:
        [found] = self.made("image_pull")
        self.assertIn("The image could not be fetched.", found.error)
        self.assertTrue(found.finish)

    def test_kubectl_leaves_none(self) -> None:
        vm = json.loads(json.dumps(recorded("running")["vm"]))
        vm["metadata"] |= {"namespace": NAMESPACE, "annotations": {}}
        self.assertEqual(self.log(self.world.add(VM, vm)), [])


class FormTests(LogCase):
    def test_what_does_not_fit_counts_as_not_there(self) -> None:
        good = note("stop", "2026-11-21T09:00:00Z", finish="2026-11-21T09:00:01Z")
        texts = ("{", "[]", "{}", note("", BEGUN), note("stop", "soon"), note("stop", BEGUN, user="a b"), good)
        annotations = {f"dicot.io/action-req-{place}": text for place, text in enumerate(texts)}
        row = self.place(**annotations, **{"dicot.io/request-id": ""})
        self.assertEqual([each.request for each in self.log(row)], ["req-6"])

    def test_the_last_comes_first(self) -> None:
        starts = ("2026-11-21T09:00:00Z", "2026-11-21T09:00:02.5Z", "2026-11-21T09:00:02.25Z")
        annotations = {f"dicot.io/action-req-{place}": note("stop", start) for place, start in enumerate(starts)}
        row = self.place(**annotations, **{"dicot.io/request-id": "req-3"})
        order = [each.request for each in self.log(row)]
        self.assertEqual([each for each in order if each != "req-3"], ["req-1", "req-2", "req-0"])
