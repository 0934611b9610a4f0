"""What becomes of changes to a machine that is there: resize, rebuild, attach, labels."""

from __future__ import annotations

from collections.abc import Callable

from tests.cluster.control import Answer
from tests.cluster.objects import Document, named
from tests.cluster.shared import on_real_programs

from .objects import SMALL, conditions, disk_of, from_source, machine, printable, requests, rooted, says, template
from .stage import SeenTestCase

BLANK = from_source({"blank": {}})
NO_HOTPLUG = "Enable DeclarativeHotplugVolumes or HotplugVolumes feature gate"


class ResizeTests(SeenTestCase):
    CAST = (machine("rested"), machine("live"))

    async def test_a_machine_at_rest(self) -> None:
        """4.3: with the instancetype changed while Stopped the next start has the new size; and back likewise."""
        before = await self.shows("rested", "Running")
        await self._resized("rested", "m1.medium")
        self.assertEqual(await self._size("rested"), (2, "4Gi"))
        after = await self.machine("rested")
        self.assertNotEqual(_revision(after), _revision(before))
        self.assertFalse(after["spec"]["instancetype"].get("revisionName"))
        await self._resized("rested", "m1.tiny")
        self.assertEqual(await self._size("rested"), (1, "512Mi"))
        self.assertNotIn("Failure", conditions(await self.machine("rested")))

    async def test_a_machine_that_runs(self) -> None:
        """4.3: its CPUs are plugged in at once, memory wants a restart, and going back fails: HotPlugCPUError."""
        await self.shows("live", "Running")
        await self._flavored("live", "m1.medium")
        await self.becomes(
            f"{self.guests}/live", "two sockets", lambda vmi: vmi["spec"]["domain"]["cpu"]["sockets"] == 2
        )
        await self.holds("live", "RestartRequired", lambda vm: says(vm, "RestartRequired")[0] == "True")
        await self._flavored("live", "m1.tiny")
        await self.holds("live", "Failure", lambda vm: says(vm, "Failure") == ("True", "HotPlugCPUError"))

    async def _flavored(self, name: str, flavor: str) -> None:
        await self.change(f"{self.machines}/{name}", {"spec": {"instancetype": {"name": flavor}}})

    async def _resized(self, name: str, flavor: str) -> None:
        await self.told(name, "stop")
        await self.holds(name, "at rest", lambda vm: printable(vm) == "Stopped" and not requests(vm))
        await self._flavored(name, flavor)
        await self.told(name, "start")
        await self.shows(name, "Running")

    async def _size(self, name: str) -> tuple[int, str]:
        domain = (await self.control.get(f"{self.guests}/{name}"))["spec"]["domain"]
        return domain["cpu"]["sockets"], domain["memory"]["guest"]


class RebuildTests(SeenTestCase):
    CAST = (
        rooted("runs", BLANK),
        rooted("rests", BLANK, runStrategy="Halted"),
        rooted("kept", BLANK, runStrategy="Halted"),
        rooted("edited", BLANK, runStrategy="Halted"),
    )

    async def test_another_root_disk(self) -> None:
        """4.3: it is accepted while running and at rest, and acts at the next start; the dropped one stays, owned."""
        await self.shows("runs", "Running")
        await self._filled("rests-root")
        for name in ("runs", "rests"):
            await self._replaced(name)
        guest = await self.control.get(f"{self.guests}/runs")
        self.assertEqual(guest["spec"]["volumes"][0]["dataVolume"]["name"], "runs-root")
        await self.told("runs", "restart")
        await self.told("rests", "start")
        for name in ("runs", "rests"):
            await self.becomes(f"{self.guests}/{name}", "the new disk and Running", _runs_from(f"{name}-new"))
            dropped = await self.control.get(f"{self.volumes}/{name}-root")
            (owner,) = dropped["metadata"]["ownerReferences"]
            self.assertEqual((owner["kind"], owner["name"]), ("VirtualMachine", name))
            await self.control.change("DELETE", f"{self.volumes}/{name}-root")
            await self.vanishes(f"{self.volumes}/{name}-root")

    async def test_a_disk_that_a_template_names_is_made_again(self) -> None:
        """4.3: a volume that is deleted comes back, new, as long as a template names it."""
        await self._filled("kept-root")
        old = await self.control.get(f"{self.volumes}/kept-root")
        await self.control.change("DELETE", f"{self.volumes}/kept-root")
        await self.becomes(self.volumes, "a new one", _has_another("kept-root", old))

    async def test_another_spec_in_a_template_changes_nothing(self) -> None:
        """4.3: a dataVolumeTemplate whose spec is edited leaves its volume as it was."""
        await self._filled("edited-root")
        before = await self.control.get(f"{self.volumes}/edited-root")
        larger = [template("edited-root", from_source({"blank": {}}, "2Gi"))]
        await self.change(f"{self.machines}/edited", {"spec": {"dataVolumeTemplates": larger}})
        await self.told("edited", "start")
        await self.shows("edited", "Running")
        after = await self.control.get(f"{self.volumes}/edited-root")
        self.assertEqual(after["spec"]["storage"]["resources"]["requests"]["storage"], SMALL)
        self.assertEqual(after["metadata"]["uid"], before["metadata"]["uid"])

    async def _filled(self, name: str) -> None:
        await self.becomes(self.volumes, f"{name} filled", _has_filled(name))

    async def _replaced(self, name: str) -> None:
        volumes = [{"name": "root", **disk_of(f"{name}-new")}]
        spec = {"dataVolumeTemplates": [template(f"{name}-new", BLANK)], "template": {"spec": {"volumes": volumes}}}
        await self.change(f"{self.machines}/{name}", {"spec": spec})


class ChangeTests(SeenTestCase):
    CAST = (machine("m"), machine("n"))

    async def test_labels_and_annotations_are_no_new_generation(self) -> None:
        """4.3: they change, the generation does not, and nothing asks for a restart."""
        before = await self.shows("m", "Running")
        noted = {"labels": {"dicot.io/server-group": "x"}, "annotations": {"dicot.io/name": "web"}}
        await self.change(f"{self.machines}/m", {"metadata": noted})
        after = await self.machine("m")
        self.assertEqual(after["metadata"]["generation"], before["metadata"]["generation"])
        self.assertNotIn("RestartRequired", conditions(after))

    async def test_what_wants_a_restart_until_it_is_taken_back(self) -> None:
        """4.3: another hostname, disk or root asks for a restart, and the old one again no longer does."""
        await self.shows("m", "Running")
        old = (await self.machine("m"))["spec"]["template"]["spec"]
        image = {"name": "root", "containerDisk": {"image": "quay.io/kubevirt/fedora:v1"}}
        more = [*old["volumes"], {"name": "more", "emptyDisk": {"capacity": SMALL}}]
        disks = [*old["domain"]["devices"]["disks"], {"name": "more", "disk": {"bus": "virtio"}}]
        for changed, back in (
            ({"hostname": "other"}, {"hostname": None}),
            ({"volumes": [image]}, {"volumes": old["volumes"]}),
            (_disked(disks, more), _disked(old["domain"]["devices"]["disks"], old["volumes"])),
        ):
            await self._inner("m", changed)
            await self.holds("m", "RestartRequired", lambda vm: says(vm, "RestartRequired")[0] == "True")
            await self._inner("m", back)
            await self.holds("m", "no RestartRequired", lambda vm: "RestartRequired" not in conditions(vm))

    async def test_attaching_needs_a_feature_gate(self) -> None:
        """4.3: addvolume and removevolume are 400 and name the gates."""
        await self.shows("n", "Running")
        source = {"persistentVolumeClaim": {"claimName": "v"}}
        added = {"name": "v", "disk": {"disk": {"bus": "scsi"}}, "volumeSource": source}
        self.refused(await self.tell("n", "addvolume", added), 400, NO_HOTPLUG)
        self.refused(await self.tell("n", "removevolume", {"name": "v"}), 400, NO_HOTPLUG)

    async def test_a_snapshot_needs_a_feature_gate(self) -> None:
        """4.3: a VirtualMachineSnapshot is 400 "snapshot feature gate not enabled"."""
        on_real_programs("the sandbox serves no snapshots and exports of machines")
        answer = await self._offered("snapshot.kubevirt.io/v1beta1", "VirtualMachineSnapshot")
        self.refused(answer, 400, "snapshot feature gate not enabled")

    async def test_an_export_needs_a_feature_gate(self) -> None:
        """4.3: a VirtualMachineExport is 400 likewise."""
        on_real_programs("the sandbox serves no snapshots and exports of machines")
        answer = await self._offered("export.kubevirt.io/v1beta1", "VirtualMachineExport")
        self.refused(answer, 400, "export feature gate not enabled")

    async def _offered(self, version: str, kind: str) -> Answer:
        source = {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": "n"}
        made = named(kind, "s", None, version, spec={"source": source})
        path = f"/apis/{version}/namespaces/{self.namespace}/{kind.lower()}s"
        return await self.control.ask("POST", path, made)

    async def _inner(self, name: str, patch: Document) -> None:
        await self.change(f"{self.machines}/{name}", {"spec": {"template": {"spec": patch}}})


def _disked(disks: list[Document], volumes: list[Document]) -> Document:
    return {"domain": {"devices": {"disks": disks}}, "volumes": volumes}


def _revision(vm: Document) -> str:
    name: str = vm["status"]["instancetypeRef"]["controllerRevisionRef"]["name"]
    return name


def _runs_from(disk: str) -> Callable[[Document], bool]:
    def seen(vmi: Document) -> bool:
        shown = vmi["spec"]["volumes"][0]["dataVolume"]["name"], vmi.get("status", {}).get("phase")
        return shown == (disk, "Running")

    return seen


def _has_filled(name: str) -> Callable[[Document], bool]:
    def seen(found: Document) -> bool:
        phases = {each["metadata"]["name"]: each.get("status", {}).get("phase") for each in found["items"]}
        return phases.get(name) == "Succeeded"

    return seen


def _has_another(name: str, old: Document) -> Callable[[Document], bool]:
    def seen(found: Document) -> bool:
        uids = {each["metadata"]["uid"] for each in found["items"] if each["metadata"]["name"] == name}
        return bool(uids - {old["metadata"]["uid"]})

    return seen
