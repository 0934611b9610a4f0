"""Volumes that are plugged into a running machine and out of it, where the gate DeclarativeHotplugVolumes is open.

It runs on the real programs and on the sandbox. That both refuse where no gate is open is in contract_virt_api, the
way of the older gate in contract_volume_requests.
"""

from __future__ import annotations

from tests.cluster.control import Answer
from tests.cluster.objects import Document
from tests.live.seen.gates import open_gates, until_answered
from tests.live.seen.objects import SUBRESOURCES, from_source, machine, says, volume, without_repeats
from tests.live.seen.stage import SeenTestCase

PLUGGED, TAKEN, WRONG, BORN = "vm-plugged", "vm-taken", "vm-wrong", "vm-born"
SHARED: Document = {"accessModes": ["ReadWriteMany"]}
HOT: Document = {"name": "data", "dataVolume": {"name": "data-3", "hotpluggable": True}}


def blank(name: str) -> Document:
    """A volume that two nodes may have."""
    return volume(name, from_source({"blank": {}}, **SHARED))


def options(name: str, source: str, bus: str = "scsi") -> Document:
    """What addvolume is asked for."""
    disk = {"disk": {"bus": bus}, "serial": f"serial-{name}"}
    return {"name": name, "disk": disk, "volumeSource": {"dataVolume": {"name": source}}}


def born() -> Document:
    """A machine that has such a volume from the start."""
    made = machine(BORN)
    spec = made["spec"]["template"]["spec"]
    spec["volumes"].append(HOT)
    spec["domain"]["devices"]["disks"].append({"name": "data", "disk": {"bus": "scsi"}})
    return made


def is_filled(found: Document) -> bool:
    """Whether a DataVolume is."""
    return bool(found.get("status", {}).get("phase") == "Succeeded")


def volume_of(vmi: Document, name: str) -> Document:
    """What an instance tells of a volume, nothing where it tells nothing."""
    shown = vmi.get("status", {}).get("volumeStatus") or ()
    return next((each for each in shown if each["name"] == name), {})


class HotplugTests(SeenTestCase):
    CAST = (
        *(blank(f"data-{number}") for number in range(1, 4)),
        *(machine(name) for name in (PLUGGED, TAKEN, WRONG)),
        born(),
    )

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await open_gates(self, "DeclarativeHotplugVolumes")
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachines/{PLUGGED}/addvolume"
        await until_answered(self, path, {}, lambda answer: "requires name" in answer.get("message", ""))
        for number in range(1, 4):
            await self.becomes(
                f"{self.volumes}/data-{number}",
                "filled",
                lambda found: found.get("status", {}).get("phase") == "Succeeded",
            )

    async def tell_guest(self, name: str, action: str, body: Document) -> Answer:
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachineinstances/{name}/{action}"
        return await self.control.ask("PUT", path, body)

    async def attachments(self) -> list[Document]:
        """The Pods that bring volumes to nodes."""
        found = await self.control.get(f"{self.core}/pods?labelSelector=kubevirt.io=hotplug-disk")
        return list(found["items"])

    async def ready(self, name: str, wanted: str) -> Document:
        """Wait until a volume has been plugged in; the instance."""
        return await self.becomes(
            f"{self.guests}/{name}", f"{wanted} ready", lambda vmi: volume_of(vmi, wanted).get("phase") == "Ready"
        )

    async def phases(self, name: str, wanted: str) -> list[str]:
        """All phases that a volume has shown, "" while there was nothing."""
        seen = await self.story(self.guests, name)
        return without_repeats([volume_of(each.object, wanted).get("phase", "") for each in seen])

    async def test_a_volume_comes_and_goes(self) -> None:
        await self.shows(PLUGGED, "Running")
        answer = await self.tell(PLUGGED, "addvolume", options("data", "data-1"))
        self.assertEqual(answer.status, 202, answer.content)
        vmi = await self.ready(PLUGGED, "data")
        shown = volume_of(vmi, "data")
        self.assertEqual((shown["target"], shown["reason"]), ("sda", "VolumeReady"))
        self.assertEqual(shown["message"], "Successfully attach hotplugged volume data to VM")
        self.assertEqual(shown["persistentVolumeClaimInfo"]["claimName"], "data-1")
        self.assertNotIn("hotplugVolume", volume_of(vmi, "root"))
        (pod,) = [each for each in await self.attachments() if each["metadata"]["uid"] == self.brought(shown)]
        self.assertTrue(pod["metadata"]["name"].startswith("hp-volume-"))
        self.assertEqual(pod["metadata"]["name"], shown["hotplugVolume"]["attachPodName"])
        self.assertEqual(pod["spec"]["nodeName"], vmi["status"]["nodeName"])
        (owner,) = pod["metadata"]["ownerReferences"]
        self.assertTrue(owner["kind"] == "Pod" and owner["name"].startswith(f"virt-launcher-{PLUGGED}-"))
        (container,) = pod["spec"]["containers"]
        self.assertEqual((container["name"], container["volumeMounts"][0]["mountPath"]), ("hotplug-disk", "/path"))
        vm = await self.machine(PLUGGED)
        spec = vm["spec"]["template"]["spec"]
        wanted = {"name": "data", "dataVolume": {"name": "data-1", "hotpluggable": True}}
        self.assertEqual((spec["volumes"][-1], vmi["spec"]["volumes"][-1]), (wanted, wanted))
        self.assertEqual(spec["domain"]["devices"]["disks"][-1]["serial"], "serial-data")
        self.assertEqual(says(vm, "RestartRequired"), ("", ""))
        answer = await self.tell(PLUGGED, "removevolume", {"name": "data"})
        self.assertEqual(answer.status, 202, answer.content)
        await self.becomes(f"{self.guests}/{PLUGGED}", "without it", lambda vmi: not volume_of(vmi, "data"))
        await self.vanishes(f"{self.core}/pods/{pod['metadata']['name']}")
        phases = [each for each in await self.phases(PLUGGED, "data") if each not in ("Pending", "Bound")]
        self.assertEqual(phases[:4], ["", "AttachedToNode", "MountedToPod", "Ready"])
        self.assertEqual((phases[4], phases[-1]), ("UnMountedFromPod", ""))
        vm = await self.machine(PLUGGED)
        self.assertNotIn("data", [each["name"] for each in vm["spec"]["template"]["spec"]["volumes"]])
        self.assertEqual(says(vm, "RestartRequired"), ("", ""))

    def brought(self, shown: Document) -> str:
        uid: str = shown["hotplugVolume"]["attachPodUID"]
        return uid

    async def test_a_volume_goes_along_to_another_node(self) -> None:
        await self.shows(TAKEN, "Running")
        self.assertEqual((await self.tell(TAKEN, "addvolume", options("data", "data-2"))).status, 202)
        before = await self.ready(TAKEN, "data")
        self.assertEqual((await self.tell(TAKEN, "migrate")).status, 202)
        moved = await self.becomes(
            f"{self.guests}/{TAKEN}",
            "moved",
            lambda vmi: (
                vmi["status"]["nodeName"] != before["status"]["nodeName"]
                and self.brought(volume_of(vmi, "data")) != self.brought(volume_of(before, "data"))
            ),
        )
        state = moved["status"]["migrationState"]
        self.assertEqual(state["targetAttachmentPodUID"], self.brought(volume_of(moved, "data")))
        self.assertEqual(volume_of(moved, "data")["phase"], "Ready")

        async def alone() -> bool:
            uids = [each["metadata"]["uid"] for each in await self.attachments()]
            return self.brought(volume_of(before, "data")) not in uids

        await self.control.until(60.0, "one attachment", alone)

    async def test_a_machine_starts_with_it(self) -> None:
        """Its launcher is made without the volume, which is plugged in once the guest runs."""
        await self.shows(BORN, "Running")
        vmi = await self.ready(BORN, "data")
        self.assertTrue(self.brought(volume_of(vmi, "data")))
        label = f"vm.kubevirt.io/name={BORN}"
        (pod,) = (await self.control.get(f"{self.core}/pods?labelSelector={label}"))["items"]
        self.assertNotIn("data", [each["name"] for each in pod["spec"]["volumes"]])

    async def test_what_cannot_be_plugged_is_refused(self) -> None:
        await self.shows(WRONG, "Running")
        for body, status, text in (
            ({"name": "x"}, 400, "AddVolumeOptions requires disk to not be nil"),
            ({"name": "x", "disk": {"disk": {}}}, 400, "AddVolumeOptions requires VolumeSource to not be nil"),
            (options("root", "data-1"), 409, "Unable to add volume [root] because volume with that name already"),
            (options("x", "missing") | {"dryRun": ["All"]}, 202, ""),
        ):
            answer = await self.tell(WRONG, "addvolume", body)
            self.assertEqual(answer.status, status, answer.content)
            self.assertIn(text, answer.content.decode())
        for name, text in (
            ("root", "Unable to remove volume [root] because it is not hotpluggable"),
            ("none", "Unable to remove volume [none] because it does not exist"),
        ):
            self.refused(await self.tell(WRONG, "removevolume", {"name": name}), 409, text)
        self.refused(await self.tell(WRONG, "removevolume", {}), 400, "RemoveVolumeOptions requires name to be set")
        for action, body in (("addvolume", options("x", "data-1")), ("removevolume", {"name": "root"})):
            where = f"VMI {self.namespace}/{WRONG} is owned by a VM"
            self.refused(await self.tell_guest(WRONG, action, body), 400, where)
        self.refused(await self.tell("none", "addvolume", options("x", "data-1")), 404, "not found")

    async def test_a_bus_that_takes_nothing(self) -> None:
        """The machine has it, its instance is not given it, and the machine says why until it is taken back."""
        await self.shows(WRONG, "Running")
        answer = await self.tell(WRONG, "addvolume", options("slow", "data-1", "sata"))
        self.assertEqual(answer.status, 202, answer.content)
        found = await self.holds(WRONG, "a failure", lambda vm: says(vm, "Failure") == ("True", "HotPlugVolumeError"))
        (told,) = [each["message"] for each in found["status"]["conditions"] if each["type"] == "Failure"]
        self.assertIn("requires bus to be 'scsi' or 'virtio'. [sata] is not permitted.", told)
        self.assertEqual((await self.tell(WRONG, "removevolume", {"name": "slow"})).status, 202)
        await self.holds(WRONG, "no failure", lambda vm: says(vm, "Failure") == ("", ""))
