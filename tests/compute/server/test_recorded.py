"""More rows of the status table, on moments that ``record`` took from the real programs."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.compute.server.status import GRACE
from dicot.kube.kind import Manifest

from .objects import recorded
from .record import plain as stripped
from .record import recording, scenes
from .test_status import ACTIVE, BUILD, ERROR, FILLING, POWERING_ON, SCHEDULING, SHUTOFF, launched, plain, told

NEVER_RAN: dict[str, tuple[str, str | None, str | None, int]] = {
    "no_image": ERROR,
    "claim_quota": ERROR,
    "claim_invalid": FILLING,
    "claim_waits": FILLING,
    "importer_pull": ERROR,
    "image_pull_first": ERROR,
    "separate_no_claim": FILLING,
    "separate_filling": FILLING,
    "halted_filling": SHUTOFF,
    "crash_loop_always": ("ERROR", "error", None, 6),
    "withdrawn_left": SHUTOFF,
}
UNNOTED = {"stopped_unnoted": SHUTOFF}
RAN = {
    "paused": ("PAUSED", "paused", None, 3),
    "paused_stopped": SHUTOFF,
    "hotplug_failed": ACTIVE,
    "manual_crashed": ("SHUTOFF", "stopped", None, 6),
}


def _asked_to_start(objects: Manifest) -> None:
    objects["vm"]["status"]["stateChangeRequests"] = [{"action": "Start"}]


class RecordedRowsTests(SynchronousTestCase):
    def test_servers_that_never_ran(self) -> None:
        for name, expected in NEVER_RAN.items():
            self.assertEqual(plain(told(name)), expected, name)

    def test_servers_that_ran(self) -> None:
        for name, expected in RAN.items():
            self.assertEqual(plain(told(name, launched)), expected, name)

    def test_servers_that_ran_and_were_stopped_before_anybody_noted_it(self) -> None:
        for name, expected in UNNOTED.items():
            self.assertEqual(plain(told(name)), expected, name)

    def test_such_a_server_is_powered_on_again(self) -> None:
        self.assertEqual(plain(told("stopped_unnoted", _asked_to_start)), POWERING_ON)

    def test_such_a_server_is_deleted_as_a_stopped_one(self) -> None:
        def terminate(objects: Manifest) -> None:
            objects["vm"]["status"]["printableStatus"] = "Terminating"

        self.assertEqual(plain(told("stopped_unnoted", terminate)), ("SHUTOFF", "stopped", "deleting", 0))

    def test_a_stopped_server_without_what_only_a_node_says_is_still_to_come(self) -> None:
        def strip(objects: Manifest) -> None:
            status = objects["vm"]["status"]
            status["conditions"] = [each for each in status["conditions"] if each["type"] != "LiveMigratable"]

        self.assertEqual(plain(told("stopped_unnoted", strip)), SCHEDULING)

    def test_an_instance_that_failed_on_its_node_never_ran(self) -> None:
        def fail(objects: Manifest) -> None:
            failure = recorded("crash_loop_always")["vm"]["status"]["startFailure"]
            objects["vm"]["status"] |= {"startFailure": failure, "printableStatus": "Stopped"}

        self.assertEqual(plain(told("stopped_unnoted", fail)), SCHEDULING)

    def test_every_scene_is_told(self) -> None:
        self.assertEqual({*NEVER_RAN, *UNNOTED, *RAN}, set(scenes("any")))

    def test_why(self) -> None:
        for name, code, words in (
            ("no_image", 500, "The cluster refused an object of the instance."),
            ("claim_quota", 403, "Quota exceeded for resources."),
            ("importer_pull", 500, "The image could not be fetched."),
            ("image_pull_first", 500, "The image could not be fetched."),
        ):
            failure = told(name).failure
            assert failure is not None
            self.assertEqual((failure.code, failure.message.rpartition(": ")[2]), (code, words), name)

    def test_a_disk_that_nobody_can_claim_is_an_error_after_the_grace(self) -> None:
        young, old = told("claim_invalid"), told("claim_invalid", after=GRACE)
        self.assertEqual((young.status, old.status), (BUILD, "ERROR"))
        self.assertIsNotNone(young.again)
        assert old.failure is not None
        self.assertIn("how a disk is to be claimed", old.failure.message)

    def test_a_separate_disk_that_nobody_can_claim_is_one_too(self) -> None:
        young, old = told("separate_no_claim"), told("separate_no_claim", after=GRACE)
        self.assertEqual((young.status, old.status), (BUILD, "ERROR"))

    def test_conditions_of_an_instance_that_is_gone_do_not_count(self) -> None:
        left = {each["type"]: each["status"] for each in recorded("paused_stopped")["vm"]["status"]["conditions"]}
        self.assertEqual(left["Paused"], "True")


class RecordingTests(SynchronousTestCase):
    VM: Manifest = {
        "kind": "VirtualMachine",
        "metadata": {
            "creationTimestamp": "2026-11-21T11:00:00Z",
            "annotations": {"cdi.kubevirt.io/storage.clone.token": "ey", "a": "b"},
            "managedFields": [{"time": "2026-11-21T12:00:00Z"}],
        },
        "status": {
            "conditions": [{"lastTransitionTime": "2026-11-21T11:00:05Z"}],
            "startFailure": {"retryAfterTimestamp": "2026-11-21T11:00:15Z"},
        },
        "gone": False,
    }

    def test_bookkeeping_and_tokens_are_left_out(self) -> None:
        kept = stripped(self.VM)
        self.assertEqual(set(kept), {"kind", "metadata", "status"})
        self.assertEqual(kept["metadata"]["annotations"], {"a": "b"})
        self.assertNotIn("managedFields", kept["metadata"])

    def test_now_is_the_newest_time_that_is_told(self) -> None:
        found = recording(self.VM, None, [])
        self.assertEqual((found["now"], found["vmi"], found["volumes"]), (1795258805.0, None, []))
