"""What CDI does with ObjectTransfers: claims and volumes that get another namespace or name, and what it refuses.

It runs on the real programs and on the sandbox.

Differences that are meant: the sandbox does not warn that ObjectTransfers are deprecated.
"""

from __future__ import annotations

from uuid import uuid4

from twisted.internet.defer import Deferred

from tests.cluster.control import Answer
from tests.cluster.objects import Document, named
from tests.live.seen.objects import CDI, conditions, from_source, volume
from tests.live.seen.stage import SeenTestCase
from tests.sandbox.snapshots import takes

TRANSFERS = f"{CDI}/objecttransfers"
FINALIZER = "cdi.kubevirt.io/objectTransfer"
TAKEN = "cdi.kubevirt.io/objectTransferName"
VOLUME, CLAIM = "DataVolume", "PersistentVolumeClaim"
PHASES = ("", "Pending", "Running", "Complete")


class TransferTests(SeenTestCase):
    async def setUp(self) -> None:  # type: ignore[override]
        """Another namespace, for what is moved there."""
        await super().setUp()
        self.far = f"{self.namespace}-far-{uuid4().hex[:4]}"
        await self.control.change("POST", "/api/v1/namespaces", named("Namespace", self.far))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.ask("DELETE", f"/api/v1/namespaces/{self.far}")))
        self.claims = f"{self.core}/persistentvolumeclaims"
        self.far_claims = f"/api/v1/namespaces/{self.far}/persistentvolumeclaims"
        self.far_volumes = f"{CDI}/namespaces/{self.far}/datavolumes"

    def transfer(self, kind: str, name: str, target: Document, **source: object) -> Document:
        """A wish to move something out of the namespace."""
        spec = {"source": {"kind": kind, "namespace": self.namespace, "name": name, **source}, "target": target}
        return named("ObjectTransfer", f"{self.namespace}-{name}", None, "cdi.kubevirt.io/v1beta1", spec=spec)

    async def begun(self, wish: Document) -> str:
        """The path of a transfer that is made, and goes after the test."""
        path = f"{TRANSFERS}/{wish['metadata']['name']}"
        await self.control.change("POST", TRANSFERS, wish)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.ask("DELETE", path)))
        return path

    async def says(self, path: str, message: str) -> Document:
        """Wait until a transfer says something of itself."""
        return await self.becomes(path, message, lambda found: _told(found) == message)

    async def completed(self, path: str) -> Document:
        """Wait until it is over, in the phases that each has."""
        await self.becomes(path, "Complete", lambda found: found.get("status", {}).get("phase") == "Complete")
        found = await self.becomes(path, "let go", lambda found: not found["metadata"].get("finalizers"))
        ready = conditions(found)["Complete"]
        self.assertEqual((ready["status"], ready["message"]), ("True", "Transfer complete"))
        self.assertNotIn("data", found["status"])
        name = found["metadata"]["name"]
        phases = [each.object.get("status", {}).get("phase", "") for each in await self.story(TRANSFERS, name)]
        # CDI calls it an Error where somebody else was faster to write, and tries again.
        self.assertEqual(tuple(each for each in dict.fromkeys(phases) if each != "Error"), PHASES)
        return found

    async def bound(self, name: str) -> Document:
        """A claim that has its volume."""
        await self.make(takes.claim(name, "8Mi"))
        return await self.becomes(f"{self.claims}/{name}", "Bound", lambda found: found["status"]["phase"] == "Bound")

    async def test_a_claim_gets_another_name(self) -> None:
        """It keeps its volume, with what becomes of that in the end, its labels and its annotations."""
        made = await self.bound("old")
        await self.change(f"{self.claims}/old", {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}})
        path = await self.begun(self.transfer(CLAIM, "old", {"name": "new"}))
        await self.completed(path)
        await self.vanishes(f"{self.claims}/old")
        found = await self.control.get(f"{self.claims}/new")
        meta, disk = found["metadata"], f"/api/v1/persistentvolumes/{made['spec']['volumeName']}"
        self.assertEqual((found["spec"], found["status"]["phase"]), (made["spec"], "Bound"))
        self.assertEqual((meta["labels"], meta["annotations"]["c"]), ({"a": "b"}, "d"))
        self.assertNotIn(TAKEN, meta["annotations"])
        volume = await self.control.get(disk)
        self.assertEqual(volume["spec"]["persistentVolumeReclaimPolicy"], "Delete")
        reference = volume["spec"]["claimRef"]
        self.assertEqual((reference["name"], reference["uid"]), ("new", meta["uid"]))

    async def test_a_volume_gets_another_namespace(self) -> None:
        """By a transfer of its claim, which nobody sees afterwards."""
        await self.make(volume("blank", from_source({"blank": {}}, "8Mi")))
        await self.becomes(f"{self.volumes}/blank", "filled", _is_filled)
        disk = (await self.control.get(f"{self.claims}/blank"))["spec"]["volumeName"]
        path = await self.begun(self.transfer(VOLUME, "blank", {"namespace": self.far, "name": "there"}))
        transfer = await self.completed(path)
        for gone in (f"{self.volumes}/blank", f"{self.claims}/blank"):
            await self.vanishes(gone)
        await self.vanishes(f"{TRANSFERS}/pvc-transfer-{transfer['metadata']['uid']}")
        found = await self.control.get(f"{self.far_volumes}/there")
        claim = await self.control.get(f"{self.far_claims}/there")
        self.assertEqual(claim["spec"]["volumeName"], disk)
        self.assertEqual(claim["metadata"]["annotations"]["cdi.kubevirt.io/storage.populatedFor"], "there")
        self.assertEqual(claim["metadata"]["ownerReferences"][0]["uid"], found["metadata"]["uid"])
        self.assertEqual(found["metadata"]["annotations"]["cdi.kubevirt.io/storage.prePopulated"], "there")
        self.assertEqual(found["spec"]["source"], {"blank": {}})
        said = found["status"]
        self.assertEqual((said["phase"], said["progress"], said["claimName"]), ("Succeeded", "N/A", "there"))
        held = {key: each["status"] for key, each in conditions(found).items()}
        self.assertEqual(held, {"Bound": "True", "Ready": "True", "Running": "False"})

    async def test_what_is_moved_goes_on_to_be_moved(self) -> None:
        """A volume that was moved before is moved back."""
        await self.make(volume("both", from_source({"blank": {}}, "8Mi")))
        await self.becomes(f"{self.volumes}/both", "filled", _is_filled)
        await self.completed(await self.begun(self.transfer(VOLUME, "both", {"namespace": self.far})))
        back = self.transfer(VOLUME, "both", {"namespace": self.namespace}, namespace=self.far)
        back["metadata"]["name"] += "-back"
        await self.completed(await self.begun(back))
        found = await self.becomes(f"{self.volumes}/both", "filled", _is_filled)
        self.assertNotIn(TAKEN, found["metadata"]["annotations"])

    async def test_what_it_waits_for(self) -> None:
        """Its source, with the annotations that are asked for, which no other has taken."""
        asked = {"requiredAnnotations": {"a": "b"}}
        path = await self.begun(self.transfer(CLAIM, "late", {"name": "later"}, **asked))
        found = await self.says(path, "No source")
        self.assertEqual((found["status"]["phase"], found["metadata"]["finalizers"]), ("Pending", [FINALIZER]))
        await self.bound("late")
        await self.says(path, "Required annotation missing")
        await self.change(f"{self.claims}/late", {"metadata": {"annotations": {"a": "b", TAKEN: "another"}}})
        found = await self.says(path, "Source in use by another transfer")
        self.assertEqual(conditions(found)["Complete"]["reason"], "another")
        await self.control.change("DELETE", path)
        await self.vanishes(path)
        await self.control.get(f"{self.claims}/late")

    async def test_what_is_not_filled_yet(self) -> None:
        await self.make(volume("asked", from_source({"upload": {}}, "8Mi")))
        path = await self.begun(self.transfer(VOLUME, "asked", {"namespace": self.far}))
        await self.says(path, "Source not populated")
        claim = takes.claim("waits", "8Mi", storageClassName="missing")
        await self.make(claim)
        path = await self.begun(self.transfer(CLAIM, "waits", {"name": "other"}))
        await self.says(path, "PVC not bound")

    async def test_what_is_refused(self) -> None:
        """No target, one that is there, another kind, and a change of mind."""
        await self.bound("here")
        offers = (
            (self.transfer(CLAIM, "any", {}), "Target namespace and/or target name must be supplied"),
            (self.transfer("Pod", "any", {"name": "x"}), 'Unsupported kind "Pod"'),
            (
                self.transfer(CLAIM, "any", {"name": "here"}),
                f'ObjectTransfer target "{self.namespace}/here" already exists',
            ),
        )
        for wish, text in offers:
            self._refused(await self.control.ask("POST", TRANSFERS, wish), text)
        path = await self.begun(self.transfer(CLAIM, "nothing", {"name": "x"}))
        patch = {"spec": {"target": {"name": "y"}}}
        answer = await self.control.ask("PATCH", path, patch, "application/merge-patch+json")
        self._refused(answer, "ObjectTransfer spec is immutable")

    def _refused(self, answer: Answer, text: str) -> None:
        before = 'admission webhook "objecttransfer-validate.cdi.kubevirt.io" denied the request: '
        self.assertEqual((answer.status, answer.document["message"]), (400, before + text))


def _told(found: Document) -> str:
    message: str = conditions(found).get("Complete", {}).get("message", "")
    return message


def _is_filled(found: Document) -> bool:
    return bool(found.get("status", {}).get("phase") == "Succeeded")
