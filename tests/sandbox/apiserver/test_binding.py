"""Claims get volumes, and what is in use stays."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest

from .cluster import Cluster

CLAIMS, VOLUMES, STORAGE = "persistentvolumeclaims", "persistentvolumes", "storage.k8s.io"
DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


class BindingTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cluster = Cluster()
        self.cluster.make("namespaces", "n", "")

    def claim(self, name: str = "c", size: str = "1Gi", cls: str | None = "s", **spec: object) -> Manifest:
        said = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
        if cls is not None:
            said["storageClassName"] = cls
        made = self.cluster.make(CLAIMS, name, spec=said)
        self.cluster.settle()
        return made

    def volume(self, name: str = "v", size: str = "1Gi", cls: str = "s", **spec: object) -> None:
        offered = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}, "storageClassName": cls}
        self.cluster.make(VOLUMES, name, "", spec={**offered, **spec})
        self.cluster.settle()

    def cls(self, name: str = "s", mode: str = "Immediate", **notes: str) -> None:
        said = {"provisioner": "example.com/x", "volumeBindingMode": mode}
        self.cluster.make("storageclasses", name, "", STORAGE, meta={"annotations": notes}, **said)
        self.cluster.settle()

    def bound(self, name: str = "c") -> str:
        """The volume of a claim that is bound, or its phase."""
        found = self.cluster.found(CLAIMS, name)
        phase: str = found["status"]["phase"]
        return str(found["spec"]["volumeName"]) if phase == "Bound" else phase

    def phase(self, name: str = "v") -> str:
        return str(self.cluster.found(VOLUMES, name, "")["status"]["phase"])


class StaticTests(BindingTestCase):
    def test_the_smallest_that_fits_is_taken(self) -> None:
        self.volume("large", "5Gi")
        self.volume("fits", "2Gi")
        self.volume("small", "512Mi")
        self.volume("other", cls="o")
        self.volume("block", volumeMode="Block")
        self.volume("many", accessModes=["ReadOnlyMany"])
        self.claim()
        self.assertEqual(self.bound(), "fits")
        claim, volume = self.cluster.found(CLAIMS, "c"), self.cluster.found(VOLUMES, "fits", "")
        self.assertEqual(claim["status"]["capacity"], {"storage": "2Gi"})
        notes = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
        self.assertEqual(claim["metadata"]["annotations"], notes)
        self.assertEqual((volume["spec"]["claimRef"]["uid"], self.phase("fits")), (claim["metadata"]["uid"], "Bound"))
        self.assertEqual(volume["metadata"]["annotations"], {"pv.kubernetes.io/bound-by-controller": "yes"})
        self.assertEqual([self.phase(name) for name in ("large", "small")], ["Available", "Available"])

    def test_a_claim_waits_for_a_volume(self) -> None:
        self.claim()
        self.assertEqual(self.bound(), "Pending")
        self.volume()
        self.assertEqual(self.bound(), "v")

    def test_each_volume_is_taken_once(self) -> None:
        self.volume()
        self.claim("c")
        self.claim("d")
        self.assertEqual((self.bound("c"), self.bound("d")), ("v", "Pending"))

    def test_a_selector_chooses(self) -> None:
        self.volume("v")
        self.claim(selector={"matchLabels": {"a": "b"}})
        self.assertEqual(self.bound(), "Pending")

    def test_a_volume_waits_for_the_claim_that_it_names(self) -> None:
        self.volume(claimRef={"namespace": "n", "name": "c"})
        self.claim("other")
        self.assertEqual((self.phase(), self.bound("other")), ("Available", "Pending"))
        self.claim()
        self.assertEqual(self.bound(), "v")
        self.assertNotIn("annotations", self.cluster.found(VOLUMES, "v", "")["metadata"])

    def test_a_claim_takes_the_volume_that_it_names(self) -> None:
        self.claim(volumeName="v")
        self.assertEqual(self.bound(), "Pending")
        self.volume("w")
        self.volume("v")
        self.assertEqual(self.bound(), "v")

    def test_a_claim_does_not_take_what_is_anothers(self) -> None:
        self.volume()
        self.claim("c")
        self.claim("d", volumeName="v")
        self.assertEqual(self.bound("d"), "Pending")


class DynamicTests(BindingTestCase):
    def test_a_class_says_who_makes_the_volume(self) -> None:
        self.cls()
        made = self.claim()
        notes = self.cluster.found(CLAIMS, "c")["metadata"]["annotations"]
        self.assertEqual(set(notes.values()), {"example.com/x"})
        ref = {"namespace": "n", "name": "c", "uid": made["metadata"]["uid"]}
        self.volume(claimRef=ref)
        self.assertEqual((self.bound(), self.phase()), ("v", "Bound"))

    def test_some_wait_for_a_consumer(self) -> None:
        self.cls(mode="WaitForFirstConsumer")
        self.volume()
        self.claim()
        self.assertEqual(self.bound(), "Pending")
        self.assertNotIn("annotations", self.cluster.found(CLAIMS, "c")["metadata"])

        def chosen(found: Manifest) -> Manifest:
            found["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": "w"}
            return found

        self.cluster.change(CLAIMS, "c", chosen)
        self.cluster.settle()
        notes = self.cluster.found(CLAIMS, "c")["metadata"]["annotations"]
        self.assertEqual(notes["volume.kubernetes.io/storage-provisioner"], "example.com/x")

    def test_a_default_class_comes_late(self) -> None:
        self.claim(cls=None)
        self.assertNotIn("storageClassName", self.cluster.found(CLAIMS, "c")["spec"])
        self.cls(**DEFAULT)
        self.assertEqual(self.cluster.found(CLAIMS, "c")["spec"]["storageClassName"], "s")


class EndTests(BindingTestCase):
    def test_a_volume_is_released(self) -> None:
        self.volume()
        self.claim()
        self.cluster.delete(CLAIMS, "c")
        self.cluster.settle()
        self.assertIsNone(self.cluster.get(CLAIMS, "c"))
        self.assertEqual(self.phase(), "Released")

    def test_a_claim_of_the_same_name_is_another(self) -> None:
        self.volume()
        self.claim()
        self.cluster.delete(CLAIMS, "c")
        self.cluster.settle()
        self.claim()
        self.assertEqual((self.bound(), self.phase()), ("Pending", "Released"))

    def test_a_claim_that_loses_its_volume_is_lost(self) -> None:
        self.volume()
        self.claim()
        self.cluster.delete(VOLUMES, "v", "")
        self.cluster.settle()
        self.assertEqual(self.bound(), "v")
        self.cluster.free(VOLUMES, "v", "")
        self.cluster.settle()
        self.assertEqual(self.cluster.found(CLAIMS, "c")["status"], {"phase": "Lost"})

    def test_a_volume_that_was_made_for_a_claim_which_found_another_goes(self) -> None:
        self.volume("w")
        made = self.claim()
        ref = {"namespace": "n", "name": "c", "uid": made["metadata"]["uid"]}
        provisioned = {"annotations": {"pv.kubernetes.io/provisioned-by": "x"}}
        spec = {"capacity": {"storage": "1Gi"}, "claimRef": ref, "persistentVolumeReclaimPolicy": "Delete"}
        self.cluster.make(VOLUMES, "extra", "", meta=provisioned, spec=spec)
        self.cluster.settle()
        self.assertEqual((self.bound(), self.phase("extra")), ("w", "Released"))

    def test_a_volume_that_is_free_goes_at_once(self) -> None:
        self.volume()
        self.cluster.delete(VOLUMES, "v", "")
        self.cluster.settle()
        self.assertIsNone(self.cluster.get(VOLUMES, "v", ""))

    def test_a_claim_in_use_stays(self) -> None:
        self.claim()
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
        self.cluster.make("pods", "p", spec={"nodeName": "w", "volumes": [volume]})
        self.cluster.make("pods", "waits", spec={"volumes": [volume]})
        self.cluster.delete(CLAIMS, "c")
        self.cluster.settle()
        self.cluster.found(CLAIMS, "c")
        self.cluster.objects.change(
            "", "pods", "n", "p", lambda pod: {**pod, "status": {"phase": "Failed"}}, "status"
        )
        self.cluster.delete("pods", "p")
        self.cluster.settle()
        self.assertIsNone(self.cluster.get(CLAIMS, "c"))
