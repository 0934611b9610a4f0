"""What counts as a volume or a snapshot, which it is, and what it is good for at the moment."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, VOLUME_SNAPSHOT
from dicot.cloud.volumes import Snapshot, Volume, VolumeImage, find_snapshot, find_volume, gibi
from dicot.moments import stamp
from tests.compute.server.objects import (
    NAMESPACE,
    NOW,
    OTHER_NAMESPACE,
    image_object,
    snapshot_object,
    volume_claim,
    volume_object,
)
from tests.compute.server.world import ADMIN, MEMBER, World

ID, SERVER = "66666666-6666-4666-8666-666666666666", "77777777-7777-4777-8777-777777777777"
BLANK: dict[str, Any] = {"blank": {}}
Part = Mapping[str, Any]
NOTHING: Mapping[str, Any] = MappingProxyType({})


def bound(age: float, server: str = SERVER) -> dict[str, str]:
    return {"dicot.io/bound": f'{{"server": "{server}", "at": "{stamp(NOW - age)}"}}'}


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World()

    def put(self, data: Part = NOTHING, claim: Part = NOTHING, notes: Mapping[str, str] = NOTHING) -> None:
        """A volume whose objects say this, instead or too; ``notes`` are annotations of the claim."""
        self.world.add(DATA_VOLUME, merged(volume_object("data", ID), data))
        self.world.add(PVC, merged(volume_claim("data", ID, **notes), claim))

    def found(self, id: str = ID, *servers: str) -> Volume:
        volume = find_volume(self.world.known(), id, NOW, servers)
        assert volume is not None
        return volume

    def missing(self, id: str = ID) -> bool:
        return find_volume(self.world.known(), id, NOW) is None


class FindTests(Case):
    def test_one_of_the_project(self) -> None:
        self.put()
        volume = self.found()
        assert volume.claim is not None
        assert volume.data is not None
        self.assertEqual((volume.claim.name, volume.data.name, volume.id), ("data", "data", ID))
        self.assertEqual((volume.status, volume.size, volume.bootable), ("available", 1, True))

    def test_without_a_label_it_is_known_by_the_uid_of_its_data_volume(self) -> None:
        self.put({"metadata": {"labels": {}}}, {"metadata": {"labels": {}}})
        self.assertEqual(self.found("uid-data").id, "uid-data")
        self.assertTrue(self.missing("uid-claim-data"))

    def test_its_claim_alone_is_enough(self) -> None:
        self.world.add(PVC, volume_claim("data", ID))
        self.assertEqual((self.found().id, self.found().data), (ID, None))

    def test_a_claim_by_itself_is_one_where_it_holds_a_disk(self) -> None:
        for spec, notes, is_one in (
            ({"volumeMode": "Block"}, {}, True),
            ({}, {"cdi.kubevirt.io/storage.contentType": "kubevirt"}, True),
            ({}, {"cdi.kubevirt.io/storage.contentType": "archive"}, False),
            ({}, {}, False),
        ):
            claim = volume_claim("data", ID, **notes)
            claim["metadata"]["ownerReferences"] = []
            self.world.add(PVC, merged(claim, {"spec": spec}))
            self.assertEqual(self.missing(), not is_one, (spec, notes))

    def test_what_others_keep_for_themselves_is_none(self) -> None:
        for disk in ("root", "ephemeral", "swap"):
            self.put({"metadata": {"labels": {"dicot.io/id": ID, "dicot.io/disk": disk}}})
            self.assertTrue(self.missing(), disk)
        self.put({"metadata": {"labels": {"dicot.io/id": ID, "dicot.io/disk": "volume"}}})
        self.assertFalse(self.missing())
        for name in ("prime-1", "persistent-state-for-web1"):
            self.world = World()
            self.world.add(PVC, volume_claim(name, ID))
            self.assertTrue(self.missing(), name)

    def test_an_image_is_none(self) -> None:
        self.put()
        image = image_object(NAMESPACE)
        image["spec"]["source"]["pvc"] = {"name": "data"}
        self.world.add(DATA_SOURCE, image)
        self.assertTrue(self.missing())

    def test_an_image_of_another_namespace_changes_nothing(self) -> None:
        self.put()
        image = image_object()
        image["spec"]["source"]["pvc"] = {"name": "data"}
        self.world.add(DATA_SOURCE, image)
        self.assertFalse(self.missing())

    def test_those_of_others_are_none_also_to_cloud_admins(self) -> None:
        for kind, made in ((DATA_VOLUME, volume_object("data", ID)), (PVC, volume_claim("data", ID))):
            made["metadata"]["namespace"] = OTHER_NAMESPACE
            self.world.add(kind, made)
        for who in (MEMBER, ADMIN):
            self.assertIsNone(find_volume(self.world.known(who), ID, NOW))

    def test_before_there_is_a_claim(self) -> None:
        self.world.add(DATA_VOLUME, merged(volume_object("data", ID), {"status": {"phase": "Pending"}}))
        self.assertEqual((self.found().status, self.found().claim, self.found().size), ("creating", None, 1))


class StatusTests(Case):
    def test_of_how_far_it_is(self) -> None:
        registry, clone = {"registry": {"url": "docker://a"}}, {"pvc": {"name": "a"}}
        for source, phase, status in (
            (clone, "Succeeded", "available"),
            (clone, "WaitForFirstConsumer", "available"),
            (clone, "PendingPopulation", "available"),
            (clone, "CloneInProgress", "creating"),
            (BLANK, "ImportInProgress", "creating"),
            (registry, "ImportInProgress", "downloading"),
            (registry, "Failed", "error"),
        ):
            self.put({"spec": {"source": source}, "status": {"phase": phase}})
            self.assertEqual(self.found().status, status, (source, phase))

    def test_of_what_the_claim_says(self) -> None:
        self.put(claim={"status": {"phase": "Lost"}})
        self.assertEqual(self.found().status, "error")
        self.put(claim={"metadata": {"deletionTimestamp": stamp(NOW)}})
        self.assertEqual(self.found().status, "deleting")

    def test_a_class_that_does_not_say_how_it_is_claimed(self) -> None:
        refused = {"type": "Bound", "status": "False", "reason": "ErrClaimNotValid"}
        self.put({"status": {"phase": "Pending", "conditions": [refused]}})
        self.assertEqual(self.found().status, "error")

    def test_it_is_in_use_by_whichever_name_a_machine_has_it(self) -> None:
        for source in ({"dataVolume": {"name": "data"}}, {"persistentVolumeClaim": {"claimName": "data"}}):
            self.put()
            vm = {
                "metadata": {"name": "web1", "namespace": NAMESPACE, "uid": "uid-web1"},
                "spec": {"template": {"spec": {"volumes": [{"name": "a", **source}]}}},
            }
            self.world.add(VM, vm)
            self.assertEqual(self.found().status, "in-use", source)

    def test_bound_to_what_may_come_it_is_reserved_for_a_minute(self) -> None:
        for age, status in ((1, "reserved"), (59, "reserved"), (61, "available")):
            self.put(notes=bound(age))
            self.assertEqual(self.found().status, status, age)

    def test_its_own_binding_is_in_nobodys_way(self) -> None:
        self.put(notes=bound(1))
        self.assertEqual(self.found(ID, SERVER).status, "available")

    def test_a_binding_that_cannot_be_read_is_none(self) -> None:
        for text in ("", "{", "[]", '{"at": 5}', '{"at": "soon"}'):
            self.put(notes={"dicot.io/bound": text})
            self.assertEqual(self.found().status, "available", text)


class FactTests(Case):
    def test_an_empty_one_cannot_be_booted_from_unless_somebody_says_so(self) -> None:
        for source, notes, bootable in (
            (BLANK, {}, False),
            (BLANK, {"dicot.io/bootable": "true"}, True),
            ({"pvc": {"name": "a"}}, {"dicot.io/bootable": "false"}, False),
        ):
            self.put({"spec": {"source": source}}, notes=notes)
            self.assertEqual(self.found().bootable, bootable, (source, notes))

    def test_several_servers_may_have_it_where_that_was_said_and_is_possible(self) -> None:
        for said, mode, expected in (
            ("true", "ReadWriteMany", True),
            ("true", "ReadWriteOnce", False),
            ("false", "ReadWriteMany", False),
        ):
            self.put(claim={"spec": {"accessModes": [mode]}}, notes={"dicot.io/multiattach": said})
            self.assertEqual(self.found().multiattach, expected, (said, mode))

    def test_it_tells_of_its_image(self) -> None:
        self.put(notes={"dicot.io/image": '{"id": "a", "minRam": 5}'})
        self.assertEqual(self.found().image, VolumeImage("a", minRam=5))
        self.put(notes={"dicot.io/image": "[]"})
        self.assertEqual(self.found().image, VolumeImage())

    def test_sizes_are_whole(self) -> None:
        self.assertEqual([gibi(size) for size in (0, 1, 1 << 30, (1 << 30) + 1)], [0, 1, 1, 2])


class SnapshotTests(Case):
    def snapshot(self, size: str = "1Gi", id: str = SERVER) -> Snapshot | None:
        self.world.add(VOLUME_SNAPSHOT, snapshot_object("shot", SERVER, "data", size))
        return find_snapshot(self.world.known(), id, NOW)

    def test_it_is_of_a_volume_and_as_large(self) -> None:
        self.put()
        # A file system of 1 GiB is taken with what it needs beside.
        found = self.snapshot("1138166334")
        assert found is not None
        assert found.volume is not None
        self.assertEqual((found.id, found.size, found.volume.id), (SERVER, 1, ID))
        self.assertEqual(found.least, 1138166334)

    def test_without_its_volume_it_has_its_own_size(self) -> None:
        found = self.snapshot("3Gi")
        assert found is not None
        self.assertEqual((found.size, found.volume), (3, None))

    def test_one_that_is_not_there_or_is_an_image(self) -> None:
        self.assertIsNone(self.snapshot(id=ID))
        image = image_object(NAMESPACE)
        image["spec"]["source"] = {"snapshot": {"name": "shot"}}
        self.world.add(DATA_SOURCE, image)
        self.assertIsNone(self.snapshot())


def merged(document: dict[str, Any], more: Part) -> dict[str, Any]:
    """A document with parts of its parts exchanged."""
    return document | {key: {**document.get(key, {}), **value} for key, value in more.items()}
