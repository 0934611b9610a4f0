"""What lists filter and sort servers by."""

from collections.abc import Mapping
from sys import intern
from types import MappingProxyType

from ...cloud.kinds.kubevirt import VM
from ...cloud.kinds.network import PORT
from ...cloud.reading.shelf import Entry, newest_first
from ...cloud.resource import Joined, Listed
from ...names import RESERVATION
from ..times import seconds_of
from . import notes
from .addresses import addresses_of
from .joined import flavor_in, node_of, state_of, vmi_of, zone_of
from .status import State
from .view import launched, updated

COLUMNS = (
    "vm_state",
    "task_state",
    "power_state",
    "user_id",
    "image",
    "flavor",
    "host",
    "key_name",
    "availability_zone",
    "created_at",
    "updated_at",
    "launched_at",
    "reservation_id",
    "hostname",
    "locked",
    "locked_by",
    "config_drive",
    "description",
    "ip",
    "ip6",
    "tags",
    "access_ip_v4",
    "access_ip_v6",
    "launch_index",
    "launch_order",
    "auto_disk_config",
    "project_id",
)
PLACE: Mapping[str, int] = MappingProxyType({name: place for place, name in enumerate(COLUMNS)})


def entry(joined: Joined, now: float) -> Listed:
    """A server, listed, and when its status must be asked for again."""
    row = joined.row
    state = state_of(joined, now)
    name = notes.display_name(joined.main(VM))
    found = Entry(
        place=row.place,
        scope=row.namespace,
        id=row.id,
        order=order(row.created, row.id),
        name=name,
        status=state.status,
        columns=_columns(joined, state, name),
    )
    return Listed(found, state.again)


def order(created: str, id: str) -> str:
    """Nova's default: created_at descending, then uuid ascending (nova/compute/instance_list.py)."""
    return newest_first(created, "") + id


def _columns(joined: Joined, state: State, name: str) -> tuple[str, ...]:
    """The values of COLUMNS; what many servers have in common is held once."""
    vm, vmi, node = joined.main(VM), vmi_of(joined), node_of(joined)
    note, lock = notes.server_note(vm), notes.lock_note(vm)
    hostname = notes.hostname(vm, note)
    ports = (body for _, body in joined.all(PORT))
    shown = state.vm_state != "building"
    addresses = addresses_of(vmi, ports, joined.config.network_name) if shown else ()
    started, changed = seconds_of(launched(vm, vmi)), updated(vm, vmi)
    values = {
        "vm_state": state.vm_state or "",
        "task_state": state.task_state or "",
        "power_state": str(state.power_state),
        "user_id": intern(notes.user_id(vm)),
        "image": intern(notes.image_note(vm).id),
        "flavor": intern(flavor_in(joined).id),
        "host": node[0].name if node else "",
        "key_name": intern(notes.key_name(vm) or ""),
        "availability_zone": intern(zone_of(node[1] if node else None) or note.zone or ""),
        "created_at": joined.row.created,
        "updated_at": changed,
        "launched_at": changed if started == changed else started,
        "reservation_id": vm.metadata.annotations.get(RESERVATION, ""),
        "hostname": name if hostname == name else hostname,
        "locked": "True" if lock is not None else "False",
        "locked_by": lock.by if lock is not None else "",
        "config_drive": "True" if notes.has_config_drive(vm) else "",
        "description": notes.description(vm) or "",
        "ip": "\n".join([address.text for address in addresses if address.version == 4]),
        "ip6": "\n".join([address.text for address in addresses if address.version == 6]),
        "tags": ",".join(notes.tags(vm)),
        "access_ip_v4": note.accessIPv4,
        "access_ip_v6": note.accessIPv6,
        "launch_index": str(note.launchIndex),
        "launch_order": f"{note.launchIndex:05}" if note.launchIndex else "",
        "auto_disk_config": "1" if note.diskConfig == "AUTO" else "0",
        "project_id": intern(joined.project),
    }
    return tuple([values[column] for column in COLUMNS])
