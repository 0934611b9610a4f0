"""In what order servers are listed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ...faults import BadRequest, Forbidden
from ...web.dialect import Version
from .columns import PLACE

VALID = (
    *("access_ip_v4", "access_ip_v6", "auto_disk_config", "availability_zone", "config_drive", "created_at"),
    *("display_description", "display_name", "host", "hostname", "image_ref", "instance_type_id", "kernel_id"),
    *("key_name", "launch_index", "launched_at", "locked_by", "node", "power_state", "progress", "project_id"),
    *("ramdisk_id", "root_device_name", "task_state", "terminated_at", "updated_at", "user_id", "uuid", "vm_state"),
)
IGNORED = (
    *("architecture", "cell_name", "cleaned", "default_ephemeral_device", "default_swap_device", "deleted"),
    *("deleted_at", "disable_terminate", "ephemeral_gb", "ephemeral_key_uuid", "id", "key_data", "launched_on"),
    *("locked", "memory_mb", "os_type", "reservation_id", "root_gb", "shutdown_terminate", "user_data", "vcpus"),
    "vm_mode",
)
"""Keys that were valid once and are left out since."""
ADMIN_ONLY = ("host", "node")
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "display_name": "name",
        "uuid": "id",
        **{
            key: str(PLACE[column])
            for key, column in (
                ("display_description", "description"),
                ("node", "host"),
                ("image_ref", "image"),
                ("instance_type_id", "flavor"),
                *((name, name) for name in VALID if name in PLACE),
                ("launch_index", "launch_order"),
                ("locked", "locked"),
            )
        },
    }
)
Sort = tuple[tuple[str, bool], ...]


def sort_keys(version: Version) -> list[str]:
    """The keys that a query may name at a version."""
    if version >= (2, 75):
        return ["locked", *VALID]
    return [*VALID, *IGNORED]


def sorted_by(admin: bool, version: Version, query: Mapping[str, Sequence[str]]) -> Sort:
    """The columns to sort by, none for the default order. Raises BadRequest and Forbidden in Nova's words."""
    keys = [key.strip() for key in query.get("sort_key", ())] or ["created_at"]
    directions = [direction.strip() for direction in query.get("sort_dir", ())] or ["desc"]
    kept, said = _kept(admin, version, keys, directions)
    if not kept:
        return ()
    if any(direction not in ("asc", "desc") for direction in said):
        raise BadRequest("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'")
    if len(said) > len(kept):
        raise BadRequest("Invalid input received: Sort direction size exceeds sort key size")
    otherwise = said[0] if said else "desc"
    pairs = [(key, said[place] if place < len(said) else otherwise) for place, key in enumerate(kept)]
    if pairs == [("created_at", "desc")]:
        return ()
    found = ((_COLUMNS[key], direction == "asc") for key, direction in pairs if key in _COLUMNS)
    return (*found, ("id", True))


def _kept(admin: bool, version: Version, keys: list[str], directions: list[str]) -> tuple[list[str], list[str]]:
    """Without the keys that are ignored, and their directions."""
    ignored = set(IGNORED) - ({"locked"} if version >= (2, 73) else set())
    for key in keys:
        if key in ADMIN_ONLY and not admin:
            raise Forbidden(f"Only administrators can sort servers by {key}")
    said = [
        direction for place, direction in enumerate(directions) if place >= len(keys) or keys[place] not in ignored
    ]
    return [key for key in keys if key not in ignored], said
