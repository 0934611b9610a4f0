"""How it shows that a machine or a volume cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from twisted.internet.defer import Deferred

from dicot.sandbox.marks import FAULT
from tests.cluster.objects import Document, named

from .objects import URL, conditions, disk_of, from_source, machine, printable, rooted, says, volume
from .stage import SeenTestCase

BLANK = from_source({"blank": {}})
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
HERE = "seen.dicot.io/nobody"
BRIDGED: Document = {
    "domain": {"devices": {"interfaces": [{"name": "lan", "bridge": {}}], "disks": [{"name": "root", "disk": {}}]}},
    "networks": [{"name": "lan", "multus": {"networkName": "missing"}}],
}


def failed(condition: str, status: str = "True") -> Callable[[Document], bool]:
    """Whether an object has that condition."""
    return lambda found: says(found, condition)[0] == status


class FailureTests(SeenTestCase):
    CAST = (
        machine("flavorless", instancetype={"name": "missing"}),
        machine("unplugged", inner=BRIDGED),
        rooted("broken", from_source({"http": {"url": URL}}), {FAULT: "import"}),
        machine("diskless", disk_of("missing")),
    )

    async def test_a_failure_without_an_instance(self) -> None:
        """4.4: an unknown instancetype is Stopped with Failure, and there is never an instance."""
        found = await self.holds("flavorless", "Failure", failed("Failure"))
        self.assertEqual((printable(found), says(found, "Failure")[1]), ("Stopped", "FailedFindInstancetype"))
        self.assertEqual(await self.story(self.guests, "flavorless"), [])

    async def test_a_network_that_is_not_there_starts_for_ever(self) -> None:
        """4.4: it shows Starting with Synchronized=False/FailedCreate, and no Failure."""
        found = await self.holds("unplugged", "not synchronized", failed("Synchronized", "False"))
        self.assertEqual((printable(found), says(found, "Synchronized")[1]), ("Starting", "FailedCreate"))
        self.assertIn("failed to locate network attachment", conditions(found)["Synchronized"]["message"])
        self.assertNotIn("Failure", conditions(found))

    async def test_an_import_that_fails_once_is_an_error_at_once(self) -> None:
        """4.4, row 17: DataVolumeError while the DataVolume is ImportInProgress, with a count, and never Failed."""
        await self.shows("broken", "DataVolumeError")
        path = f"{self.volumes}/broken-root"
        await self.becomes(path, "tried again", lambda dv: dv["status"].get("restartCount", 0) >= 2)
        events = await self.story(self.volumes, "broken-root")
        first = next(each.object for each in events if says(each.object, "Running")[1] == "Error")
        self.assertEqual(says(first, "Running"), ("False", "Error"))
        self.assertEqual(first["status"]["phase"], "ImportInProgress")
        self.assertLess(first["status"].get("restartCount", 0), 2)
        self.assertNotIn("Failed", [each.object.get("status", {}).get("phase") for each in events])
        self.assertEqual(await self.story(self.guests, "broken"), [])

    async def test_a_disk_that_is_not_there(self) -> None:
        """4.4, row 17: ErrorPvcNotFound, with an instance that waits for it."""
        found = await self.shows("diskless", "ErrorPvcNotFound")
        self.assertEqual(says(found, "Synchronized"), ("False", "FailedPvcNotFound"))
        self.assertEqual((await self.control.get(f"{self.guests}/diskless"))["status"]["phase"], "Pending")


class QuotaTests(SeenTestCase):
    CAST = (named("ResourceQuota", "claims", spec={"hard": {"persistentvolumeclaims": "0"}}),)

    async def test_a_quota_of_claims(self) -> None:
        """4.4: a machine whose claim is over quota shows Provisioning and Failure, its volume ErrExceededQuota."""
        path = f"{self.core}/resourcequotas/claims"
        await self.becomes(path, "counted", lambda quota: "hard" in quota.get("status", {}))
        await self.make(rooted("m", BLANK))
        found = await self.holds("m", "Failure", failed("Failure"))
        self.assertEqual((printable(found), says(found, "Failure")[1]), ("Provisioning", "FailedCreate"))
        self.assertIn("exceeded quota: claims", conditions(found)["Failure"]["message"])
        disk = await self.control.get(f"{self.volumes}/m-root")
        self.assertEqual(says(disk, "Bound"), ("False", "ErrExceededQuota"))
        self.assertEqual(await self.story(self.guests, "m"), [])


class ProfileTests(SeenTestCase):
    async def test_a_storage_class_that_nobody_described(self) -> None:
        """6: a StorageProfile without access modes means no phase, and ErrClaimNotValid in Bound and Ready."""
        name = f"seen-{uuid4().hex[:8]}"
        await self.control.change("POST", CLASSES, _storage_class(name))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", f"{CLASSES}/{name}")))
        await self.make(volume("v", from_source({"blank": {}}, storageClassName=name)))
        found = await self.becomes(f"{self.volumes}/v", "refused", lambda dv: says(dv, "Bound")[1] != "")
        self.assertEqual(says(found, "Bound"), ("False", "ErrClaimNotValid"))
        self.assertEqual(says(found, "Ready"), ("False", "ErrClaimNotValid"))
        self.assertNotIn("phase", found["status"])


def _storage_class(name: str) -> Document:
    return named("StorageClass", name, None, "storage.k8s.io/v1", provisioner=HERE)
