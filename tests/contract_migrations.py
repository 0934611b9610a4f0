"""What becomes of a guest that is moved to another node: it arrives, it fails, nobody takes it, it is called off.

It runs on the real programs and on the sandbox.
"""

from __future__ import annotations

from dicot.sandbox.marks import FAULT
from tests.cluster.control import MERGE
from tests.cluster.objects import Document, named
from tests.live.seen.objects import KUBEVIRT, conditions, machine, printable, without_repeats
from tests.live.seen.stage import SeenTestCase

MOVING, STUCK, SLOW, TIED = "vm-moving", "vm-stuck", "vm-slow", "vm-tied"
PHASES = ("Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Succeeded")
BRIDGED: Document = {
    "domain": {
        "devices": {
            "disks": [{"name": "root", "disk": {}}],
            "interfaces": [{"name": "private", "bridge": {}}],
        }
    }
}
NOWHERE = {"topology.kubernetes.io/zone": "nowhere"}
JOB = "kubevirt.io/migrationJobUID"
CONFIGURATION: Document = {
    "allowAutoConverge": False,
    "allowPostCopy": False,
    "allowWorkloadDisruption": False,
    "bandwidthPerMigration": "0",
    "completionTimeoutPerGiB": 150,
    "nodeDrainTaintKey": "kubevirt.io/drain",
    "parallelMigrationsPerCluster": 5,
    "parallelOutboundMigrationsPerNode": 2,
    "progressTimeout": 150,
    "unsafeMigrationOverride": False,
    "utilityVolumesTimeout": 150,
}
FINAL = ("Succeeded", "Failed")


def phase(found: Document) -> str:
    word: str = found.get("status", {}).get("phase", "")
    return word


class MigrationTests(SeenTestCase):
    CAST = (
        machine(MOVING),
        machine(STUCK, notes={FAULT: "migration"}),
        machine(SLOW, notes={FAULT: "slow-migration"}),
        machine(TIED, inner=BRIDGED),
    )

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.migrations = f"{KUBEVIRT}/namespaces/{self.namespace}/virtualmachineinstancemigrations"

    async def move(self, name: str, **options: object) -> str:
        """Ask for it; the name of the migration."""
        await self.shows(name, "Running")
        before = {each["metadata"]["name"] for each in (await self.control.get(self.migrations))["items"]}
        answer = await self.tell(name, "migrate", options)
        self.assertEqual(answer.status, 202, answer.content)
        after = (await self.control.get(self.migrations))["items"]
        (made,) = [each["metadata"]["name"] for each in after if each["metadata"]["name"] not in before]
        return str(made)

    async def ends(self, migration: str) -> Document:
        """Wait until it is over."""
        return await self.becomes(f"{self.migrations}/{migration}", "over", lambda found: phase(found) in FINAL)

    async def launchers(self, name: str) -> list[Document]:
        """Those that run for a machine."""
        label = f"vm.kubevirt.io/name={name}"
        pods = (await self.control.get(f"{self.core}/pods?labelSelector={label}"))["items"]
        return [each for each in pods if phase(each) not in FINAL and "deletionTimestamp" not in each["metadata"]]

    async def is_alone(self, name: str) -> Document:
        """Wait until a machine has one launcher."""
        found: list[Document] = []

        async def alone() -> bool:
            found[:] = await self.launchers(name)
            return len(found) == 1

        await self.control.until(60.0, "one launcher", alone)
        return found[0]

    async def test_a_guest_is_moved_and_moved_back(self) -> None:
        await self.shows(MOVING, "Running")
        path = f"{self.guests}/{MOVING}"
        home = (await self.control.get(path))["status"]["nodeName"]
        for number in range(2):
            was, source = (await self.control.get(path))["status"], await self.is_alone(MOVING)
            migration = await self.move(MOVING)
            over = await self.ends(migration)
            vmi = await self.becomes(
                path, "moved", lambda found: found["status"].get("migrationState", {}).get("completed", False)
            )
            now, state = vmi["status"], vmi["status"]["migrationState"]
            self.assertEqual(now["nodeName"] == home, bool(number))
            self.assertEqual((state["sourceNode"], state["targetNode"]), (was["nodeName"], now["nodeName"]))
            self.assertEqual(vmi["metadata"]["labels"]["kubevirt.io/nodeName"], now["nodeName"])
            self.assertNotIn("kubevirt.io/migrationTargetNodeName", vmi["metadata"]["labels"])
            self.assertTrue(state["startTimestamp"] <= state["endTimestamp"])
            self.assertEqual((state["migrationUid"], state["mode"]), (over["metadata"]["uid"], "PreCopy"))
            self.assertEqual(state["migrationConfiguration"], CONFIGURATION)
            pod = await self.is_alone(MOVING)
            where = (pod["metadata"]["name"], pod["spec"]["nodeName"])
            self.assertEqual(where, (state["targetPod"], now["nodeName"]))
            self.assertEqual(state["sourcePod"], source["metadata"]["name"])
            self.assertEqual(now["interfaces"][0]["ipAddress"], pod["status"]["podIP"])
            self.assertEqual(now["phase"], "Running")
            await self.shows(MOVING, "Running")
            await self.follows(over, pod)
        words = [printable(each.object) for each in await self.story(self.machines, MOVING)]
        shown = without_repeats(words)
        self.assertEqual(shown[shown.index("Running") :], ["Running", "Migrating"] * 2 + ["Running"])

    async def follows(self, over: Document, pod: Document) -> None:
        """What a migration and its target say when all is well."""
        name, uid = over["metadata"]["name"], over["metadata"]["uid"]
        self.assertEqual(over["metadata"]["labels"], {"kubevirt.io/vmi-name": MOVING})
        self.assertEqual([each["phase"] for each in over["status"]["phaseTransitionTimestamps"]], list(PHASES))
        let_go = await self.becomes(
            f"{self.migrations}/{name}", "let go", lambda found: not found["metadata"].get("finalizers")
        )
        state = (await self.control.get(f"{self.guests}/{MOVING}"))["status"]["migrationState"]
        self.assertEqual(let_go["status"]["migrationState"], state)
        seen = [phase(each.object) for each in await self.story(self.migrations, name)]
        self.assertEqual(without_repeats(seen), ["", *PHASES])
        self.assertEqual(pod["metadata"]["labels"][JOB], uid)
        self.assertEqual(pod["metadata"]["annotations"]["kubevirt.io/migrationJobName"], name)
        self.assertTrue(pod["metadata"]["annotations"]["kubevirt.io/migration-target-ready-timestamp"])
        disk = next(each for each in pod["spec"]["containers"] if each["name"] == "volumeroot")
        self.assertIn("@sha256:", disk["image"])
        (apart,) = pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        self.assertEqual(apart["topologyKey"], "kubernetes.io/hostname")
        told = await self.told_of(uid)
        # One that meets another change of the guest is told of, and tried again.
        told.discard("FailedHandOver")
        self.assertEqual(told, {"SuccessfulCreate", "SuccessfulHandOver", "SuccessfulMigration"})

    async def told_of(self, uid: str) -> set[str]:
        """The reasons of all Events about an object."""
        found = await self.control.get(f"{self.core}/events?fieldSelector=involvedObject.uid={uid}")
        return {each["reason"] for each in found["items"]}

    async def test_a_guest_that_cannot_be_moved(self) -> None:
        """It stays where it is, and runs."""
        await self.shows(STUCK, "Running")
        path = f"{self.guests}/{STUCK}"
        home = (await self.control.get(path))["status"]["nodeName"]
        migration = await self.move(STUCK)
        over = await self.ends(migration)
        self.assertEqual(phase(over), "Failed")
        vmi = await self.control.get(path)
        state = vmi["status"]["migrationState"]
        self.assertEqual(
            (vmi["status"]["nodeName"], state["failed"], vmi["status"]["phase"]), (home, True, "Running")
        )
        self.assertEqual((await self.is_alone(STUCK))["spec"]["nodeName"], home)
        self.assertIn("FailedMigration", await self.told_of(over["metadata"]["uid"]))

    async def test_a_migration_is_called_off_before_a_node_has_taken_it(self) -> None:
        migration = await self.move(MOVING, addedNodeSelector=NOWHERE)
        path = f"{self.migrations}/{migration}"
        found = await self.becomes(path, "waiting", lambda found: phase(found) == "Scheduling")
        uid = found["metadata"]["uid"]
        self.assertEqual(len(await self.launchers(MOVING)), 2)
        again = await self.tell(MOVING, "migrate")
        self.refused(again, 500, f"in-flight migration detected. Active migration job ({uid}) is currently already")
        changed = {"spec": {"vmiName": STUCK}}
        self.refused(
            await self.control.ask("PATCH", path, changed, MERGE),
            422,
            "update of Migration object's spec is restricted",
        )
        await self.control.change("DELETE", path)
        await self.vanishes(path)
        seen = [each.object for each in await self.story(self.migrations, migration)]
        self.assertEqual(without_repeats([phase(each) for each in seen]), ["", "Pending", "Scheduling", "Failed"])
        self.assertEqual(conditions(seen[-1])["migrationAbortRequested"]["status"], "True")
        self.assertIn("SuccessfulDelete", await self.told_of(uid))
        await self.is_alone(MOVING)
        await self.shows(MOVING, "Running")

    async def test_a_migration_is_called_off_under_way(self) -> None:
        """virt-handler is told to abort it; the guest stays."""
        await self.shows(SLOW, "Running")
        home = (await self.control.get(f"{self.guests}/{SLOW}"))["status"]["nodeName"]
        migration = await self.move(SLOW)
        path = f"{self.migrations}/{migration}"
        await self.becomes(path, "under way", lambda found: phase(found) == "Running")
        await self.control.change("DELETE", path)
        await self.vanishes(path)
        vmi = await self.becomes(
            f"{self.guests}/{SLOW}", "aborted", lambda found: "abortStatus" in found["status"]["migrationState"]
        )
        state = vmi["status"]["migrationState"]
        self.assertEqual((state["abortRequested"], state["abortStatus"], state["failed"]), (True, "Succeeded", True))
        self.assertEqual((vmi["status"]["nodeName"], vmi["status"]["phase"]), (home, "Running"))
        await self.is_alone(SLOW)

    async def test_what_cannot_be_moved_is_refused(self) -> None:
        """A guest that has its Pod's own address, one that is not there, and a machine that is off."""
        await self.shows(TIED, "Running")
        await self.becomes(f"{self.guests}/{TIED}", "judged", lambda found: "LiveMigratable" in conditions(found))
        self.refused(await self.tell(TIED, "migrate"), 500, "Cannot migrate VMI, Reason: InterfaceNotLiveMigratable")
        offered = named("VirtualMachineInstanceMigration", "nobody", None, "kubevirt.io/v1", spec={"vmiName": "none"})
        self.refused(
            await self.control.ask("POST", self.migrations, offered),
            400,
            f'the VMI "{self.namespace}/none" does not exist',
        )
        await self.told(TIED, "stop")
        await self.vanishes(f"{self.guests}/{TIED}")
        self.refused(await self.tell(TIED, "migrate"), 404, "not found")
