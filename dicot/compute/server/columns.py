"""What lists filter and sort servers by."""

from collections.abc import Mapping
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
)
PLACE: Mapping[str, int] = MappingProxyType({name: place for place, name in enumerate(COLUMNS)})


def entry(joined: Joined, now: float) -> Listed:
    """A server, listed, and when its status must be asked for again."""
    row = joined.row
    state = state_of(joined, now)
    values = _of_nova(joined) | _of_cluster(joined)
    values |= {
        "vm_state": state.vm_state or "",
        "task_state": state.task_state or "",
        "power_state": str(state.power_state),
    }
    if state.vm_state == "building":
        values |= {"ip": "", "ip6": ""}
    found = Entry(
        place=row.place,
        scope=row.namespace,
        id=row.id,
        order=newest_first(row.created, row.id),
        name=notes.display_name(joined.main(VM)),
        status=state.status,
        columns="\0".join(values[name].replace("\0", "") for name in COLUMNS),
    )
    return Listed(found, state.again)


def _of_nova(joined: Joined) -> dict[str, str]:
    """What Dicot keeps of it."""
    vm = joined.main(VM)
    note, lock = notes.server_note(vm), notes.lock_note(vm)
    return {
        "user_id": notes.user_id(vm),
        "image": notes.image_note(vm).id,
        "key_name": notes.key_name(vm) or "",
        "created_at": joined.row.created,
        "reservation_id": vm.metadata.annotations.get(RESERVATION, ""),
        "hostname": notes.hostname(vm),
        "locked": "True" if lock is not None else "False",
        "locked_by": lock.by if lock is not None else "",
        "config_drive": "True" if notes.has_config_drive(vm) else "",
        "description": notes.description(vm) or "",
        "tags": ",".join(notes.tags(vm)),
        "access_ip_v4": note.accessIPv4,
        "access_ip_v6": note.accessIPv6,
        "launch_index": str(note.launchIndex),
    }


def _of_cluster(joined: Joined) -> dict[str, str]:
    """What the cluster says of it."""
    vm, vmi, node = joined.main(VM), vmi_of(joined), node_of(joined)
    ports = (body for _, body in joined.all(PORT))
    addresses = addresses_of(vmi, ports, joined.config.network_name)
    return {
        "flavor": flavor_in(joined).id,
        "host": node[0].name if node else "",
        "availability_zone": zone_of(node[1] if node else None) or notes.server_note(vm).zone or "",
        "updated_at": updated(vm, vmi),
        "launched_at": seconds_of(launched(vm, vmi)),
        "ip": " ".join(address.text for address in addresses if address.version == 4),
        "ip6": " ".join(address.text for address in addresses if address.version == 6),
    }
