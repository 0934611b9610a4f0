"""Snapshots of whole machines: of one that is off, one that runs, one that has an agent; and what is refused.

It runs on the real programs and on the sandbox, with KubeVirt's gate Snapshot open.
"""

from __future__ import annotations

from typing import Any

from dicot.sandbox.nodes.instances import GUEST_AGENT
from tests.cluster.control import Answer
from tests.cluster.objects import Document, named
from tests.live.seen.gates import open_gates, shown_open, until_refused
from tests.live.seen.objects import (
    conditions,
    disk_of,
    from_source,
    machine,
    rooted,
    template,
    without_repeats,
)
from tests.live.seen.stage import SeenTestCase

GROUP = "/apis/snapshot.kubevirt.io/v1beta1"
OFF, DEAF, TALKING = "vm-off", "vm-deaf", "vm-talking"
BLANK = from_source({"blank": {}})
SOURCE_FINALIZER = "snapshot.kubevirt.io/snapshot-source-protection"


def snapshot(name: str, machine: str, **more: Any) -> Document:
    """A snapshot of a machine."""
    source = {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": machine}
    spec = {"source": source} | more
    return named("VirtualMachineSnapshot", name, None, "snapshot.kubevirt.io/v1beta1", spec=spec)


def said(found: Document) -> dict[str, tuple[str, str]]:
    """Status and reason of all conditions."""
    return {kind: (each["status"], each["reason"]) for kind, each in conditions(found).items()}


def is_ready(found: Document) -> bool:
    """Whether it can be used."""
    return bool(found.get("status", {}).get("readyToUse"))


def is_filled(found: Document) -> bool:
    """Whether a DataVolume is."""
    return bool(found.get("status", {}).get("phase") == "Succeeded")


class Case(SeenTestCase):
    """What the classes below share."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.snapshots = f"{GROUP}/namespaces/{self.namespace}/virtualmachinesnapshots"
        self.contents = f"{self.snapshots}".replace("snapshots", "snapshotcontents")
        self.volume_snapshots = f"/apis/snapshot.storage.k8s.io/v1/namespaces/{self.namespace}/volumesnapshots"

    async def offer_snapshot(self, document: Document, query: str = "") -> Answer:
        return await self.control.ask("POST", self.snapshots + query, document)

    async def open(self) -> None:
        """Open the gate for a test."""
        await open_gates(self, "Snapshot")
        await shown_open(self, f"{self.snapshots}?dryRun=All", snapshot("probe", "none"))

    async def take(self, name: str, machine: str, **more: Any) -> Document:
        """A snapshot, once it is ready."""
        answer = await self.offer_snapshot(snapshot(name, machine, **more))
        self.assertEqual(answer.status, 201, answer.content)
        return await self.becomes(f"{self.snapshots}/{name}", "ready", is_ready)

    async def content_of(self, found: Document) -> Document:
        return await self.control.get(f"{self.contents}/{found['status']['virtualMachineSnapshotContentName']}")


class SnapshotTests(Case):
    CAST = (
        rooted(OFF, BLANK, runStrategy="Halted"),
        rooted(DEAF, BLANK),
        machine(
            TALKING,
            disk_of(f"{TALKING}-root"),
            notes={GUEST_AGENT: "true"},
            dataVolumeTemplates=[template(f"{TALKING}-root", BLANK)],
        ),
    )

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.open()
        for name in (OFF, DEAF, TALKING):
            path = f"{self.volumes}/{name}-root"
            await self.becomes(path, "filled", is_filled)

    async def test_of_a_machine_that_is_off(self) -> None:
        vm = await self.shows(OFF, "Stopped")
        found = await self.take("snap-off", OFF)
        status = found["status"]
        self.assertEqual((status["phase"], status["sourceUID"]), ("Succeeded", vm["metadata"]["uid"]))
        self.assertEqual(said(found), {"Progressing": ("False", "Operation complete"), "Ready": ("True", "Ready")})
        self.assertEqual(status["snapshotVolumes"], {"includedVolumes": ["root"]})
        self.assertNotIn("indications", status)
        uid = found["metadata"]["uid"]
        self.assertEqual(status["virtualMachineSnapshotContentName"], f"vmsnapshot-content-{uid}")
        self.assertIn("snapshot.kubevirt.io/vmsnapshot-protection", found["metadata"]["finalizers"])
        content = await self.content_of(found)
        self.assertEqual(content["spec"]["virtualMachineSnapshotName"], "snap-off")
        kept = content["spec"]["source"]["virtualMachine"]
        self.assertEqual((kept["metadata"]["uid"], kept["spec"]), (vm["metadata"]["uid"], vm["spec"]))
        (backup,) = content["spec"]["volumeBackups"]
        name = f"vmsnapshot-{uid}-volume-root"
        self.assertEqual((backup["volumeName"], backup["volumeSnapshotName"]), ("root", name))
        claim = await self.control.get(f"{self.core}/persistentvolumeclaims/{OFF}-root")
        self.assertEqual(backup["persistentVolumeClaim"]["spec"], claim["spec"])
        self.assertEqual(backup["persistentVolumeClaim"]["metadata"]["uid"], claim["metadata"]["uid"])
        (shown,) = content["status"]["volumeSnapshotStatus"]
        self.assertEqual((shown["volumeSnapshotName"], shown["readyToUse"]), (name, True))
        self.assertTrue(status["creationTime"] == content["status"]["creationTime"])
        taken = await self.control.get(f"{self.volume_snapshots}/{name}")
        labels = {f"snapshot.kubevirt.io/source-vm-{key}": value for key, value in self.where().items()}
        self.assertEqual(taken["metadata"]["labels"], labels)
        self.assertEqual(taken["metadata"]["ownerReferences"][0]["uid"], content["metadata"]["uid"])
        self.assertEqual(taken["spec"]["source"], {"persistentVolumeClaimName": f"{OFF}-root"})
        vm = await self.holds(OFF, "let go", lambda vm: "snapshotInProgress" not in vm["status"])
        self.assertNotIn(SOURCE_FINALIZER, vm["metadata"]["finalizers"])
        states = [each.object.get("status", {}) for each in await self.story(self.machines, OFF)]
        kept_as = without_repeats([each.get("snapshotInProgress", "") for each in states])
        self.assertEqual(kept_as, ["", "snap-off", ""])

    def where(self) -> dict[str, str]:
        return {"name": OFF, "namespace": self.namespace}

    async def test_of_a_guest_without_an_agent(self) -> None:
        await self.shows(DEAF, "Running")
        status = (await self.take("snap-deaf", DEAF))["status"]
        self.assertEqual(status["indications"], ["NoGuestAgent", "Online"])
        self.assertEqual([each["indication"] for each in status["sourceIndications"]], ["NoGuestAgent", "Online"])
        told = {each["indication"]: each["message"] for each in status["sourceIndications"]}
        self.assertTrue(told["NoGuestAgent"].startswith("Guest agent was not available."))
        states = [each.object.get("status", {}) for each in await self.story(self.guests, DEAF)]
        self.assertNotIn("frozen", [each.get("fsFreezeStatus") for each in states])

    async def test_of_a_guest_with_an_agent(self) -> None:
        """Its file systems are held still meanwhile."""
        await self.shows(TALKING, "Running")
        path = f"{self.guests}/{TALKING}"
        await self.becomes(path, "an agent", lambda vmi: "AgentConnected" in conditions(vmi))
        status = (await self.take("snap-talking", TALKING))["status"]
        self.assertEqual(status["indications"], ["GuestAgent", "Online"])
        await self.becomes(path, "thawed", lambda vmi: "fsFreezeStatus" not in vmi["status"])
        states = [each.object.get("status", {}) for each in await self.story(self.guests, TALKING)]
        frozen = without_repeats([each.get("fsFreezeStatus", "") for each in states])
        self.assertEqual(frozen, ["", "frozen", ""])

    async def test_what_goes_with_a_snapshot(self) -> None:
        await self.shows(OFF, "Stopped")
        for name, policy in (("snap-goes", "Delete"), ("snap-stays", "Retain")):
            found = await self.take(name, OFF, deletionPolicy=policy)
            content = await self.content_of(found)
            taken = f"{self.volume_snapshots}/{content['spec']['volumeBackups'][0]['volumeSnapshotName']}"
            await self.control.change("DELETE", f"{self.snapshots}/{name}")
            await self.vanishes(f"{self.snapshots}/{name}")
            path = f"{self.contents}/{content['metadata']['name']}"
            if policy == "Delete":
                await self.vanishes(path)
                await self.vanishes(taken)
            else:
                self.assertTrue(is_ready(await self.control.get(path)))
                await self.control.get(taken)

    async def test_of_no_machine(self) -> None:
        answer = await self.offer_snapshot(snapshot("snap-none", "none"))
        self.assertEqual(answer.status, 201, answer.content)
        path = f"{self.snapshots}/snap-none"
        found = await self.becomes(path, "judged", lambda found: bool(conditions(found)))
        expected = {"Progressing": ("False", "Source does not exist"), "Ready": ("False", "Not ready")}
        self.assertEqual((said(found), found["status"]["phase"]), (expected, "InProgress"))
        await self.control.change("DELETE", path)
        await self.vanishes(path)

    async def test_what_is_refused(self) -> None:
        wrong = snapshot("snap", OFF)
        for changes, text in (
            ({"apiGroup": None}, "missing apiGroup"),
            ({"apiGroup": "apps"}, "invalid apiGroup"),
            ({"kind": "VirtualMachineInstance"}, "invalid kind"),
        ):
            source = {key: value for key, value in (wrong["spec"]["source"] | changes).items() if value is not None}
            answer = await self.offer_snapshot(wrong | {"spec": {"source": source}}, "?dryRun=All")
            self.refused(answer, 422, text)
        await self.offer_snapshot(snapshot("snap-fixed", "none"))
        path = f"{self.snapshots}/snap-fixed"
        patch = {"spec": {"deletionPolicy": "Retain"}}
        answer = await self.control.ask("PATCH", path, patch, "application/merge-patch+json")
        self.refused(answer, 422, "spec in immutable after creation")
        await self.control.change("DELETE", path)


class GateTests(Case):
    async def test_a_stock_cluster_takes_none(self) -> None:
        why = "snapshot feature gate not enabled"
        await until_refused(self, f"{self.snapshots}?dryRun=All", snapshot("snap", "vm"), why)
