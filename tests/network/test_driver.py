"""The pod driver's network and subnets."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import Node, NodeSpec
from dicot.config import Config
from dicot.names import network_id, subnet_id
from dicot.network.driver import networks, subnet_of, subnets, subnets_of

NETWORK = network_id("private")


def node(*cidrs: str) -> Node:
    return Node(spec=NodeSpec(podCIDRs=cidrs))


class DriverTests(SynchronousTestCase):
    """What every project sees."""

    def test_nodes_are_covered_by_one_prefix_for_each_family(self) -> None:
        found = subnets_of(Config(), [node("10.244.0.0/24", "fd00::/64"), node("10.244.3.0/24"), node("nonsense")])
        self.assertEqual(found, {subnet_id(NETWORK, "4"): "10.244.0.0/22", subnet_id(NETWORK, "6"): "fd00::/64"})

    def test_silent_nodes_have_ipv4(self) -> None:
        self.assertEqual(subnets_of(Config(), [node()]), {subnet_id(NETWORK, "4"): "0.0.0.0/0"})

    def test_configured_prefixes_win(self) -> None:
        config = replace(Config(), network_cidrs=("10.0.0.0/16", "10.1.0.0/16"))
        self.assertEqual(list(subnets_of(config, [node("10.244.0.0/24")]).values()), ["10.0.0.0/16", "10.1.0.0/16"])
        self.assertEqual(subnet_of("10.1.2.3", config), subnet_id(NETWORK, "10.1.0.0/16"))
        self.assertEqual(subnet_of("10.2.2.3", config), "")

    def test_addresses_lie_in_a_subnet_that_is_listed(self) -> None:
        found = subnets_of(Config(), [node("10.244.0.0/24", "fd00::/64")])
        self.assertIn(subnet_of("10.244.0.9", Config()), found)
        self.assertIn(subnet_of("fd00::9", Config()), found)
        self.assertEqual(subnet_of("no address", Config()), "")

    def test_network_and_subnets_name_each_other(self) -> None:
        found = subnets_of(Config(), [node("10.244.0.0/24")])
        network, subnet = networks(Config(), found)[0], subnets(Config(), found)[0]
        self.assertEqual((network["subnets"], subnet["network_id"]), ([subnet["id"]], network["id"]))
        self.assertEqual((network["shared"], subnet["ip_version"], subnet["cidr"]), (True, 4, "10.244.0.0/24"))
