"""Settled servers are what Dicot and KubeVirt leave behind.

``recorded.json`` holds two servers that were made by ``openstack server create --flavor m1.small --image cirros-live
--network private`` on the real programs, of which web2 was stopped, as kubectl read them (without managedFields and
resourceVersion).
"""

import json
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.names import ID, REQUEST_ID, RESERVATION, synthetic_port
from dicot.sandbox.settled.manifests import guest, machine, objects, port
from dicot.sandbox.settled.mark import SETTLED
from dicot.sandbox.settled.server import Server, port_name, server

from .stage import GROUND

RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text())
MANY = 3000


def recorded(kind: str, name: str) -> Manifest:
    """The object of a server."""
    found: Manifest = next(
        each for each in RECORDED if each["kind"] == kind and each["metadata"]["name"].startswith(name)
    )
    return found


def like(name: str, *, runs: bool) -> Server:
    """A settled server with the identity of a recorded one."""
    vm, nic = recorded("VirtualMachine", name), recorded("Port", name)
    metadata = vm["metadata"]
    id = metadata["labels"][ID]
    found = replace(
        server(GROUND, 1),
        name=name,
        object=metadata["name"],
        id=id,
        uid=metadata["uid"],
        port_id=synthetic_port(id, "default"),
        port_uid=nic["metadata"]["uid"],
        mac=nic["spec"]["macAddress"],
        request=metadata["annotations"][REQUEST_ID],
        reservation=metadata["annotations"][RESERVATION],
        created=metadata["creationTimestamp"],
        started=metadata["annotations"]["dicot.io/launched-at"],
        runs=runs,
    )
    if not runs:
        return found
    vmi = recorded("VirtualMachineInstance", name)
    [pod] = vmi["status"]["activePods"]
    address = vmi["status"]["interfaces"][0]["ipAddress"]
    return replace(found, guest_uid=vmi["metadata"]["uid"], pod_uid=pod, address=address)


class ManifestTests(SynchronousTestCase):
    maxDiff = None

    def same(self, made: Manifest, real: Manifest) -> None:
        self.assertEqual(made["metadata"]["labels"].pop(SETTLED), "true")
        self.assertEqual(made, real)

    def test_a_machine_that_runs(self) -> None:
        self.same(machine(like("web1", runs=True)), recorded("VirtualMachine", "web1"))

    def test_its_instance(self) -> None:
        self.same(guest(like("web1", runs=True)), recorded("VirtualMachineInstance", "web1"))

    def test_its_port(self) -> None:
        self.same(port(like("web1", runs=True)), recorded("Port", "web1"))

    def test_a_machine_that_is_stopped(self) -> None:
        real = recorded("VirtualMachine", "web2")
        made = machine(like("web2", runs=False))
        # This one was up for a while.
        for each in (made, real):
            for moment in ("lastProbeTime", "lastTransitionTime"):
                self.assertTrue(each["status"]["conditions"][0].pop(moment))
        self.same(made, real)

    def test_one_that_is_stopped_has_no_instance(self) -> None:
        kinds = [found["kind"] for _, _, _, found in objects(like("web2", runs=False))]
        self.assertEqual(kinds, ["VirtualMachine", "Port"])

    def test_names_are_those_of_the_objects(self) -> None:
        for _, namespace, name, found in objects(server(GROUND, 7)):
            self.assertEqual((namespace, name), (found["metadata"]["namespace"], found["metadata"]["name"]))

    def test_processors_and_memory_of_a_larger_flavor(self) -> None:
        large = replace(GROUND.flavors[0], vcpus=4, ram=1536)
        found = guest(replace(server(GROUND, 0), flavor=large))
        domain = found["spec"]["domain"]
        self.assertEqual((domain["cpu"]["sockets"], domain["cpu"]["maxSockets"]), (4, 16))
        self.assertEqual(domain["memory"], {"guest": "1536Mi", "maxGuest": "6Gi"})
        self.assertEqual(found["status"]["currentCPUTopology"], {"cores": 1, "sockets": 4, "threads": 1})


class ServerTests(SynchronousTestCase):
    def test_a_number_always_makes_the_same_server(self) -> None:
        self.assertEqual(server(GROUND, 41), server(GROUND, 41))

    def test_another_project_has_other_servers(self) -> None:
        self.assertNotEqual(server(GROUND, 41).id, server(replace(GROUND, uid="another"), 41).id)

    def test_nothing_is_had_twice(self) -> None:
        made = [server(GROUND, index) for index in range(MANY)]
        for what in ("id", "uid", "guest_uid", "pod_uid", "port_id", "port_uid", "request", "name", "object"):
            self.assertEqual(len({getattr(each, what) for each in made}), MANY, what)
        self.assertEqual(len({each.address for each in made}), MANY)

    def test_they_differ(self) -> None:
        made = [server(GROUND, index) for index in range(MANY)]
        self.assertEqual({each.node.name for each in made}, {"node-1", "node-2"})
        self.assertEqual(sum(not each.runs for each in made), MANY // 10)
        self.assertGreater(len({each.created[:10] for each in made}), 80)

    def test_addresses_are_of_the_node_and_far_from_those_that_pods_get_first(self) -> None:
        self.assertEqual(
            [server(GROUND, index).address for index in (0, 1, 2)],
            ["10.245.255.254", "10.247.255.254", "10.245.255.253"],
        )

    def test_none_is_younger_than_its_project(self) -> None:
        self.assertTrue(all(server(GROUND, index).started <= "2027-01-15T07:00:00Z" for index in range(MANY)))

    def test_the_port_is_found_by_the_machine(self) -> None:
        found = server(GROUND, 3)
        names = [name for _, _, name, each in objects(found) if each["kind"] == "Port"]
        self.assertEqual(names, [port_name(found.object, found.id)])
