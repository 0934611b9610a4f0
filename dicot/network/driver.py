"""The ``pod`` driver: one network for everybody, the cluster's own, as documents."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ..cloud.kinds.kubevirt import Node
from ..config import Config
from ..names import network_id, subnet_id

Document = dict[str, Any]


Prefix = ipaddress.IPv4Network | ipaddress.IPv6Network


def subnets_of(config: Config, nodes: Iterable[Node]) -> dict[str, str]:
    """Prefix by subnet id: those of the configuration, else one for each address family that the Nodes have.

    What the Nodes say is covered by the smallest prefix that holds all of it. The id of such a subnet does not depend
    on it, so that a new Node changes the prefix, not the subnet. A cluster whose Nodes say nothing has IPv4.
    """
    network = network_id(config.network_name)
    if config.network_cidrs:
        return {subnet_id(network, cidr): cidr for cidr in config.network_cidrs}
    said = [prefix for node in nodes for text in node.spec.podCIDRs if (prefix := _prefix(text)) is not None]
    families = sorted({prefix.version for prefix in said} or {4})
    return {subnet_id(network, str(family)): _cover(family, said) for family in families}


def _prefix(text: str) -> Prefix | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _cover(family: int, said: list[Prefix]) -> str:
    inside = [prefix for prefix in said if prefix.version == family]
    if not inside:
        return "0.0.0.0/0"
    cover = inside[0]
    while not all(_holds(cover, prefix) for prefix in inside):
        cover = cover.supernet()
    return str(cover)


def _holds(cover: Prefix, prefix: Prefix) -> bool:
    return cover.prefixlen <= prefix.prefixlen and prefix.network_address in cover


def networks(config: Config, subnet_ids: Iterable[str]) -> list[Document]:
    """The networks that every project sees."""
    id = network_id(config.network_name)
    return [
        {
            "id": id,
            "name": config.network_name,
            "tenant_id": "",
            "project_id": "",
            "admin_state_up": True,
            "status": "ACTIVE",
            "shared": True,
            "subnets": list(subnet_ids),
            "router:external": False,
            "port_security_enabled": True,
            "description": "The pod network of the cluster",
        }
    ]


def subnets(config: Config, prefixes: Mapping[str, str]) -> list[Document]:
    """Their subnets. Addresses are given by the cluster's CNI, so that no pool, gateway or resolver is known."""
    network = network_id(config.network_name)
    return [_subnet(config, network, id, prefix) for id, prefix in prefixes.items()]


def _subnet(config: Config, network: str, id: str, prefix: str) -> Document:
    version = ipaddress.ip_network(prefix, strict=False).version
    return {
        "id": id,
        "name": f"{config.network_name}-ipv{version}",
        "tenant_id": "",
        "project_id": "",
        "network_id": network,
        "ip_version": version,
        "subnetpool_id": None,
        "enable_dhcp": True,
        "ipv6_ra_mode": None,
        "ipv6_address_mode": None,
        "gateway_ip": None,
        "cidr": prefix,
        "allocation_pools": [],
        "host_routes": [],
        "dns_nameservers": [],
        "shared": True,
        "description": "",
    }


def subnet_of(address: str, config: Config) -> str:
    """The id of the subnet that an address lies in, "" where it is none of them."""
    try:
        place = ipaddress.ip_address(address)
    except ValueError:
        return ""
    network = network_id(config.network_name)
    if not config.network_cidrs:
        return subnet_id(network, str(place.version))
    held = (cidr for cidr in config.network_cidrs if place in ipaddress.ip_network(cidr, strict=False))
    return next((subnet_id(network, cidr) for cidr in held), "")
