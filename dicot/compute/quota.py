"""What a project may have of Nova's, and what it has."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ..cloud.kinds.kubevirt import VM, VMI, Vm
from ..cloud.kinds.quota import RESOURCE_QUOTA
from ..cloud.quota import limits
from ..cloud.resource import Known
from ..config import QUOTA_DEFAULTS, Config
from ..kube.kind import Kind, Row
from ..names import USER_ID
from ..web.dialect import Version
from .facts import FlavorCopy, copied, flavor_of_vm

READS: tuple[Kind[Any], ...] = (VM, VMI, RESOURCE_QUOTA)
SERVERS = ("instances", "cores", "ram")
"""What servers take."""
INSTANCES = "count/virtualmachines.kubevirt.io"
_HARD: Mapping[str, str] = MappingProxyType({"instances": INSTANCES})
"""What Kubernetes counts too, under its own name."""
NO_FILES: Mapping[str, int] = MappingProxyType(
    {"injected_files": 0, "injected_file_content_bytes": 0, "injected_file_path_bytes": 0}
)
"""KubeVirt puts no files into a guest, so none are taken."""
NO_NETWORKS: Mapping[str, int] = MappingProxyType(
    {"fixed_ips": -1, "floating_ips": -1, "security_groups": -1, "security_group_rules": -1}
)
"""Those of nova-network, which Nova has not counted since (nova/quota.py, QUOTAS)."""


def defaults(config: Config) -> dict[str, int]:
    """What a project has that has no amounts of its own."""
    return {**_configured(config), **NO_FILES, **NO_NETWORKS}


def limits_of(known: Known) -> dict[str, int]:
    """The limits of the caller's project, by Nova's names."""
    return {**limits(known, _configured(known.config), _HARD), **NO_FILES, **NO_NETWORKS}


def _configured(config: Config) -> dict[str, int]:
    return {name: config.quota.get(name, -1) for name in QUOTA_DEFAULTS}


def shown(version: Version) -> tuple[str, ...]:
    """The names that there are at a version (nova/api/openstack/compute/quota_sets.py)."""
    files = NO_FILES if version < (2, 57) else {}
    networks = NO_NETWORKS if version < (2, 36) else {}
    return (*QUOTA_DEFAULTS, *files, *networks)


def used(known: Known, user: str = "") -> Mapping[str, int]:
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
