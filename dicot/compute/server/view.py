"""A server as Nova shows it (nova/api/openstack/compute/views/servers.py)."""

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ...cloud.kinds.condition import Condition
from ...cloud.kinds.kubevirt import VM, Vm, Vmi
from ...cloud.kinds.network import PORT
from ...cloud.reading.shelf import Shape
from ...cloud.resource import Joined
from ...kube.kind import Row
from ...names import LAUNCHED_AT, RESERVATION, UPDATED_AT
from ...web.dialect import Version
from .. import times
from ..facts import FlavorCopy
from ..links import bookmark, links
from ..server_group import SERVER_GROUP
from . import notes
from .addresses import addresses_of, as_document
from .attached import Attached, attached
from .failure import Failure
from .joined import flavor_in, group_names, node_of, state_of, vmi_of, zone_of
from .seen import held
from .status import State

Document = dict[str, Any]
BRIEF, DETAIL, SHOW = "brief", "detail", "show"
"""The views: a line of the short list, one of the long list, and one server."""
BANDS: tuple[Version, ...] = (
    (2, 1),
    (2, 3),
    (2, 9),
    (2, 16),
    (2, 19),
    (2, 26),
    (2, 47),
    (2, 63),
    (2, 71),
    (2, 73),
    (2, 90),
    (2, 96),
    (2, 98),
    (2, 100),
)
"""The versions at which the document changes: a shape's class is the place of the last that is not above."""
PROGRESSING = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"})


@lru_cache(maxsize=256)
def band(version: Version) -> int:
    """The class of a version."""
    return sum(since <= version for since in BANDS) - 1


def document(joined: Joined, shape: Shape, now: float) -> Document:
    """A server in one of its views."""
    view, place, admin = shape
    if view == BRIEF:
        return _brief(joined)
    version = BANDS[place]
    state = state_of(joined, now)
    found = _core(joined, state, version, admin) | _extended(joined, state, version)
    if admin:
        found |= _for_admins(joined, version)
    return found | _later(joined, version, view == SHOW)


def _brief(joined: Joined) -> Document:
    row = joined.row
    return {
        "id": row.id,
        "name": notes.display_name(joined.main(VM)),
        "links": links(joined.config, "servers", row.id),
    }


def _core(joined: Joined, state: State, version: Version, admin: bool) -> Document:
    """What Nova has shown from the first day."""
    vm, vmi, note = joined.main(VM), vmi_of(joined), notes.server_note(joined.main(VM))
    ports = (body for _, body in joined.all(PORT))
    shown = () if state.vm_state == "building" else addresses_of(vmi, ports, joined.config.network_name)
    return {
        **_brief(joined),
        "accessIPv4": note.accessIPv4,
        "accessIPv6": note.accessIPv6,
        "addresses": as_document(shown),
        "created": joined.row.created,
        "updated": updated(vm, vmi),
        "flavor": _flavor(joined, flavor_in(joined), version),
        "image": _image(joined, vm, version),
        "hostId": _host_id(joined),
        "metadata": notes.metadata(vm),
        "status": state.status,
        "tenant_id": joined.project,
        "user_id": notes.user_id(vm),
        "OS-DCF:diskConfig": note.diskConfig if note.diskConfig == "AUTO" else "MANUAL",
        **({"fault": _fault(state.failure, admin)} if state.failure else {}),
        **({"progress": 0} if state.status in PROGRESSING else {}),
    }


def _extended(joined: Joined, state: State, version: Version) -> Document:
    """What were extensions once."""
    vm = joined.main(VM)
    node = node_of(joined)
    groups = group_names(joined)
    return {
        "OS-EXT-AZ:availability_zone": zone_of(node[1] if node else None) or notes.server_note(vm).zone or "",
        "config_drive": "True" if notes.has_config_drive(vm) else "",
        "key_name": notes.key_name(vm),
        "OS-SRV-USG:launched_at": times.with_microseconds(launched(vm, vmi_of(joined))),
        "OS-SRV-USG:terminated_at": None,
        "OS-EXT-STS:task_state": state.task_state,
        # Nova has no word for what nobody knows, and Tempest wants one.
        "OS-EXT-STS:vm_state": state.vm_state or "unknown",
        "OS-EXT-STS:power_state": state.power_state,
        "os-extended-volumes:volumes_attached": [_volume(each, version) for each in attached(joined)],
        **({"security_groups": [{"name": name} for name in groups]} if groups else {}),
    }


def _volume(each: Attached, version: Version) -> Document:
    if version < (2, 3):
        return {"id": each.id}
    return {"id": each.id, "delete_on_termination": each.deletes}


def _for_admins(joined: Joined, version: Version) -> Document:
    """What names the cluster's own things."""
    row, vm, node = joined.row, joined.main(VM), node_of(joined)
    host = node[0].name if node else None
    found: Document = {
        "OS-EXT-SRV-ATTR:host": host,
        "OS-EXT-SRV-ATTR:hypervisor_hostname": host,
        "OS-EXT-SRV-ATTR:instance_name": f"{row.namespace}_{row.name}",
    }
    if version >= (2, 3):
        found |= {
            "OS-EXT-SRV-ATTR:hostname": notes.hostname(vm),
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:launch_index": notes.server_note(vm).launchIndex,
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:reservation_id": vm.metadata.annotations.get(RESERVATION),
            "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
            "OS-EXT-SRV-ATTR:user_data": None,
        }
    if version >= (2, 16):
        found["host_status"] = _host_status(node[1].status.conditions) if node else ""
    return found


def _host_status(conditions: tuple[Condition, ...]) -> str:
    if held(conditions, "Ready", "True"):
        return "UP"
    return "DOWN" if held(conditions, "Ready", "False") else "UNKNOWN"


def _later(joined: Joined, version: Version, alone: bool) -> Document:
    """What came with a version of its own; ``server_groups`` is shown of one server alone."""
    vm = joined.main(VM)
    note, lock = notes.server_note(vm), notes.lock_note(vm)
    found: Mapping[Version, Document] = {
        (2, 9): {"locked": lock is not None},
        (2, 19): {"description": notes.description(vm)},
        (2, 26): {"tags": notes.tags(vm)},
        (2, 63): {"trusted_image_certificates": None},
        (2, 71): {"server_groups": [row.id for row, _ in joined.all(SERVER_GROUP)]} if alone else {},
        (2, 73): {"locked_reason": lock.reason if lock else None},
        (2, 90): {"OS-EXT-SRV-ATTR:hostname": notes.hostname(vm)},
        (2, 96): {"pinned_availability_zone": note.zone},
        (2, 100): {"scheduler_hints": note.hints},
    }
    return {key: value for since, more in found.items() if since <= version for key, value in more.items()}


def _flavor(joined: Joined, flavor: FlavorCopy, version: Version) -> Document:
    if version < (2, 47):
        href = bookmark(joined.config, "flavors", flavor.id)
        return {"id": flavor.id, "links": [{"rel": "bookmark", "href": href}]}
    return {
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "ephemeral": flavor.ephemeral,
        "swap": flavor.swap,
        "original_name": flavor.name,
        "extra_specs": flavor.extraSpecs,
    }


def _image(joined: Joined, vm: Vm, version: Version) -> Document | str:
    note = notes.image_note(vm)
    if not note.id:
        return ""
    found: Document = {
        "id": note.id,
        "links": [{"rel": "bookmark", "href": bookmark(joined.config, "images", note.id)}],
    }
    return found | {"properties": note.properties} if version >= (2, 98) else found


def _host_id(joined: Joined) -> str:
    node = node_of(joined)
    return host_id(joined.project, node[0] if node else None)


def host_id(project: str, node: Row | None) -> str:
    """The same for servers of a project on one node, and of no use to anybody who knows the node's name alone."""
    if node is None:
        return ""
    return hmac.new(node.uid.encode(), f"{project}\0{node.name}".encode(), hashlib.sha224).hexdigest()


def _fault(failure: Failure, admin: bool) -> Document:
    found: Document = {"code": failure.code, "created": failure.created, "message": failure.message}
    return found | {"details": failure.details} if admin and failure.details else found


def launched(vm: Vm, vmi: Vmi | None) -> str | None:
    """When it first ran; before that is noted, when the instance that is there began to run."""
    noted = vm.metadata.annotations.get(LAUNCHED_AT)
    if noted or vmi is None:
        return noted
    for each in reversed(vmi.status.phaseTransitionTimestamps):
        if each.phase == "Running":
            return each.phaseTransitionTimestamp
    return None


def updated(vm: Vm, vmi: Vmi | None) -> str:
    """The last moment at which anything that is shown is known to have changed."""
    # Kubernetes writes all of them in one form, so that the texts sort as the times do.
    last = max(vm.metadata.creationTimestamp, times.seconds_of(vm.metadata.annotations.get(UPDATED_AT)))
    for condition in vm.status.conditions:
        if condition.lastTransitionTime and condition.lastTransitionTime > last:
            last = condition.lastTransitionTime
    for each in vmi.status.phaseTransitionTimestamps if vmi is not None else ():
        if each.phaseTransitionTimestamp and each.phaseTransitionTimestamp > last:
            last = each.phaseTransitionTimestamp
    return times.seconds_of(last)
