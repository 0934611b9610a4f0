"""What becomes of a machine that is restored from a snapshot: in its own place, or as another one.

It runs on the real programs and on the sandbox, with KubeVirt's gate Snapshot open.

A difference that is meant: the sandbox puts no volume in the place of the old one (volumeRestorePolicy InPlace).
"""

from __future__ import annotations

from typing import Any

from tests.cluster.control import Answer
from tests.cluster.objects import Document, named
from tests.contract_machine_snapshots import BLANK, Case, is_filled, said
from tests.live.seen.gates import until_refused
from tests.live.seen.objects import conditions, machine, rooted

BACK, OTHER, ELSE, RUNNING, LIVE = "vm-back", "vm-other", "vm-else", "vm-running", "vm-live"
WAITS = "Waiting for target VM to be powered off. Please stop the restore target to proceed with restore"
LAST = "restore.kubevirt.io/lastRestoreUID"


def restore(name: str, target: str, snapshot: str, **more: Any) -> Document:
    """A restore of a machine from a snapshot."""
    whom = {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": target}
    spec = {"target": whom, "virtualMachineSnapshotName": snapshot} | more
    return named("VirtualMachineRestore", name, None, "snapshot.kubevirt.io/v1beta1", spec=spec)


def is_complete(found: Document) -> bool:
    """Whether it is over."""
    return bool(found.get("status", {}).get("complete"))


class RestoreTests(Case):
    CAST = (
        *(rooted(name, BLANK, runStrategy="Halted") for name in (BACK, OTHER)),
        rooted(RUNNING, BLANK),
        rooted(LIVE, BLANK),
        machine(ELSE, runStrategy="Halted"),
    )

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.open()
        self.restores = self.snapshots.replace("snapshots", "restores")

    async def ready(self, name: str, word: str) -> Document:
        """A machine that has its disk."""
        await self.becomes(f"{self.volumes}/{name}-root", "filled", is_filled)
        return await self.shows(name, word)

    async def offer_restore(self, document: Document, query: str = "") -> Answer:
        return await self.control.ask("POST", self.restores + query, document)

    async def bring(self, name: str, target: str, snapshot: str, **more: Any) -> str:
        """Ask for a restore; where it is."""
        answer = await self.offer_restore(restore(name, target, snapshot, **more))
        self.assertEqual(answer.status, 201, answer.content)
        return f"{self.restores}/{name}"

    async def test_a_machine_becomes_what_it_was(self) -> None:
        before = await self.ready(BACK, "Stopped")
        taken = await self.take("snap-back", BACK)
        await self.change(f"{self.machines}/{BACK}", {"spec": {"template": {"spec": {"hostname": "changed"}}}})
        path = await self.bring("back", BACK, "snap-back")
        found = await self.becomes(path, "complete", is_complete)
        status, uid = found["status"], found["metadata"]["uid"]
        done = "Operation complete"
        self.assertEqual(said(found), {"Progressing": ("False", done), "Ready": ("True", done)})
        name = f"restore-{uid}-root"
        self.assertEqual(
            status["restores"],
            [
                {
                    "volumeName": "root",
                    "persistentVolumeClaim": name,
                    "dataVolumeName": name,
                    "volumeSnapshotName": f"vmsnapshot-{taken['metadata']['uid']}-volume-root",
                }
            ],
        )
        self.assertEqual(status["deletedDataVolumes"], [f"{BACK}-root"])
        self.assertTrue(status["restoreTime"])
        self.assertEqual(found["metadata"]["ownerReferences"][0]["uid"], before["metadata"]["uid"])
        vm = await self.holds(BACK, "free", lambda vm: "restoreInProgress" not in vm["status"])
        self.assertEqual(vm["metadata"]["uid"], before["metadata"]["uid"])
        self.assertEqual(vm["metadata"]["annotations"][LAST], f"back-{uid}")
        spec = vm["spec"]["template"]["spec"]
        self.assertNotIn("hostname", spec)
        self.assertEqual(spec["volumes"], [{"name": "root", "dataVolume": {"name": name}}])
        self.assertEqual([each["metadata"]["name"] for each in vm["spec"]["dataVolumeTemplates"]], [name])
        self.assertEqual(vm["spec"]["runStrategy"], "Halted")
        claim = await self.control.get(f"{self.core}/persistentvolumeclaims/{name}")
        source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot"}
        self.assertEqual(
            claim["spec"]["dataSource"], source | {"name": f"vmsnapshot-{taken['metadata']['uid']}-volume-root"}
        )
        labels = {key: text for key, text in claim["metadata"]["labels"].items() if key.startswith("restore.")}
        where = {"name": BACK, "namespace": self.namespace}
        self.assertEqual(labels, {f"restore.kubevirt.io/source-vm-{key}": text for key, text in where.items()})
        volume = await self.becomes(f"{self.volumes}/{name}", "filled", is_filled)
        self.assertEqual(claim["metadata"]["ownerReferences"][0]["uid"], volume["metadata"]["uid"])
        await self.vanishes(f"{self.volumes}/{BACK}-root")
        await self.told(BACK, "start")
        await self.shows(BACK, "Running")

    async def test_another_machine_is_made_of_it(self) -> None:
        await self.ready(OTHER, "Stopped")
        await self.take("snap-other", OTHER)
        path = await self.bring("other", "vm-new", "snap-other", volumeRestorePolicy="PrefixTargetName")
        found = await self.becomes(path, "complete", is_complete)
        (each,) = found["status"]["restores"]
        self.assertEqual((each["persistentVolumeClaim"], each["dataVolumeName"]), ("vm-new-root",) * 2)
        self.assertNotIn("deletedDataVolumes", found["status"])
        vm = await self.machine("vm-new")
        self.assertEqual(vm["spec"]["runStrategy"], "Halted")
        self.assertEqual(vm["metadata"]["annotations"][LAST], f"other-{found['metadata']['uid']}")
        self.assertEqual(vm["spec"]["template"]["spec"]["volumes"][0]["dataVolume"], {"name": "vm-new-root"})
        self.assertTrue(await self.control.answers(f"{self.volumes}/{OTHER}-root"))
        path = await self.bring("wrong", ELSE, "snap-other")
        why = "restore source and restore target are different but restore target already exists"
        await self.becomes(path, "stuck", lambda found: said(found).get("Ready") == ("False", why))

    async def test_a_machine_that_runs_is_waited_for(self) -> None:
        await self.ready(RUNNING, "Running")
        await self.take("snap-running", RUNNING)
        path = await self.bring("waits", RUNNING, "snap-running")
        why = f"{WAITS}, or the operation will fail after 5m0s"
        found = await self.becomes(path, "waiting", lambda found: said(found).get("Ready") == ("False", why))
        self.assertEqual(said(found)["Progressing"], ("False", why))
        again = restore("again", RUNNING, "snap-running")
        self.refused(await self.offer_restore(again, "?dryRun=All"), 422, 'VirtualMachineRestore "waits" in progress')
        await self.told(RUNNING, "stop")
        await self.becomes(path, "complete", is_complete)

    async def test_a_machine_that_runs_is_not_touched(self) -> None:
        """Or stopped, as the restore says."""
        await self.ready(LIVE, "Running")
        await self.take("snap-live", LIVE)
        path = await self.bring("fails", LIVE, "snap-live", targetReadinessPolicy="FailImmediate")
        found = await self.becomes(path, "failed", lambda found: "Failure" in conditions(found))
        why = "Restore target VMI must be powered off before restore operation"
        self.assertEqual(
            said(found), dict.fromkeys(("Progressing", "Ready"), ("False", why)) | {"Failure": ("True", why)}
        )
        await self.control.change("DELETE", path)
        await self.vanishes(path)
        path = await self.bring("stops", LIVE, "snap-live", targetReadinessPolicy="StopTarget")
        await self.becomes(path, "complete", is_complete)
        await self.shows(LIVE, "Stopped")

    async def test_what_cannot_be_restored(self) -> None:
        path = await self.bring("nothing", "vm-none", "none")
        why = f"VMSnapshot {self.namespace}/none does not exist"
        found = await self.becomes(path, "stuck", lambda found: said(found).get("Ready") == ("False", why))
        self.assertEqual(said(found)["Progressing"], ("False", why))
        answer = await self.control.ask(
            "PATCH", path, {"spec": {"virtualMachineSnapshotName": "x"}}, "application/merge-patch+json"
        )
        self.refused(answer, 422, "spec in immutable after creation")
        await self.control.change("DELETE", path)
        await self.vanishes(path)
        wrong = restore("wrong", "vm-none", "none")
        for changes, text in (
            ({"target": {"kind": "VirtualMachine", "name": "x"}}, "missing apiGroup"),
            ({"target": {"apiGroup": "apps", "kind": "VirtualMachine", "name": "x"}}, "invalid apiGroup"),
            ({"target": {"apiGroup": "kubevirt.io", "kind": "Node", "name": "x"}}, "invalid kind"),
            ({"volumeRestorePolicy": "Sometimes"}, 'volume restore policy "Sometimes" doesn\'t exist'),
            ({"volumeRestoreOverrides": [{"volumeName": "root"}]}, "must provide at least one overriden field"),
        ):
            answer = await self.offer_restore({**wrong, "spec": wrong["spec"] | changes}, "?dryRun=All")
            self.refused(answer, 422, text)


class RestoreGateTests(Case):
    async def test_a_stock_cluster_restores_none(self) -> None:
        path = self.snapshots.replace("snapshots", "restores")
        why = "Snapshot/Restore feature gate not enabled"
        await until_refused(self, f"{path}?dryRun=All", restore("x", "vm", "snap"), why)
