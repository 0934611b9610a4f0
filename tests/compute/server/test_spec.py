"""What is written for a server to exist."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.network import PORT
from dicot.cloud.kinds.storage import DATA_SOURCE, SECRET
from dicot.cloud.plan import Notice, Patch
from dicot.config import Config
from dicot.faults import BadRequest, Conflict, Forbidden
from dicot.kube.errors import OverQuota
from dicot.names import synthetic_port

from .objects import (
    GROUP,
    IMAGE,
    LIVE_IMAGE,
    NAMESPACE,
    NETWORK,
    OTHER_NAMESPACE,
    PORT_ID,
    SERVER,
    USER,
    image_object,
    port_object,
)
from .planned import AUTO_DISK, NAME, instance, machine, pending, plan, plans
from .world import ADMIN, MEMBER, World, furnished


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
        self.assertEqual(made.notice, Notice(VM, None, "ServerCreate", ""))

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

    def test_novas_own_host_name_is_noted(self) -> None:
        for name, expected in (
            ("caf\u00e9.x", "caf\u00e9-x"),
            ("\u4e16", f"Server-{SERVER}"),
            ("--", f"Server-{SERVER}"),
        ):
            note = json.loads(machine(plan(name=name))["metadata"]["annotations"]["dicot.io/server"])
            self.assertEqual(note["hostname"], expected)

    def test_host_names_of_several_are_told_apart_however_long(self) -> None:
        made = plans(ids=(SERVER, SERVER.replace("1", "2")), name="a" * 63, max_count=2)
        self.assertEqual([instance(each)["hostname"] for each in made], ["a" * 61 + "-1", "a" * 61 + "-2"])

    def test_object_names_leave_room_for_what_kubevirt_makes_of_them(self) -> None:
        made = plan(name="n" * 255, key_name="k")
        key = pending(made, SECRET)[1]["metadata"]["name"]
        self.assertLessEqual(len(f"{key}-access-cred"), 63)
        self.assertLessEqual(len(machine(made)["metadata"]["name"]), 63)


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
        fault = reserve.refuse({"instances": 5, "cores": 19, "ram": 2048})
        self.assertIsInstance(fault, Forbidden)
        self.assertEqual(fault.message, "Quota exceeded for cores: Requested 2, but already used 19 of 20 cores")

    def test_all_that_is_exceeded_is_told(self) -> None:
        """nova/compute/utils.py, get_over_quota_detail: what all of them ask for, in the order of the names."""
        ids = (SERVER, SERVER.replace("1", "2"))
        reserve = plans(ids=ids, min_count=2, max_count=6)[0].reserve
        assert reserve is not None
        self.assertEqual(
            reserve.refuse({"instances": 9, "cores": 18, "ram": 2048}).message,
            "Quota exceeded for cores, instances: Requested 12, 2-6, but already used 18, 9 of 20, 10 "
            "cores, instances",
        )

    def test_a_quota_of_the_cluster_is_told_in_the_services_words(self) -> None:
        def told(name: str, requested: str = "1", used: str = "5", limited: str = "5") -> str:
            text = (
                f"exceeded quota: team, requested: {name}={requested}, used: {name}={used}, limited: {name}={limited}"
            )
            fault = plan().refusals[OverQuota](OverQuota(403, "Forbidden", text))
            self.assertIsInstance(fault, Forbidden)
            return str(fault)

        self.assertEqual(
            told("count/virtualmachines.kubevirt.io"),
            "Quota exceeded for instances: Requested 1, but already used 5 of 5 instances",
        )
        self.assertEqual(told("count/ports.network.dicot.io"), "Maximum number of ports exceeded")
        self.assertEqual(told("count/secrets"), "Quota exceeded for resources: count/secrets")

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
