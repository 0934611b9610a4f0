"""What Nova's request bodies are made of: their fields, since when and until when each is there, and its kind."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a kind of values, or, with ``inner``, an object or a list of objects."""

    kind: str = ""
    since: int = 1
    until: int = 999
    inner: Mapping[str, "Field"] | None = None
    many: bool = False
    needed: int = 999
    """The minor version from which a body must have it."""
    often: float = 0.0
    """How often it is there at least."""
    rare: bool = False
    """Whether a body that has it is hardly ever taken."""


def of(kind: str, since: int = 1, until: int = 999, needed: int = 999) -> Field:
    return Field(kind, since, until, needed=needed)


LEGACY: Mapping[str, Field] = {
    "virtual_name": of("name"),
    "volume_id": of("uuid"),
    "snapshot_id": of("uuid"),
    "volume_size": of("size"),
    "device_name": of("host"),
    "delete_on_termination": of("flag"),
    "no_device": of("text"),
    "connection_info": of("text"),
}
DEVICE: Mapping[str, Field] = {
    **LEGACY,
    "source_type": of("source"),
    "uuid": of("image"),
    "image_id": of("uuid"),
    "destination_type": of("target"),
    "guest_format": of("text"),
    "device_type": of("text"),
    "disk_bus": of("text"),
    "boot_index": of("index"),
    "tag": of("tag", 42),
    "volume_type": of("text", 67),
}
NETWORK: Mapping[str, Field] = {
    "uuid": of("network"),
    "port": of("port"),
    "fixed_ip": of("ip"),
    "tag": of("tag", 42),
}
SERVER: Mapping[str, Field] = {
    "name": of("name", needed=1),
    "flavorRef": of("flavor", needed=1),
    "imageRef": Field("image", often=0.85),
    "networks": Field("networks", inner=NETWORK, many=True, needed=37),
    "adminPass": of("text"),
    "metadata": of("metadata"),
    "OS-DCF:diskConfig": of("disk"),
    "accessIPv4": of("ipv4"),
    "accessIPv6": of("ipv6"),
    "personality": Field(until=56, rare=True, inner={"path": of("path"), "contents": of("content")}, many=True),
    "availability_zone": of("zone"),
    "block_device_mapping": Field(rare=True, inner=LEGACY, many=True),
    "block_device_mapping_v2": Field(rare=True, inner=DEVICE, many=True),
    "config_drive": of("flag"),
    "key_name": of("key"),
    "min_count": of("count"),
    "max_count": of("count"),
    "return_reservation_id": of("flag"),
    "security_groups": of("groups"),
    "user_data": of("content"),
    "description": of("description", 19),
    "tags": of("tags", 52),
    "trusted_image_certificates": Field("certs", 63, rare=True),
    "host": of("host", 74),
    "hypervisor_hostname": of("host", 74),
    "hostname": of("hostname", 90),
}
HINTS: Mapping[str, Field] = {
    "group": Field("uuid", rare=True),
    "different_host": of("uuid"),
    "same_host": Field("uuid", rare=True),
    "query": Field("text", rare=True),
    "target_cell": of("name"),
    "different_cell": of("text"),
    "build_near_host_ip": Field("ip", rare=True),
    "cidr": of("text"),
    "_nova_x": of("text"),
    "own": of("text"),
}
UPDATE: Mapping[str, Field] = {
    "name": of("name"),
    "OS-DCF:diskConfig": of("disk"),
    "accessIPv4": of("ipv4"),
    "accessIPv6": of("ipv6"),
    "description": of("description", 19),
    "hostname": of("hostname", 90),
    "pinned_availability_zone": of("zone or none", 104),
}
KEYPAIR: Mapping[str, Field] = {
    "name": of("key name", needed=1),
    "public_key": of("public key", needed=92),
    "type": of("type", 2),
    "user_id": of("text", 10),
}
SHAPES: Mapping[str, Mapping[str, Field]] = {
    "create": {
        "server": Field(inner=SERVER, needed=1),
        "os:scheduler_hints": Field(inner=HINTS),
        "OS-SCH-HNT:scheduler_hints": Field(inner=HINTS),
    },
    "update": {"server": Field(inner=UPDATE, needed=1)},
    "keypair": {"keypair": Field(inner=KEYPAIR, needed=1)},
}
