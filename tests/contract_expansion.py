"""Volumes that grow: what is said of it meanwhile, and that what they hold stays.

It runs on the real programs and on the sandbox.
"""

from __future__ import annotations

from tests.cluster.objects import Document
from tests.cluster.releases import claim_before, release
from tests.contract_bytes import IMMEDIATE, Case
from tests.live.seen.carrier import Noise
from tests.live.seen.objects import conditions, from_source, volume

SMALL, LARGE, LARGER = "8Mi", "16Mi", "24Mi"
SIZE = 1_000_017
BEFORE = "volume.alpha.kubernetes.io/pre-resize-capacity"
NOT_ON_NODE = "volume.kubernetes.io/node-expansion-not-required"
BOTH = ("Resizing", "FileSystemResizePending")


def storage(amounts: Document) -> str:
    found: str = amounts.get("storage", "")
    return found


class ExpansionTests(Case):
    def claim(self, name: str) -> str:
        return f"{self.core}/persistentvolumeclaims/{name}"

    async def conditions_of(self, claim: Document) -> dict[str, Document]:
        """The conditions of a claim."""
        return conditions(claim_before(await release(self.control), claim))

    async def imported(self, name: str, **more: object) -> Noise:
        """A volume that holds something."""
        noise = Noise(SIZE)
        noise.write(self.folder / name)
        source = {"http": {"url": f"{self.serve()}/{name}"}}
        await self.make(volume(name, from_source(source, SMALL, **more), IMMEDIATE))
        await self.filled(name)
        return noise

    async def ask(self, name: str, size: str) -> None:
        await self.change(self.claim(name), {"spec": {"resources": {"requests": {"storage": size}}}})

    async def grown(self, name: str, size: str) -> Document:
        """A claim once it has so much, and its volume."""
        found = await self.becomes(self.claim(name), size, lambda claim: storage(claim["status"]["capacity"]) == size)
        self.assertEqual(await self.conditions_of(found), {})
        self.assertNotIn("allocatedResourceStatuses", found["status"])
        self.assertEqual(storage(found["status"]["allocatedResources"]), size)
        disk = await self.control.get(f"/api/v1/persistentvolumes/{found['spec']['volumeName']}")
        self.assertEqual(storage(disk["spec"]["capacity"]), size)
        return found

    async def test_a_file_system_grows_when_a_pod_mounts_it(self) -> None:
        noise = await self.imported("files")
        await self.ask("files", LARGE)
        waits = "NodeResizePending"
        found = await self.becomes(
            self.claim("files"),
            "waiting for a Pod",
            lambda claim: storage(claim["status"].get("allocatedResourceStatuses", {})) == waits,
        )
        told = await self.conditions_of(found)
        self.assertEqual({name: each["status"] for name, each in told.items()}, dict.fromkeys(BOTH, "True"))
        self.assertIn("(re-)start a pod", told["FileSystemResizePending"]["message"])
        self.assertEqual(storage(found["status"]["allocatedResources"]), LARGE)
        self.assertNotEqual(storage(found["status"]["capacity"]), LARGE)
        disk = f"/api/v1/persistentvolumes/{found['spec']['volumeName']}"
        shown = await self.control.get(disk)
        self.assertEqual(storage(shown["spec"]["capacity"]), LARGE)
        self.assertEqual(shown["metadata"]["annotations"][BEFORE], storage(found["status"]["capacity"]))
        await self.gives("files", noise, SIZE)
        await self.grown("files", LARGE)
        await self.becomes(disk, "done", lambda found: BEFORE not in found["metadata"]["annotations"])

    async def test_a_device_grows_at_once_and_again(self) -> None:
        noise = await self.imported("device", volumeMode="Block", accessModes=["ReadWriteOnce"])
        for size in (LARGE, LARGER):
            await self.ask("device", size)
            found = await self.grown("device", size)
            self.assertEqual(found["metadata"]["annotations"][NOT_ON_NODE], "true")
        await self.gives("device", noise, SIZE)
