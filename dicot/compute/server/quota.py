"""What servers take of a project's quota."""

from collections.abc import Mapping

from ...cloud.kinds.kubevirt import VM, VMI, Vm
from ...cloud.plan import Reservation
from ...cloud.resource import Known
from ...faults import Fault, Forbidden
from ...kube.kind import Row
from ..facts import FlavorCopy, copied, flavor_of_vm

AMOUNTS = ("instances", "cores", "ram")


def reservation(known: Known, flavor: FlavorCopy) -> Reservation | None:
    """One server's share; None where the project has no limit at all."""
    limits = {name: known.config.quota.get(name, -1) for name in AMOUNTS}
    if all(limit < 0 for limit in limits.values()):
        return None
    return Reservation(
        amounts={"instances": 1, "cores": flavor.vcpus, "ram": flavor.ram},
        used=used(known),
        limits=limits,
        refuse=too_many,
    )


def used(known: Known) -> Mapping[str, int]:
    """Instances, cores and MiB of ram that the servers of the caller's project take, running or not."""
    own = known.caller.namespace
    copies = [_copy(row, vm, known) for row, vm in known.rows(VM) if row.namespace == own]
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


def too_many(name: str, limit: int, taken: int, asked: int) -> Fault:
    """Nova's TooManyInstances."""
    return Forbidden(
        f"Quota exceeded for {name}: Requested {asked}, but already used {taken} of {limit} {name}",
        kind="OverQuota",
    )
