"""What virt-handler makes of its guests."""

import copy
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.marks import FAULT
from dicot.sandbox.nodes.guests import decide, finish, run
from dicot.sandbox.nodes.instances import GUEST_AGENT
from dicot.sandbox.nodes.kinds import Pod
from dicot.sandbox.steps import Rewrite

from .things import NOW, STAMP, guest, guest_manifest, pod, rewritten


def launcher(**meta: Any) -> Pod:
    """A launcher that runs."""
    status = {"phase": "Running", "podIP": "10.244.0.5"}
    return pod("l", spec={"nodeName": "node-1"}, status=status, meta=meta)


class Phases(SynchronousTestCase):
    """Which phase comes next."""

    def next(self, phase: str, runs: Pod | None, **meta: Any) -> str:
        """The phase that is written, "" for none."""
        decision = decide(guest(phase=phase, meta=meta), runs, NOW)
        changed = rewritten(decision, guest_manifest(phase=phase, meta=meta))
        return "" if changed is None else str(changed["status"]["phase"])

    def test_scheduled_ones_start_once_their_launcher_runs(self) -> None:
        self.assertEqual(self.next("Scheduled", launcher()), "Running")
        self.assertEqual(self.next("Scheduled", pod("l", spec={"nodeName": "node-1"})), "")

    def test_scheduled_ones_that_never_start(self) -> None:
        self.assertEqual(self.next("Scheduled", None), "Failed")
        self.assertEqual(self.next("Scheduled", launcher(), deletionTimestamp=STAMP), "Failed")
        self.assertEqual(self.next("Scheduled", launcher(), annotations={FAULT: "crash-loop"}), "Failed")

    def test_running_ones_go_down_when_they_are_told_to(self) -> None:
        self.assertEqual(self.next("Running", launcher(), deletionTimestamp=STAMP), "Succeeded")
        self.assertEqual(self.next("Running", launcher(deletionTimestamp=STAMP)), "Succeeded")
        self.assertEqual(self.next("Running", None), "Succeeded")

    def test_running_ones_by_themselves(self) -> None:
        self.assertEqual(self.next("Running", launcher(), annotations={FAULT: "shutdown"}), "Succeeded")
        self.assertEqual(self.next("Running", launcher(), annotations={FAULT: "crash"}), "Failed")
        self.assertEqual(self.next("Running", launcher(), annotations={FAULT: "crash-loop"}), "")

    def test_the_rest_is_not_virt_handlers(self) -> None:
        for phase in ("", "Pending", "Scheduling", "Succeeded", "Failed"):
            self.assertEqual(self.next(phase, launcher(), deletionTimestamp=STAMP), "")

    def test_another_guest_of_that_name_is_left_alone(self) -> None:
        (step,) = decide(guest(), launcher(), NOW).steps
        assert isinstance(step, Rewrite)
        self.assertIsNone(step.change(guest_manifest(meta={"uid": "other"})))


class Running(SynchronousTestCase):
    """What a guest shows once it is up."""

    def run_guest(self, vmi: Manifest) -> Manifest:
        """Its status then."""
        before = copy.deepcopy(vmi)
        changed = run(vmi, address="10.244.0.5", now=NOW)
        assert changed is not None
        self.assertEqual(vmi, before)
        status: Manifest = changed["status"]
        return status

    def conditions(self, status: Manifest) -> dict[str, str]:
        """Conditions by type."""
        return {each["type"]: each["status"] for each in status["conditions"]}

    def test_moments_of_phases_are_kept(self) -> None:
        early = {"phase": "Pending", "phaseTransitionTimestamp": "2027-01-15T07:59:59Z"}
        status = self.run_guest(guest_manifest(status={"phaseTransitionTimestamps": [early]}))
        moments = status["phaseTransitionTimestamps"]
        self.assertEqual(moments, [early, {"phase": "Running", "phaseTransitionTimestamp": STAMP}])

    def test_addresses(self) -> None:
        (interface,) = self.run_guest(guest_manifest())["interfaces"]
        self.assertEqual((interface["name"], interface["ipAddress"]), ("private", "10.244.0.5"))
        self.assertRegex(interface["mac"], r"^02(:[0-9a-f]{2}){5}$")

    def test_a_given_mac_is_kept(self) -> None:
        vmi = guest_manifest()
        vmi["spec"]["domain"]["devices"]["interfaces"][0]["macAddress"] = "02:00:00:00:00:01"
        self.assertEqual(self.run_guest(vmi)["interfaces"][0]["mac"], "02:00:00:00:00:01")

    def test_devices_are_counted_by_bus(self) -> None:
        volumes = [{"name": name, "target": ""} for name in ("root", "cd", "config")]
        shown = self.run_guest(guest_manifest(status={"volumeStatus": volumes}))["volumeStatus"]
        self.assertEqual([each["target"] for each in shown], ["vda", "sda", "vdb"])

    def test_it_can_move(self) -> None:
        status = self.run_guest(guest_manifest())
        self.assertEqual(self.conditions(status), {"LiveMigratable": "True", "StorageLiveMigratable": "True"})
        self.assertEqual(status["migrationMethod"], "LiveMigration")

    def test_a_disk_of_one_node_keeps_it(self) -> None:
        claim = {"claimName": "root", "accessModes": ["ReadWriteOnce"]}
        volumes = [{"name": "root", "target": "", "persistentVolumeClaimInfo": claim}]
        status = self.run_guest(guest_manifest(status={"volumeStatus": volumes}))
        self.assertEqual(self.conditions(status)["LiveMigratable"], "False")
        self.assertEqual(status["migrationMethod"], "BlockMigration")

    def test_a_bridge_keeps_it(self) -> None:
        vmi = guest_manifest()
        vmi["spec"]["domain"]["devices"]["interfaces"] = [{"name": "private", "bridge": {}}]
        self.assertEqual(self.conditions(self.run_guest(vmi))["LiveMigratable"], "False")

    def test_other_conditions_stay(self) -> None:
        ready = {"type": "Ready", "status": "True", "lastProbeTime": None}
        self.assertIn(ready, self.run_guest(guest_manifest(status={"conditions": [ready]}))["conditions"])

    def test_an_agent_where_one_was_asked_for(self) -> None:
        status = self.run_guest(guest_manifest(meta={"annotations": {GUEST_AGENT: "true"}}))
        self.assertEqual(self.conditions(status)["AgentConnected"], "True")
        self.assertEqual(status["guestOSInfo"]["id"], "debian")

    def test_memory_that_was_asked_for_is_there(self) -> None:
        status = self.run_guest(guest_manifest(status={"memory": {"guestRequested": "2Gi"}}))
        self.assertEqual(status["memory"]["guestCurrent"], "2Gi")

    def test_only_scheduled_ones_start(self) -> None:
        self.assertIsNone(run(guest_manifest(phase="Running"), address="", now=NOW))

    def test_only_living_ones_end(self) -> None:
        for phase in ("Succeeded", "Failed", "Pending"):
            self.assertIsNone(finish(guest_manifest(phase=phase), phase="Failed", now=NOW))
