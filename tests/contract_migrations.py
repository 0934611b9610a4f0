"""What becomes of a guest that is moved to another node: it arrives, it fails, nobody takes it, it is called off.

It runs on the real programs; the sandbox refuses migrations.
"""

from __future__ import annotations

from dicot.sandbox.marks import FAULT
from tests.cluster.objects import Document
from tests.cluster.shared import on_real_programs
from tests.live.seen.objects import KUBEVIRT, machine
from tests.live.seen.stage import SeenTestCase

MOVING, STUCK = "vm-moving", "vm-stuck"
FINAL = ("Succeeded", "Failed")


def phase(found: Document) -> str:
    word: str = found.get("status", {}).get("phase", "")
    return word


class MigrationTests(SeenTestCase):
    CAST = (machine(MOVING), machine(STUCK, notes={FAULT: "migration"}))

    async def setUp(self) -> None:  # type: ignore[override]
        on_real_programs("migrations are not part of the sandbox")
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

    async def test_a_guest_is_moved_and_moved_back(self) -> None:
        await self.shows(MOVING, "Running")
        path = f"{self.guests}/{MOVING}"
        home = (await self.control.get(path))["status"]["nodeName"]
        for number in range(2):
            was = (await self.control.get(path))["status"]
            migration = await self.move(MOVING)
            over = await self.ends(migration)
            self.assertEqual(phase(over), "Succeeded")
            vmi = await self.becomes(
                path, "moved", lambda found: found["status"].get("migrationState", {}).get("completed", False)
            )
            now, state = vmi["status"], vmi["status"]["migrationState"]
            self.assertEqual(now["nodeName"] == home, bool(number))
            self.assertEqual((state["sourceNode"], state["targetNode"]), (was["nodeName"], now["nodeName"]))
            self.assertEqual(state["migrationUid"], over["metadata"]["uid"])
            self.assertEqual(vmi["metadata"]["labels"]["kubevirt.io/nodeName"], now["nodeName"])
            self.assertTrue(state["startTimestamp"] <= state["endTimestamp"])

            async def alone() -> bool:
                return len(await self.launchers(MOVING)) == 1

            await self.control.until(60.0, "one launcher", alone)
            (pod,) = await self.launchers(MOVING)
            self.assertEqual(
                (pod["metadata"]["name"], pod["spec"]["nodeName"]), (state["targetPod"], now["nodeName"])
            )
            self.assertEqual(now["interfaces"][0]["ipAddress"], pod["status"]["podIP"])
            self.assertEqual(now["phase"], "Running")
            await self.shows(MOVING, "Running")

    async def test_a_guest_that_cannot_be_moved(self) -> None:
        """It stays where it is, and runs."""
        await self.shows(STUCK, "Running")
        path = f"{self.guests}/{STUCK}"
        home = (await self.control.get(path))["status"]["nodeName"]
        migration = await self.move(STUCK)
        self.assertEqual(phase(await self.ends(migration)), "Failed")
        vmi = await self.control.get(path)
        state = vmi["status"]["migrationState"]
        self.assertEqual(
            (vmi["status"]["nodeName"], state["failed"], vmi["status"]["phase"]), (home, True, "Running")
        )

        async def alone() -> bool:
            return [each["spec"]["nodeName"] for each in await self.launchers(STUCK)] == [home]

        await self.control.until(60.0, "one launcher", alone)

    async def test_a_migration_is_called_off(self) -> None:
        """While no node takes the guest."""
        migration = await self.move(MOVING, addedNodeSelector={"topology.kubernetes.io/zone": "nowhere"})
        await self.becomes(f"{self.migrations}/{migration}", "waiting", lambda found: phase(found) == "Scheduling")
        self.assertEqual(len(await self.launchers(MOVING)), 2)
        second = await self.tell(MOVING, "migrate")
        self.refused(second, 500, "in-flight migration detected")
        await self.control.change("DELETE", f"{self.migrations}/{migration}")
        await self.vanishes(f"{self.migrations}/{migration}")

        async def alone() -> bool:
            return len(await self.launchers(MOVING)) == 1

        await self.control.until(60.0, "one launcher", alone)
        await self.shows(MOVING, "Running")
