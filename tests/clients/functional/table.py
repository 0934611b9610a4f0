"""Functional tests of openstackclient and openstacksdk, of what compute and identity are asked: which of them pass.

``passing.txt`` names those that pass. A reason is for all others whose names begin as it says; where several do, the
longest beginning counts.
"""

from collections.abc import Mapping
from pathlib import Path

PASSING = tuple(Path(__file__).with_name("passing.txt").read_text().split())
PACKAGES = (
    *(f"openstackclient.tests.functional.{name}" for name in ("common", "compute", "identity.v3")),
    *(f"openstack.tests.functional.{name}" for name in ("compute", "identity")),
)
MODULES = tuple(f"openstack.tests.functional.cloud.test_{name}." for name in ("compute", "identity"))
"""Of a package that asks all services."""
_OSC = "openstackclient.tests.functional"
_SDK = "openstack.tests.functional"
_SERVER = f"{_OSC}.compute.v2.test_server.ServerTests.test_"
_CLOUD = f"{_SDK}.cloud.test_compute.Test"
LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "projects, users, domains and roles are not made over the API yet": (
        f"{_OSC}.identity.",
        f"{_OSC}.common.test_quota.",
        f"{_OSC}.compute.v2.test_flavor.",
        f"{_OSC}.compute.v2.test_keypair.KeypairTests.test_keypair_list_by_project",
        f"{_SDK}.cloud.test_identity.",
        *(f"{_SDK}.identity.v3.test_{name}." for name in ("domain_config", "group", "project", "user")),
    ),
    "services, endpoints, limits and credentials are not served yet": (
        *(f"{_SDK}.identity.v3.test_{name}" for name in ("endpoint", "limit.", "registered_limit.", "service.")),
        *(f"{_SDK}.identity.v3.test_{name}." for name in ("access_rule", "application_credential")),
    ),
    "the volume service is not served yet, which these ask for first": (
        f"{_SDK}.compute.",
        f"{_SERVER}boot_from_volume",
        f"{_SERVER}server_add_remove_volume",
        f"{_SERVER}server_boot_",
        f"{_OSC}.common.test_extension.ExtensionTests.test_extension_list_volume",
        *(f"{_CLOUD}Compute.test_{name}" for name in ("attach_", "create_boot_", "create_terminate_volume_image")),
        *(
            f"{_CLOUD}Compute.test_{name}"
            for name in ("get_compute_usage", "get_server_console_name_or_id", "list_all_servers")
        ),
        f"{_CLOUD}Compute.test_set_and_delete_metadata",
    ),
    "networks, ports and security groups are not written yet": (
        *(
            f"{_SERVER}server_{name}"
            for name in ("add_fixed_ip", "add_remove_", "attach_detach_floating_ip", "create_with_security_group")
        ),
    ),
    "aggregates, hosts and hypervisors are not served yet": (
        f"{_OSC}.compute.v2.test_aggregate.",
        f"{_OSC}.compute.v2.test_hypervisor.",
        f"{_CLOUD}Aggregate.",
    ),
    "servers are not paused, suspended, rebuilt or migrated yet": (
        f"{_SERVER}server_actions",
        f"{_SERVER}server_list",
        f"{_SERVER}server_migration_list",
    ),
    "diagnostics are not served yet": (f"{_SERVER}server_show",),
    "servers that are gone are not listed": (f"{_SERVER}server_list_with_marker_and_deleted",),
    "images are not made of servers, and consoles not served yet": (
        f"{_CLOUD}Compute.test_create_image_snapshot_wait_active",
        f"{_CLOUD}Compute.test_get_server_console",
    ),
    "flavors and quotas are not written over the API yet": (
        f"{_CLOUD}Flavor.",
        f"{_CLOUD}ComputeQuotas.test_set_quotas",
    ),
    "the extensions that are listed are those that are served": (
        *(
            f"{_OSC}.common.test_extension.ExtensionTests.test_extension_{name}"
            for name in ("list_compute", "list_network", "show_network")
        ),
    ),
    "it counts the flavors and zones of devstack": (
        *(f"{_CLOUD}RangeSearch.test_range_search_{name}" for name in ("ge", "gt", "max", "multi_4")),
        f"{_CLOUD}Compute.test_list_availability_zone_names",
        f"{_OSC}.common.test_availability_zone.",
    ),
}


def reason(name: str) -> str:
    """Why a test is left out, "" for none."""
    found = {start: why for why, starts in LEFT_OUT.items() for start in starts if name.startswith(start)}
    return found[max(found, key=len)] if found else ""
