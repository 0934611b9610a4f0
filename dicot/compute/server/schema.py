"""Bodies of server operations, by version (facts of nova/api/openstack/compute/schemas/servers.py)."""

from collections.abc import Mapping
from typing import Any

from ..parameters import (
    BOOLEAN,
    DESCRIPTION,
    DISK_CONFIG,
    FLAVOR_REF,
    FQDN,
    HOSTNAME,
    IP_ADDRESS,
    IPV4,
    IPV6,
    METADATA,
    NAME,
    NAME_OR_NONE,
    PERSONALITY,
    POSITIVE_INTEGER,
    TAG,
    TAGS,
    TRUSTED_CERTS,
    USER_DATA,
    UUID,
    UUID_OR_EMPTY,
    VOLUME_SIZE,
    Schema,
)

_DEVICE: dict[str, Any] = {
    "virtual_name": {"type": "string", "maxLength": 255},
    "volume_id": UUID,
    "snapshot_id": UUID,
    "volume_size": VOLUME_SIZE,
    "device_name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._/-]*$"},
    "delete_on_termination": BOOLEAN,
    "no_device": {},
    "connection_info": {"type": "string", "maxLength": 16777215},
}
_DEVICE_V2: dict[str, Any] = {
    **_DEVICE,
    "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
    "uuid": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-]*$"},
    "image_id": UUID,
    "destination_type": {"type": "string", "enum": ["local", "volume"]},
    "guest_format": {"type": "string", "maxLength": 255},
    "device_type": {"type": "string", "maxLength": 255},
    "disk_bus": {"type": "string", "maxLength": 255},
    "boot_index": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"},
}
_TEXT_OR_TEXTS: Schema = {"type": ["string", "array"], "items": {"type": "string"}}
_UUID_OR_UUIDS: Schema = {"oneOf": [{"type": "array", "items": UUID}, UUID]}
HINTS: Schema = {
    "type": "object",
    "properties": {
        "group": _UUID_OR_UUIDS,
        "different_host": _UUID_OR_UUIDS,
        "same_host": {"type": ["string", "array"], "items": UUID},
        "query": {"type": ["string", "object"]},
        "target_cell": NAME,
        "different_cell": _TEXT_OR_TEXTS,
        "build_near_host_ip": IP_ADDRESS,
        "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
    },
    "additionalProperties": True,
}


def _object(properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> Schema:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        found["required"] = list(required)
    return found | {"additionalProperties": False}


def _list(properties: Mapping[str, Any]) -> Schema:
    return {"type": "array", "items": _object(properties)}


def _networks(minor: int) -> Schema:
    """A list; from 2.37 on also a word, and ids must have the form of one."""
    item: dict[str, Any] = {
        "fixed_ip": IP_ADDRESS,
        "port": {"type": ["string", "null"], "format": "uuid"},
        "uuid": UUID if minor >= 37 else {"type": "string"},
    }
    if 32 <= minor < 37 or minor >= 42:
        item["tag"] = TAG
    if minor < 37:
        return _list(item)
    return {"oneOf": [_list(item), {"type": "string", "enum": ["none", "auto"]}]}


def _devices(minor: int) -> Schema:
    found = dict(_DEVICE_V2)
    if minor == 32 or minor >= 42:
        found["tag"] = TAG
    if minor >= 67:
        found["volume_type"] = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
    return _list(found)


_FROM_THE_FIRST: Mapping[str, Any] = {
    "name": NAME,
    "imageRef": UUID_OR_EMPTY,
    "flavorRef": FLAVOR_REF,
    "adminPass": {"type": "string"},
    "metadata": METADATA,
    "networks": {},
    "OS-DCF:diskConfig": DISK_CONFIG,
    "accessIPv4": IPV4,
    "accessIPv6": IPV6,
    "personality": PERSONALITY,
    "availability_zone": NAME,
    "block_device_mapping": _list(_DEVICE),
    "block_device_mapping_v2": {},
    "config_drive": BOOLEAN,
    "key_name": NAME,
    "min_count": POSITIVE_INTEGER,
    "max_count": POSITIVE_INTEGER,
    "return_reservation_id": BOOLEAN,
    "security_groups": _list({"name": NAME}),
    "user_data": USER_DATA,
}
_LATER: Mapping[int, Mapping[str, Any]] = {
    19: {"description": DESCRIPTION},
    52: {"tags": TAGS},
    63: {"trusted_image_certificates": TRUSTED_CERTS},
    74: {"host": FQDN, "hypervisor_hostname": FQDN},
    90: {"hostname": HOSTNAME},
    94: {"hostname": FQDN},
}
SHARED_SINCE = 60
"""The minor version from which a server may have a volume that others have too."""
CREATE_SINCE = (1, 19, 32, 33, 37, 42, 52, 57, SHARED_SINCE, 63, 67, 74, 90, 94)
"""The minor versions at which the body of a create changes, or what may be meant by it."""


def create_schema(minor: int) -> Schema:
    """The body of a create at 2.minor."""
    server: dict[str, Any] = dict(_FROM_THE_FIRST)
    server["networks"] = _networks(minor)
    server["block_device_mapping_v2"] = _devices(minor)
    for since, more in _LATER.items():
        if since <= minor:
            server |= more
    if minor >= 57:
        del server["personality"]
    required = ("name", "flavorRef", "networks") if minor >= 37 else ("name", "flavorRef")
    return _object(
        {
            "server": _object(server, required),
            "os:scheduler_hints": HINTS,
            "OS-SCH-HNT:scheduler_hints": HINTS,
        },
        ("server",),
    )


UPDATE_SINCE = (1, 19, 90, 94, 104)


def update_schema(minor: int) -> Schema:
    """The body of an update at 2.minor."""
    server: dict[str, Any] = {
        "name": NAME,
        "OS-DCF:diskConfig": DISK_CONFIG,
        "accessIPv4": IPV4,
        "accessIPv6": IPV6,
    }
    for since, more in (
        (19, {"description": DESCRIPTION}),
        (90, {"hostname": HOSTNAME}),
        (94, {"hostname": FQDN}),
        (104, {"pinned_availability_zone": NAME_OR_NONE}),
    ):
        if since <= minor:
            server |= more
    return _object({"server": _object(server)}, ("server",))


REBOOT: Schema = _object(
    {
        "reboot": _object(
            {"type": {"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]}}, ("type",)
        )
    },
    ("reboot",),
)
