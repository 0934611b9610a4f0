"""What a project has of Nova's."""

from collections.abc import Callable, Mapping
from typing import Any

from ..cloud.kinds.kubevirt import VM, VMI, Vm, Vmi
from ..cloud.kinds.quota import RESOURCE_QUOTA
from ..cloud.resource import Known, Tallied
from ..kube.kind import Kind
from ..names import USER_ID
from .facts import copied, flavor_of_vm
from .quota import SERVERS
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
    sums = known.tally(SERVERS_TAKE)
    found = [sums.get(user, {})] if user else sums.values()
    return {name: sum(each.get(name, 0) for each in found) for name in SERVERS}


def _measure(vm: Vm, instance: Callable[[], Vmi | None]) -> tuple[str, Mapping[str, int]]:
    """Only what kubectl made of an instancetype needs its instance looked at."""
    annotations = vm.metadata.annotations
    flavor = copied(annotations) or flavor_of_vm(vm, instance() if vm.spec.instancetype else None)
    return annotations.get(USER_ID, ""), {"instances": 1, "cores": flavor.vcpus, "ram": flavor.ram}


SERVERS_TAKE = Tallied(VM, VMI, _measure)
