"""Start, stop and reboot; who may do what."""

import json
from collections.abc import Callable
from typing import Any

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.cloud.plan import Ask, Patch, Step
from dicot.compute.server.resource import SERVERS
from dicot.faults import BadRequest, Conflict, NotFound
from dicot.kube import errors
from dicot.kube.kind import Row
from dicot.web.call import Reply

from .objects import (
    NAMESPACE,
    OTHER_NAMESPACE,
    recorded,
)
from .served import ACTION, Served, unlogged
from .world import ADMIN, MEMBER, STRANGER, payload

LAUNCHED = {"dicot.io/launched-at": "2026-11-21T11:25:13Z"}


class PowerTests(Served):
    def act(self, key: str, row: Row, value: Any = None, who: Caller = MEMBER) -> Reply:
        return self.ask(key, ACTION, value, id=row.id, who=who)

    def steps(self) -> list[Step]:
        return unlogged(self.applied())

    def conflict(self, key: str, row: Row, state: str, value: Any = None) -> None:
        action = key.removeprefix("os-")
        message = f"Cannot '{action}' instance {row.id} while it is in {state}"
        self.refused(Conflict, message, key, ACTION, value, id=row.id)

    def test_stop(self) -> None:
        row = self.place(**LAUNCHED)
        self.assertEqual(self.act("os-stop", row).code, 202)
        self.assertEqual(self.steps(), [Ask(VM, NAMESPACE, row.name, "stop")])

    def test_that_it_ever_ran_is_noted_before_its_instance_goes(self) -> None:
        """No replica may be the steward at that moment, and afterwards nothing tells it from one that never ran."""
        row = self.place()
        note = {"metadata": {"annotations": {"dicot.io/launched-at": "2026-11-21T11:25:13Z"}}}
        self.act("os-stop", row)
        self.assertEqual(self.steps()[0], Patch(VM, NAMESPACE, row.name, note))
        self.plans.applied.clear()
        self.act("reboot", row, {"type": "HARD"})
        restart = self.steps()[0]
        assert isinstance(restart, Patch) and isinstance(restart.body, dict)
        self.assertEqual(restart.body["metadata"]["annotations"].keys(), {"dicot.io/launched-at", "dicot.io/task"})

    def test_start(self) -> None:
        row = self.place("stopped_succeeded")
        self.act("os-start", row)
        self.assertEqual(self.steps()[-1], Ask(VM, NAMESPACE, row.name, "start"))

    def test_a_server_in_error_can_be_stopped(self) -> None:
        row = self.place("image_pull", "pull")
        self.act("os-stop", row)
        self.assertEqual(self.steps(), [Ask(VM, NAMESPACE, row.name, "stop")])

    def test_a_crash_loop_is_stopped_by_its_strategy(self) -> None:
        row = self.place("crash_loop_waits", "loop")
        self.world.remove(VMI, row.place)
        self.act("os-stop", row)
        self.assertEqual(self.steps(), [Patch(VM, NAMESPACE, row.name, {"spec": {"runStrategy": "Manual"}})])

    def test_and_started_by_it(self) -> None:
        row = self.place("crash_loop_manual", "loop")
        self.act("os-start", row)
        self.assertEqual(self.steps(), [Patch(VM, NAMESPACE, row.name, {"spec": {"runStrategy": "RerunOnFailure"}})])

    def test_a_manual_vm_of_somebody_else_keeps_its_strategy(self) -> None:
        row = self.place("manual", "manual")
        vm = json.loads(json.dumps(recorded("manual")["vm"]))
        vm["metadata"]["namespace"] = NAMESPACE
        vm["metadata"]["labels"].pop("dicot.io/managed")
        self.world.remove(VM, row.place)
        row = self.world.add(VM, vm)
        self.act("os-start", row)
        self.assertEqual(self.steps(), [Ask(VM, NAMESPACE, row.name, "start")])

    def test_what_makes_no_sense(self) -> None:
        running, building, stopped = self.place(), self.place("starting_scheduled", "b"), self.place("stopped", "s")
        self.conflict("os-start", running, "vm_state active")
        self.conflict("os-stop", stopped, "vm_state stopped")
        self.conflict("os-stop", building, "vm_state building")
        self.conflict("reboot", building, "vm_state building", {"type": "HARD"})
        self.conflict("reboot", stopped, "vm_state stopped", {"type": "SOFT"})
        self.conflict("os-stop", self.place("stopping", "t"), "task_state powering-off")
        self.conflict("os-start", self.place("start_starting", "u"), "task_state powering-on")
        self.conflict("reboot", self.place("deleting", "d"), "task_state deleting", {"type": "HARD"})
        self.assertEqual(self.plans.applied, [])

    def test_what_kubevirt_refuses_is_the_same_conflict(self) -> None:
        row = self.place()
        self.plans.refuse = [errors.Conflict(409, "Conflict", "VM is not running")]
        self.conflict("os-stop", row, "vm_state active")
        self.plans.refuse = [errors.Missing(404, "NotFound", "gone")]
        self.assertRaises(NotFound, self.act, "os-stop", row)

    def test_a_locked_server_is_left_alone_but_by_administrators(self) -> None:
        row = self.place(**{"dicot.io/lock": "{}"})
        asked: tuple[Callable[[Caller], Reply], ...] = (
            lambda who: self.act("os-stop", row, who=who),
            lambda who: self.act("reboot", row, {"type": "HARD"}, who=who),
            lambda who: self.ask("DELETE", "/servers/<id>", id=row.id, who=who),
        )
        for ask in asked:
            fault = self.assertRaises(Conflict, ask, MEMBER)
            self.assertEqual(fault.message, f"Instance {row.id} is locked")
            ask(ADMIN)

    def test_a_hard_reboot_notes_its_task_and_restarts(self) -> None:
        row = self.place()
        self.act("reboot", row, {"type": "hard"})
        note, ask = self.steps()
        self.assertEqual(ask, Ask(VM, NAMESPACE, row.name, "restart", {"gracePeriodSeconds": 0}))
        assert isinstance(note, Patch) and isinstance(note.body, dict)
        task = json.loads(note.body["metadata"]["annotations"]["dicot.io/task"])
        self.assertEqual(task, {"task": "rebooting_hard", "until": "2026-11-21T10:05:00Z", "vmi": "vmi-web1"})

    def test_a_hard_reboot_of_what_does_not_run_starts_it(self) -> None:
        row = self.place("stopped")
        self.act("reboot", row, {"type": "HARD"})
        self.assertEqual(self.steps()[-1], Ask(VM, NAMESPACE, row.name, "start"))

    def test_a_soft_reboot_asks_the_guest(self) -> None:
        row = self.place()
        self.assertEqual(self.act("reboot", row, {"type": "SOFT"}).code, 202)
        self.assertEqual(self.steps(), [Ask(VMI, NAMESPACE, row.name, "softreboot")])

    def test_a_guest_that_cannot_be_asked_is_restarted(self) -> None:
        for error in (
            errors.Conflict(409, "Conflict", "VMI neither have the agent connected nor the ACPI feature enabled"),
            errors.Invalid(400, "BadRequest", "No virt-handler on node node-1 found"),
            errors.Doubtful("no answer"),
        ):
            self.plans.applied.clear()
            row = self.place()
            self.plans.refuse = [error]
            self.assertEqual(self.act("reboot", row, {"type": "SOFT"}).code, 202)
            _, restart = self.plans.applied
            self.assertEqual(restart.commit, Ask(VM, NAMESPACE, row.name, "restart"))
            note = restart.binds[0].body
            assert isinstance(note, dict)
            self.assertIn('"rebooting"', note["metadata"]["annotations"]["dicot.io/task"])

    def test_a_task_that_is_over_is_forgotten(self) -> None:
        task = '{"task": "rebooting_hard", "until": "2026-11-21T10:04:00Z", "vmi": "older"}'
        row = self.place(**{"dicot.io/task": task, **LAUNCHED})
        self.act("os-stop", row)
        self.assertEqual(
            self.steps()[0], Patch(VM, NAMESPACE, row.name, {"metadata": {"annotations": {"dicot.io/task": None}}})
        )

    def test_the_kind_of_reboot(self) -> None:
        row = self.place()
        for value, words in (
            ({"type": "x"}, "'x' is not one of ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft']"),
            ({}, "'type' is a required property"),
            (None, "None is not of type 'object'"),
        ):
            fault = self.assertRaises(BadRequest, self.act, "reboot", row, value)
            self.assertTrue(fault.message.endswith(words), fault.message)

    def test_an_administrator_sees_the_state_of_a_foreign_server(self) -> None:
        row = self.place("stopping", name="theirs", namespace=OTHER_NAMESPACE)
        fault = self.assertRaises(Conflict, self.act, "os-stop", row, who=ADMIN)
        self.assertIn("task_state powering-off", fault.message)


class ResourceTests(Served):
    def test_every_operation_has_its_row_of_the_policy_table(self) -> None:
        used = {policy for _, _, policy in self.table.operations.values()}
        self.assertEqual(used, set(SERVERS.policy))

    def test_writes_are_for_members(self) -> None:
        for name, personas in SERVERS.policy.items():
            reads = name.rpartition(":")[2] in ("index", "detail", "show")
            self.assertEqual("reader" in personas, reads, name)

    def test_a_stranger_sees_nothing(self) -> None:
        self.place()
        self.assertEqual(payload(self.ask("GET", "/servers", who=STRANGER)), {"servers": []})
