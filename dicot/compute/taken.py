"""What a project has of Nova's."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..cloud.kinds.kubevirt import VM, VMI, Vm
from ..cloud.kinds.quota import RESOURCE_QUOTA
from ..cloud.resource import Known
from ..kube.kind import Kind, Row
from ..names import USER_ID
from .facts import FlavorCopy, copied, flavor_of_vm
from .server_group import SERVER_GROUP

READS: tuple[Kind[Any], ...] = (VM, VMI, SERVER_GROUP, RESOURCE_QUOTA)
"""What is looked at for this, and for the limits."""


def used(known: Known, user: str = "") -> Mapping[str, int]:
    """All that is counted of the caller's project, or of what one user made in it."""
    groups = sum(not user or group.spec.userId == user for _, group in known.rows(SERVER_GROUP))
    return {**servers_take(known, user), "server_groups": groups}


def servers_take(known: Known, user: str = "") -> Mapping[str, int]:
    """Instances, cores and MiB of ram that the servers of the caller's project take, running or not.

    With ``user`` only those that this user made count.
    """
    own = known.caller.namespace
    machines: Iterable[tuple[Row, Vm]] = ((row, vm) for row, vm in known.rows(VM) if row.namespace == own)
    if user:
        machines = ((row, vm) for row, vm in machines if vm.metadata.annotations.get(USER_ID) == user)
    copies = [_copy(row, vm, known) for row, vm in machines]
    return {
        "instances": len(copies),
        "cores": sum(copy.vcpus for copy in copies),
        "ram": sum(copy.ram for copy in copies),
    }


def _copy(row: Row, vm: Vm, known: Known) -> FlavorCopy:
    """Only what kubectl made of an instancetype needs its instance looked at."""
    copy = copied(vm.metadata.annotations)
    if copy is not None:
        return copy
    running = known.linked(VMI, row.uid) if vm.spec.instancetype else ()
    return flavor_of_vm(vm, running[0][1] if running else None)
