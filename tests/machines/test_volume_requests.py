"""Volumes that a machine is asked for in its status."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Conflict, Invalid
from dicot.kube.kind import Manifest
from dicot.sandbox.kubevirt.machines import hotplug, storage
from dicot.sandbox.kubevirt.machines.guest import decide as decide_guest
from dicot.sandbox.kubevirt.machines.machine import decide
from dicot.sandbox.steps import Call, Decision, Patch

from .test_hotplug import DATA, DISK, running, source, spec
from .test_machine import last_status, verbs
from .things import guest, machine, meta, scene, stage

OPTIONS: Manifest = {
    "name": "data",
    "disk": DISK,
    "volumeSource": {"persistentVolumeClaim": {"claimName": "c", "hotpluggable": True}},
}
ADD: Manifest = {"addVolumeOptions": OPTIONS}
REMOVE: Manifest = {"removeVolumeOptions": {"name": "data"}}
PATHS = ["/spec/template/spec/volumes", "/spec/template/spec/domain/devices/disks"]


def asked(*requests: Manifest, has: tuple[Manifest, ...] = (), **more: str) -> Manifest:
    """A machine that is asked for that."""
    plain, wanted = machine()["spec"]["template"]["spec"], spec(*has)
    template = {"spec": {**plain, **wanted, "domain": {**plain["domain"], **wanted["domain"]}}}
    found = machine({"volumeRequests": list(requests)}, template=template, **more)
    found["status"]["volumeSnapshotStatuses"] = storage.snapshottable(scene(found))
    return found


class MachineTests(SynchronousTestCase):
    def told(self, decision: Decision) -> list[tuple[str, Manifest]]:
        """What the instance is asked."""
        return [(each.at.subresource, each.body) for each in decision.steps if isinstance(each, Call)]

    def changed(self, decision: Decision) -> dict[str, list[str]]:
        """The names of the template's volumes and disks then, by path."""
        (patch,) = [
            each for each in decision.steps if isinstance(each, Patch) and each.at.plural == "virtualmachines"
        ]
        return {each["path"]: [named["name"] for named in each["value"]] for each in patch.body[1:]}

    def test_the_instance_comes_first(self) -> None:
        decision = decide(scene(asked(ADD), running()))
        self.assertEqual(self.told(decision), [("addvolume", OPTIONS)])
        self.assertEqual(self.changed(decision), {key: ["root", "data"] for key in PATHS})
        self.assertEqual(verbs(decision)[-2:], ["Call virtualmachineinstances/addvolume", "Patch virtualmachines"])
        decision = decide(scene(asked(REMOVE, has=(DATA,)), running(DATA)))
        self.assertEqual(self.told(decision), [("removevolume", {"name": "data"})])
        self.assertEqual(self.changed(decision), {key: ["root"] for key in PATHS})

    def test_an_instance_that_has_it_is_left_alone(self) -> None:
        for request, has, vmi in ((ADD, (), running(DATA)), (REMOVE, (DATA,), running())):
            decision = decide(scene(asked(request, has=has), vmi))
            self.assertEqual(self.told(decision), [])
            self.assertEqual(sorted(self.changed(decision)), sorted(PATHS))

    def test_without_an_instance_the_template_alone_is_changed(self) -> None:
        for vmi in (None, running() | {"metadata": meta("m", "uid-g", deletionTimestamp="2027-01-15T08:00:00Z")}):
            decision = decide(scene(asked(ADD, runStrategy="Halted"), vmi))
            self.assertEqual(self.told(decision), [])
        self.assertEqual(
            self.changed(decide(scene(asked(ADD, runStrategy="Halted")))), {key: ["root", "data"] for key in PATHS}
        )

    def test_what_is_done_is_forgotten(self) -> None:
        more: Manifest = {"addVolumeOptions": {**OPTIONS, "name": "more"}}
        decision = decide(scene(asked(ADD, has=(DATA,)), running()))
        self.assertEqual(self.told(decision), [])
        self.assertNotIn("volumeRequests", last_status(decision))
        step = decide(scene(asked(ADD, more, has=(DATA,)), running())).steps[-2]
        assert isinstance(step, Call) and step.refused is not None
        self.assertEqual(step.body["name"], "more")
        told = last_status(Decision(step.refused(Conflict(409, "Conflict", "VMI is not running"))))
        self.assertEqual(told["volumeRequests"], [more])

    def test_why_it_cannot_be(self) -> None:
        what = "when trying to update vm according to add volume and/or memory dump requests: no"
        call, patch = decide(scene(asked(ADD), running())).steps[-2:]
        assert isinstance(call, Call) and isinstance(patch, Patch)
        for step, reason, words in (
            (call, "HotPlugVolumeError", "while handling volume hotplug requests: no"),
            (patch, "FailedUpdateError", what),
        ):
            assert step.refused is not None
            told = last_status(Decision(step.refused(Invalid(422, "Invalid", "no"))))["conditions"]
            (failure,) = [each for each in told if each["type"] == "Failure"]
            self.assertEqual((failure["reason"], failure["message"]), (reason, f"Error encountered {words}"))


class InstanceTests(SynchronousTestCase):
    NOTE = "kubevirt.io/ephemeral-hotplug-volumes"

    def test_what_it_has_alone(self) -> None:
        fixed = {"name": "more", "persistentVolumeClaim": {"claimName": "c"}}
        self.assertEqual(hotplug.ephemeral(running(DATA, fixed), spec()), ["data"])
        self.assertEqual(hotplug.ephemeral(running(DATA), spec(DATA)), [])

    def notes(self, vmi: Manifest, *names: str) -> Manifest:
        """Its annotations then."""
        steps = decide_guest(stage(vmi, source(), ephemeral=names)).steps
        patch = next(
            each for each in steps if isinstance(each, Patch) and each.at.plural == "virtualmachineinstances"
        )
        changes = {each["path"]: each.get("value") for each in patch.body}
        found: Manifest = changes.get("/metadata/annotations", vmi["metadata"]["annotations"])
        return found

    def test_it_tells_what_it_has_alone(self) -> None:
        plain = guest("Running", status={"nodeName": "node-1"})
        noted = self.notes(plain, "data", "more")
        self.assertEqual(noted[self.NOTE], '["data","more"]')
        vmi = {**plain, "metadata": {**plain["metadata"], "annotations": noted}}
        self.assertEqual(self.notes(vmi, "more")[self.NOTE], '["more"]')
        self.assertEqual(self.notes(vmi), plain["metadata"]["annotations"])
