"""The status of a machine, against moments that were recorded from the real virt-controller."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.kubevirt.machines.scene import Failure, Outcome, Outlook
from dicot.sandbox.kubevirt.machines.status import backoff, compute, delay

MOMENTS = Path(__file__).parents[1] / "compute" / "server" / "recorded"
AT_REST = (
    "claim_invalid",
    "crash_loop_always",
    "crash_loop_manual",
    "dv_cloning",
    "dv_pending",
    "halted_filling",
    "image_pull",
    "image_pull_first",
    "manual_crashed",
    "manual_start",
    "no_claim",
    "no_network",
    "once_crashed",
    "paused",
    "paused_stopped",
    "restart_asked",
    "restart_start_left",
    "restart_starting",
    "restart_stopping",
    "running",
    "separate_filling",
    "separate_no_claim",
    "start_asked",
    "start_starting",
    "starting_pending",
    "starting_scheduled",
    "stop_asked",
    "stopped",
    "stopped_unstarted",
    "stopping",
    "terminating",
    "terminating_succeeded",
    "unschedulable",
    "unschedulable_with_dv",
)
"""Moments at which virt-controller had seen all there was."""


def moment(name: str) -> dict[str, Any]:
    """What was recorded."""
    found: dict[str, Any] = json.loads((MOMENTS / f"{name}.json").read_text())
    return found


def outlook(found: dict[str, Any], outcome: Outcome) -> Outlook:
    """What its status was computed from."""
    volumes = {each["metadata"]["name"]: each for each in found["volumes"]}
    return Outlook(found["vmi"], volumes, {}, found["now"], 0.0, outcome)


class StatusTests(SynchronousTestCase):
    maxDiff = None

    def computed(self, name: str, outcome: Outcome | None = None, **changes: Any) -> dict[str, Any]:
        """The status at a moment, with something changed."""
        found = moment(name) | changes
        return dict(compute(found["vm"], outlook(found, outcome or Outcome())))

    def test_what_was_seen_whole_needs_no_other_status(self) -> None:
        for name in AT_REST:
            self.assertEqual(self.computed(name), moment(name)["vm"]["status"], name)

    def test_it_is_found_again_where_it_was_lost(self) -> None:
        """But for what only the past tells: the flavor, requests, failures, and conditions of what is gone."""
        for name in ("running", "paused", "image_pull", "unschedulable"):
            found = moment(name)
            was = copy.deepcopy(found["vm"]["status"])
            kept = ("instancetypeRef", "preferenceRef", "volumeSnapshotStatuses")
            found["vm"]["status"] = {key: was[key] for key in kept if key in was}
            self.assertEqual(compute(found["vm"], outlook(found, Outcome())), was, name)

    def test_an_instance_on_its_way_is_starting(self) -> None:
        status = self.computed("start_asked", Outcome(starting=True), vmi=None)
        self.assertEqual((status["printableStatus"], "created" in status), ("Starting", False))

    def test_one_that_is_deleted_is_stopping_at_once(self) -> None:
        self.assertEqual(self.computed("stop_asked", Outcome(stopping=True))["printableStatus"], "Stopping")

    def test_a_failure_is_told_until_it_is_over(self) -> None:
        failure = Failure("FailedCreate", "why")
        status = self.computed("running", Outcome(failure=failure))
        told = status["conditions"][-1]
        self.assertEqual((told["type"], told["reason"], told["message"]), ("Failure", "FailedCreate", "why"))
        found = moment("running")
        found["vm"]["status"] = status
        self.assertEqual(compute(found["vm"], outlook(found, Outcome())), moment("running")["vm"]["status"])

    def test_a_restart_that_is_wanted_is_kept_until_it_is_not(self) -> None:
        found = moment("running")
        found["vm"]["status"] = compute(found["vm"], outlook(found, Outcome(restart="why")))
        kept = compute(found["vm"], outlook(found, Outcome()))
        self.assertIn("RestartRequired", [each["type"] for each in kept["conditions"]])
        gone = compute(found["vm"], outlook(found, Outcome(restart="")))
        self.assertEqual(gone, moment("running")["vm"]["status"])

    def test_starts_that_fail_wait_longer_each_time(self) -> None:
        self.assertEqual([delay(count, 0.0) for count in (1, 2, 3, 5, 6)], [10, 40, 90, 250, 300])
        self.assertEqual([delay(count, 0.999) for count in (1, 2, 5)], [15, 60, 300])

    def test_a_failure_is_counted_once(self) -> None:
        found = moment("crash_loop_always")
        self.assertEqual(found["vm"]["status"]["startFailure"]["consecutiveFailCount"], 1)
        found["vmi"]["metadata"]["uid"] = "another"
        counted = compute(found["vm"], outlook(found, Outcome()))["startFailure"]
        self.assertEqual((counted["consecutiveFailCount"], counted["lastFailedVMIUID"]), (2, "another"))
        machine = {**found["vm"], "status": {"startFailure": counted}}
        self.assertEqual(backoff(machine, found["now"]), 40)
        self.assertEqual(backoff(machine, found["now"] + 60), 0)
