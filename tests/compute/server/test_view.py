"""A server as clients see it, by version and by persona."""

import copy
import json
from typing import Any

from msgspec import to_builtins
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, NODE, VM, VMI
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.kinds.storage import DATA_VOLUME, PVC
from dicot.compute.server.addresses import addresses_of
from dicot.compute.server.columns import COLUMNS, entry
from dicot.compute.server.view import BANDS, BRIEF, DETAIL, SHOW, band
from dicot.compute.server_group import SERVER_GROUP
from dicot.kube.kind import Manifest, Row
from dicot.web.dialect import Version

from .objects import (
    GROUP,
    IMAGE,
    NAMESPACE,
    NOW,
    PROJECT,
    flavor_object,
    group_object,
    node_object,
    port_object,
    recorded,
    volume_claim,
    volume_object,
)
from .world import World

GROUP_OF_SERVERS = "0d3c7a52-3c39-4c7f-8f2e-000000000001"
FIRST = {
    *("id", "name", "links", "accessIPv4", "accessIPv6", "addresses", "created", "updated", "flavor", "image"),
    *("hostId", "metadata", "status", "tenant_id", "user_id", "OS-DCF:diskConfig", "progress", "config_drive"),
    *("key_name", "OS-EXT-AZ:availability_zone", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at"),
    *("OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-EXT-STS:power_state", "security_groups"),
    "os-extended-volumes:volumes_attached",
}
LATER: dict[Version, set[str]] = {
    (2, 9): {"locked"},
    (2, 19): {"description"},
    (2, 26): {"tags"},
    (2, 63): {"trusted_image_certificates"},
    (2, 71): {"server_groups"},
    (2, 73): {"locked_reason"},
    (2, 90): {"OS-EXT-SRV-ATTR:hostname"},
    (2, 96): {"pinned_availability_zone"},
    (2, 100): {"scheduler_hints"},
}
OF_ADMINS: dict[Version, set[str]] = {
    (2, 1): {f"OS-EXT-SRV-ATTR:{each}" for each in ("host", "hypervisor_hostname", "instance_name")},
    (2, 3): {
        f"OS-EXT-SRV-ATTR:{each}"
        for each in (
            *("hostname", "kernel_id", "launch_index", "ramdisk_id", "reservation_id", "root_device_name"),
            "user_data",
        )
    },
    (2, 16): {"host_status"},
}


def since(table: dict[Version, set[str]], version: Version) -> set[str]:
    return {key for first, keys in table.items() if first <= version for key in keys}


def at(minor: int, view: str = SHOW, *, admin: bool = False) -> tuple[str, int, bool]:
    return (view, band((2, minor)), admin)


def settled(name: str = "running", **annotations: str) -> tuple[World, Row]:
    """A recorded moment in a world of its own, with the port, the group and the node that belong to it."""
    world = World()
    objects = copy.deepcopy(recorded(name))
    vm = objects["vm"]
    for each in (vm, objects["vmi"], *objects["volumes"]):
        if each is not None:
            each["metadata"]["namespace"] = NAMESPACE
    vm["metadata"]["annotations"] |= annotations
    row = world.add(VM, vm)
    if objects["vmi"] is not None:
        world.add(VMI, objects["vmi"])
    for volume in objects["volumes"]:
        world.add(DATA_VOLUME, volume)
    world.add(PORT, port_object(vm=row.name, interface="default", macAddress="fa:16:3e:00:00:01"))
    world.add(SECURITY_GROUP, group_object())
    world.add(NODE, node_object(zone="az-1"))
    world.add(NODE, node_object("node-2", zone="az-1"))
    return world, row


def uuid(digit: str) -> str:
    return f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}"


class VersionTests(SynchronousTestCase):
    def test_each_version_has_its_fields(self) -> None:
        world, row = settled()
        for minor in range(1, 105):
            version = (2, minor)
            fields = FIRST | since(LATER, version)
            self.assertEqual(set(world.document(row, at(minor))), fields, minor)
            self.assertEqual(
                set(world.document(row, at(minor, admin=True))), fields | since(OF_ADMINS, version), minor
            )

    def test_volumes_are_told_with_what_becomes_of_them(self) -> None:
        world, row = settled()
        vm = copy.deepcopy(recorded("running")["vm"])
        vm["metadata"] |= {"namespace": NAMESPACE, "annotations": {"dicot.io/server": '{"deletes": ["v2"]}'}}
        vm["spec"]["dataVolumeTemplates"] = [{"metadata": {"name": name}} for name in ("root", "own")]
        vm["spec"]["template"]["spec"]["volumes"] = [
            {"name": "root", "dataVolume": {"name": "root"}},
            {"name": "v1", "dataVolume": {"name": "own"}},
            {"name": "v2", "dataVolume": {"name": "other"}},
            {"name": "v3", "persistentVolumeClaim": {"claimName": "bare"}},
            {"name": "v4", "persistentVolumeClaim": {"claimName": "files"}},
            {"name": "v5", "dataVolume": {"name": "gone"}},
            {"name": "config", "cloudInitConfigDrive": {}},
        ]
        row = world.add(VM, vm)
        for name, id in (("root", "1"), ("own", "2"), ("other", "3")):
            world.add(DATA_VOLUME, volume_object(name, uuid(id)))
        root = volume_object("root", uuid("1"))
        root["metadata"]["labels"]["dicot.io/disk"] = "root"
        world.add(DATA_VOLUME, root)
        bare, files = volume_claim("bare", ""), volume_claim("files", uuid("5"))
        files["metadata"]["ownerReferences"] = []
        for claim in (bare, files):
            world.add(PVC, claim)
        expected = [(uuid("2"), True), (uuid("3"), True), ("uid-bare", False)]
        key = "os-extended-volumes:volumes_attached"
        self.assertEqual(world.document(row, at(2))[key], [{"id": id} for id, _ in expected])
        self.assertEqual(
            world.document(row, at(3))[key],
            [{"id": id, "delete_on_termination": deletes} for id, deletes in expected],
        )

    def test_the_long_list_has_no_server_groups(self) -> None:
        world, row = settled()
        alone, listed = world.document(row, at(100)), world.document(row, at(100, DETAIL))
        self.assertEqual(alone.pop("server_groups"), [])
        self.assertEqual(alone, listed)

    def test_the_short_list_has_three_fields(self) -> None:
        world, row = settled()
        self.assertEqual(set(world.document(row, (BRIEF, 0, False))), {"id", "name", "links"})

    def test_versions_between_two_changes_share_a_class(self) -> None:
        self.assertEqual([band(version) for version in BANDS], list(range(len(BANDS))))
        self.assertEqual((band((2, 2)), band((2, 72)), band((2, 104))), (0, 8, len(BANDS) - 1))

    def test_the_flavor_is_a_link_before_2_47(self) -> None:
        world, row = settled()
        old, new = world.document(row, at(46))["flavor"], world.document(row, at(47))["flavor"]
        self.assertEqual(old["links"][0]["href"], f"https://cloud.example/compute/flavors/{old['id']}")
        self.assertEqual(
            new,
            {
                "vcpus": 1,
                "ram": 2048,
                "disk": 20,
                "ephemeral": 0,
                "swap": 0,
                "original_name": "m1.small",
                "extra_specs": {},
            },
        )

    def test_the_image_has_properties_from_2_98(self) -> None:
        note = json.dumps({"id": IMAGE, "properties": {"os_distro": "debian"}})
        world, row = settled(**{"dicot.io/image": note})
        self.assertNotIn("properties", world.document(row, at(97))["image"])
        self.assertEqual(world.document(row, at(98))["image"]["properties"], {"os_distro": "debian"})


class ContentTests(SynchronousTestCase):
    def test_what_a_running_server_shows(self) -> None:
        world, row = settled(**{"dicot.io/launched-at": "2026-11-21T11:25:14Z"})
        found = world.document(row, at(100))
        self.assertEqual(
            {
                key: found[key]
                for key in ("name", "status", "tenant_id", "key_name", "config_drive", "metadata", "tags")
            },
            {
                "name": "web1",
                "status": "ACTIVE",
                "tenant_id": PROJECT,
                "key_name": "k",
                "config_drive": "True",
                "metadata": {"a": "b"},
                "tags": ["x"],
            },
        )
        self.assertEqual(found["OS-SRV-USG:launched_at"], "2026-11-21T11:25:14.000000")
        self.assertEqual(found["created"], "2026-11-21T11:25:11Z")
        self.assertGreaterEqual(found["updated"], found["created"])
        self.assertEqual(found["OS-EXT-AZ:availability_zone"], "az-1")
        self.assertEqual(found["security_groups"], [{"name": "default"}])
        self.assertEqual(
            found["links"][0], {"rel": "self", "href": f"https://cloud.example/compute/v2.1/servers/{row.id}"}
        )

    def test_the_group_that_it_is_of(self) -> None:
        """Only while that is there, and in its own project."""
        world, row = settled()
        vm = to_builtins(VM.read(row))
        vm["metadata"]["labels"] |= {"dicot.io/server-group": GROUP_OF_SERVERS}
        world.add(VM, vm)
        [row] = world.rows(VM)
        self.assertEqual(world.document(row, at(71))["server_groups"], [])
        meta = {"name": "g", "uid": "u-g", "labels": {"dicot.io/id": GROUP_OF_SERVERS}}
        world.add(SERVER_GROUP, {"metadata": {**meta, "namespace": "elsewhere"}})
        self.assertEqual(world.document(row, at(71))["server_groups"], [])
        world.add(SERVER_GROUP, {"metadata": {**meta, "namespace": row.namespace}})
        self.assertEqual(world.document(row, at(71))["server_groups"], [GROUP_OF_SERVERS])

    def test_addresses_lie_under_the_networks_name(self) -> None:
        world, row = settled()
        [address] = world.document(row, at(100))["addresses"]["private"]
        self.assertEqual((address["version"], address["OS-EXT-IPS:type"]), (4, "fixed"))
        self.assertRegex(address["addr"], r"^10\.244\.")
        self.assertRegex(address["OS-EXT-IPS-MAC:mac_addr"], r"^fa:16:3e:")

    def test_a_building_server_has_no_addresses(self) -> None:
        world, row = settled("starting_scheduled")
        found = world.document(row, at(100))
        self.assertEqual((found["status"], found["addresses"]), ("BUILD", {}))

    def test_a_stopped_server_has_neither_host_nor_addresses(self) -> None:
        world, row = settled("stopped")
        found = world.document(row, at(100, admin=True))
        self.assertEqual((found["hostId"], found["addresses"], found["OS-EXT-SRV-ATTR:host"]), ("", {}, None))
        self.assertNotIn("progress", found)

    def test_a_servers_host_is_told_to_administrators_alone(self) -> None:
        world, row = settled()
        member, admin = world.document(row, at(100)), world.document(row, at(100, admin=True))
        self.assertNotIn("node-", json.dumps(member))
        self.assertEqual(admin["OS-EXT-SRV-ATTR:host"], recorded("running")["vmi"]["status"]["nodeName"])
        self.assertEqual(admin["host_status"], "UP")

    def test_host_ids_are_the_same_on_one_node_and_differ_elsewhere(self) -> None:
        world, row = settled()
        first = world.document(row, at(100))["hostId"]
        self.assertRegex(first, r"^[0-9a-f]{56}$")
        other, other_row = settled()
        other.projects = {"0" * 32: NAMESPACE}
        self.assertEqual(settled()[0].document(row, at(100))["hostId"], first)
        self.assertNotEqual(other.document(other_row, at(100))["hostId"], first)

    def test_faults_have_details_for_administrators(self) -> None:
        world, row = settled("clone_denied")
        member, admin = world.document(row, at(100))["fault"], world.document(row, at(100, admin=True))["fault"]
        self.assertEqual(set(member), {"code", "created", "message"})
        self.assertIn("not authorized", admin["details"])

    def test_a_lock_is_shown_with_its_reason(self) -> None:
        world, row = settled(**{"dicot.io/lock": '{"by": "owner", "reason": "mine"}'})
        found = world.document(row, at(73))
        self.assertEqual((found["locked"], found["locked_reason"]), (True, "mine"))

    def test_a_lock_that_cannot_be_read_still_locks(self) -> None:
        world, row = settled(**{"dicot.io/lock": "nonsense"})
        found = world.document(row, at(73))
        self.assertEqual((found["locked"], found["locked_reason"]), (True, None))

    def test_spoilt_notes_count_as_none(self) -> None:
        """Whoever may edit the VM may write what he likes into them."""
        for text in ("{", "[1]", '"x"', "null", '{"a": 1}', '{"id": ["../x"]}', "\u0000"):
            keys = ("metadata", "tags", "server", "image", "flavor", "task", "launched-at")
            world, row = settled(**{f"dicot.io/{key}": text for key in keys})
            found = world.document(row, at(100))
            self.assertEqual(
                (found["metadata"], found["tags"], found["image"], found["scheduler_hints"]), ({}, [], "", {})
            )
            self.assertIsNone(found["OS-SRV-USG:launched_at"])

    def test_launched_at_is_known_before_it_is_noted(self) -> None:
        world, row = settled()
        self.assertRegex(world.document(row, at(1))["OS-SRV-USG:launched_at"], r"^2026-11-21T11:25:13\.000000$")


class KubectlTests(SynchronousTestCase):
    """A VirtualMachine that somebody applied."""

    def applied(self, spec: Manifest) -> Manifest:
        return {
            "metadata": {
                "name": "pet",
                "namespace": NAMESPACE,
                "uid": "99999999-9999-4999-8999-999999999999",
                "creationTimestamp": "2026-11-21T09:00:00Z",
            },
            "spec": {"runStrategy": "Halted", **spec},
            "status": {"printableStatus": "Stopped"},
        }

    def test_its_uid_is_its_id_and_its_name_its_own(self) -> None:
        world = World()
        row = world.add(VM, self.applied({}))
        found = world.document(row, at(100, admin=True))
        self.assertEqual((found["id"], found["name"], found["status"]), (row.uid, "pet", "SHUTOFF"))
        self.assertEqual((found["image"], found["key_name"], found["user_id"]), ("", None, "0" * 32))
        self.assertEqual((found["updated"], found["OS-DCF:diskConfig"]), ("2026-11-21T09:00:00Z", "MANUAL"))
        self.assertNotIn("security_groups", found)

    def test_its_flavor_is_its_instancetype(self) -> None:
        world = World()
        world.add(CLUSTER_INSTANCETYPE, flavor_object("u1.small", "77"))
        row = world.add(VM, self.applied({"instancetype": {"name": "u1.small"}}))
        self.assertEqual(world.document(row, at(1))["flavor"]["id"], "77")
        self.assertEqual(world.document(row, at(47))["flavor"]["ram"], 2048)

    def test_without_one_it_is_made_of_the_template(self) -> None:
        world = World()
        domain = {"cpu": {"cores": 2}, "memory": {"guest": "1Gi"}}
        row = world.add(VM, self.applied({"template": {"spec": {"domain": domain}}}))
        self.assertEqual(world.document(row, at(1))["flavor"]["id"], "custom-2-1024")


class AddressTests(SynchronousTestCase):
    def addresses(self, *interfaces: Manifest) -> list[tuple[str, str, int]]:
        vmi = VMI.read(
            VMI.decode(
                json.dumps(
                    {
                        "spec": {"networks": [{"name": "default"}, {"name": "net2", "multus": {}}]},
                        "status": {"interfaces": list(interfaces)},
                    }
                ).encode()
            )
        )
        return [(each.network, each.text, each.version) for each in addresses_of(vmi, (), "private")]

    def test_ipv4_comes_first(self) -> None:
        found = self.addresses({"name": "default", "ipAddress": "fd00::1", "ipAddresses": ["fd00::1", "10.0.0.1"]})
        self.assertEqual(found, [("private", "10.0.0.1", 4), ("private", "fd00::1", 6)])

    def test_further_networks_have_their_own_name(self) -> None:
        self.assertEqual(self.addresses({"name": "net2", "ipAddress": "10.1.0.1"}), [("net2", "10.1.0.1", 4)])

    def test_what_a_guest_agent_makes_up_is_not_shown(self) -> None:
        hostile: list[Any] = [f"10.2.{n // 256}.{n % 256}" for n in range(1000)]
        self.assertEqual(self.addresses({"interfaceName": "docker0", "ipAddress": "172.17.0.1"}), [])
        self.assertEqual(self.addresses({"name": "default", "ipAddresses": ["<script>", "", "1.2.3"]}), [])
        self.assertEqual(len(self.addresses({"name": "default", "ipAddresses": hostile})), 32)


class EntryTests(SynchronousTestCase):
    def columns(self, name: str, **annotations: str) -> dict[str, str]:
        world, row = settled(name, **annotations)
        found = entry(world.joined(row), NOW).entry
        assert found is not None
        return dict(zip(COLUMNS, found.columns, strict=True))

    def test_what_is_listed_agrees_with_what_is_shown(self) -> None:
        world, row = settled()
        listed = entry(world.joined(row), NOW)
        assert listed.entry is not None
        self.assertEqual((listed.entry.name, listed.entry.status, listed.entry.scope), ("web1", "ACTIVE", NAMESPACE))
        found = self.columns("running")
        shown = world.document(row, at(100, admin=True))
        self.assertEqual(found["host"], shown["OS-EXT-SRV-ATTR:host"])
        self.assertEqual(found["ip"], shown["addresses"]["private"][0]["addr"])
        self.assertEqual((found["vm_state"], found["power_state"], found["key_name"]), ("active", "1", "k"))
        self.assertEqual((found["updated_at"], found["tags"]), (shown["updated"], "x"))

    def test_a_status_that_time_changes_says_when(self) -> None:
        world, row = settled("unschedulable")
        now = recorded("unschedulable")["now"]
        again = entry(world.joined(row), now).again
        assert again is not None
        self.assertGreater(again, now)
        changed = entry(world.joined(row), again).entry
        assert changed is not None
        self.assertEqual(changed.status, "ERROR")

    def test_a_building_server_is_not_found_by_address(self) -> None:
        self.assertEqual(self.columns("starting_scheduled")["ip"], "")

    def test_tags_and_description_are_columns(self) -> None:
        found = self.columns("running", **{"dicot.io/description": "a b", "dicot.io/tags": '["x", "z"]'})
        self.assertEqual((found["description"], found["tags"]), ("a b", "x,z"))

    def test_groups_of_the_port_are_joined_by_their_ids(self) -> None:
        world, row = settled()
        world.remove(SECURITY_GROUP, f"{NAMESPACE}/default-{GROUP[:8]}")
        self.assertNotIn("security_groups", world.document(row, at(1)))
