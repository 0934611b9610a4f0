"""Block device mappings: what is made of them, and what Nova says of those that cannot be."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE
from dicot.faults import BadRequest

from .objects import IMAGE, LIVE_IMAGE, SERVER, flavor_object
from .planned import NAME, instance, machine, plan
from .world import World, furnished

INVALID = "Block Device Mapping is Invalid: "
BOOT = f"{INVALID}Boot sequence for the instance and image/block device mapping combination is not valid."
ROOT = {"source_type": "image", "destination_type": "local", "uuid": IMAGE, "boot_index": 0}
BLANK = {"source_type": "blank", "destination_type": "local"}
SWAP = BLANK | {"guest_format": "swap"}
BIG = "big"


def roomy() -> World:
    """With a flavor that has 10 GiB of ephemeral disk and 512 MiB of swap."""
    world = furnished()
    flavor = flavor_object(BIG, BIG)
    flavor["metadata"]["annotations"]["dicot.io/flavor-spec"] = (
        '{"id": "big", "disk": 20, "ephemeral": 10, "swap": 512}'
    )
    world.add(CLUSTER_INSTANCETYPE, flavor)
    return world


class RefusalTests(SynchronousTestCase):
    def refused(self, message: str, **more: Any) -> None:
        self.assertEqual(self.assertRaises(BadRequest, plan, roomy(), **more).message, message)

    def test_by_their_form(self) -> None:
        for device, message in (
            (ROOT | {"boot_index": 1}, "Mapping image to local is not supported."),
            (ROOT | {"boot_index": None}, "Mapping image to local is not supported."),
            (ROOT | {"volume_type": "t"}, "Specifying a volume_type with destination_type=local is not supported."),
            ({"source_type": "volume"}, "Missing device UUID."),
            (
                {"source_type": "volume", "uuid": "v", "volume_type": "t"},
                "Specifying volume type to existing volume is not supported.",
            ),
            ({"source_type": "blank", "uuid": "b"}, "Invalid device UUID."),
            ({"virtual_name": "a", "source_type": "blank"}, "Following fields are invalid: virtual_name"),
            ({"uuid": "b"}, "Some required fields are missing"),
            (BLANK | {"boot_index": "1" * 4301}, "Boot index is invalid."),
        ):
            self.refused(INVALID + message, block_device_mapping_v2=[device])

    def test_by_what_is_not_there(self) -> None:
        for device, message in (
            ({"source_type": "volume", "uuid": "v"}, "Volume v could not be found."),
            ({"source_type": "snapshot", "uuid": "s"}, f"{INVALID}failed to get snapshot s."),
            (
                {"source_type": "blank", "destination_type": "volume", "volume_type": "t"},
                "Volume type t could not be found.",
            ),
            (
                {"source_type": "image", "destination_type": "volume", "uuid": LIVE_IMAGE},
                f"{INVALID}failed to get image {LIVE_IMAGE}.",
            ),
        ):
            self.refused(message, block_device_mapping_v2=[ROOT, device])
        self.refused(f"Volume {SERVER} could not be found.", block_device_mapping=[{"volume_id": SERVER}])
        self.refused(f"{INVALID}failed to get snapshot {SERVER}.", block_device_mapping=[{"snapshot_id": SERVER}])

    def test_volumes_that_would_have_to_be_made(self) -> None:
        made = {"destination_type": "volume"}
        for device, message in (
            (
                made | {"source_type": "image", "uuid": IMAGE},
                "Images with destination_type 'volume' need to have a non-zero size specified",
            ),
            (
                made | {"source_type": "blank"},
                "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size",
            ),
            (
                made | {"source_type": "image", "uuid": IMAGE, "volume_size": 2},
                "Invalid input received: Size of specified image 3GB is larger than volume size 2GB.",
            ),
        ):
            self.refused(message, block_device_mapping_v2=[ROOT, device])

    def test_the_order_of_booting(self) -> None:
        for devices in ([BLANK], [ROOT, ROOT], [ROOT, BLANK | {"boot_index": 2}], [{"no_device": True}]):
            self.refused(BOOT, block_device_mapping_v2=devices)
        self.refused(BOOT, imageRef="", block_device_mapping_v2=[BLANK | {"boot_index": 0}])

    def test_a_server_without_an_image(self) -> None:
        for device, message in (
            ({"source_type": "snapshot", "uuid": "s"}, "Snapshot s could not be found."),
            ({"source_type": "volume", "uuid": "v"}, f"{INVALID}failed to get volume v."),
            (
                {"source_type": "image", "destination_type": "volume", "uuid": LIVE_IMAGE},
                f"{INVALID}failed to get image {LIVE_IMAGE}.",
            ),
        ):
            self.refused(message, imageRef="", block_device_mapping_v2=[device | {"boot_index": 0}])
        self.refused(
            f"{INVALID}failed to get volume {SERVER}.",
            imageRef="",
            block_device_mapping=[{"volume_id": SERVER, "device_name": "/dev/vda"}],
        )

    def test_a_first_disk_that_is_none_and_says_so_in_text(self) -> None:
        """Nova reads no numbers of what is no device, until it looks for the volumes."""
        named = {"no_device": True, "snapshot_id": SERVER, "volume_id": IMAGE}
        for first, message in (
            (0, f"Snapshot {SERVER} could not be found."),
            ("0", f"Volume {IMAGE} could not be found."),
        ):
            self.refused(message, imageRef="", block_device_mapping_v2=[named | {"boot_index": first}])

    def test_what_one_form_has_and_the_other_has_not(self) -> None:
        self.refused(
            "Using different block_device_mapping syntaxes is not allowed in the same request.",
            block_device_mapping=[{"volume_id": SERVER}],
            block_device_mapping_v2=[ROOT],
        )
        self.refused(f"{INVALID}Unrecognized legacy format.", block_device_mapping=[{"device_name": "vdb"}])

    def test_volumes_of_several_servers_and_of_the_roots_name(self) -> None:
        volume = {"source_type": "volume", "destination_type": "volume", "uuid": "v"}
        self.refused(
            "Cannot attach one or more volumes to multiple instances",
            max_count=2,
            block_device_mapping_v2=[ROOT, volume],
        )
        self.refused(
            "The volume cannot be assigned the same device name as the root device vda",
            block_device_mapping_v2=[ROOT, volume | {"device_name": "/dev/vda"}],
        )

    def test_more_blank_disks_than_the_flavor_has(self) -> None:
        ephemeral = (
            "Ephemeral disks requested are larger than the instance type allows. "
            "If no size is given in one block device mapping, flavor ephemeral size will be used."
        )
        for devices, message in (
            ([BLANK | {"volume_size": 11}], ephemeral),
            ([BLANK, BLANK], ephemeral),
            ([SWAP | {"volume_size": 513}], "Swap drive requested is larger than instance type allows."),
            ([SWAP, SWAP], f"{INVALID}More than one swap drive requested."),
            ([BLANK | {"volume_size": 1}] * 3, f"{INVALID}You specified more local devices than the limit allows"),
        ):
            self.refused(message, flavorRef=BIG, block_device_mapping_v2=[ROOT, *devices])

    def test_hardware_that_is_not_there(self) -> None:
        for more, message in (
            ({"disk_bus": "carrier pigeon"}, "Block Device Mapping is Invalid."),
            ({"disk_bus": "ide"}, "Requested hardware 'ide' is not supported by the 'kvm' virt driver"),
            ({"device_type": "lun"}, "Requested hardware 'lun' is not supported by the 'kvm' virt driver"),
            ({"device_type": "cdrom"}, "Requested hardware 'cdrom' is not supported by the 'kvm' virt driver"),
        ):
            self.refused(message, block_device_mapping_v2=[ROOT | more])


class DiskTests(SynchronousTestCase):
    def sizes(self, **more: Any) -> dict[str, str]:
        """Of the disks of a server of the roomy flavor."""
        templates = machine(plan(roomy(), flavorRef=BIG, **more))["spec"]["dataVolumeTemplates"]
        return {
            template["metadata"]["name"]: template["spec"]["storage"]["resources"]["requests"]["storage"]
            for template in templates
        }

    def test_the_root_disk_by_name_is_the_root_disk(self) -> None:
        self.assertEqual(plan(block_device_mapping_v2=[ROOT]), plan())
        self.assertEqual(plan(block_device_mapping_v2=[ROOT | {"uuid": IMAGE.upper()}]), plan())

    def test_no_device_is_none(self) -> None:
        self.assertEqual(plan(block_device_mapping=[{"no_device": "x", "device_name": "vdb"}]), plan())
        self.assertEqual(plan(block_device_mapping_v2=[ROOT, {"no_device": True}]), plan())

    def test_a_flavor_brings_blank_disks(self) -> None:
        expected = {f"{NAME}-root": "20Gi", f"{NAME}-ephemeral0": "10Gi", f"{NAME}-swap": "512Mi"}
        self.assertEqual(self.sizes(), expected)
        made = plan(roomy(), flavorRef=BIG)
        template = machine(made)["spec"]["dataVolumeTemplates"][1]
        self.assertEqual(template["spec"]["source"], {"blank": {}})
        self.assertEqual(template["metadata"]["labels"], {"dicot.io/server-id": SERVER, "dicot.io/disk": "ephemeral"})
        self.assertIn(
            {"name": "swap", "dataVolume": {"name": f"{NAME}-swap"}},
            instance(made)["volumes"],
        )
        self.assertIn({"name": "ephemeral0", "disk": {"bus": "virtio"}}, instance(made)["domain"]["devices"]["disks"])

    def test_blank_disks_of_ones_own_choice(self) -> None:
        found = self.sizes(
            block_device_mapping_v2=[ROOT, BLANK | {"volume_size": 4, "disk_bus": "scsi"}, SWAP | {"volume_size": 1}]
        )
        self.assertEqual(found, {f"{NAME}-root": "20Gi", f"{NAME}-ephemeral0": "4Gi", f"{NAME}-swap": "1Mi"})
        self.assertEqual(
            self.sizes(block_device_mapping=[{"virtual_name": "swap", "volume_size": 2}])[f"{NAME}-swap"], "2Mi"
        )

    def test_bus_and_tag_of_the_root_disk(self) -> None:
        made = plan(block_device_mapping_v2=[ROOT | {"disk_bus": "sata", "tag": "boot"}])
        [root, drive] = instance(made)["domain"]["devices"]["disks"]
        self.assertEqual(root, {"name": "root", "bootOrder": 1, "disk": {"bus": "sata"}, "tag": "boot"})
        self.assertEqual(drive["name"], "config")

    def test_a_tag_of_an_interface(self) -> None:
        made = plan(networks=[{"uuid": "df959c7b-4caf-583f-a795-a4cba6bded9d", "tag": "nic"}])
        [interface] = instance(made)["domain"]["devices"]["interfaces"]
        self.assertEqual(interface["tag"], "nic")
        self.assertEqual(instance(made)["volumes"][-1]["name"], "config")
