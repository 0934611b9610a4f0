"""Where a request comes from, also through proxies. Free of Twisted."""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address is of one of the networks; a text that is no address is of none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in networks)


def origin(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """The client's address, from X-Forwarded-For as far as it was written by proxies of ours.

    Each proxy appends whom it was asked by: the last address that is no proxy's is the client's, and what stands
    before it is the client's own invention.
    """
    found = peer
    told = forwarded.split(",")
    while told and is_within(found, proxies):
        text = told.pop().strip()
        try:
            found = str(ipaddress.ip_address(text))
        except ValueError:
            break
    return found
