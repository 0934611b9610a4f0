"""What virt-controller does about a machine."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Denied
from dicot.kube.kind import Manifest
from dicot.sandbox.kubevirt.machines.machine import decide
from dicot.sandbox.kubevirt.machines.revisions import copy_of, start_name
from dicot.sandbox.steps import Ask, Create, Decision, Patch, Remove, Replace, Step, Tell

from .things import COPY, FLAVOR, KEPT, guest, machine, meta, scene

GOING = {"deletionTimestamp": "2027-01-15T08:00:00Z"}
ASKED_TO_STOP = {"stateChangeRequests": [{"action": "Stop", "uid": "uid-g"}, {"action": "Start"}]}
ASKED_TO_START = {"stateChangeRequests": [{"action": "Start"}]}
IMPORT = {"metadata": {"name": "m-root"}, "spec": {"source": {"http": {"url": "u"}}}}
CLONE = {
    "metadata": {"name": "m-root"},
    "spec": {"sourceRef": {"kind": "DataSource", "name": "s", "namespace": "far"}},
}
SOURCE = {"spec": {"source": {"pvc": {"name": "c", "namespace": "far"}}}}


def verbs(decision: Decision) -> list[str]:
    """What is done, in short."""
    return [_verb(step) for step in decision.steps]


def _verb(step: Step) -> str:
    what = step.at.plural if step.at.subresource == "" else f"{step.at.plural}/{step.at.subresource}"
    return f"{type(step).__name__} {step.body['reason'] if isinstance(step, Tell) else what}"


def last_status(decision: Decision) -> Manifest:
    """The status that is written."""
    step = next(each for each in reversed(decision.steps) if isinstance(each, Replace))
    found: Manifest = step.body["status"]
    return found


def question(decision: Decision) -> Ask:
    """What is asked before anything else is decided."""
    last = decision.steps[-1]
    assert isinstance(last, Ask)
    return last


STARTED = [
    "Create controllerrevisions",
    "Create virtualmachineinstances",
    "Tell SuccessfulCreate",
    "Replace virtualmachines/status",
]
STOPPED = ["Remove virtualmachineinstances", "Tell SuccessfulDelete", "Replace virtualmachines/status"]


class FirstTests(SynchronousTestCase):
    def test_a_new_machine_is_noted_told_of_and_held(self) -> None:
        found = machine()
        found["metadata"] |= {"annotations": {}, "finalizers": []}
        found["status"] = {}
        self.assertEqual(verbs(decide(scene(found))), ["Replace virtualmachines"])
        found["metadata"]["annotations"] = machine()["metadata"]["annotations"]
        self.assertEqual(verbs(decide(scene(found))), ["Replace virtualmachines/status"])
        found["status"] = {"volumeSnapshotStatuses": machine()["status"]["volumeSnapshotStatuses"]}
        self.assertEqual(verbs(decide(scene(found))), ["Patch virtualmachines"])

    def test_its_flavor_is_copied_before_it_starts(self) -> None:
        found = machine({"instancetypeRef": {}})
        decision = decide(scene(found, revisions=[]))
        self.assertEqual(verbs(decision), ["Create controllerrevisions", "Patch virtualmachines/status"])
        made = decision.steps[0]
        assert isinstance(made, Create)
        self.assertEqual(made.body, copy_of(found, FLAVOR))
        self.assertEqual(made.body["metadata"]["name"], COPY)
        self.assertNotIn("labels", made.body["data"]["metadata"])

    def test_a_flavor_that_is_not_there_is_a_failure(self) -> None:
        decision = decide(scene(machine({"instancetypeRef": {}}, instancetype={"name": "none"}), revisions=[]))
        failure = last_status(decision)["conditions"][-1]
        self.assertEqual(failure["reason"], "FailedFindInstancetype")
        self.assertEqual(
            failure["message"], 'virtualmachineclusterinstancetypes.instancetype.kubevirt.io "none" not found'
        )
        self.assertIsNotNone(decision.again)

    def test_an_instance_without_a_controller_is_adopted(self) -> None:
        orphan = guest(meta={"ownerReferences": []})
        (step,) = decide(scene(machine(), orphan)).steps
        assert isinstance(step, Patch)
        self.assertEqual([each["uid"] for each in step.body["metadata"]["ownerReferences"]], ["uid-m"])


class StrategyTests(SynchronousTestCase):
    def done(self, strategy: str, instance: Manifest | None = None, **status: Any) -> list[str]:
        """What a strategy does."""
        return verbs(decide(scene(machine(status, runStrategy=strategy), instance)))

    def test_without_an_instance(self) -> None:
        rested = ["Replace virtualmachines/status"]
        for strategy, status, does in (
            ("Always", {}, STARTED),
            ("RerunOnFailure", {}, STARTED),
            ("RerunOnFailure", {"runStrategy": "RerunOnFailure"}, rested),
            ("RerunOnFailure", {"runStrategy": "RerunOnFailure", **ASKED_TO_START}, STARTED),
            ("Manual", {}, rested),
            ("Manual", ASKED_TO_START, STARTED),
            ("Halted", {}, rested),
            ("Halted", ASKED_TO_START, ["Replace virtualmachines"]),
            ("Once", {}, STARTED),
        ):
            self.assertEqual(self.done(strategy, **status), does, (strategy, status))

    def test_with_one(self) -> None:
        told = ["Replace virtualmachines/status"]
        final = ["Patch virtualmachineinstances"]
        asked = ["Remove virtualmachineinstances", "Tell SuccessfulDelete", "Patch virtualmachines/status"]
        for strategy, phase, status, does in (
            ("Always", "Running", {}, told),
            ("Always", "Running", ASKED_TO_STOP, STOPPED),
            ("Always", "Failed", {}, STOPPED + final),
            ("RerunOnFailure", "Succeeded", {}, STOPPED + final),
            ("RerunOnFailure", "Failed", {}, asked),
            ("Manual", "Failed", {}, told + final),
            ("Manual", "Running", ASKED_TO_STOP, STOPPED),
            ("Halted", "Running", {}, STOPPED),
            ("Once", "Succeeded", {}, told + final),
        ):
            self.assertEqual(self.done(strategy, guest(phase), **status), does, (strategy, phase, status))

    def test_one_that_is_going_is_left_to_go(self) -> None:
        for strategy in ("Always", "RerunOnFailure", "Halted"):
            status = machine({}, runStrategy=strategy)
            decision = decide(scene(status, guest("Running", meta=GOING)))
            self.assertEqual(last_status(decision)["printableStatus"], "Stopping")
            self.assertEqual(verbs(decision), ["Replace virtualmachines/status"])

    def test_a_back_off_is_waited_for(self) -> None:
        after = {"startFailure": {"consecutiveFailCount": 1, "retryAfterTimestamp": "2027-01-15T08:00:09Z"}}
        decision = decide(scene(machine(after)))
        self.assertEqual((decision.again, last_status(decision)["printableStatus"]), (9.0, "CrashLoopBackOff"))


class BirthTests(SynchronousTestCase):
    maxDiff = None

    def made(self, found: Manifest) -> Manifest:
        """The instance that is made."""
        return next(
            each.body
            for each in decide(scene(found)).steps
            if isinstance(each, Create) and each.at.plural == "virtualmachineinstances"
        )

    def test_an_instance_is_its_template_with_its_flavor(self) -> None:
        made = self.made(machine())
        self.assertEqual(made["spec"]["domain"]["cpu"], {"sockets": 2, "cores": 1, "threads": 1})
        self.assertEqual(made["spec"]["domain"]["memory"], {"guest": "1Gi"})
        self.assertEqual(
            made["metadata"]["annotations"],
            {"kubevirt.io/vm-generation": "3", "kubevirt.io/cluster-instancetype-name": "small"},
        )
        self.assertEqual(made["status"]["virtualMachineRevisionName"], "revision-start-vm-uid-m-3")

    def test_a_disk_is_added_for_a_volume_without_one(self) -> None:
        found = machine()
        found["spec"]["template"]["spec"]["volumes"].append({"name": "more", "emptyDisk": {}})
        found["status"]["volumeSnapshotStatuses"] = [
            {**found["status"]["volumeSnapshotStatuses"][0], "name": name}
            | {"reason": f"Snapshot is not supported for this volumeSource type [{name}]"}
            for name in ("root", "more")
        ]
        self.assertEqual(self.made(found)["spec"]["domain"]["devices"]["disks"][-1], {"name": "more"})

    def test_it_starts_paused_where_that_was_asked(self) -> None:
        request = {"action": "Start", "data": {"paused": "true"}}
        found = machine({"stateChangeRequests": [request]}, runStrategy="Manual")
        self.assertEqual(self.made(found)["spec"]["startStrategy"], "Paused")

    def test_an_instance_that_is_refused_is_told_of(self) -> None:
        (step,) = (
            each
            for each in decide(scene(machine())).steps
            if isinstance(each, Create) and each.at.plural == "virtualmachineinstances"
        )
        assert step.refused is not None
        told, written = step.refused(Denied(403, "Forbidden", "no"))
        assert isinstance(told, Tell) and isinstance(written, Replace)
        self.assertEqual(told.body["message"], "Error creating virtual machine instance: no")
        self.assertEqual(
            [each["message"] for each in written.body["status"]["conditions"] if each["type"] == "Failure"],
            ["Failure while starting VMI: no"],
        )

    def test_what_it_was_at_an_earlier_start_is_forgotten(self) -> None:
        old = {**KEPT, "metadata": meta("revision-start-vm-uid-m-2", "uid-2"), "revision": 2}
        decision = decide(scene(machine(), revisions=[KEPT, old]))
        self.assertEqual(verbs(decision)[:2], ["Remove controllerrevisions", "Create controllerrevisions"])
        same = {**old, "metadata": meta(start_name(machine()), "uid-3"), "revision": 3}
        self.assertEqual(verbs(decide(scene(machine(), revisions=[KEPT, same]))), STARTED[1:])


class DiskTests(SynchronousTestCase):
    def test_a_template_is_made_and_waited_for(self) -> None:
        found = machine(dataVolumeTemplates=[IMPORT])
        decision = decide(scene(found))
        self.assertEqual(verbs(decision), ["Create datavolumes", "Tell SuccessfulDataVolumeCreate"])
        made = decision.steps[0]
        assert isinstance(made, Create)
        self.assertEqual(made.body["metadata"]["labels"], {"kubevirt.io/created-by": "uid-m"})
        self.assertEqual(made.body["metadata"]["annotations"], {"cdi.kubevirt.io/allowClaimAdoption": "true"})
        for phase, does in (("ImportInProgress", ["Replace virtualmachines/status"]), ("Succeeded", STARTED)):
            volume = {**made.body, "status": {"phase": phase}}
            self.assertEqual(verbs(decide(scene(found, volumes={"m-root": volume}))), does)

    def test_a_clone_from_elsewhere_is_asked_for(self) -> None:
        found = scene(machine(dataVolumeTemplates=[CLONE]), source=lambda namespace, name: SOURCE)
        first = question(decide(found))
        self.assertEqual(first.body["spec"]["user"], "system:serviceaccount:n:default")
        self.assertEqual(first.body["spec"]["resourceAttributes"]["subresource"], "source")
        allowed = first.then({"status": {"allowed": True}})
        self.assertEqual(verbs(allowed), ["Create datavolumes", "Tell SuccessfulDataVolumeCreate"])
        made = allowed.steps[0]
        assert isinstance(made, Create)
        self.assertEqual(made.body["spec"], {"source": {"pvc": {"name": "c", "namespace": "far"}}})
        second = question(first.then({"status": {"allowed": False}}))
        self.assertEqual(second.body["spec"]["resourceAttributes"]["resource"], "pods")
        refused = second.then({"status": {"allowed": False}})
        self.assertEqual(
            last_status(refused)["conditions"][-1]["message"],
            "Error encountered while creating DataVolumes: not authorized to create DataVolume: "
            "User system:serviceaccount:n:default has insufficient permissions in clone source namespace far",
        )

    def test_a_source_that_is_not_there(self) -> None:
        decision = decide(scene(machine(dataVolumeTemplates=[CLONE])))
        self.assertEqual(
            last_status(decision)["conditions"][-1]["message"],
            "Error encountered while creating DataVolumes: unable to create DataVolume manifest: "
            'datasources.cdi.kubevirt.io "s" not found',
        )


class EndTests(SynchronousTestCase):
    def test_an_instance_goes_first(self) -> None:
        found = machine()
        found["metadata"] |= GOING
        self.assertEqual(verbs(decide(scene(found, guest()))), STOPPED)
        self.assertEqual(verbs(decide(scene(found))), ["Patch virtualmachines"])

    def test_dependents_may_be_left_alone(self) -> None:
        found = machine()
        found["metadata"] |= GOING | {"finalizers": [*found["metadata"]["finalizers"], "orphan"]}
        (step,) = decide(scene(found, guest())).steps
        assert isinstance(step, Patch)
        self.assertEqual(step.body[1]["value"], ["orphan"])

    def test_the_removal_is_of_that_very_instance(self) -> None:
        (first, *_) = decide(scene(machine(runStrategy="Halted"), guest())).steps
        assert isinstance(first, Remove)
        self.assertEqual((first.uid, first.grace, first.at.name), ("uid-g", None, "m"))
