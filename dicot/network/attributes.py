"""What clients may filter and sort by (neutron-lib's attribute maps: ``is_filter``, ``is_sort_key``)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..faults import BadRequest
from ..spellings import FALSE, TRUE


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: how a query's text becomes its value, and what it may be used for."""

    read: Callable[[str], Any] = str
    filter: bool = True
    sort: bool = True


def boolean(text: str) -> bool:
    """As neutron_lib.api.converters.convert_to_boolean (oslo's strict spelling)."""
    word = text.strip().lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise BadRequest(f"Invalid input for operation: '{text}' cannot be converted to boolean.", kind="InvalidInput")


def integer(text: str) -> int:
    """As neutron_lib.api.converters.convert_to_int."""
    try:
        return int(text)
    except ValueError:
        raise BadRequest(f"Invalid input for operation: '{text}' is not an integer.", kind="InvalidInput") from None


TEXT = Attribute()
FLAG = Attribute(boolean)
NUMBER = Attribute(integer)
UNSORTED = Attribute(sort=False)
COMMON: Mapping[str, Attribute] = MappingProxyType(
    {"id": TEXT, "name": TEXT, "tenant_id": TEXT, "project_id": TEXT, "description": TEXT}
)
NETWORK: Mapping[str, Attribute] = MappingProxyType(
    {
        **COMMON,
        "admin_state_up": FLAG,
        "status": TEXT,
        "shared": Attribute(boolean, sort=False),
        "router:external": FLAG,
        "port_security_enabled": Attribute(boolean, filter=False, sort=False),
    }
)
SUBNET: Mapping[str, Attribute] = MappingProxyType(
    {
        **COMMON,
        "ip_version": NUMBER,
        "network_id": TEXT,
        "subnetpool_id": TEXT,
        "cidr": TEXT,
        "gateway_ip": TEXT,
        "enable_dhcp": FLAG,
        "ipv6_ra_mode": TEXT,
        "ipv6_address_mode": TEXT,
        "shared": Attribute(boolean, sort=False),
    }
)
PORT: Mapping[str, Attribute] = MappingProxyType(
    {
        **COMMON,
        "network_id": TEXT,
        "admin_state_up": FLAG,
        "mac_address": Attribute(str.lower),
        "fixed_ips": UNSORTED,
        "device_id": TEXT,
        "device_owner": TEXT,
        "status": TEXT,
        "security_groups": UNSORTED,
        "binding:host_id": UNSORTED,
    }
)
SECURITY_GROUP: Mapping[str, Attribute] = MappingProxyType(
    {**COMMON, "stateful": FLAG, "shared": Attribute(boolean, sort=False)}
)
