"""The status table, row by row, on objects that KubeVirt 1.8.4 and CDI 1.65.0 made."""

import copy
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import Node, Vm, Vmi
from dicot.cloud.kinds.storage import DataVolume
from dicot.compute.server.seen import Seen
from dicot.compute.server.states import states_of, status_of
from dicot.compute.server.status import GRACE, State, status
from dicot.kube.kind import Manifest

from .objects import SERVER, node_object, recorded

Change = Callable[[Manifest], object]
NOTHING = ("UNKNOWN", None, None, 0)
BUILD, SCHEDULING = "BUILD", ("BUILD", "building", "scheduling", 0)
FILLING = ("BUILD", "building", "block_device_mapping", 0)
ACTIVE = ("ACTIVE", "active", None, 1)
POWERING_OFF = ("ACTIVE", "active", "powering-off", 1)
SHUTOFF, POWERING_ON = ("SHUTOFF", "stopped", None, 4), ("SHUTOFF", "stopped", "powering-on", 4)
HARD_REBOOT, REBOOT = ("HARD_REBOOT", "active", "rebooting_hard", 1), ("REBOOT", "active", "rebooting", 1)
ERROR = ("ERROR", "error", None, 0)

ROWS: tuple[tuple[str, tuple[str, str | None, str | None, int]], ...] = (
    # a create, in the order of the events
    ("created", SCHEDULING),
    ("created_stopped", SCHEDULING),
    ("dv_pending", FILLING),
    ("dv_cloning", FILLING),
    ("dv_done_vmi_pending", FILLING),
    ("stopped_vmi_pending", SCHEDULING),
    ("starting_pending", SCHEDULING),
    ("starting_scheduling", (BUILD, "building", "networking", 0)),
    ("starting_scheduled", (BUILD, "building", "spawning", 0)),
    ("starting_running", ACTIVE),
    ("running", ACTIVE),
    # a stop, and a start
    ("stop_asked", POWERING_OFF),
    ("stopping", POWERING_OFF),
    ("stopping_succeeded", POWERING_OFF),
    ("stopped_succeeded", SHUTOFF),
    ("stopped_stop_left", SHUTOFF),
    ("stopped", SHUTOFF),
    ("start_asked", POWERING_ON),
    ("start_vmi_pending", POWERING_ON),
    ("start_starting", POWERING_ON),
    ("running_again", ACTIVE),
    # a restart, asked for by Dicot
    ("restart_asked", HARD_REBOOT),
    ("restart_stopping", HARD_REBOOT),
    ("restart_stopped", HARD_REBOOT),
    ("restart_start_left", HARD_REBOOT),
    ("restart_starting", HARD_REBOOT),
    ("restart_running_early", ACTIVE),
    ("restarted", ACTIVE),
    # a delete
    ("deleting", ("ACTIVE", "active", "deleting", 0)),
    ("terminating", ("ACTIVE", "active", "deleting", 0)),
    ("terminating_succeeded", ("SHUTOFF", "stopped", "deleting", 0)),
    ("terminating_gone", ("SHUTOFF", "stopped", "deleting", 0)),
    # what cannot be made
    ("clone_denied", ERROR),
    ("clone_allowed", SCHEDULING),
    ("unknown_type", ERROR),
    ("no_network", SCHEDULING),
    ("no_claim", SCHEDULING),
    ("dv_error", ERROR),
    ("image_pull", ERROR),
    ("unschedulable", SCHEDULING),
    ("unschedulable_with_dv", SCHEDULING),
    ("unschedulable_stopping", POWERING_OFF),
    ("unschedulable_withdrawn", SHUTOFF),
    ("stopped_unstarted", SHUTOFF),
    ("image_pull_withdrawn", SHUTOFF),
    # crashes
    ("crash_loop", ("ERROR", "error", None, 6)),
    ("crash_loop_waits", ("ERROR", "error", None, 6)),
    ("crash_loop_retries", SCHEDULING),
    ("crash_loop_manual", ("SHUTOFF", "stopped", None, 6)),
    ("image_pull_start", ("ERROR", "error", None, 6)),
    ("crashed_start_left", POWERING_ON),
    ("once_crashed", ("SHUTOFF", "stopped", None, 6)),
    ("guest_shutdown", SHUTOFF),
    # what kubectl made
    ("halted_new", SHUTOFF),
    ("halted", SHUTOFF),
    ("manual", SHUTOFF),
    ("manual_start", SCHEDULING),
    ("always_stopped", SHUTOFF),
    ("always_starting", POWERING_ON),
)


def seen(objects: Manifest, after: float = 0.0) -> Seen:
    """Recorded objects, so many seconds later."""
    vmi, node = objects["vmi"], objects.get("node")
    return Seen(
        msgspec.convert(objects["vm"], Vm),
        None if vmi is None else msgspec.convert(vmi, Vmi),
        tuple(msgspec.convert(each, DataVolume) for each in objects["volumes"]),
        None if node is None else msgspec.convert(node, Node),
        objects["now"] + after,
    )


def told(name: str, change: Change | None = None, after: float = 0.0) -> State:
    """The status of a recorded moment, changed and so many seconds later."""
    objects = copy.deepcopy(recorded(name))
    if change is not None:
        change(objects)
    return status(seen(objects, after), SERVER)


def plain(state: State) -> tuple[str, str | None, str | None, int]:
    return state.status, state.vm_state, state.task_state, state.power_state


def launched(objects: Manifest) -> None:
    objects["vm"]["metadata"].setdefault("annotations", {})["dicot.io/launched-at"] = "2026-11-21T11:00:00Z"


def unlaunched(objects: Manifest) -> None:
    objects["vm"]["metadata"]["annotations"].pop("dicot.io/launched-at", None)


def without_task(objects: Manifest) -> None:
    objects["vm"]["metadata"]["annotations"].pop("dicot.io/task", None)


def task(text: str) -> Change:
    def change(objects: Manifest) -> None:
        objects["vm"]["metadata"]["annotations"]["dicot.io/task"] = text

    return change


class RecordedTests(SynchronousTestCase):
    def test_every_recorded_moment_has_its_status(self) -> None:
        for name, expected in ROWS:
            self.assertEqual(plain(told(name)), expected, name)

    def test_a_server_in_error_says_why(self) -> None:
        for name, code, words in (
            ("clone_denied", 403, "Not authorized to use the image."),
            ("unknown_type", 500, "Flavor could not be found."),
            ("dv_error", 500, "The disk could not be filled from the image."),
            ("image_pull", 500, "The image could not be fetched."),
        ):
            failure = told(name).failure
            assert failure is not None
            self.assertEqual((failure.code, failure.message), (code, f"Build of instance {SERVER} aborted: {words}"))
            self.assertRegex(failure.created, r"^2026-11-21T11:..:..Z$")
            self.assertTrue(failure.details)

    def test_a_server_that_is_well_has_no_fault(self) -> None:
        self.assertIsNone(told("running").failure)

    def test_a_crash_loop_says_so_without_an_instance(self) -> None:
        for name in ("crash_loop", "crash_loop_waits"):
            failure = told(name).failure
            assert failure is not None
            self.assertTrue(failure.message.endswith(": The instance ended each time that it was started."), failure)


class GraceTests(SynchronousTestCase):
    """Kubernetes tries for ever; an error is told only once it lasts."""

    def test_what_lasts_is_an_error(self) -> None:
        for name in ("unschedulable", "no_network", "no_claim"):
            self.assertEqual(plain(told(name, after=GRACE)), ERROR, name)

    def test_it_is_told_when_to_ask_again(self) -> None:
        for name in ("unschedulable", "no_network", "no_claim"):
            first = told(name)
            assert first.again is not None
            now = recorded(name)["now"]
            self.assertEqual(told(name, after=first.again - now - 0.001).status, "BUILD", name)
            self.assertEqual(told(name, after=first.again - now).status, "ERROR", name)

    def test_no_host_has_novas_own_words(self) -> None:
        failure = told("unschedulable", after=GRACE).failure
        assert failure is not None
        self.assertEqual(failure.message, "No valid host was found. There are not enough hosts available.")

    def test_a_server_that_ran_is_powering_on_meanwhile(self) -> None:
        for name in ("unschedulable", "no_network", "no_claim"):
            self.assertEqual(plain(told(name, launched)), POWERING_ON, name)
        self.assertEqual(plain(told("unschedulable", launched, GRACE)), ("ERROR", "error", None, 4))
        self.assertEqual(plain(told("no_network", launched, GRACE)), SHUTOFF)

    def test_the_grace_begins_once_the_disks_are_full(self) -> None:
        def filling(objects: Manifest) -> None:
            objects["volumes"] = recorded("dv_cloning")["volumes"]

        self.assertEqual(plain(told("unschedulable_with_dv", filling, GRACE)), FILLING)
        self.assertEqual(plain(told("no_claim", filling, GRACE)), FILLING)

    def test_an_importer_may_fail_twice(self) -> None:
        def once(objects: Manifest) -> None:
            objects["volumes"][0]["status"]["restartCount"] = 1

        self.assertEqual(plain(told("dv_error", once)), SCHEDULING)
        self.assertEqual(plain(told("dv_error", once, GRACE)), ERROR)

    def test_a_crash_loop_is_starting_again_when_its_pause_is_over(self) -> None:
        again = told("crash_loop_waits").again
        assert again is not None
        now = recorded("crash_loop_waits")["now"]
        self.assertEqual(plain(told("crash_loop_waits", after=again - now)), SCHEDULING)
        self.assertEqual(plain(told("crash_loop_waits", launched, again - now)), POWERING_ON)


class RebootTests(SynchronousTestCase):
    def test_the_task_says_which_reboot_it_is(self) -> None:
        def soft(objects: Manifest) -> None:
            notes = objects["vm"]["metadata"]["annotations"]
            notes["dicot.io/task"] = notes["dicot.io/task"].replace("rebooting_hard", "rebooting")

        for name in ("restart_stopping", "restart_stopped", "restart_start_left", "restart_starting"):
            self.assertEqual(plain(told(name, soft)), REBOOT, name)

    def test_the_instance_may_end_before_the_vm_says_so(self) -> None:
        def ended(objects: Manifest) -> None:
            objects["vmi"]["status"]["phase"] = "Succeeded"

        def gone(objects: Manifest) -> None:
            objects["vmi"] = None

        for change in (ended, gone):
            self.assertEqual(plain(told("restart_asked", change)), HARD_REBOOT)

    def test_a_task_ends_at_its_time(self) -> None:
        state = told("restart_starting")
        assert state.again is not None
        now = recorded("restart_starting")["now"]
        self.assertEqual(plain(told("restart_starting", after=state.again - now)), POWERING_ON)

    def test_a_spoilt_task_counts_as_none(self) -> None:
        for text in (
            "{",
            "[]",
            '{"task": "rebooting", "until": "soon"}',
            '{"task": "other", "until": "2099-01-01T00:00:00Z"}',
        ):
            self.assertEqual(plain(told("restart_starting", task(text))), POWERING_ON, text)

    def test_a_restart_by_others_is_a_hard_reboot_as_long_as_the_guest_runs(self) -> None:
        self.assertEqual(plain(told("restart_asked", without_task)), HARD_REBOOT)
        self.assertEqual(plain(told("restart_stopped", without_task)), POWERING_ON)

    def test_a_stop_soon_after_a_reboot_is_a_stop(self) -> None:
        late = task('{"task": "rebooting_hard", "until": "2099-01-01T00:00:00Z", "vmi": "old"}')
        self.assertEqual(plain(told("stopping", late)), POWERING_OFF)
        self.assertEqual(plain(told("stopped", late)), SHUTOFF)

    def test_a_task_is_over_when_another_instance_runs(self) -> None:
        late = task('{"task": "rebooting_hard", "until": "2099-01-01T00:00:00Z", "vmi": "old"}')
        self.assertEqual(plain(told("running_again", late)), ACTIVE)


class OtherRowsTests(SynchronousTestCase):
    """What the operations do not lead to, made out of recorded moments."""

    def with_word(self, word: str) -> Change:
        def change(objects: Manifest) -> None:
            objects["vm"]["status"]["printableStatus"] = word

        return change

    def test_a_paused_guest(self) -> None:
        def paused(objects: Manifest) -> None:
            self.with_word("Paused")(objects)
            objects["vmi"]["status"]["conditions"].append({"type": "Paused", "status": "True"})

        self.assertEqual(plain(told("running", paused)), ("PAUSED", "paused", None, 3))

    def test_a_migration(self) -> None:
        def moving(objects: Manifest) -> None:
            objects["vmi"]["status"]["migrationState"] = {"startTimestamp": "2026-11-21T11:30:00Z"}

        self.assertEqual(plain(told("running", moving)), ("MIGRATING", "active", "migrating", 1))
        self.assertEqual(plain(told("running", self.with_word("Migrating"))), ("MIGRATING", "active", "migrating", 1))

    def test_a_migration_that_is_over(self) -> None:
        def moved(objects: Manifest) -> None:
            objects["vmi"]["status"]["migrationState"] = {"startTimestamp": "2026-11-21T11:30:00Z", "completed": True}

        self.assertEqual(plain(told("running", moved)), ACTIVE)

    def test_a_node_that_is_silent(self) -> None:
        def silent(objects: Manifest) -> None:
            objects["node"] = node_object(ready="Unknown")

        def well(objects: Manifest) -> None:
            objects["node"] = node_object()

        self.assertEqual(plain(told("running", silent)), NOTHING)
        self.assertEqual(plain(told("running", well)), ACTIVE)

    def test_an_instance_that_is_lost(self) -> None:
        def lost(objects: Manifest) -> None:
            objects["vmi"]["status"]["phase"] = "Unknown"

        self.assertEqual(plain(told("running", lost)), NOTHING)
        self.assertEqual(plain(told("running", self.with_word("Unknown"))), NOTHING)

    def test_a_word_that_is_new(self) -> None:
        self.assertEqual(plain(told("running", self.with_word("Dancing"))), NOTHING)

    def test_a_receiver(self) -> None:
        state = told("running", self.with_word("WaitingForReceiver"))
        self.assertEqual(plain(state), ("BUILD", "building", "migrating", 0))

    def test_a_volume_that_waits_for_its_consumer(self) -> None:
        self.assertEqual(plain(told("dv_pending", self.with_word("WaitingForVolumeBinding"))), FILLING)

    def test_a_failure_of_a_server_that_ran(self) -> None:
        self.assertEqual(plain(told("clone_denied", launched)), SHUTOFF)

    def test_a_failure_beside_an_instance(self) -> None:
        def failing(objects: Manifest) -> None:
            objects["vm"]["status"]["conditions"] = recorded("clone_denied")["vm"]["status"]["conditions"]

        self.assertEqual(plain(told("stopped_succeeded", failing)), SHUTOFF)
        self.assertEqual(plain(told("running", failing)), ACTIVE)

    def test_a_quota_is_told_as_one(self) -> None:
        def over(objects: Manifest) -> None:
            objects["vm"]["status"]["conditions"] = [
                {
                    "type": "Failure",
                    "status": "True",
                    "reason": "FailedCreate",
                    "message": 'pods "x" is forbidden: exceeded quota: q',
                }
            ]

        failure = told("clone_denied", over).failure
        assert failure is not None
        self.assertEqual((failure.code, failure.message.rpartition(": ")[2]), (403, "Quota exceeded for resources."))

    def test_disks_of_a_vm_that_rests(self) -> None:
        def resting(objects: Manifest) -> None:
            objects["vm"]["spec"]["runStrategy"] = "Halted"

        self.assertEqual(plain(told("dv_cloning", resting)), SHUTOFF)

        def rested(objects: Manifest) -> None:
            resting(objects)
            launched(objects)

        self.assertEqual(plain(told("dv_cloning", rested)), SHUTOFF)

    def test_a_vm_of_which_nothing_is_said_yet(self) -> None:
        def silent(objects: Manifest) -> None:
            objects["vm"].pop("status")

        for name, expected in (
            ("running", ACTIVE),
            ("starting_scheduled", ("BUILD", "building", "spawning", 0)),
            ("stopped_succeeded", SHUTOFF),
            ("crash_loop", ("ERROR", "error", None, 6)),
        ):
            self.assertEqual(plain(told(name, silent)), expected, name)

    def test_a_guest_that_ended_before_it_was_seen_to_run(self) -> None:
        self.assertEqual(plain(told("guest_shutdown", unlaunched)), SHUTOFF)

    def test_deletion_of_what_never_ran(self) -> None:
        def never(objects: Manifest) -> None:
            unlaunched(objects)
            objects["vm"]["status"]["conditions"] = []

        self.assertEqual(plain(told("terminating_gone", never)), ("BUILD", "building", "deleting", 0))


class StateTests(SynchronousTestCase):
    def test_a_status_stands_for_states_and_tasks(self) -> None:
        self.assertEqual(states_of(["active"]), (frozenset({"active"}), frozenset()))
        found: Any = states_of(["REBOOT"])
        self.assertEqual(found[1], frozenset({"rebooting", "reboot_pending", "reboot_started"}))
        self.assertEqual(states_of(["nonsense"]), (frozenset(), frozenset()))

    def test_a_task_that_a_state_does_not_know_changes_nothing(self) -> None:
        self.assertEqual(status_of("stopped", "powering-on"), "SHUTOFF")
        self.assertEqual(status_of("stopped", "rebuilding"), "REBUILD")
        self.assertEqual(status_of("odd", None), "UNKNOWN")
