"""What virt-controller does about an instance, its launcher and its node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.kubevirt.machines import lost
from dicot.sandbox.kubevirt.machines.guest import decide
from dicot.sandbox.kubevirt.machines.launcher import launcher_pod
from dicot.sandbox.nodes.machines import HEARTBEAT
from dicot.sandbox.steps import Decision, Patch, Replace

from .test_machine import GOING, verbs
from .things import NOW, STAMP, guest, launcher, meta, stage

RECORDED = Path(__file__).parent / "recorded"
WRITTEN = ["Replace virtualmachineinstances"]
DISK = {"volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "c"}}]}
CLAIM: Manifest = {"metadata": meta("c", "uid-c"), "spec": {"volumeMode": "Block"}, "status": {"phase": "Bound"}}


def after(decision: Decision) -> Manifest:
    """The instance that is written."""
    step = next(each for each in decision.steps if isinstance(each, Replace))
    found: Manifest = step.body
    return found


class GuestTests(SynchronousTestCase):
    def test_a_launcher_is_made_and_its_own_event_tells_the_rest(self) -> None:
        self.assertEqual(verbs(decide(stage(guest("Pending")))), ["Create pods", "Tell SuccessfulCreate"])

    def test_phases_follow_the_launcher(self) -> None:
        for phase, pod, then in (
            ("Pending", launcher("Pending", ""), "Scheduling"),
            ("Scheduling", launcher("Pending", ""), "Scheduling"),
            ("Scheduling", launcher(), "Scheduled"),
            ("Scheduling", launcher("Failed", "terminated"), "Failed"),
            ("Scheduling", launcher(meta=GOING), "Failed"),
        ):
            made = after(decide(stage(guest(phase), pod)))
            self.assertEqual(made["status"]["phase"], then, (phase, then))
            self.assertEqual(made["status"]["activePods"], {"uid-p": "node-1"})
        self.assertEqual(made["metadata"].get("labels"), None)

    def test_a_guest_that_is_handed_over_knows_its_node(self) -> None:
        made = after(decide(stage(guest("Scheduling"), launcher())))
        self.assertEqual(made["metadata"]["labels"], {"kubevirt.io/nodeName": "node-1"})
        self.assertEqual((made["status"]["nodeName"], made["status"]["qosClass"]), ("node-1", "Burstable"))
        self.assertEqual(made["status"]["interfaces"], [{"name": "private", "podInterfaceName": "eth0"}])
        moments = made["status"]["phaseTransitionTimestamps"]
        self.assertEqual(moments, [{"phase": "Scheduled", "phaseTransitionTimestamp": STAMP}])

    def test_what_virt_handler_owns_is_patched(self) -> None:
        instance = guest("Running", status={"nodeName": "node-1"})
        *_, step = decide(stage(instance, launcher())).steps
        assert isinstance(step, Patch)
        paths = [each["path"] for each in step.body]
        self.assertEqual(paths[0], "/metadata/resourceVersion")
        self.assertIn("/status/conditions", paths)
        self.assertNotIn("/status/phase", paths)

    def test_a_launcher_that_is_gone_takes_its_guest_with_it(self) -> None:
        for phase in ("Scheduled", "Running"):
            *_, step = decide(stage(guest(phase))).steps
            assert isinstance(step, Patch)
            self.assertIn({"op": "add", "path": "/status/phase", "value": "Failed"}, step.body)

    def test_images_that_cannot_be_pulled_are_told(self) -> None:
        pod = launcher("Pending", "")
        waiting = {"reason": "ErrImagePull", "message": "why"}
        pod["status"]["containerStatuses"] = [{"name": "compute", "state": {"waiting": waiting}}]
        told = after(decide(stage(guest("Scheduling"), pod)))["status"]["conditions"][-1]
        self.assertEqual((told["type"], told["reason"], told["message"]), ("Synchronized", "ErrImagePull", "why"))

    def test_claims_are_waited_for(self) -> None:
        waits = guest("Pending", spec=DISK)
        decision = decide(stage(waits))
        self.assertEqual(verbs(decision), ["Tell FailedPvcNotFound", *WRITTEN])
        shown = {each["type"]: each["reason"] for each in after(decision)["status"]["conditions"]}
        self.assertEqual(
            shown, {"Ready": "PodNotExists", "PodScheduled": "Unschedulable", "Synchronized": "FailedPvcNotFound"}
        )
        self.assertEqual(verbs(decide(stage(waits, claims={"c": CLAIM})))[0], "Create pods")
        owner = {"kind": "DataVolume", "name": "c", "uid": "uid-d", "controller": True}
        filling = {**CLAIM, "metadata": meta("c", "uid-c", ownerReferences=[owner])}
        volume = {"metadata": meta("c", "uid-d"), "status": {"phase": "ImportInProgress"}}
        self.assertEqual(verbs(decide(stage(waits, claims={"c": filling}, volumes={"c": volume}))), WRITTEN)

    def test_the_end_waits_for_the_launcher(self) -> None:
        gone = guest("Succeeded", meta=GOING)
        self.assertEqual(verbs(decide(stage(gone, launcher())))[:2], ["Remove pods", "Tell SuccessfulDelete"])
        kept = after(decide(stage(gone)))["metadata"]["finalizers"]
        self.assertEqual(kept, ["kubevirt.io/virtualMachineControllerFinalize"])
        self.assertEqual(after(decide(stage(gone, machine=False)))["metadata"]["finalizers"], [])

    def test_a_paused_guest_shuts_its_launchers_gate(self) -> None:
        paused = guest("Running", status={"conditions": [{"type": "Paused", "status": "True"}]})
        pod = launcher()
        gate = {"type": "kubevirt.io/virtual-machine-unpaused", "status": "True"}
        pod["status"]["conditions"].append(gate)
        first, *_ = decide(stage(paused, pod)).steps
        assert isinstance(first, Patch)
        self.assertEqual(first.body["status"]["conditions"][0]["status"], "False")


class LauncherTests(SynchronousTestCase):
    def test_it_is_what_virt_controller_made_of_the_same_guest(self) -> None:
        for name in ("plain", "imported", "preferred"):
            found = json.loads((RECORDED / f"{name}.json").read_text())
            instance = next(each for each in found["objects"] if each["kind"] == "VirtualMachineInstance")
            (was,) = found["launchers"]
            made = launcher_pod({**instance, "status": {}})
            for part in ("affinity", "hostname", "nodeSelector", "terminationGracePeriodSeconds", "readinessGates"):
                self.assertEqual(made["spec"].get(part), was["spec"].get(part), (name, part))
            for part in ("containers", "initContainers"):
                asked = [(each["name"], each["image"], each["resources"]) for each in made["spec"][part]]
                self.assertEqual(
                    asked, [(each["name"], each["image"], each["resources"]) for each in was["spec"][part]]
                )
            named = [each["name"] for each in made["spec"]["volumes"]]
            self.assertEqual(named, [each["name"] for each in was["spec"]["volumes"]])
            self.assertLessEqual(made["metadata"]["annotations"].keys(), was["metadata"]["annotations"].keys())

    def test_it_has_one_name_for_good(self) -> None:
        names = {launcher_pod(guest())["metadata"]["name"] for _ in range(2)}
        self.assertEqual(len(names), 1)
        self.assertRegex(names.pop(), r"\Avirt-launcher-m-[a-z0-9]{5}\Z")

    def test_block_devices_are_known_by_the_claim_or_by_the_status(self) -> None:
        instance = guest(spec=DISK)
        shown = [{"name": "root", "persistentVolumeClaimInfo": {"claimName": "c", "volumeMode": "Block"}}]
        for made in (launcher_pod(instance, {"c"}), launcher_pod(guest(spec=DISK, status={"volumeStatus": shown}))):
            compute = made["spec"]["containers"][0]
            self.assertEqual(compute["volumeDevices"], [{"name": "root", "devicePath": "/dev/root"}])
        self.assertNotIn("volumeDevices", launcher_pod(instance)["spec"]["containers"][0])


class LostTests(SynchronousTestCase):
    def decided(self, heard: str, *pods: Manifest) -> list[str]:
        """What is done about a node and the guest on it."""
        labels = {"kubevirt.io/schedulable": "true"}
        node: dict[str, Any] = {"apiVersion": "v1", "kind": "Node"}
        node["metadata"] = meta("node-1", "uid-n", annotations={HEARTBEAT: heard}, labels=labels)
        return verbs(lost.decide("node-1", node, [(guest("Running"), pods)], NOW))

    def test_a_node_that_beats_is_left_alone(self) -> None:
        self.assertEqual(self.decided(STAMP), [])

    def test_a_silent_one_takes_no_more_guests_and_loses_those_without_a_launcher(self) -> None:
        shut = ["Tell NodeUnresponsive", "Patch nodes"]
        self.assertEqual(self.decided("2027-01-15T07:00:00Z", launcher()), shut)
        self.assertEqual(
            self.decided("2027-01-15T07:00:00Z", launcher(state="terminated")),
            [*shut, "Tell NodeUnresponsive", "Patch virtualmachineinstances"],
        )
