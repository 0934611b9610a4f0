"""What is written for a server to exist, and what is refused before anything is."""

import base64
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE, NODE, VM
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, SECRET
from dicot.cloud.plan import Create, Patch, Plan
from dicot.compute.kinds import KEYPAIR
from dicot.compute.server.spec import create
from dicot.compute.server.wish import new_server
from dicot.config import Config
from dicot.faults import BadRequest, Conflict, Fault, Forbidden
from dicot.kube.kind import Manifest
from dicot.names import synthetic_port

from .world import (
    ADMIN,
    GROUP,
    IMAGE,
    LIVE_IMAGE,
    MEMBER,
    NAMESPACE,
    NETWORK,
    NOW,
    OTHER_NAMESPACE,
    PORT_ID,
    PUBLIC_KEY,
    SERVER,
    STRANGER,
    USER,
    World,
    claim_object,
    disk_object,
    flavor_object,
    furnished,
    group_object,
    image_object,
    keypair_object_of,
    node_object,
    port_object,
)

USER_DATA = base64.b64encode(b"#!/bin/sh\n").decode()
NAME = "web1-11111111"
AUTO_DISK: dict[str, Any] = {"OS-DCF:diskConfig": "AUTO"}


def body(**more: Any) -> Manifest:
    server = {"name": "web1", "flavorRef": "1", "imageRef": IMAGE, "networks": "auto", **more}
    return {"server": {key: value for key, value in server.items() if value is not ...}}


def plans(
    world: World | None = None,
    who: Caller = MEMBER,
    *,
    ids: tuple[str, ...] = (SERVER,),
    minor: int = 94,
    **more: Any,
) -> tuple[Plan, ...]:
    wanted = new_server(minor)(body(**more))
    return create(wanted, (world or furnished()).known(who), ids, "r-abcdefgh", "req-1", NOW)


def plan(world: World | None = None, who: Caller = MEMBER, **more: Any) -> Plan:
    [found] = plans(world, who, **more)
    return found


def machine(made: Plan) -> Any:
    assert isinstance(made.commit, Create)
    return made.commit.body


def instance(made: Plan) -> Any:
    return machine(made)["spec"]["template"]["spec"]


def pending(made: Plan, kind: Any) -> list[Any]:
    return [step.body for step in made.pending if step.kind is kind]


class MachineTests(SynchronousTestCase):
    def test_a_plain_server(self) -> None:
        made = plan()
        mac = f"fa:16:3e:{synthetic_port(SERVER, 'default')[:2]}"
        found = machine(made)
        self.assertEqual(
            (made.id, found["metadata"]["name"], found["metadata"]["namespace"]), (SERVER, NAME, NAMESPACE)
        )
        spec = found["spec"]
        self.assertEqual(spec["runStrategy"], "RerunOnFailure")
        self.assertEqual(spec["instancetype"], {"kind": "VirtualMachineClusterInstancetype", "name": "m1.small"})
        [interface] = instance(made)["domain"]["devices"]["interfaces"]
        self.assertTrue(interface.pop("macAddress").startswith(mac))
        self.assertEqual(interface, {"name": "default", "masquerade": {}, "model": "virtio"})
        self.assertEqual(instance(made)["networks"], [{"name": "default", "pod": {}}])
        self.assertEqual(instance(made)["domain"]["firmware"], {"uuid": SERVER, "serial": SERVER})
        self.assertEqual(
            (instance(made)["terminationGracePeriodSeconds"], instance(made)["evictionStrategy"]),
            (60, "LiveMigrateIfPossible"),
        )
        self.assertEqual(instance(made)["hostname"], "web1")

    def test_its_root_disk_is_cloned_from_the_image(self) -> None:
        [template] = machine(plan())["spec"]["dataVolumeTemplates"]
        self.assertEqual(
            template,
            {
                "metadata": {
                    "name": f"{NAME}-root",
                    "labels": {"dicot.io/server-id": SERVER, "dicot.io/disk": "root"},
                },
                "spec": {
                    "sourceRef": {"kind": "DataSource", "name": "debian-13", "namespace": "dicot-images"},
                    "storage": {"resources": {"requests": {"storage": "20Gi"}}},
                },
            },
        )
        made = plan()
        self.assertEqual(instance(made)["volumes"], [{"name": "root", "dataVolume": {"name": f"{NAME}-root"}}])
        self.assertEqual(
            instance(made)["domain"]["devices"]["disks"],
            [{"name": "root", "bootOrder": 1, "disk": {"bus": "virtio"}}],
        )

    def test_a_storage_class_by_configuration(self) -> None:
        made = plan(furnished(Config(storage_class="fast")))
        self.assertEqual(
            machine(made)["spec"]["dataVolumeTemplates"][0]["spec"]["storage"]["storageClassName"], "fast"
        )

    def test_an_image_of_the_clusters_own_is_a_container_disk(self) -> None:
        world = furnished()
        world.add(DATA_SOURCE, image_object(id=LIVE_IMAGE, **{"dicot.io/container-disk": "quay.io/x/cirros:1"}))
        made = plan(world, imageRef=LIVE_IMAGE)
        self.assertNotIn("dataVolumeTemplates", machine(made)["spec"])
        self.assertEqual(
            instance(made)["volumes"], [{"name": "root", "containerDisk": {"image": "quay.io/x/cirros:1"}}]
        )

    def test_labels_are_on_the_template_too(self) -> None:
        found = machine(plan())
        own = {"dicot.io/id": SERVER, "sg.dicot.io/44444444": ""}
        self.assertEqual(found["spec"]["template"]["metadata"]["labels"], own)
        self.assertEqual(found["metadata"]["labels"], own | {"dicot.io/managed": "true", "dicot.io/image-id": IMAGE})

    def test_what_only_nova_has_is_in_annotations(self) -> None:
        notes = machine(
            plan(
                metadata={"a": "b"},
                tags=["x", "x", "y"],
                description="words",
                key_name="k",
                accessIPv4="1.2.3.4",
                **AUTO_DISK,
            )
        )["metadata"]["annotations"]
        self.assertEqual(
            {
                key: notes[f"dicot.io/{key}"]
                for key in ("name", "user-id", "request-id", "reservation-id", "description")
            },
            {
                "name": "web1",
                "user-id": USER,
                "request-id": "req-1",
                "reservation-id": "r-abcdefgh",
                "description": "words",
            },
        )
        self.assertEqual(json.loads(notes["dicot.io/metadata"]), {"a": "b"})
        self.assertEqual(json.loads(notes["dicot.io/tags"]), ["x", "y"])
        self.assertEqual(notes["dicot.io/key-name"], "k")
        self.assertEqual(json.loads(notes["dicot.io/flavor"])["vcpus"], 2)
        self.assertEqual(json.loads(notes["dicot.io/image"])["id"], IMAGE)
        note = json.loads(notes["dicot.io/server"])
        self.assertEqual((note["accessIPv4"], note["diskConfig"], note["hostname"]), ("1.2.3.4", "AUTO", "web1"))

    def test_clients_choose_no_key_of_an_annotation_or_label(self) -> None:
        """Hook sidecars, CNI settings and the like are asked for by such keys."""
        hostile = ("hooks.kubevirt.io-hookSidecars", "k8s.v1.cni.cncf.io_networks")
        made = plan(
            metadata=dict.fromkeys(hostile, "x"),
            tags=list(hostile),
            description="hooks.kubevirt.io/hookSidecars: x",
        )
        meta, template = machine(made)["metadata"], machine(made)["spec"]["template"]["metadata"]
        for key in (*meta["annotations"], *meta["labels"], *template["labels"]):
            self.assertTrue(key.startswith(("dicot.io/", "sg.dicot.io/")), key)
        self.assertNotIn("annotations", template)

    def test_host_names(self) -> None:
        for name, expected in (
            ("My Server_1.x", "my-server-1-x"),
            ("--", f"server-{SERVER}"),
            ("\u00e9\u4e16", f"server-{SERVER}"),
            ("a" * 70, "a" * 63),
        ):
            self.assertEqual(instance(plan(name=name))["hostname"], expected)
        self.assertEqual(instance(plan(hostname="Guest.example.org"))["hostname"], "guest")

    def test_object_names_leave_room_for_what_kubevirt_makes_of_them(self) -> None:
        made = plan(name="n" * 255, key_name="k")
        key = pending(made, SECRET)[1]["metadata"]["name"]
        self.assertLessEqual(len(f"{key}-access-cred"), 63)
        self.assertLessEqual(len(machine(made)["metadata"]["name"]), 63)


class CloudInitTests(SynchronousTestCase):
    def test_there_is_no_config_drive_without_a_reason(self) -> None:
        made = plan()
        self.assertEqual(pending(made, SECRET), [])
        self.assertEqual(len(instance(made)["volumes"]), 1)

    def test_user_data_lies_in_a_secret(self) -> None:
        made = plan(user_data=USER_DATA)
        [secret] = pending(made, SECRET)
        self.assertEqual(secret["data"], {"userdata": USER_DATA})
        self.assertEqual(secret["metadata"]["labels"]["dicot.io/server-id"], SERVER)
        volume = {"name": "config", "cloudInitConfigDrive": {"secretRef": {"name": f"{NAME}-config"}}}
        self.assertIn(volume, instance(made)["volumes"])
        self.assertIn({"name": "config", "disk": {"bus": "virtio"}}, instance(made)["domain"]["devices"]["disks"])
        self.assertNotIn(USER_DATA, json.dumps(machine(made)))

    def test_a_key_lies_in_a_secret_of_its_own(self) -> None:
        """KubeVirt takes every entry of that Secret for a key: user data beside it would be one."""
        made = plan(key_name="k", user_data=USER_DATA)
        config, key = pending(made, SECRET)
        self.assertEqual(list(config["data"]), ["userdata"])
        self.assertEqual(base64.b64decode(key["data"]["key"]).decode(), PUBLIC_KEY)
        self.assertEqual(
            instance(made)["accessCredentials"],
            [
                {
                    "sshPublicKey": {
                        "source": {"secret": {"secretName": f"{NAME}-key"}},
                        "propagationMethod": {"configDrive": {}},
                    }
                }
            ],
        )

    def test_an_empty_drive_holds_an_empty_configuration(self) -> None:
        for more in ({"config_drive": True}, {"key_name": "k"}):
            config = pending(plan(**more), SECRET)[0]
            self.assertEqual(base64.b64decode(config["data"]["userdata"]), b"#cloud-config\n")

    def test_a_key_of_somebody_else_or_of_nobody(self) -> None:
        world = furnished()
        world.add(PORT, port_object())
        stolen = keypair_object_of("s")
        stolen["spec"]["userId"] = "somebody-else"
        world.add(KEYPAIR, stolen)
        for name in ("none", "s"):
            self.refused(BadRequest, "Invalid key_name provided.", world, key_name=name)

    def refused(self, kind: type[Fault], message: str, world: World, **more: Any) -> None:
        self.assertEqual(self.assertRaises(kind, plan, world, **more).message, message)


class PlanTests(SynchronousTestCase):
    def test_pending_objects_are_rehearsed_with_the_machine(self) -> None:
        made = plan(key_name="k")
        self.assertEqual([step.kind for step in made.pending], [SECRET, SECRET, PORT])
        self.assertTrue(made.rehearse)
        self.assertFalse(plan(networks="none").rehearse)

    def test_its_port(self) -> None:
        [port] = pending(plan(), PORT)
        id = synthetic_port(SERVER, "default")
        self.assertEqual(
            port["metadata"]["labels"],
            {
                "dicot.io/id": id,
                "dicot.io/server-id": SERVER,
                "dicot.io/managed": "true",
            },
        )
        spec = port["spec"]
        self.assertTrue(spec.pop("macAddress").startswith("fa:16:3e:"))
        self.assertEqual(
            spec,
            {
                "formatVersion": 1,
                "networkId": NETWORK,
                "securityGroups": [GROUP],
                "vm": NAME,
                "vmId": SERVER,
                "interface": "default",
            },
        )

    def test_quota(self) -> None:
        reserve = plan().reserve
        assert reserve is not None
        self.assertEqual(reserve.amounts, {"instances": 1, "cores": 2, "ram": 2048})
        self.assertEqual(reserve.limits, {"instances": 10, "cores": 20, "ram": 51200})
        self.assertEqual(reserve.used, {"instances": 0, "cores": 0, "ram": 0})
        fault = reserve.refuse("cores", 20, 19, 2)
        self.assertIsInstance(fault, Forbidden)
        self.assertEqual(fault.message, "Quota exceeded for cores: Requested 2, but already used 19 of 20 cores")

    def test_used_are_the_projects_own_servers(self) -> None:
        world = furnished()
        for name, namespace in (("a", NAMESPACE), ("b", NAMESPACE), ("c", OTHER_NAMESPACE)):
            notes = {"dicot.io/flavor": json.dumps({"vcpus": 3, "ram": 1024})}
            meta = {"name": name, "namespace": namespace, "uid": name, "annotations": notes}
            world.add(VM, {"metadata": meta})
        for who in (MEMBER, ADMIN):
            reserve = plan(world, who).reserve
            assert reserve is not None
            self.assertEqual(reserve.used, {"instances": 2, "cores": 6, "ram": 2048})

    def test_without_limits_nothing_is_counted(self) -> None:
        self.assertIsNone(plan(furnished(Config(quota={}))).reserve)

    def test_several_are_numbered(self) -> None:
        ids = (SERVER, SERVER.replace("1", "2"))
        first, second = plans(ids=ids, max_count=2)
        self.assertEqual([made.id for made in (first, second)], list(ids))
        notes = [machine(made)["metadata"]["annotations"] for made in (first, second)]
        self.assertEqual([note["dicot.io/name"] for note in notes], ["web1-1", "web1-2"])
        self.assertEqual(len({note["dicot.io/reservation-id"] for note in notes}), 1)
        self.assertEqual([instance(made)["hostname"] for made in (first, second)], ["web1-1", "web1-2"])
        self.assertEqual(first.reserve, second.reserve)


class PortTests(SynchronousTestCase):
    def world(self, **spec: Any) -> World:
        world = furnished()
        world.add(PORT, port_object(**spec))
        return world

    def test_a_port_is_bound_at_its_version(self) -> None:
        made = plan(self.world(macAddress="fa:16:3e:aa:bb:cc"), networks=[{"port": PORT_ID}])
        [bind] = made.binds
        self.assertEqual(
            bind,
            Patch(
                PORT,
                NAMESPACE,
                "port-55555555",
                {
                    "metadata": {"annotations": {"dicot.io/updated-at": "2026-11-21T10:00:00Z"}},
                    "spec": {"vm": NAME, "vmId": SERVER, "interface": "default", "macAddress": "fa:16:3e:aa:bb:cc"},
                },
                version="77",
            ),
        )
        self.assertEqual(pending(made, PORT), [])
        self.assertEqual(instance(made)["domain"]["devices"]["interfaces"][0]["macAddress"], "fa:16:3e:aa:bb:cc")
        self.assertTrue(made.rehearse)

    def test_its_groups_are_the_servers(self) -> None:
        made = plan(
            self.world(securityGroups=[]), networks=[{"port": PORT_ID}], security_groups=[{"name": "default"}]
        )
        self.assertEqual(machine(made)["spec"]["template"]["metadata"]["labels"], {"dicot.io/id": SERVER})

    def test_a_port_in_use(self) -> None:
        world = self.world(vm="other")
        world.add(VM, {"metadata": {"name": "other", "namespace": NAMESPACE, "uid": "u"}})
        fault = self.assertRaises(Conflict, plan, world, networks=[{"port": PORT_ID}])
        self.assertEqual(fault.message, f"Port {PORT_ID} is still in use.")

    def test_a_binding_to_nothing_is_void_once_it_is_old(self) -> None:
        young = {"annotations": {"dicot.io/updated-at": "2026-11-21T09:59:30Z"}}
        old = {"annotations": {"dicot.io/updated-at": "2026-11-21T09:58:00Z"}}
        self.assertRaises(Conflict, plan, self.world(vm="gone", **young), networks=[{"port": PORT_ID}])
        self.assertEqual(len(plan(self.world(vm="gone", **old), networks=[{"port": PORT_ID}]).binds), 1)

    def test_a_port_of_another_project_is_none(self) -> None:
        world = furnished()
        world.add(PORT, port_object(namespace=OTHER_NAMESPACE))
        for who in (MEMBER, ADMIN):
            fault = self.assertRaises(BadRequest, plan, world, who, networks=[{"port": PORT_ID}])
            self.assertEqual(fault.message, f"Port id {PORT_ID} could not be found.")

    def test_one_port_serves_one_server(self) -> None:
        self.assertRaises(BadRequest, plan, self.world(), networks=[{"port": PORT_ID}], max_count=2)


class NetworkTests(SynchronousTestCase):
    def refused(self, message: str, **more: Any) -> None:
        self.assertEqual(self.assertRaises(BadRequest, plan, **more).message, message)

    def test_the_network_by_id(self) -> None:
        self.assertEqual(len(pending(plan(networks=[{"uuid": NETWORK}]), PORT)), 1)

    def test_no_network(self) -> None:
        made = plan(networks="none")
        devices = instance(made)["domain"]["devices"]
        self.assertEqual((devices["autoattachPodInterface"], instance(made)["networks"]), (False, []))
        self.assertNotIn("interfaces", devices)
        self.assertEqual(made.pending, ())

    def test_an_empty_list_is_what_there_is(self) -> None:
        self.assertEqual(len(pending(plan(networks=[]), PORT)), 1)
        self.assertEqual(len(pending(plan(networks=..., minor=36), PORT)), 1)

    def test_an_unknown_network(self) -> None:
        self.refused(f"Network {SERVER} could not be found.", networks=[{"uuid": SERVER}])

    def test_an_address_of_ones_own_choice(self) -> None:
        self.refused("Fixed IP not found for address 10.0.0.9.", networks=[{"uuid": NETWORK, "fixed_ip": "10.0.0.9"}])

    def test_a_second_interface(self) -> None:
        self.refused(
            "A server has one interface here: the cluster has no network beside its own.",
            networks=[{"uuid": NETWORK}, {"uuid": NETWORK}],
        )


class GroupTests(SynchronousTestCase):
    def world(self) -> World:
        world = furnished()
        world.add(SECURITY_GROUP, group_object("web", SERVER))
        world.add(SECURITY_GROUP, group_object("twin", SERVER.replace("1", "8")))
        world.add(SECURITY_GROUP, group_object("twin", SERVER.replace("1", "9")))
        world.add(SECURITY_GROUP, group_object("foreign", SERVER.replace("1", "7"), OTHER_NAMESPACE))
        return world

    def groups(self, *names: str, who: Caller = MEMBER) -> list[str]:
        made = plan(self.world(), who, security_groups=[{"name": name} for name in names])
        found: list[str] = pending(made, PORT)[0]["spec"]["securityGroups"]
        return found

    def test_by_name_or_id(self) -> None:
        self.assertEqual(self.groups("web", "default", SERVER), [SERVER, GROUP])

    def test_a_name_that_two_have(self) -> None:
        fault = self.assertRaises(Conflict, self.groups, "twin")
        self.assertEqual(
            fault.message, "Multiple security_group matches found for name 'twin', use an ID to be more specific."
        )

    def test_a_group_that_is_not_there_or_not_ones_own(self) -> None:
        for name in ("nope", "foreign", SERVER.replace("1", "7")):
            for who in (MEMBER, ADMIN):
                fault = self.assertRaises(BadRequest, self.groups, name, who=who)
                self.assertEqual(fault.message, f"Unable to find security_group with name or id '{name}'")

    def test_a_project_without_the_default_group(self) -> None:
        world = furnished()
        world.remove(SECURITY_GROUP, f"{NAMESPACE}/default-{GROUP[:8]}")
        self.assertEqual(pending(plan(world), PORT)[0]["spec"]["securityGroups"], [])


class FlavorAndImageTests(SynchronousTestCase):
    def refused(self, kind: type[Fault], message: str, world: World | None = None, **more: Any) -> None:
        self.assertEqual(self.assertRaises(kind, plan, world, **more).message, message)

    def test_unknown_ones(self) -> None:
        self.refused(BadRequest, "Flavor 9 could not be found.", flavorRef="9")
        self.refused(BadRequest, "Can not find requested image", imageRef=SERVER)

    def test_a_flavor_by_address(self) -> None:
        made = plan(flavorRef="https://cloud.example/compute/flavors/1?x=y")
        self.assertEqual(machine(made)["spec"]["instancetype"]["name"], "m1.small")

    def test_a_private_flavor_of_ones_own_project(self) -> None:
        world = furnished()
        own = flavor_object("own", "7")
        own["metadata"]["namespace"] = NAMESPACE
        world.add(INSTANCETYPE, own)
        made = plan(world, flavorRef="7")
        self.assertEqual(machine(made)["spec"]["instancetype"], {"kind": "VirtualMachineInstancetype", "name": "own"})
        self.assertRaises(BadRequest, plan, world, STRANGER, flavorRef="7")

    def test_a_flavor_without_processors(self) -> None:
        world = furnished()
        world.add(CLUSTER_INSTANCETYPE, flavor_object("nothing", "0", vcpus=0))
        self.refused(BadRequest, "Flavor 0 could not be found.", world, flavorRef="0")

    def test_an_image_of_another_project(self) -> None:
        world = furnished()
        world.add(DATA_SOURCE, image_object(OTHER_NAMESPACE, LIVE_IMAGE))
        self.refused(BadRequest, "Can not find requested image", world, imageRef=LIVE_IMAGE)

    def test_an_image_that_is_not_ready(self) -> None:
        world = furnished()
        world.remove(PVC, "dicot-images/debian-13")
        world.remove(DATA_VOLUME, "dicot-images/debian-13")
        self.refused(BadRequest, f"Image {IMAGE} is not active.", world)

    def test_a_disk_smaller_than_the_image(self) -> None:
        world = furnished()
        world.add(DATA_VOLUME, disk_object("30Gi"))
        world.add(PVC, claim_object("30Gi"))
        self.refused(
            BadRequest,
            "Flavor's disk is too small for requested image. "
            f"Flavor disk is {20 << 30} bytes, image is {30 << 30} bytes.",
            world,
        )

    def test_what_the_image_says_it_needs(self) -> None:
        world = furnished()
        world.add(DATA_SOURCE, image_object(**{"dicot.io/image-spec": '{"minDisk": 21}'}))
        self.refused(
            BadRequest,
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {20 << 30} bytes, minimum size is {21 << 30} bytes.",
            world,
        )
        world.add(DATA_SOURCE, image_object(**{"dicot.io/image-spec": '{"minRam": 4096}'}))
        self.refused(BadRequest, "Flavor's memory is too small for requested image.", world)

    def test_a_flavor_without_disk_is_for_administrators(self) -> None:
        world = furnished()
        world.add(CLUSTER_INSTANCETYPE, flavor_object("u1", "u", disk=0))
        self.refused(
            Forbidden, "Only volume-backed servers are allowed for flavors with zero disk.", world, flavorRef="u"
        )
        [template] = machine(plan(world, ADMIN, flavorRef="u"))["spec"]["dataVolumeTemplates"]
        self.assertEqual(template["spec"]["storage"], {"resources": {"requests": {"storage": str(3 << 30)}}})


class PlaceTests(SynchronousTestCase):
    def world(self) -> World:
        world = furnished()
        world.add(NODE, node_object("node-1", zone="az-1"))
        world.add(NODE, node_object("node-2"))
        return world

    def test_a_zone(self) -> None:
        made = plan(self.world(), availability_zone="az-1")
        self.assertEqual(instance(made)["nodeSelector"], {"topology.kubernetes.io/zone": "az-1"})
        self.assertEqual(json.loads(machine(made)["metadata"]["annotations"]["dicot.io/server"])["zone"], "az-1")

    def test_the_zone_of_nodes_that_name_none(self) -> None:
        made = plan(self.world(), availability_zone="nova")
        self.assertIn("DoesNotExist", json.dumps(instance(made)["affinity"]))
        self.assertNotIn("affinity", instance(plan(furnished(), availability_zone="nova")))

    def test_an_unknown_zone(self) -> None:
        fault = self.assertRaises(BadRequest, plan, self.world(), availability_zone="moon")
        self.assertEqual(fault.message, "The requested availability zone is not available")

    def test_a_host_is_for_administrators(self) -> None:
        for more, policy in (
            ({"availability_zone": "nova:node-2"}, "os_compute_api:servers:create:forced_host"),
            ({"host": "node-2"}, "compute:servers:create:requested_destination"),
        ):
            fault = self.assertRaises(Forbidden, plan, self.world(), **more)
            self.assertEqual(fault.message, f"Policy doesn't allow {policy} to be performed.")
            made = plan(self.world(), ADMIN, **more)
            self.assertEqual(instance(made)["nodeSelector"], {"kubernetes.io/hostname": "node-2"})

    def test_an_unknown_host(self) -> None:
        fault = self.assertRaises(BadRequest, plan, self.world(), ADMIN, host="node-9")
        self.assertEqual(fault.message, "Compute host node-9 could not be found.")


class BodyTests(SynchronousTestCase):
    """What a body says wrong in itself."""

    def refused(self, kind: type[Fault], message: str, **more: Any) -> None:
        self.assertEqual(self.assertRaises(kind, plan, **more).message, message)

    def test_counts(self) -> None:
        self.refused(BadRequest, "min_count must be <= max_count", min_count=3, max_count=2)
        self.refused(
            BadRequest, "Unable to allocate a single hostname to multiple instances", max_count=2, hostname="ab"
        )

    def test_an_image_is_needed(self) -> None:
        for value in ("", ...):
            self.refused(BadRequest, "Missing imageRef attribute", imageRef=value)

    def test_networks_are_needed_from_2_37(self) -> None:
        fault = self.assertRaises(BadRequest, plan, networks=..., minor=37)
        self.assertTrue(fault.message.endswith("'networks' is a required property"))

    def test_networks_by_their_form(self) -> None:
        self.refused(
            BadRequest,
            f"Port ID '{PORT_ID}' was specified twice: you cannot attach a port multiple times.",
            networks=[{"port": PORT_ID}, {"port": PORT_ID}],
        )
        self.refused(
            BadRequest,
            f"Specified Fixed IP '10.0.0.1' cannot be used with port '{PORT_ID}': "
            "the two cannot be specified together.",
            networks=[{"port": PORT_ID, "fixed_ip": "10.0.0.1"}],
        )
        self.refused(BadRequest, "Bad network format: missing 'uuid'", networks=[{}])
        self.refused(
            BadRequest,
            "Bad networks format: network uuid is not in proper format (x)",
            networks=[{"uuid": "x"}],
            minor=36,
        )

    def test_devices(self) -> None:
        root = {"source_type": "image", "destination_type": "local", "uuid": IMAGE, "boot_index": 0}
        self.assertEqual(plan(block_device_mapping_v2=[root]), plan())
        invalid = "Block Device Mapping is Invalid: "
        for device, message in (
            (root | {"boot_index": 1}, "Mapping image to local is not supported."),
            (root | {"boot_index": None}, "Mapping image to local is not supported."),
            ({"source_type": "volume", "uuid": "v"}, "failed to get volume v."),
            ({"source_type": "snapshot", "uuid": "s"}, "failed to get snapshot s."),
            ({"source_type": "volume"}, "Missing device UUID."),
            ({"source_type": "blank", "uuid": "b"}, "Invalid device UUID."),
            (
                {"source_type": "blank", "destination_type": "local"},
                "You specified more local devices than the limit allows",
            ),
            (
                root | {"destination_type": "volume"},
                "Boot sequence for the instance and image/block device mapping combination is not valid.",
            ),
        ):
            self.refused(BadRequest, invalid + message, block_device_mapping_v2=[device])
        self.refused(
            BadRequest,
            "Using different block_device_mapping syntaxes is not allowed in the same request.",
            block_device_mapping=[{"volume_id": SERVER}],
            block_device_mapping_v2=[root],
        )
        self.refused(
            BadRequest, f"{invalid}failed to get volume {SERVER}.", block_device_mapping=[{"volume_id": SERVER}]
        )

    def test_what_is_not_served_is_refused_and_not_forgotten(self) -> None:
        self.refused(
            Forbidden,
            "Personality file limit exceeded",
            personality=[{"path": "/x", "contents": ""}],
            minor=56,
        )
        self.refused(
            BadRequest,
            "Image certificate validation is not supported when booting from volume",
            trusted_image_certificates=["c"],
        )
        for hint, message in (
            ({"group": SERVER}, f"Instance group {SERVER} could not be found."),
            ({"same_host": SERVER}, "Scheduler hint 'same_host' is not supported."),
        ):
            wanted = body() | {"os:scheduler_hints": hint}
            self.assertEqual(self.assertRaises(BadRequest, new_server(94), wanted).message, message)

    def test_hints_that_mean_nothing_are_kept(self) -> None:
        wanted = new_server(94)(body() | {"OS-SCH-HNT:scheduler_hints": {"foo": "bar"}})
        [made] = create(wanted, furnished().known(), (SERVER,), "r", "req", NOW)
        note = json.loads(machine(made)["metadata"]["annotations"]["dicot.io/server"])
        self.assertEqual(note["hints"], {"foo": "bar"})

    def test_metadata_has_its_bounds(self) -> None:
        self.refused(
            Forbidden,
            "Maximum number of metadata items exceeds 128",
            metadata={str(number): "" for number in range(129)},
        )
        great = {f"{number:0255d}": "\x01" * 255 for number in range(300)}
        with self.assertRaises(BadRequest) as refused:
            plan(furnished(Config(quota={})), metadata=great)
        self.assertTrue(refused.exception.message.startswith("Invalid metadata size"))

    def test_forced_hosts_by_two_ways(self) -> None:
        self.refused(
            BadRequest,
            "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are "
            "mutually exclusive.",
            availability_zone="a:b",
            host="c",
        )
        self.refused(
            BadRequest, "Invalid input received: Unable to parse availability_zone", availability_zone="a:b:c:d"
        )
