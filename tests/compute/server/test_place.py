"""Where a server may run, and who may say so."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import NODE, VM, VMI
from dicot.compute.server.spec import create
from dicot.compute.server.wish import new_server
from dicot.faults import BadRequest, Fault, Forbidden

from .objects import NAMESPACE, NOW, OTHER_NAMESPACE, SERVER, node_object, recorded
from .planned import body, instance, machine, plan
from .world import ADMIN, MEMBER, World, furnished

PEER, ABSENT = (SERVER.replace("1", digit) for digit in "67")


def zoned() -> World:
    """One node in a zone, one in none."""
    world = furnished()
    world.add(NODE, node_object("node-1", zone="az-1"))
    world.add(NODE, node_object("node-2"))
    return world


def zone_noted(made: Any) -> str | None:
    found: str | None = json.loads(machine(made)["metadata"]["annotations"]["dicot.io/server"]).get("zone")
    return found


class ZoneTests(SynchronousTestCase):
    def test_a_zone(self) -> None:
        made = plan(zoned(), availability_zone="az-1")
        self.assertEqual(instance(made)["nodeSelector"], {"topology.kubernetes.io/zone": "az-1"})
        self.assertEqual(zone_noted(made), "az-1")

    def test_the_zone_of_nodes_that_name_none(self) -> None:
        made = plan(zoned(), availability_zone="nova")
        self.assertIn("DoesNotExist", json.dumps(instance(made)["affinity"]))
        self.assertNotIn("affinity", instance(plan(furnished(), availability_zone="nova")))

    def test_a_zone_in_which_no_node_is_ready_or_takes_servers(self) -> None:
        sleeping, bare = node_object("node-3", "az-3", ready="False"), node_object("node-4", "az-4")
        del bare["metadata"]["labels"]["kubevirt.io/schedulable"]
        world = zoned()
        world.add(NODE, sleeping)
        world.add(NODE, bare)
        for zone in ("moon", "az-3", "az-4"):
            fault = self.assertRaises(BadRequest, plan, world, availability_zone=zone)
            self.assertEqual(fault.message, "The requested availability zone is not available")


class HostTests(SynchronousTestCase):
    def refused(self, kind: type[Fault], message: str, who: Any = ADMIN, **more: Any) -> None:
        self.assertEqual(self.assertRaises(kind, plan, zoned(), who, **more).message, message)

    def test_a_host_is_for_administrators(self) -> None:
        for more, policy in (
            ({"availability_zone": "nova:node-2"}, "os_compute_api:servers:create:forced_host"),
            ({"availability_zone": "nova::node-2"}, "os_compute_api:servers:create:forced_host"),
            ({"host": "node-2"}, "compute:servers:create:requested_destination"),
            ({"host": "node-2", "hypervisor_hostname": "node-2"}, "compute:servers:create:requested_destination"),
        ):
            self.refused(Forbidden, f"Policy doesn't allow {policy} to be performed.", MEMBER, **more)
            made = plan(zoned(), ADMIN, **more)
            self.assertEqual(instance(made)["nodeSelector"], {"kubernetes.io/hostname": "node-2"})

    def test_who_may_not_name_a_host_learns_nothing_else(self) -> None:
        message = "Policy doesn't allow os_compute_api:servers:create:forced_host to be performed."
        self.refused(Forbidden, message, MEMBER, availability_zone="nova:node-9", flavorRef="no")

    def test_an_unknown_host(self) -> None:
        for more in (
            {"host": "node-9"},
            {"availability_zone": "nova:node-9"},
            {"host": "node-9", "hypervisor_hostname": "node-2"},
        ):
            self.refused(BadRequest, "Compute host node-9 could not be found.", **more)

    def test_a_node_of_another_host(self) -> None:
        self.refused(
            BadRequest, "Compute host node-2 could not be found.", host="node-2", hypervisor_hostname="node-1"
        )

    def test_a_zone_counts_only_if_the_forced_host_is_in_it(self) -> None:
        for asked, noted in (
            ("az-1:node-1", "az-1"),
            ("az-1:node-2", None),
            ("nova:node-2", "nova"),
            ("moon:node-2", None),
            ("az-1::node-1", None),
            (":node-1", None),
        ):
            self.assertEqual(zone_noted(plan(zoned(), ADMIN, availability_zone=asked)), noted)


class HintTests(SynchronousTestCase):
    def world(self) -> World:
        """With a server that runs beside the one that is to be made."""
        world = furnished()
        for name, namespace, id in (("peer", NAMESPACE, PEER), ("theirs", OTHER_NAMESPACE, ABSENT)):
            objects = json.loads(json.dumps(recorded("running")))
            objects["vm"]["metadata"] |= {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
            objects["vm"]["metadata"]["labels"]["dicot.io/id"] = id
            objects["vmi"]["metadata"] |= {"name": name, "namespace": namespace}
            objects["vmi"]["metadata"]["ownerReferences"][0]["uid"] = f"uid-{name}"
            world.add(VM, objects["vm"])
            world.add(VMI, objects["vmi"])
        return world

    def planned(self, who: Any = MEMBER, **hints: Any) -> Any:
        wanted = new_server(94)(body() | {"os:scheduler_hints": hints})
        [made] = create(wanted, self.world().known(who), (SERVER,), "r", "req", NOW)
        return made

    def affinity(self, **hints: Any) -> dict[str, Any]:
        found: dict[str, Any] = instance(self.planned(**hints)).get("affinity", {})
        return {name: term["requiredDuringSchedulingIgnoredDuringExecution"] for name, term in found.items()}

    def term(self, *ids: str) -> list[Any]:
        selector = {"matchExpressions": [{"key": "dicot.io/id", "operator": "In", "values": list(ids)}]}
        return [{"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}]

    def test_apart_from_others(self) -> None:
        self.assertEqual(self.affinity(different_host=[PEER, ABSENT]), {"podAntiAffinity": self.term(PEER, ABSENT)})
        self.assertEqual(self.affinity(different_host=PEER.upper()), {"podAntiAffinity": self.term(PEER)})

    def test_beside_another(self) -> None:
        """And by itself: it starts again when the other is gone."""
        self.assertEqual(self.affinity(same_host=PEER), {"podAffinity": self.term(SERVER, PEER)})
        self.assertEqual(self.affinity(same_host=[ABSENT, PEER]), {"podAffinity": self.term(SERVER, PEER)})

    def test_beside_nobody(self) -> None:
        for peers in (ABSENT, [ABSENT], "anything"):
            for who in (MEMBER, ADMIN):
                fault = self.assertRaises(BadRequest, self.planned, who, same_host=peers)
                self.assertEqual(fault.message, "No valid host was found. There are not enough hosts available.")

    def test_what_says_nothing(self) -> None:
        hints = {"same_host": [], "different_host": [], "group": [], "query": "", "different_cell": "x"}
        self.assertEqual(self.affinity(**hints), {})

    def test_what_is_not_served(self) -> None:
        for hint, message in (
            ({"group": SERVER}, f"Instance group {SERVER} could not be found."),
            ({"query": "[]"}, "Scheduler hint 'query' is not supported."),
            ({"build_near_host_ip": "10.0.0.1"}, "Scheduler hint 'build_near_host_ip' is not supported."),
        ):
            fault = self.assertRaises(BadRequest, self.planned, **hint)
            self.assertEqual(fault.message, message)
