"""Volumes that come and go while a machine runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Invalid
from dicot.kube.kind import Manifest
from dicot.sandbox.kubevirt.machines import attachments, hotplug, storage
from dicot.sandbox.kubevirt.machines.attachments import Plug
from dicot.sandbox.kubevirt.machines.guest import decide as decide_guest
from dicot.sandbox.kubevirt.machines.launcher import launcher_pod
from dicot.sandbox.kubevirt.machines.machine import decide
from dicot.sandbox.steps import Create, Decision, Patch

from .test_machine import last_status, verbs
from .things import NOW, guest, launcher, machine, meta, scene, stage

ROOT: Manifest = {"name": "root", "containerDisk": {"image": "i"}}
DATA: Manifest = {"name": "data", "persistentVolumeClaim": {"claimName": "c", "hotpluggable": True}}
DISK: Manifest = {"name": "data", "disk": {"bus": "scsi"}}
ROOT_DISK: Manifest = {"name": "root", "disk": {}}
CLAIM: Manifest = {
    "metadata": meta("c", "uid-c"),
    "spec": {"volumeMode": "Filesystem", "accessModes": ["ReadWriteMany"]},
    "status": {"phase": "Bound"},
}


def spec(*plugged: Manifest, disks: Any = None) -> Manifest:
    """A guest's spec with its root disk, and what is plugged in."""
    shown = [ROOT_DISK, *([{**DISK, "name": each["name"]} for each in plugged] if disks is None else disks)]
    return {"domain": {"devices": {"disks": shown}}, "volumes": [ROOT, *plugged]}


def running(*plugged: Manifest, phase: str = "Running", status: Manifest | None = None) -> Manifest:
    """An instance that has these."""
    whole = {"nodeName": "node-1"} | (status or {})
    found = guest(phase, status=whole)
    found["spec"] |= spec(*plugged) | {"networks": []}
    return found


def source() -> Manifest:
    """Its launcher, which was made without."""
    pod = launcher()
    pod["spec"]["volumes"] = [{"name": "hotplug-disks", "emptyDir": {}}]
    return pod


def bringer(*names: str, phase: str = "Running", **more: Any) -> Manifest:
    """A Pod that brings volumes."""
    statuses = [{"name": "hotplug-disk", "ready": phase == "Running", "state": {"running": {}}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(f"hp-{'-'.join(names)}", f"uid-{'-'.join(names)}") | more,
        "spec": {"volumes": [{"name": each, "persistentVolumeClaim": {"claimName": "c"}} for each in names]},
        "status": {"phase": phase, "containerStatuses": statuses},
    }


def shown(phase: str, name: str = "data", **more: Any) -> Manifest:
    """What an instance tells of a plugged volume."""
    return {"name": name, "target": "", "phase": phase, "hotplugVolume": {}} | more


class TemplateTests(SynchronousTestCase):
    def test_what_comes_and_what_goes(self) -> None:
        other = {**DATA, "persistentVolumeClaim": {"claimName": "d", "hotpluggable": True}}
        for wanted, had, then in (
            ((DATA,), (), ["root", "data"]),
            ((), (DATA,), ["root"]),
            ((DATA,), (DATA,), None),
            ((other,), (DATA,), ["root"]),
        ):
            found = hotplug.changes(spec(*wanted), running(*had))
            names = [each["name"] for each in found["/spec/volumes"]] if found else None
            self.assertEqual(names, then)
            if found:
                disks = [each["name"] for each in found["/spec/domain/devices/disks"]]
                self.assertEqual(disks, names)

    def test_what_is_still_leaving_does_not_come_yet(self) -> None:
        leaving = running(status={"volumeStatus": [shown("Detaching")]})
        self.assertEqual(hotplug.changes(spec(DATA), leaving), {})
        self.assertEqual(hotplug.changes(spec(DATA), running(phase="Scheduled")), {})

    def test_what_is_fixed_stays(self) -> None:
        fixed = {"name": "more", "persistentVolumeClaim": {"claimName": "c"}}
        self.assertEqual(hotplug.changes(spec(fixed), running()), {})
        self.assertEqual(hotplug.changes(spec(), running(fixed)), {})

    def test_a_drive_stays_without_its_disc(self) -> None:
        drive = {"name": "data", "cdrom": {"bus": "sata"}}
        had = running(DATA)
        had["spec"]["domain"]["devices"]["disks"] = [ROOT_DISK, drive]
        found = hotplug.changes(spec(disks=[drive]), had)
        self.assertEqual(found["/spec/domain/devices/disks"], [ROOT_DISK, drive])

    def test_gates(self) -> None:
        for gates, is_open in (((), False), ((hotplug.GATE,), True), ((hotplug.GATE, hotplug.OLD_GATE), False)):
            self.assertEqual(hotplug.is_open(gates), is_open)

    def test_what_wants_no_restart(self) -> None:
        fixed = {"name": "more", "persistentVolumeClaim": {"claimName": "c"}}
        drive = {"name": "data", "cdrom": {}}
        for old, new, expected in (
            (spec(), spec(DATA), (True, True)),
            (spec(DATA), spec(), (True, True)),
            (spec(), spec(fixed), (False, False)),
            (spec(fixed), spec(), (False, False)),
            (spec(DATA, disks=[drive]), spec(), (True, False)),
        ):
            self.assertEqual(hotplug.may_differ(old, new), expected)

    def test_a_running_instance_is_given_it(self) -> None:
        plain, wanted = machine()["spec"]["template"]["spec"], spec(DATA)
        template = {"spec": {**plain, **wanted, "domain": {**plain["domain"], **wanted["domain"]}}}
        vm = machine(template=template)
        vm["status"]["volumeSnapshotStatuses"] = storage.snapshottable(scene(vm))
        steps = decide(scene(vm, running(), plugs=True)).steps
        step = next(each for each in steps if isinstance(each, Patch))
        assert step.refused is not None
        self.assertEqual([each["path"] for each in step.body][1:], ["/spec/volumes", "/spec/domain/devices/disks"])
        self.assertNotIn("Patch virtualmachineinstances", verbs(decide(scene(vm, running()))))
        told = last_status(Decision(step.refused(Invalid(422, "Invalid", "no"))))["conditions"]
        (failure,) = [each for each in told if each["type"] == "Failure"]
        self.assertEqual(failure["reason"], "HotPlugVolumeError")
        self.assertTrue(failure["message"].endswith("handling declarative hotplug volumes: no"))


class AttachmentTests(SynchronousTestCase):
    def plug(self, *pods: Manifest, vmi: Manifest | None = None, **more: Any) -> Plug:
        plain = Plug(vmi or running(DATA), source(), [DATA], [DATA], {"c": CLAIM}, pods, NOW)
        return replace(plain, **more)

    def does(self, plug: Plug) -> list[str]:
        return verbs(Decision(tuple(attachments.tend(plug))))

    def test_a_pod_brings_what_is_filled(self) -> None:
        self.assertEqual(self.does(self.plug()), ["Create pods", "Tell SuccessfulCreate"])
        self.assertEqual(self.does(self.plug(ready=[])), [])
        self.assertEqual(self.does(self.plug(bringer("data"))), [])

    def test_another_takes_its_place(self) -> None:
        """The old one goes once the new one runs."""
        more = {**DATA, "name": "more"}
        both: dict[str, Any] = {"vmi": running(DATA, more), "volumes": [DATA, more], "ready": [DATA, more]}
        old = bringer("data")
        self.assertEqual(self.does(self.plug(old, **both)), ["Create pods", "Tell SuccessfulCreate"])
        self.assertEqual(self.does(self.plug(old, bringer("data", "more", phase="Pending"), **both)), [])
        gone = ["Remove pods", "Tell SuccessfulDelete"]
        self.assertEqual(self.does(self.plug(old, bringer("data", "more"), **both)), gone)
        self.assertEqual(self.does(self.plug(bringer("data", phase="Pending"), **both)), gone)

    def test_it_stays_until_the_guest_has_let_go(self) -> None:
        for phase, does in (
            ("Ready", []),
            ("MountedToPod", []),
            ("UnMountedFromPod", ["Remove pods", "Tell SuccessfulDelete"]),
        ):
            vmi = running(status={"volumeStatus": [shown(phase)]})
            self.assertEqual(self.does(self.plug(bringer("data"), vmi=vmi, volumes=[], ready=[])), does)

    def test_the_pod(self) -> None:
        made = attachments.attachment_pod(running(DATA), source(), [DATA], {"c": CLAIM})
        self.assertEqual(made["metadata"]["ownerReferences"][0]["uid"], "uid-p")
        (container,) = made["spec"]["containers"]
        self.assertEqual([each["mountPath"] for each in container["volumeMounts"]], ["/path", "/data"])
        known = running(DATA, status={"volumeStatus": [shown("Ready")]})
        (container,) = attachments.attachment_pod(known, source(), [DATA], {"c": CLAIM})["spec"]["containers"]
        self.assertEqual([each["mountPath"] for each in container["volumeMounts"]], ["/path"])
        block = {**CLAIM, "spec": {"volumeMode": "Block"}}
        (container,) = attachments.attachment_pod(known, source(), [DATA], {"c": block})["spec"]["containers"]
        self.assertEqual(container["volumeDevices"], [{"name": "data", "devicePath": "/path/data/uid-c"}])

    def test_what_is_told_on_the_way(self) -> None:
        pending = {**CLAIM, "status": {"phase": "Pending"}}
        for plug, known, then in (
            (self.plug(), {"name": "data"}, "Bound"),
            (self.plug(claims={"c": pending}), {"name": "data"}, "Pending"),
            (self.plug(claims={}), {"name": "data"}, "Pending"),
            (self.plug(bringer("data", phase="Pending")), {"name": "data"}, "AttachedToNode"),
            (self.plug(bringer("data")), shown("MountedToPod"), "MountedToPod"),
            (self.plug(), shown("Ready"), "Ready"),
            (self.plug(bringer("data")), shown("Detaching"), "Bound"),
        ):
            told = attachments.shown(plug, known, DATA)
            self.assertEqual(told["phase"], then)
        told = attachments.shown(self.plug(bringer("data")), shown("Ready"), DATA)
        self.assertEqual(told["hotplugVolume"], {"attachPodName": "hp-data", "attachPodUID": "uid-data"})
        told = attachments.shown(self.plug(bringer("data", phase="Pending")), told, DATA)
        self.assertEqual(told["hotplugVolume"], {"attachPodName": "hp-data"})

    def test_what_is_told_of_what_leaves(self) -> None:
        going = bringer("data", deletionTimestamp="2027-01-15T08:00:00Z")
        for pods, phase, then in (
            ((bringer("data"),), "Ready", "Ready"),
            ((bringer("data"),), "UnMountedFromPod", "Detaching"),
            ((going,), "UnMountedFromPod", "Detaching"),
        ):
            (told,) = attachments.leaving(self.plug(*pods, volumes=[]), [shown(phase)])
            self.assertEqual(told["phase"], then)
        self.assertEqual(told["reason"], "SuccessfulDelete")
        self.assertEqual(list(attachments.leaving(self.plug(volumes=[]), [shown("Detaching")])), [])

    def test_a_launcher_is_made_without_it(self) -> None:
        names = [each["name"] for each in launcher_pod(running(DATA))["spec"]["volumes"]]
        self.assertNotIn("data", names)

    def test_they_go_with_the_launcher(self) -> None:
        attached = {"uid-p": [bringer("data")]}
        ended = stage(guest("Succeeded"), launcher("Succeeded", "terminated"), attachments=attached)
        self.assertIn("Remove pods", verbs(decide_guest(ended)))
        deleted = guest("Running", meta={"deletionTimestamp": "2027-01-15T08:00:00Z"})
        removed = verbs(decide_guest(stage(deleted, launcher(), attachments=attached)))
        self.assertEqual(removed.count("Remove pods"), 2)

    def test_a_running_guest_is_brought_it(self) -> None:
        found = decide_guest(stage(running(DATA), source(), claims={"c": CLAIM}))
        self.assertTrue(any(isinstance(each, Create) and each.at.plural == "pods" for each in found.steps))
        patch = next(each for each in found.steps if isinstance(each, Patch) and each.at.plural != "pods")
        told = {each["path"]: each.get("value") for each in patch.body}["/status/volumeStatus"]
        self.assertEqual([(each["name"], each.get("phase", "")) for each in told], [("data", "Bound"), ("root", "")])
