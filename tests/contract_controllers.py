"""What the cluster's own controllers keep in order: garbage and volumes.

It runs on the real programs and on the sandbox.

Differences that are meant: the sandbox writes no Events.
"""

from __future__ import annotations

from tests.cluster.control import MERGE
from tests.cluster.objects import Document, named
from tests.cluster.releases import UNUSED, release
from tests.live.seen.contract import ContractTestCase

VOLUMES, CLASSES = "/api/v1/persistentvolumes", "/apis/storage.k8s.io/v1/storageclasses"
NOBODY = "11111111-1111-1111-1111-111111111111"


class GarbageTests(ContractTestCase):
    async def owned(self, name: str, *owners: Document, **more: object) -> Document:
        """An object with owners, each (kind, name, uid) or an object."""
        made = named("ConfigMap", name)
        made["metadata"]["ownerReferences"] = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": each["metadata"]["name"],
                "uid": each["metadata"]["uid"],
                **more,
            }
            for each in owners
        ]
        return await self.control.change("POST", f"{self.core}/configmaps", made)

    def absent(self, name: str) -> Document:
        return {"metadata": {"name": name, "uid": NOBODY}}

    async def end(self, name: str, policy: str = "Background") -> Document:
        return await self.control.change("DELETE", f"{self.core}/configmaps/{name}?propagationPolicy={policy}")

    async def gone(self, *names: str) -> None:
        for name in names:
            await self.vanishes(f"{self.core}/configmaps/{name}")

    async def order(self, *names: str) -> list[str]:
        """Those that were deleted, in that order."""
        story = await self.story(f"{self.core}/configmaps")
        found = [each.object["metadata"]["name"] for each in story if each.type == "DELETED"]
        return [each for each in found if each in names]

    async def test_dependents_go_after_their_owner(self) -> None:
        first = await self.owned("a1")
        second = await self.owned("a2", first)
        await self.owned("a3", second)
        self.assertEqual((await self.end("a1"))["status"], "Success")
        await self.gone("a1", "a2", "a3")
        self.assertEqual(await self.order("a1", "a2", "a3"), ["a1", "a2", "a3"])

    async def test_dependents_that_block_go_before_their_owner(self) -> None:
        owner = await self.owned("f1")
        await self.owned("f2", owner, blockOwnerDeletion=True)
        held = await self.end("f1", "Foreground")
        self.assertEqual(held["metadata"]["finalizers"], ["foregroundDeletion"])
        self.assertEqual(held["metadata"]["deletionGracePeriodSeconds"], 0)
        await self.gone("f1", "f2")
        self.assertEqual(await self.order("f1", "f2"), ["f2", "f1"])

    async def test_an_owner_waits_for_what_blocks_it(self) -> None:
        owner = await self.owned("w1")
        made = await self.owned("w2", owner, blockOwnerDeletion=True)
        at = f"{self.core}/configmaps/w2"
        await self.change(at, {"metadata": {"finalizers": ["example.com/held"]}})
        await self.end("w1", "Foreground")
        await self.becomes(at, "ends", lambda found: "deletionTimestamp" in found["metadata"])
        self.assertTrue(await self.control.answers(f"{self.core}/configmaps/w1"))
        self.assertEqual(made["metadata"]["ownerReferences"][0]["uid"], owner["metadata"]["uid"])
        await self.change(at, {"metadata": {"finalizers": None}})
        await self.gone("w1", "w2")

    async def test_orphans_stay(self) -> None:
        owner = await self.owned("o1")
        await self.owned("o2", owner)
        self.assertEqual((await self.end("o1", "Orphan"))["metadata"]["finalizers"], ["orphan"])
        await self.gone("o1")
        found = await self.control.get(f"{self.core}/configmaps/o2")
        self.assertNotIn("ownerReferences", found["metadata"])

    async def test_what_never_had_an_owner_goes(self) -> None:
        living = await self.owned("l1")
        await self.owned("dangling", self.absent("nowhere"))
        await self.owned("other-uid", {"metadata": {"name": "l1", "uid": NOBODY}})
        await self.owned("kept", self.absent("nowhere"), living)
        await self.gone("dangling", "other-uid")
        reference = living["metadata"]["uid"]
        await self.becomes(
            f"{self.core}/configmaps/kept",
            "keeps the owner that lives",
            lambda found: [each["uid"] for each in found["metadata"]["ownerReferences"]] == [reference],
        )

    async def test_an_owner_in_another_namespace_is_none(self) -> None:
        path = "/api/v1/namespaces/default/configmaps"
        name = f"owner-{self.namespace}"
        other = await self.control.change("POST", path, named("ConfigMap", name))
        self.forget(f"{path}/{name}")
        await self.owned("far", other)
        await self.gone("far")


class BinderTests(ContractTestCase):
    def claim(self, name: str, **spec: object) -> Document:
        wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        return named("PersistentVolumeClaim", name, spec={**wanted, **spec})

    async def volume(self, name: str, **spec: object) -> str:
        made = f"{self.namespace}-{name}"
        offered = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}, "hostPath": {"path": "/x"}}
        document = named("PersistentVolume", made, spec={**offered, "storageClassName": self.namespace, **spec})
        self.forget(f"{VOLUMES}/{made}")
        await self.control.change("POST", VOLUMES, document)
        return made

    def at(self, name: str) -> str:
        return f"{self.core}/persistentvolumeclaims/{name}"

    async def phase(self, path: str, phase: str) -> Document:
        return await self.becomes(path, phase, lambda found: found["status"]["phase"] == phase)

    async def test_a_claim_is_provisioned_and_bound(self) -> None:
        await self.make(self.claim("dynamic"))
        found = await self.phase(self.at("dynamic"), "Bound")
        notes = found["metadata"]["annotations"]
        self.assertEqual(notes["volume.kubernetes.io/storage-provisioner"], "disk.sandbox.dicot.io")
        self.assertEqual(notes["volume.beta.kubernetes.io/storage-provisioner"], "disk.sandbox.dicot.io")
        self.assertEqual(notes["pv.kubernetes.io/bind-completed"], "yes")
        self.assertEqual(notes["pv.kubernetes.io/bound-by-controller"], "yes")
        self.assertEqual(
            (found["spec"]["storageClassName"], found["status"]["capacity"]), ("standard", {"storage": "1Gi"})
        )
        self.assertEqual(found["metadata"]["finalizers"], ["kubernetes.io/pvc-protection"])
        volume = f"{VOLUMES}/{found['spec']['volumeName']}"
        held = await self.phase(volume, "Bound")
        self.assertEqual(held["spec"]["claimRef"]["uid"], found["metadata"]["uid"])
        await self.control.change("DELETE", self.at("dynamic"))
        await self.vanishes(self.at("dynamic"))
        await self.vanishes(volume)

    async def test_the_smallest_volume_that_fits_is_taken(self) -> None:
        large = await self.volume("large", capacity={"storage": "5Gi"})
        fits = await self.volume("fits")
        small = await self.volume("small", capacity={"storage": "512Mi"})
        for name in (large, fits, small):
            await self.phase(f"{VOLUMES}/{name}", "Available")
        await self.make(self.claim("static", storageClassName=self.namespace))
        found = await self.phase(self.at("static"), "Bound")
        self.assertEqual((found["spec"]["volumeName"], found["status"]["capacity"]), (fits, {"storage": "2Gi"}))
        held = await self.control.get(f"{VOLUMES}/{fits}")
        self.assertEqual(held["metadata"]["annotations"], {"pv.kubernetes.io/bound-by-controller": "yes"})
        await self.control.change("DELETE", self.at("static"))
        await self.phase(f"{VOLUMES}/{fits}", "Released")
        await self.phase(f"{VOLUMES}/{large}", "Available")

    async def test_a_volume_waits_for_the_claim_that_it_names(self) -> None:
        ref = {"namespace": self.namespace, "name": "named"}
        name = await self.volume("reserved", storageClassName=f"{self.namespace}-r", claimRef=ref)
        await self.phase(f"{VOLUMES}/{name}", "Available")
        await self.make(self.claim("named", storageClassName=f"{self.namespace}-r"))
        found = await self.phase(self.at("named"), "Bound")
        self.assertEqual(found["spec"]["volumeName"], name)
        held = await self.control.get(f"{VOLUMES}/{name}")
        self.assertEqual(held["spec"]["claimRef"]["uid"], found["metadata"]["uid"])
        self.assertNotIn("annotations", held["metadata"])

    async def test_a_claim_that_loses_its_volume_is_lost(self) -> None:
        name = await self.volume("lost", storageClassName=f"{self.namespace}-l")
        await self.phase(f"{VOLUMES}/{name}", "Available")
        await self.make(self.claim("loser", storageClassName=f"{self.namespace}-l"))
        await self.phase(self.at("loser"), "Bound")
        held = await self.control.change("DELETE", f"{VOLUMES}/{name}")
        self.assertEqual(held["metadata"]["finalizers"], ["kubernetes.io/pv-protection"])
        await self.change(f"{VOLUMES}/{name}", {"metadata": {"finalizers": None}})
        found = (await self.phase(self.at("loser"), "Lost"))["status"]
        conditions = [each["type"] for each in found.pop("conditions", ())]
        self.assertEqual(found, {"phase": "Lost"})
        self.assertEqual(conditions, ["Unused"] if await release(self.control) >= UNUSED else [])

    async def test_who_may_not_grow(self) -> None:
        """A claim whose class does not say that it may, and one that is to shrink."""
        name = await self.volume("fixed", storageClassName=f"{self.namespace}-f")
        await self.phase(f"{VOLUMES}/{name}", "Available")
        await self.make(self.claim("fixed", storageClassName=f"{self.namespace}-f"), self.claim("shrinks"))
        support = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must"
        for claim, size, code, why in (
            ("fixed", "3Gi", 403, f"{support} support resize"),
            ("shrinks", "512Mi", 422, "Forbidden: field can not be less than status.capacity"),
        ):
            await self.phase(self.at(claim), "Bound")
            asked = {"spec": {"resources": {"requests": {"storage": size}}}}
            self.refused(await self.control.ask("PATCH", self.at(claim), asked, MERGE), code, why)

    async def test_some_classes_wait_for_a_consumer(self) -> None:
        late = f"{self.namespace}-late"
        made = named("StorageClass", late, None, "storage.k8s.io/v1", provisioner="example.com/x")
        self.forget(f"{CLASSES}/{late}")
        await self.control.change("POST", CLASSES, {**made, "volumeBindingMode": "WaitForFirstConsumer"})
        await self.make(self.claim("late", storageClassName=late))
        # The controller has been here once another claim is bound.
        name = await self.volume("now", storageClassName=f"{self.namespace}-n")
        await self.phase(f"{VOLUMES}/{name}", "Available")
        await self.make(self.claim("now", storageClassName=f"{self.namespace}-n"))
        await self.phase(self.at("now"), "Bound")
        found = await self.control.get(self.at("late"))
        self.assertEqual(found["status"], {"phase": "Pending"})
        self.assertNotIn("annotations", found["metadata"])
        noted = {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "node01"}}}
        await self.change(self.at("late"), noted)
        provisioner = "volume.kubernetes.io/storage-provisioner"
        await self.becomes(
            self.at("late"),
            "is to be provisioned",
            lambda each: each["metadata"]["annotations"].get(provisioner) == "example.com/x",
        )
