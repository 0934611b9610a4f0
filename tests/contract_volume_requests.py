"""Volumes that a machine is asked to take or to give back in its status, where the older gate HotplugVolumes is open.

It runs on the real programs and on the sandbox. What becomes of a volume on its way to the guest is in
contract_hotplug.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.cluster.control import MERGE, Answer
from tests.cluster.objects import Document
from tests.contract_hotplug import blank, is_filled, options, volume_of
from tests.live.seen.gates import KUBEVIRT, open_gates, until_answered
from tests.live.seen.objects import NOWHERE, SUBRESOURCES, machine, says, without_repeats
from tests.live.seen.stage import SeenTestCase

READY, ASKED, GIVEN, HALTED, STUCK, WRONG = "vm-ready", "vm-asked", "vm-given", "vm-halted", "vm-stuck", "vm-wrong"
GATE = "HotplugVolumes"
SHUT = "Enable DeclarativeHotplugVolumes or HotplugVolumes feature gate"
EPHEMERAL = "kubevirt.io/ephemeral-hotplug-volumes"
FIELD = "Status.volumeRequests"


def requests(vm: Document) -> list[Document]:
    """What a machine is asked for."""
    return list(vm.get("status", {}).get("volumeRequests") or ())


def added(name: str, source: str) -> Document:
    """The request that ``options`` become."""
    asked = options(name, source)
    disk, volume = {**asked["disk"], "name": name}, {"dataVolume": {"name": source, "hotpluggable": True}}
    return {"addVolumeOptions": {"name": name, "disk": disk, "volumeSource": volume}}


def template_has(vm: Document, name: str) -> bool:
    """Whether a machine has a volume and a disk of that name; it never has one of the two alone."""
    spec = vm["spec"]["template"]["spec"]
    shown = (spec["volumes"], spec["domain"]["devices"]["disks"])
    has = {any(each["name"] == name for each in found) for found in shown}
    assert len(has) == 1, spec
    return has.pop()


def ephemeral(vmi: Document) -> str:
    """The volumes that an instance has alone, as it tells."""
    return str(vmi["metadata"].get("annotations", {}).get(EPHEMERAL, ""))


class VolumeRequestTests(SeenTestCase):
    CAST = (
        *(blank(f"data-{number}") for number in range(1, 4)),
        *(machine(name) for name in (READY, ASKED, GIVEN, WRONG)),
        machine(HALTED, runStrategy="Halted"),
        machine(STUCK, inner=NOWHERE),
    )

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.shows(READY, "Running")
        developer = (await self.control.get(KUBEVIRT))["spec"].get("configuration", {})
        before = developer.get("developerConfiguration", {}).get("featureGates") or ()
        if not {GATE, "DeclarativeHotplugVolumes"} & set(before):
            # It is asked for when the gate has been shut, so that nobody after this finds it open.
            self.addCleanup(lambda: Deferred.fromCoroutine(self.until_told(SHUT)))
        await open_gates(self, GATE)
        await self.until_told("volume with that name already exists")
        for number in range(1, 4):
            await self.becomes(f"{self.volumes}/data-{number}", "filled", is_filled)

    async def until_told(self, text: str) -> None:
        """Wait until virt-api says that of a volume for an instance which a machine owns."""
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachineinstances/{READY}/addvolume"
        await until_answered(self, path, options("root", "x"), lambda answer: text in answer.get("message", ""))

    async def tell_guest(self, name: str, action: str, body: Document) -> Answer:
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachineinstances/{name}/{action}"
        return await self.control.ask("PUT", path, body)

    def taken(self, answer: Answer) -> None:
        self.assertEqual(answer.status, 202, answer.content)

    async def guest_becomes(self, name: str, what: str, seen: Any) -> Document:
        return await self.becomes(f"{self.guests}/{name}", what, seen)

    async def asked(self, name: str) -> list[list[Document]]:
        """All requests that a machine has shown, in order."""
        told = [requests(each.object) for each in await self.story(self.machines, name)]
        return without_repeats(told)  # type: ignore[arg-type, return-value]

    async def test_a_running_machine_is_asked(self) -> None:
        await self.shows(ASKED, "Running")
        self.taken(await self.tell(ASKED, "addvolume", options("data", "data-1")))
        vm = await self.holds(ASKED, "data, and no request", lambda vm: template_has(vm, "data") and not requests(vm))
        vmi = await self.guest_becomes(
            ASKED, "data ready", lambda vmi: volume_of(vmi, "data").get("phase") == "Ready" and not ephemeral(vmi)
        )
        self.assertEqual(volume_of(vmi, "data")["target"], "sda")
        spec = vm["spec"]["template"]["spec"]
        wanted = {"name": "data", "dataVolume": {"name": "data-1", "hotpluggable": True}}
        self.assertEqual((spec["volumes"][-1], vmi["spec"]["volumes"][-1]), (wanted, wanted))
        self.assertEqual(spec["domain"]["devices"]["disks"][-1]["serial"], "serial-data")
        self.taken(await self.tell(ASKED, "removevolume", {"name": "data"}))
        vm = await self.holds(
            ASKED, "no data, and no request", lambda vm: not template_has(vm, "data") and not requests(vm)
        )
        self.assertEqual((says(vm, "RestartRequired"), says(vm, "Failure")), (("", ""), ("", "")))
        await self.guest_becomes(ASKED, "without it", lambda vmi: not volume_of(vmi, "data"))
        told = [[], [added("data", "data-1")], [], [{"removeVolumeOptions": {"name": "data"}}], []]
        self.assertEqual(await self.asked(ASKED), told)

    async def test_a_machine_that_does_not_run(self) -> None:
        await self.shows(HALTED, "Stopped")
        self.taken(await self.tell(HALTED, "addvolume", options("data", "data-1")))
        await self.holds(HALTED, "data", lambda vm: template_has(vm, "data") and not requests(vm))
        answer = await self.tell_guest(HALTED, "addvolume", options("data", "data-1"))
        self.refused(answer, 404, "not found")
        self.taken(await self.tell(HALTED, "removevolume", {"name": "data"}))
        await self.holds(HALTED, "no data", lambda vm: not template_has(vm, "data") and not requests(vm))

    async def test_an_instance_that_does_not_run(self) -> None:
        """The request waits, with what the instance's own addvolume says, until there is none."""
        await self.shows(STUCK, "ErrorUnschedulable")
        self.taken(await self.tell(STUCK, "addvolume", options("data", "data-1")))
        vm = await self.holds(STUCK, "a failure", lambda vm: says(vm, "Failure") == ("True", "HotPlugVolumeError"))
        (told,) = [each["message"] for each in vm["status"]["conditions"] if each["type"] == "Failure"]
        self.assertTrue(told.startswith("Error encountered while handling volume hotplug requests: "), told)
        self.assertTrue(told.endswith("VMI is not running"), told)
        self.assertEqual((requests(vm), template_has(vm, "data")), ([added("data", "data-1")], False))
        again = await self.tell(STUCK, "addvolume", options("data", "data-2"))
        self.refused(again, 409, "add volume request for volume [data] already exists")
        await self.told(STUCK, "stop")
        vm = await self.holds(STUCK, "data", lambda vm: template_has(vm, "data") and not requests(vm))
        await self.holds(STUCK, "no failure", lambda vm: says(vm, "Failure") == ("", ""))

    async def test_an_instance_alone_is_given_one(self) -> None:
        """The machine has it only once it is asked for the same."""
        await self.shows(GIVEN, "Running")
        self.taken(await self.tell_guest(GIVEN, "addvolume", options("data", "data-2")))
        await self.guest_becomes(
            GIVEN,
            "ready",
            lambda vmi: volume_of(vmi, "data").get("phase") == "Ready" and ephemeral(vmi) == '["data"]',
        )
        self.assertFalse(template_has(await self.machine(GIVEN), "data"))
        answer = await self.tell(GIVEN, "addvolume", options("data", "data-3"))
        why = "AddVolume request for [data] conflicts with an existing volume of the same name"
        self.refused(answer, 422, f"{why} on currently running vmi")
        self.taken(await self.tell(GIVEN, "addvolume", options("data", "data-2")))
        await self.holds(GIVEN, "data", lambda vm: template_has(vm, "data") and not requests(vm))
        await self.guest_becomes(GIVEN, "nothing alone", lambda vmi: not ephemeral(vmi))
        self.taken(await self.tell_guest(GIVEN, "removevolume", {"name": "data"}))
        await self.guest_becomes(GIVEN, "without it", lambda vmi: not volume_of(vmi, "data"))
        self.assertTrue(template_has(await self.machine(GIVEN), "data"))
        self.taken(await self.tell(GIVEN, "removevolume", {"name": "data"}))
        vm = await self.holds(GIVEN, "no data", lambda vm: not template_has(vm, "data") and not requests(vm))
        self.assertEqual(says(vm, "Failure"), ("", ""))

    async def test_what_is_refused(self) -> None:
        await self.shows(WRONG, "Running")
        for body, status, text in (
            ({"name": "x"}, 400, "AddVolumeOptions requires disk to not be nil"),
            (options("root", "data-3"), 409, "Unable to add volume [root] because volume with that name already"),
            (
                options("x", "data-3", "sata"),
                422,
                "AddVolume request for disk [x] requires bus to be 'scsi' or 'virtio'. [sata] is not permitted.",
            ),
            (
                options("x", "data-3") | {"disk": {"cdrom": {"bus": "sata"}}},
                422,
                "AddVolume request for [x] requires diskDevice of type 'disk' or 'lun' to be used.",
            ),
        ):
            self.refused(await self.tell(WRONG, "addvolume", body), status, text)
        for name, text in (
            ("root", "Unable to remove volume [root] because it is not hotpluggable"),
            ("none", "Unable to remove volume [none] because it does not exist"),
        ):
            self.refused(await self.tell(WRONG, "removevolume", {"name": name}), 409, text)
        self.taken(await self.tell(WRONG, "addvolume", options("x", "data-3") | {"dryRun": ["All"]}))
        self.assertEqual(await self.asked(WRONG), [[]])

    async def test_what_a_status_may_not_ask_for(self) -> None:
        """Whoever writes it."""
        vm = await self.shows(WRONG, "Running")
        ask, leave = added("x", "data-3"), {"removeVolumeOptions": {"name": "x"}}
        either = "either addVolumeOptions or removeVolumeOptions to be set"
        root = added("root", "data-3")
        for asked, text in (
            ([{}], f"VolumeRequests require one of {either}"),
            ([ask | leave], f"VolumeRequests require {either}, not both"),
            ([ask, ask], "AddVolume request for [x] aleady exists"),
            ([leave, leave], "RemoveVolume request for [x] aleady exists"),
            ([root], "AddVolume request for [root] conflicts with an existing volume of the same name on the vmi"),
        ):
            path = f"{self.machines}/{WRONG}/status"
            body: Document = {"metadata": {"uid": vm["metadata"]["uid"]}, "status": {"volumeRequests": asked}}
            answer = await self.control.ask("PATCH", path, body, MERGE)
            self.refused(answer, 422, text)
            self.assertIn("kubevirt-crd-status-validator.kubevirt.io", answer.document["message"])
            self.assertEqual([each["field"] for each in answer.document["details"]["causes"]], [FIELD])
        self.assertEqual(await self.asked(WRONG), [[]])
