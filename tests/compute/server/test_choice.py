"""What a create refers to, and what is refused of it."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from dicot.faults import BadRequest, Conflict, Fault, Forbidden

from .objects import (
    GROUP,
    IMAGE,
    LIVE_IMAGE,
    NAMESPACE,
    NETWORK,
    OTHER_NAMESPACE,
    SERVER,
    claim_object,
    disk_object,
    flavor_object,
    group_object,
    image_object,
)
from .planned import instance, machine, pending, plan
from .world import ADMIN, MEMBER, STRANGER, World, furnished


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
