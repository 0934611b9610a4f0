"""What goes with a machine, and what stays."""

from __future__ import annotations

from dicot.kube.media import STRATEGIC
from tests.cluster.objects import Document
from tests.cluster.shared import on_real_programs

from .objects import from_source, printable, rooted, secret, volume
from .stage import SeenTestCase

BLANK = from_source({"blank": {}})
DEVICES = {
    "disks": [{"name": "root", "disk": {"bus": "virtio"}}],
    "interfaces": [{"name": "private", "masquerade": {}}],
}
DOMAIN: Document = {"devices": DEVICES, "memory": {"guest": "64Mi"}}

HASTE = "in the sandbox virt-controller may end an instance before the garbage collector has orphaned it"


class DeleteTests(SeenTestCase):
    CAST = (
        rooted("orphaned", BLANK, inner={"domain": DOMAIN}, instancetype=None),
        rooted("flavored", BLANK),
        rooted("m", BLANK),
        volume("adopted", BLANK),
        volume("kept", BLANK),
        secret("owned"),
        secret("free"),
    )

    async def test_with_its_dependents_orphaned(self) -> None:
        """4.3: DELETE with propagationPolicy Orphan leaves the instance running, with its Pod and its disk."""
        on_real_programs(HASTE)
        await self._orphaned("orphaned")
        await self.vanishes(f"{self.machines}/orphaned")
        await self._runs_on("orphaned")

    async def test_a_machine_with_a_flavor_is_orphaned_for_ever(self) -> None:
        """4.3: the machine stays too: its flavor's copy takes no strategic patch, and so keeps its owner."""
        on_real_programs(HASTE)
        await self._orphaned("flavored")
        await self._runs_on("flavored")
        copy = (await self.machine("flavored"))["status"]["instancetypeRef"]["controllerRevisionRef"]["name"]
        path = f"/apis/apps/v1/namespaces/{self.namespace}/controllerrevisions/{copy}"
        self.assertTrue((await self.control.get(path))["metadata"]["ownerReferences"])
        refused = await self.control.ask("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, STRATEGIC)
        self.refused(refused, 422, "data: Invalid value")
        self.assertIn("field is immutable", refused.document["message"])
        left = await self.machine("flavored")
        self.assertEqual((printable(left), left["metadata"]["finalizers"]), ("Terminating", ["orphan"]))

    async def _orphaned(self, name: str) -> None:
        await self.shows(name, "Running")
        await self.control.change("DELETE", f"{self.machines}/{name}?propagationPolicy=Orphan")
        for path in (f"{self.guests}/{name}", f"{self.volumes}/{name}-root"):
            await self.becomes(path, "without an owner", lambda found: "ownerReferences" not in found["metadata"])

    async def _runs_on(self, name: str) -> None:
        guest = await self.control.get(f"{self.guests}/{name}")
        self.assertEqual(guest["status"]["phase"], "Running")
        disk = await self.control.get(f"{self.volumes}/{name}-root")
        pods = (await self.control.get(f"{self.core}/pods?labelSelector=vm.kubevirt.io/name={name}"))["items"]
        self.assertEqual([each["status"]["phase"] for each in pods], ["Running"])
        for each in (guest, disk, *pods):
            self.assertNotIn("deletionTimestamp", each["metadata"])

    async def test_as_usual(self) -> None:
        """4.3: volumes of templates and adopted ones, owned Secrets and revisions go; what has no owner stays."""
        made = await self.shows("m", "Running")
        owned = (f"{self.volumes}/adopted", f"{self.core}/secrets/owned")
        for path in owned:
            await self.change(path, {"metadata": {"ownerReferences": [_owner(made)]}})
        copy = made["status"]["instancetypeRef"]["controllerRevisionRef"]["name"]
        await self.control.change("DELETE", f"{self.machines}/m")
        gone = (
            f"{self.machines}/m",
            f"{self.guests}/m",
            f"{self.volumes}/m-root",
            f"{self.core}/persistentvolumeclaims/m-root",
            *owned,
            f"{self.core}/persistentvolumeclaims/adopted",
            f"/apis/apps/v1/namespaces/{self.namespace}/controllerrevisions/{copy}",
        )
        for path in gone:
            await self.vanishes(path)
        for path in (f"{self.volumes}/kept", f"{self.core}/secrets/free"):
            self.assertTrue(await self.control.answers(path), path)


def _owner(made: Document) -> Document:
    metadata = made["metadata"]
    kind = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine"}
    return {**kind, "name": metadata["name"], "uid": metadata["uid"]}
