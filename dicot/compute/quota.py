"""What a project may have of Nova's."""

from collections.abc import Mapping
from types import MappingProxyType

from ..cloud.quota import limits
from ..cloud.resource import Known
from ..config import QUOTA_DEFAULTS, Config
from ..web.dialect import Version

SERVERS = ("instances", "cores", "ram")
"""What servers take."""
INSTANCES = "count/virtualmachines.kubevirt.io"
_HARD: Mapping[str, str] = MappingProxyType(
    {"instances": INSTANCES, "server_groups": "count/servergroups.compute.dicot.io"}
)
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
