"""The addresses of a server."""

import ipaddress
import re
from collections.abc import Iterable

import msgspec

from ...cloud.kinds.kubevirt import Vmi
from ...cloud.kinds.network import Port

MOST = 32
"""More addresses of one interface than a guest has any use for are not shown."""

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")


class Address(msgspec.Struct, frozen=True, gc=False):
    """An address of a server, on the network of that name."""

    network: str
    text: str
    version: int
    mac: str


def addresses_of(vmi: Vmi | None, ports: Iterable[Port], pod_network: str) -> tuple[Address, ...]:
    """What a running instance has, IPv4 first.

    Only interfaces that its spec names count: a guest agent may report whatever it likes beside them.
    """
    if vmi is None:
        return ()
    networks = {
        network.name: pod_network if network.multus is None else network.name for network in vmi.spec.networks
    }
    macs = {port.spec.interface: port.spec.macAddress for port in ports}
    found = [
        Address(networks[seen.name], text, version, seen.mac or macs.get(seen.name, ""))
        for seen in vmi.status.interfaces
        if seen.name in networks
        for text in (seen.ipAddresses or (seen.ipAddress,))[:MOST]
        if (version := version_of(text))
    ]
    if len(found) > 1:
        found.sort(key=lambda address: (address.network, address.version))
    return tuple(found)


def version_of(text: str) -> int:
    """4 or 6, 0 for what is no address."""
    if _IPV4.fullmatch(text):
        return 4
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return 0


def as_document(addresses: Iterable[Address]) -> dict[str, list[dict[str, object]]]:
    """The addresses by network, as Nova shows them."""
    found: dict[str, list[dict[str, object]]] = {}
    for address in addresses:
        found.setdefault(address.network, []).append(
            {
                "version": address.version,
                "addr": address.text,
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": address.mac,
            }
        )
    return found
