"""Servers with volumes: what is made, bound and attached for them, and what is refused."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, VM
from dicot.cloud.kinds.network import PORT
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, STORAGE_CLASS, VOLUME_SNAPSHOT
from dicot.cloud.plan import Patch, Plan
from dicot.config import Config
from dicot.faults import BadRequest, Conflict, Forbidden
from dicot.moments import stamp
from dicot.names import derived

from .objects import (
    IMAGE,
    NAMESPACE,
    NOW,
    SERVER,
    flavor_object,
    image_object,
    port_object,
    snapshot_object,
    volume_claim,
    volume_object,
)
from .planned import NAME, instance, machine, pending, plan, plans
from .world import ADMIN, World, furnished

INVALID = "Block Device Mapping is Invalid: "
VOLUME, SNAPSHOT = "66666666-6666-4666-8666-666666666666", "77777777-7777-4777-8777-777777777777"
LOCAL = {"source_type": "image", "destination_type": "local", "uuid": IMAGE, "boot_index": 0}
BLANK = {"source_type": "blank", "destination_type": "volume", "volume_size": 5}
OF_IMAGE = {"source_type": "image", "destination_type": "volume", "uuid": IMAGE, "volume_size": 4}
OF_SNAPSHOT = {"source_type": "snapshot", "destination_type": "volume", "uuid": SNAPSHOT}
EXISTING = {"source_type": "volume", "destination_type": "volume", "uuid": VOLUME}
FIRST = {"boot_index": 0}
GOES = {"delete_on_termination": True}
BEFORE_SHARING, SHARING = 59, 60
SERIAL = VOLUME[:20]


def stocked(mode: str = "ReadWriteOnce", source: Any = None, **notes: str) -> World:
    """With a volume of 2 GiB, a snapshot of it, and two classes."""
    world = furnished(Config(public_url="https://cloud.example", storage_class="usual"))
    world.add(DATA_VOLUME, volume_object("data", VOLUME, "2Gi", source))
    claim = volume_claim("data", VOLUME, "2Gi", mode, **notes)
    claim["spec"]["storageClassName"] = "slow"
    world.add(PVC, claim)
    world.add(VOLUME_SNAPSHOT, snapshot_object("shot", SNAPSHOT, "data", "2Gi"))
    for name in ("slow", "fast"):
        world.add(STORAGE_CLASS, {"metadata": {"name": name, "uid": f"uid-{name}"}})
    return world


def used(world: World) -> None:
    """The volume is another server's."""
    volumes = [{"name": "a", "dataVolume": {"name": "data"}}]
    meta = {"name": "other", "namespace": NAMESPACE, "uid": "uid-other"}
    world.add(VM, {"metadata": meta, "spec": {"template": {"spec": {"volumes": volumes}}}})


def booting(*devices: dict[str, Any], world: World | None = None, **more: Any) -> Plan:
    """A server without an image of its own."""
    return plan(world or stocked(), imageRef="", block_device_mapping_v2=list(devices), **more)


def templates(made: Plan) -> list[Any]:
    found: list[Any] = machine(made)["spec"].get("dataVolumeTemplates", [])
    return found


def disks(made: Plan) -> list[Any]:
    found: list[Any] = instance(made)["domain"]["devices"]["disks"]
    return found


class NewTests(SynchronousTestCase):
    def test_one_that_stays_is_made_before_and_owned_by_nobody(self) -> None:
        made = plan(stocked(), block_device_mapping_v2=[LOCAL, BLANK])
        [volume] = pending(made, DATA_VOLUME)
        id = derived("volume", SERVER, "volume1")
        self.assertEqual(
            volume,
            {
                "apiVersion": "cdi.kubevirt.io/v1beta1",
                "kind": "DataVolume",
                "metadata": {
                    "name": f"{NAME}-volume1",
                    "namespace": NAMESPACE,
                    "labels": {
                        "dicot.io/id": id,
                        "dicot.io/server-id": SERVER,
                        "dicot.io/disk": "volume",
                        "dicot.io/managed": "true",
                    },
                    "annotations": {
                        "dicot.io/user-id": made_by(made),
                        "dicot.io/name": f"{SERVER}-blank-vol",
                    },
                },
                "spec": {
                    "source": {"blank": {}},
                    "storage": {"resources": {"requests": {"storage": "5Gi"}}, "storageClassName": "usual"},
                },
            },
        )
        self.assertEqual([each["metadata"]["name"] for each in templates(made)], [f"{NAME}-root"])
        self.assertIn({"name": "volume1", "dataVolume": {"name": f"{NAME}-volume1"}}, instance(made)["volumes"])
        self.assertEqual(disks(made)[1], {"name": "volume1", "disk": {"bus": "virtio"}, "serial": id[:20]})
        self.assertTrue(made.rehearse)

    def test_one_that_goes_is_a_template(self) -> None:
        made = plan(stocked(), block_device_mapping_v2=[LOCAL, BLANK | GOES])
        self.assertEqual(pending(made, DATA_VOLUME), [])
        [_, volume] = templates(made)
        self.assertEqual(volume["metadata"]["labels"]["dicot.io/id"], derived("volume", SERVER, "volume1"))
        self.assertEqual(volume["spec"]["source"], {"blank": {}})

    def test_each_server_of_several_has_its_own(self) -> None:
        ids = (SERVER, SERVER.replace("1", "2"))
        made = plans(stocked(), ids=ids, max_count=2, block_device_mapping_v2=[LOCAL, BLANK])
        found = [pending(each, DATA_VOLUME)[0]["metadata"] for each in made]
        self.assertEqual(len({meta["name"] for meta in found}), 2)
        self.assertEqual(len({meta["labels"]["dicot.io/id"] for meta in found}), 2)

    def test_of_an_image_it_remembers_that(self) -> None:
        world = stocked()
        spec = {"minRam": 7, "properties": {"os": "x"}}
        world.add(DATA_SOURCE, image_object(**{"dicot.io/image-spec": json.dumps(spec)}))
        [volume] = pending(booting(OF_IMAGE | FIRST, world=world), DATA_VOLUME)
        reference = {"kind": "DataSource", "name": "debian-13", "namespace": "dicot-images"}
        self.assertEqual(volume["spec"]["sourceRef"], reference)
        note = json.loads(volume["metadata"]["annotations"]["dicot.io/image"])
        self.assertEqual(note, {"id": IMAGE, **spec})

    def test_of_an_image_that_is_a_container(self) -> None:
        world = stocked()
        world.add(DATA_SOURCE, image_object(**{"dicot.io/container-disk": "quay.io/x/cirros:1"}))
        [volume] = pending(booting(OF_IMAGE | FIRST, world=world), DATA_VOLUME)
        self.assertEqual(volume["spec"]["source"], {"registry": {"url": "docker://quay.io/x/cirros:1"}})

    def test_of_a_snapshot_it_is_as_large_and_of_the_same_class(self) -> None:
        [volume] = pending(booting(OF_SNAPSHOT | FIRST), DATA_VOLUME)
        self.assertEqual(volume["spec"]["source"], {"snapshot": {"namespace": NAMESPACE, "name": "shot"}})
        storage = {"resources": {"requests": {"storage": "2Gi"}}, "storageClassName": "slow"}
        self.assertEqual(volume["spec"]["storage"], storage)
        [volume] = pending(booting(OF_SNAPSHOT | FIRST | {"volume_size": 9}), DATA_VOLUME)
        self.assertEqual(volume["spec"]["storage"]["resources"]["requests"]["storage"], "9Gi")

    def test_a_snapshot_of_a_file_system_needs_room_for_that_too(self) -> None:
        world = stocked()
        world.add(VOLUME_SNAPSHOT, snapshot_object("shot", SNAPSHOT, "data", "2276332667"))
        for more, expected in (({}, "2276332667"), ({"volume_size": 3}, "3Gi")):
            [volume] = pending(booting(OF_SNAPSHOT | FIRST | more, world=world), DATA_VOLUME)
            self.assertEqual(volume["spec"]["storage"]["resources"]["requests"]["storage"], expected)

    def test_the_type_is_a_class_by_name_or_id(self) -> None:
        for type, expected in (("fast", "fast"), ("uid-fast", "fast"), (None, "usual"), ("", "usual")):
            [volume] = pending(booting(OF_IMAGE | FIRST | {"volume_type": type}), DATA_VOLUME)
            self.assertEqual(volume["spec"]["storage"]["storageClassName"], expected, type)

    def test_into_less_than_its_source_is_refused(self) -> None:
        for device, message in (
            (OF_IMAGE | {"volume_size": 2}, "Size of specified image 3GB is larger than volume size 2GB."),
            (
                OF_SNAPSHOT | {"volume_size": 1},
                "Volume size '1' GB cannot be smaller than the snapshot size 2GB. "
                "They must be >= original snapshot size.",
            ),
        ):
            fault = self.assertRaises(BadRequest, booting, device | FIRST)
            self.assertEqual(fault.message, f"Invalid input received: {message}")


class BootTests(SynchronousTestCase):
    def test_the_volume_is_the_root_disk_of_a_server_without_an_image(self) -> None:
        made = booting(OF_IMAGE | FIRST)
        self.assertEqual(instance(made)["volumes"], [{"name": "root", "dataVolume": {"name": f"{NAME}-root"}}])
        self.assertEqual(disks(made)[0]["bootOrder"], 1)
        meta = machine(made)["metadata"]
        self.assertNotIn("dicot.io/image", meta["annotations"])
        self.assertNotIn("dicot.io/image-id", meta["labels"])

    def test_the_root_disk_comes_first_and_others_boot_after_it(self) -> None:
        made = booting(BLANK | {"boot_index": 1}, EXISTING | FIRST, OF_IMAGE | {"boot_index": None})
        self.assertEqual(
            [(disk["name"], disk.get("bootOrder")) for disk in disks(made)],
            [("root", 1), ("volume1", 2), ("volume2", None)],
        )

    def test_the_flavor_needs_no_disk_of_its_own(self) -> None:
        world = stocked()
        world.add(CLUSTER_INSTANCETYPE, flavor_object("none", "none", disk=0))
        self.assertEqual(len(pending(booting(OF_IMAGE | FIRST, world=world, flavorRef="none"), DATA_VOLUME)), 1)
        fault = self.assertRaises(Forbidden, plan, world, flavorRef="none")
        self.assertEqual(fault.message, "Only volume-backed servers are allowed for flavors with zero disk.")

    def test_the_image_of_a_volume_says_what_it_needs(self) -> None:
        note = {"minRam": 4096, "minDisk": 1, "properties": {"auto_disk_config": "yes"}}
        world = stocked(**{"dicot.io/image": json.dumps(note)})
        fault = self.assertRaises(BadRequest, booting, EXISTING | FIRST, world=world)
        self.assertEqual(fault.message, "Flavor's memory is too small for requested image.")
        fault = self.assertRaises(BadRequest, booting, OF_SNAPSHOT | FIRST, world=world)
        self.assertEqual(fault.message, "Flavor's memory is too small for requested image.")
        world = stocked(**{"dicot.io/image": json.dumps(note | {"minRam": 1})})
        server = machine(booting(EXISTING | FIRST, world=world))["metadata"]["annotations"]["dicot.io/server"]
        self.assertEqual(json.loads(server)["diskConfig"], "AUTO")

    def test_an_image_that_wants_more_disk(self) -> None:
        world = stocked()
        world.add(DATA_SOURCE, image_object(**{"dicot.io/image-spec": '{"minDisk": 9}'}))
        fault = self.assertRaises(BadRequest, booting, OF_IMAGE | FIRST, world=world)
        self.assertEqual(
            fault.message,
            "Volume is smaller than the minimum size specified in image metadata. "
            f"Volume size is {4 << 30} bytes, minimum size is {9 << 30} bytes.",
        )

    def test_an_empty_volume_is_not_booted_from(self) -> None:
        world = stocked(source={"blank": {}})
        for device in (EXISTING, OF_SNAPSHOT):
            fault = self.assertRaises(BadRequest, booting, device | FIRST, world=world)
            self.assertEqual(fault.message, f"Block Device {VOLUME} is not bootable.")
        self.assertEqual(len(disks(plan(world, block_device_mapping_v2=[LOCAL, EXISTING]))), 2)

    def test_a_cdrom(self) -> None:
        cdrom = EXISTING | {"device_type": "cdrom"}
        made = plan(stocked(), block_device_mapping_v2=[LOCAL, cdrom])
        self.assertEqual(disks(made)[1], {"name": "volume1", "cdrom": {"bus": "sata"}, "serial": SERIAL})
        fault = self.assertRaises(
            BadRequest, plan, stocked(), block_device_mapping_v2=[LOCAL, cdrom | {"disk_bus": "virtio"}]
        )
        self.assertEqual(fault.message, "Requested hardware 'virtio' is not supported by the 'kvm' virt driver")

    def test_a_tag_needs_a_config_drive(self) -> None:
        made = plan(stocked(), block_device_mapping_v2=[LOCAL, EXISTING | {"tag": "db"}])
        self.assertEqual((disks(made)[1]["tag"], disks(made)[2]["name"]), ("db", "config"))


class ExistingTests(SynchronousTestCase):
    def test_it_is_bound_before_unless_somebody_changes_it_meanwhile(self) -> None:
        made = plan(stocked(), block_device_mapping_v2=[LOCAL, EXISTING])
        [bind] = made.binds
        binding = f'{{"server":"{SERVER}","at":"{stamp(NOW)}"}}'
        change = {"metadata": {"annotations": {"dicot.io/bound": binding}}}
        self.assertEqual(bind, Patch(PVC, NAMESPACE, "data", change, version="88"))
        self.assertTrue(made.rehearse)
        self.assertEqual(disks(made)[1], {"name": "volume1", "disk": {"bus": "virtio"}, "serial": SERIAL})
        self.assertIn({"name": "volume1", "dataVolume": {"name": "data"}}, instance(made)["volumes"])

    def test_without_a_data_volume_its_claim_is_named(self) -> None:
        world = stocked()
        world.remove(DATA_VOLUME, f"{NAMESPACE}/data")
        made = plan(world, block_device_mapping_v2=[LOCAL, EXISTING])
        self.assertIn({"name": "volume1", "persistentVolumeClaim": {"claimName": "data"}}, instance(made)["volumes"])

    def test_that_it_goes_too_is_noted(self) -> None:
        for more, expected in ((GOES, ["volume1"]), ({}, None)):
            made = plan(stocked(), block_device_mapping_v2=[LOCAL, EXISTING | more])
            note = json.loads(machine(made)["metadata"]["annotations"]["dicot.io/server"])
            self.assertEqual(note.get("deletes"), expected)

    def test_by_the_oldest_form(self) -> None:
        made = plan(
            stocked(),
            imageRef="",
            block_device_mapping=[{"volume_id": VOLUME.upper(), "device_name": "/dev/vda", **GOES}],
        )
        self.assertEqual(instance(made)["volumes"], [{"name": "root", "dataVolume": {"name": "data"}}])

    def test_that_of_another_server_is_refused(self) -> None:
        world = stocked()
        used(world)
        fault = self.assertRaises(BadRequest, plan, world, block_device_mapping_v2=[LOCAL, EXISTING])
        self.assertEqual(
            fault.message,
            f"Invalid volume: Invalid input received: Invalid volume: Volume {VOLUME} status must be available or "
            "downloading to reserve, but the current status is in-use.",
        )

    def test_what_another_create_has_taken_is_refused(self) -> None:
        binding = f'{{"server": "{VOLUME}", "at": "{stamp(NOW - 5)}"}}'
        world = stocked(**{"dicot.io/bound": binding})
        fault = self.assertRaises(BadRequest, plan, world, block_device_mapping_v2=[LOCAL, EXISTING])
        self.assertIn("the current status is reserved.", fault.message)

    def test_derived_again_its_own_bindings_are_in_nobodys_way(self) -> None:
        world = stocked(**{"dicot.io/bound": f'{{"server": "{SERVER}", "at": "{stamp(NOW)}"}}'})
        port = port_object(vm="web1-1", vmId=SERVER, annotations={"dicot.io/updated-at": stamp(NOW)})
        world.add(PORT, port)
        networks = [{"port": port["metadata"]["labels"]["dicot.io/id"]}]
        made = plan(world, block_device_mapping_v2=[LOCAL, EXISTING], networks=networks)
        self.assertEqual([bind.kind for bind in made.binds], [PORT, PVC])
        port["spec"]["vmId"] = VOLUME
        world.add(PORT, port)
        self.assertRaises(Conflict, plan, world, networks=networks)

    def test_one_for_several_servers_is_shared_by_those_who_know_of_that(self) -> None:
        world = stocked("ReadWriteMany", **{"dicot.io/multiattach": "true"})
        used(world)
        fault = self.assertRaises(
            BadRequest, plan, world, minor=BEFORE_SHARING, block_device_mapping_v2=[LOCAL, EXISTING]
        )
        self.assertEqual(
            fault.message, "Multiattach volumes are only supported starting with compute API version 2.60."
        )
        made = plan(world, minor=SHARING, block_device_mapping_v2=[LOCAL, EXISTING])
        self.assertEqual((made.binds, disks(made)[1]["shareable"]), ((), True))

    def test_the_same_one_twice(self) -> None:
        fault = self.assertRaises(BadRequest, plan, stocked(), block_device_mapping_v2=[LOCAL, EXISTING, EXISTING])
        self.assertIn(f"Volume {VOLUME} is named twice.", fault.message)

    def test_that_of_another_project_is_not_found(self) -> None:
        world = stocked()
        for kind in (DATA_VOLUME, PVC):
            [row] = [row for row in world.rows(kind) if row.name == "data"]
            world.remove(kind, row.place)
        moved = volume_claim("data", VOLUME)
        moved["metadata"]["namespace"] = "other"
        world.add(PVC, moved)
        for who in (None, ADMIN):
            arguments = (world, who) if who else (world,)
            fault = self.assertRaises(BadRequest, plan, *arguments, block_device_mapping_v2=[LOCAL, EXISTING])
            self.assertEqual(fault.message, f"Volume {VOLUME} could not be found.")


def made_by(made: Plan) -> str:
    found: str = machine(made)["metadata"]["annotations"]["dicot.io/user-id"]
    return found
