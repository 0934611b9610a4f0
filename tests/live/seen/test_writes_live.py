"""What is found out by a dry run, what is not, and how a write that comes too late is refused."""

from __future__ import annotations

from tests.cluster.control import MERGE
from tests.cluster.objects import Document, named

from .objects import disk_of, from_image, machine, rooted
from .stage import SeenTestCase

DRY = "?dryRun=All&fieldValidation=Strict"
JSON_PATCH = "application/json-patch+json"
COUNT = "count/virtualmachines.kubevirt.io"
MULTUS: Document = {"networks": [{"name": "private", "multus": {"networkName": "missing"}}]}
NO_SOURCE: Document = {"sourceRef": {"kind": "DataSource", "name": "missing"}, "storage": {}}


class ConditionalTests(SeenTestCase):
    CAST = (machine("m", runStrategy="Halted"),)

    async def test_a_json_patch_whose_test_fails(self) -> None:
        """10.2: it is 422, and nothing of the patch is done."""
        path = f"{self.machines}/m"
        steps = [
            {"op": "test", "path": "/spec/runStrategy", "value": "Always"},
            {"op": "replace", "path": "/spec/runStrategy", "value": "Manual"},
        ]
        refused = await self.control.ask("PATCH", path, steps, JSON_PATCH)
        self.refused(refused, 422, "the server rejected our request due to an error in our request")
        self.assertEqual((await self.machine("m"))["spec"]["runStrategy"], "Halted")

    async def test_a_merge_patch_of_an_older_version(self) -> None:
        """10.2: with a resourceVersion that is past it is 409."""
        path = f"{self.machines}/m"
        version = (await self.machine("m"))["metadata"]["resourceVersion"]
        await self.change(path, {"metadata": {"annotations": {"dicot.io/name": "other"}}})
        stale = {"metadata": {"resourceVersion": version, "annotations": {"dicot.io/name": "late"}}}
        refused = await self.control.ask("PATCH", path, stale, MERGE)
        self.refused(refused, 409, "the object has been modified")


class DryRunTests(SeenTestCase):
    async def test_it_proves_the_spec(self) -> None:
        """10.3: a spec that KubeVirt's admission refuses is 422."""
        self.assertEqual((await self.offer(machine("m", inner={"volumes": []}), DRY)).status, 422)

    async def test_it_proves_the_fields(self) -> None:
        """10.3: a field that is not known is 400, and named."""
        self.refused(await self.offer(machine("m", inner={"colour": "red"}), DRY), 400, "colour")

    async def test_it_proves_nothing_that_is_elsewhere(self) -> None:
        """10.3: unknown instancetype, image, disk, network, no right to clone and too small a disk all pass."""
        for made in (
            machine("m", instancetype={"name": "missing"}),
            rooted("m", NO_SOURCE),
            machine("m", disk_of("missing")),
            machine("m", {"persistentVolumeClaim": {"claimName": "missing"}}),
            machine("m", inner={**MULTUS, "domain": _bridged()}),
            rooted("m", from_image()),
            rooted("m", from_image("debian-13", "1Mi")),
        ):
            answer = await self.offer(made, DRY)
            self.assertEqual(answer.status, 201, answer.content)
        self.assertEqual((await self.control.get(self.machines))["items"], [])
        self.assertEqual(await self.story(self.machines), [])


class QuotaTests(SeenTestCase):
    CAST = (named("ResourceQuota", "machines", spec={"hard": {COUNT: "0"}}),)

    async def test_it_proves_the_quota(self) -> None:
        """10.3: a quota of VirtualMachines that is used up is 403."""
        path = f"{self.core}/resourcequotas/machines"
        await self.becomes(path, "counted", lambda quota: "hard" in quota.get("status", {}))
        self.refused(await self.offer(machine("m"), DRY), 403, "exceeded quota: machines")


def _bridged() -> Document:
    devices = {"disks": [{"name": "root", "disk": {}}], "interfaces": [{"name": "private", "bridge": {}}]}
    return {"devices": devices}
