"""What lists filter and sort servers by."""

from collections.abc import Mapping
from sys import intern
from types import MappingProxyType

from ...cloud.kinds.kubevirt import VM, Vm, Vmi
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
    row, vm = joined.row, joined.main(VM)
    state = state_of(joined, now)
    name = notes.display_name(vm)
    columns = _columns(joined, vm, state, name)
    found = Entry(row.place, row.namespace, row.id, order(row.created, row.id), name, state.status, columns)
    return Listed(found, state.again)


def order(created: str, id: str) -> str:
    """Nova's default: created_at descending, then uuid ascending (nova/compute/instance_list.py)."""
    return newest_first(created, "") + id


def _columns(joined: Joined, vm: Vm, state: State, name: str) -> tuple[str, ...]:
    """The values of COLUMNS, in their order; what many servers have in common is held once."""
    vmi, node = vmi_of(joined), node_of(joined)
    note, lock = notes.server_note(vm), notes.lock_note(vm)
    hostname = notes.hostname(vm, note)
    started, changed = seconds_of(launched(vm, vmi)), updated(vm, vmi)
    ip, ip6 = _texts(joined, vmi) if state.vm_state != "building" else ("", "")
    return (
        state.vm_state or "",
        state.task_state or "",
        str(state.power_state),
        intern(notes.user_id(vm)),
        intern(notes.image_note(vm).id),
        intern(flavor_in(joined).id),
        node[0].name if node else "",
        intern(notes.key_name(vm) or ""),
        intern(zone_of(node[1] if node else None) or note.zone or ""),
        joined.row.created,
        changed,
        changed if started == changed else started,
        vm.metadata.annotations.get(RESERVATION, ""),
        name if hostname == name else hostname,
        "True" if lock is not None else "False",
        lock.by if lock is not None else "",
        "True" if notes.has_config_drive(vm) else "",
        notes.description(vm) or "",
        ip,
        ip6,
        ",".join(notes.tags(vm)),
        note.accessIPv4,
        note.accessIPv6,
        str(note.launchIndex),
        f"{note.launchIndex:05}" if note.launchIndex else "",
        "1" if note.diskConfig == "AUTO" else "0",
        intern(joined.project),
    )


def _texts(joined: Joined, vmi: Vmi | None) -> tuple[str, str]:
    """The addresses of both versions, a line for each."""
    found = addresses_of(vmi, (), joined.config.network_name)
    if len(found) == 1:
        return (found[0].text, "") if found[0].version == 4 else ("", found[0].text)
    ip = "\n".join([address.text for address in found if address.version == 4])
    return ip, "\n".join([address.text for address in found if address.version == 6])
