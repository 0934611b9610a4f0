"""What a cluster for trials holds."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.kube.errors import Exists
from dicot.kube.kind import Manifest
from dicot.names import CONTAINER_DISK, FLAVOR_SPEC, IMAGE_SPEC
from dicot.sandbox.seed import plant, seeds, storage_class


class Garden:
    """A Kube that only takes seeds, and remembers them."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self.taken = taken
        self.created: list[tuple[Place, Manifest]] = []
        self.patched: dict[Place, Manifest] = {}
        self.deleted: list[Place] = []
        self.provisioner = storage_class()["provisioner"]

    async def create(self, at: Place, body: Manifest, **_: Any) -> bytes:
        """See Kube."""
        if body["metadata"]["name"] in self.taken:
            raise Exists(409, "AlreadyExists", "there")
        self.created.append((at, body))
        return b"{}"

    async def read(self, at: Place) -> bytes:
        """See Kube."""
        return json.dumps({"provisioner": self.provisioner}).encode()

    async def delete(self, at: Place, **_: Any) -> None:
        """See Kube."""
        self.deleted.append(at)
        self.taken -= {at.name}

    async def patch(self, at: Place, body: Manifest, **_: Any) -> bytes:
        """See Kube."""
        self.patched[at] = body
        return b"{}"


class Seeds(SynchronousTestCase):
    """The manifests."""

    def of(self, kind: str) -> Mapping[str, Manifest]:
        """Those of a kind, by name."""
        return {each["metadata"]["name"]: each for each in seeds() if each["kind"] == kind}

    def test_one_default_class(self) -> None:
        (found,) = self.of("StorageClass").values()
        self.assertEqual(found["metadata"]["annotations"], {"storageclass.kubernetes.io/is-default-class": "true"})
        self.assertEqual(list(self.of("StorageProfile")), list(self.of("StorageClass")))

    def test_snapshots_of_that_class(self) -> None:
        """By default, alone and in groups."""
        driver = next(iter(self.of("StorageClass").values()))["provisioner"]
        for kind, own in (
            ("VolumeSnapshotClass", "snapshot.storage.kubernetes.io"),
            ("VolumeGroupSnapshotClass", "groupsnapshot.storage.kubernetes.io"),
        ):
            (found,) = self.of(kind).values()
            self.assertEqual(found["metadata"]["annotations"], {f"{own}/is-default-class": "true"})
            self.assertEqual(found["driver"], driver)

    def test_flavors(self) -> None:
        found = self.of("VirtualMachineClusterInstancetype")
        self.assertEqual(list(found), ["m1.tiny", "m1.small", "m1.medium", "m1.large"])
        small = found["m1.small"]
        self.assertEqual(small["spec"], {"cpu": {"guest": 1}, "memory": {"guest": "2048Mi"}})
        self.assertEqual(json.loads(small["metadata"]["annotations"][FLAVOR_SPEC]), {"id": "2", "disk": 20})

    def test_images_name_their_disks(self) -> None:
        volumes, sources = self.of("DataVolume"), self.of("DataSource")
        self.assertEqual(list(volumes), ["cirros", "debian-13", "fedora"])
        for name in volumes:
            claim = sources[name]["spec"]["source"]["pvc"]
            self.assertEqual(claim, {"name": name, "namespace": "dicot-images"})
            self.assertGreater(json.loads(sources[name]["metadata"]["annotations"][IMAGE_SPEC])["minDisk"], 0)

    def test_one_image_is_a_container_disk(self) -> None:
        found = [each for each in self.of("DataSource").values() if CONTAINER_DISK in each["metadata"]["annotations"]]
        self.assertEqual([each["spec"]["source"] for each in found], [{}])


class Planting(SynchronousTestCase):
    """Making them."""

    def plant(self, garden: Garden) -> None:
        """All of them."""
        self.successResultOf(Deferred.fromCoroutine(plant(garden, seeds())))  # type: ignore[arg-type]

    def test_in_order(self) -> None:
        garden = Garden()
        self.plant(garden)
        self.assertEqual([body for _, body in garden.created], seeds())
        self.assertEqual(garden.created[0][0], Place("storage.k8s.io", "v1", "storageclasses"))
        self.assertEqual(garden.created[-1][0], Place("cdi.kubevirt.io", "v1beta1", "datasources", "dicot-images"))

    def test_what_is_there_is_renewed(self) -> None:
        garden = Garden(frozenset({"m1.tiny", "cirros", "standard", "dicot-images"}))
        self.plant(garden)
        tiny = garden.patched[
            Place("instancetype.kubevirt.io", "v1beta1", "virtualmachineclusterinstancetypes", name="m1.tiny")
        ]
        self.assertEqual(tiny["spec"]["cpu"], {"guest": 1})
        disk = garden.patched[Place("cdi.kubevirt.io", "v1beta1", "datavolumes", "dicot-images", "cirros")]
        self.assertNotIn("spec", disk)

    def test_a_class_of_another_provisioner_is_made_anew(self) -> None:
        """Nothing else may be changed of one."""
        garden = Garden(frozenset({"standard"}))
        self.plant(garden)
        self.assertEqual(garden.deleted, [])
        garden = Garden(frozenset({"standard"}))
        garden.provisioner = "sandbox.dicot.io/disk"
        self.plant(garden)
        at = Place("storage.k8s.io", "v1", "storageclasses", name="standard")
        self.assertEqual(garden.deleted, [at])
        self.assertIn((replace(at, name=""), storage_class()), garden.created)
