"""Tempest's tests of compute and identity: which of them pass, and why others cannot yet.

``passing.txt`` names those that pass, without ``tempest.api.``. A reason is for all others whose names begin as it
says; where several do, the longest beginning counts. Some of these pass all the same, because what they ask for is
not found: that says nothing.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

PASSING = tuple(Path(__file__).with_name("passing.txt").read_text().split())
_SERVERS = "compute.servers.test_"
_ADMIN = "compute.admin.test_"
_V3 = "identity.admin.v3.test_"
LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "users and projects are not made over the API yet, which dynamic credentials need": (
        f"{_V3}list_projects.ListProjectsStaticTestJSON.",
        f"{_ADMIN}quotas.QuotasAdminTest",
        f"{_ADMIN}quotas_negative.",
        *(
            f"{_V3}{name}"
            for name in ("default_project_id.", "list_users.", "projects.", "projects_negative.", "users")
        ),
        *(f"{_V3}{name}" for name in ("project_tags.", "list_projects.ListProjectsTestJSON.", "tokens.")),
        "identity.v3.test_users.",
    ),
    "a system reader is asked for, and role assignments are not made over the API yet": (
        *(f"{_V3}{name}." for name in ("groups", "inherits", "regions", "roles")),
    ),
    "domains are not served yet": (
        *(f"{_V3}{name}" for name in ("domains", "domain_configuration.")),
        "identity.v3.test_domains.",
    ),
    "services and endpoints are not served yet": (
        *(f"{_V3}{name}" for name in ("endpoints", "endpoint_groups.", "services.")),
    ),
    "credentials of other kinds than passwords are not served yet": (
        *(f"{_V3}{name}." for name in ("application_credentials", "credentials", "oauth_consumers", "trusts")),
        *(f"identity.v3.test_{name}." for name in ("access_rules", "application_credentials", "ec2_credentials")),
    ),
    "Keystone's store of policies is not served": (f"{_V3}policies.",),
    "the volume service is not served yet": (
        "compute.volumes.",
        *(f"{_ADMIN}{name}." for name in ("assisted_volume_snapshots", "volume", "volume_swap", "volumes_negative")),
        f"{_SERVERS}create_server.ServersTestBootFromVolume.",
        f"{_SERVERS}delete_server.DeleteServersTestJSON.test_delete_server_while_in_attached_volume",
        f"{_SERVERS}servers_negative.ServersNegativeTestJSON.test_create_server_from_non_bootable_volume",
        f"{_SERVERS}servers_negative.ServersNegativeTestJSON.test_create_server_invalid_bdm_in_2nd_dict",
        f"{_SERVERS}server_actions.ServerActionsTestOtherA.test_rebuild_server_with_volume_attached",
        f"{_SERVERS}server_actions.ServerActionsTestOtherA.test_resize_volume_backed_server_confirm",
        f"{_SERVERS}server_actions.ServerActionsV293TestJSON.",
    ),
    "images are not written yet": ("compute.images.", "compute.flavors.test_flavors_negative."),
    "networks and ports are not written yet": (
        f"{_ADMIN}auto_allocate_network.",
        f"{_SERVERS}attach_interfaces.",
        f"{_SERVERS}create_server_multi_nic.",
        "compute.floating_ips.",
    ),
    "Nova's proxies of the network service are not served yet": (
        f"{_ADMIN}networks.",
        f"{_ADMIN}security_groups.",
        "compute.security_groups.",
        "compute.test_networks.",
        "compute.test_tenant_networks.",
        f"{_SERVERS}server_actions.ServerActionsTestOtherA.test_remove_server_all_security_groups",
    ),
    "flavors are not written over the API yet": (f"{_ADMIN}flavors",),
    "quota classes are not served yet": (f"{_ADMIN}quotas.QuotaClasses",),
    "aggregates, hosts, hypervisors and services are not served yet": (
        *(f"{_ADMIN}{name}" for name in ("aggregates", "hosts", "hypervisor", "services")),
        *(
            f"{_ADMIN}{name}"
            for name in ("instance_usage_audit_log", "server_diagnostics", "server_external_events.")
        ),
    ),
    "servers are not migrated, evacuated or unshelved yet": (
        *(f"{_ADMIN}{name}" for name in ("live_migration", "migrations.")),
        f"{_ADMIN}servers_negative.ServersAdminNegativeTestJSON.test_migrate_",
        f"{_ADMIN}servers_on_multinodes.UnshelveToHostMultiNodesTest.",
    ),
    "servers are not rebuilt yet": (
        f"{_ADMIN}servers.ServersAdmin275Test.",
        f"{_ADMIN}servers.ServersAdminTestJSON.test_rebuild_",
        f"{_SERVERS}disk_config.ServerDiskConfigTestJSON.test_rebuild_",
        f"{_SERVERS}server_actions.ServerActionsTestJSON.test_rebuild_",
        f"{_SERVERS}server_actions.ServerActionsTestOtherA.test_rebuild_server_in_stop_state",
        f"{_SERVERS}server_personality.ServerPersonalityTestJSON.test_rebuild_",
        f"{_SERVERS}servers.ServerShowV247Test.test_update_rebuild_",
        f"{_SERVERS}servers.ServersListShow",
        f"{_SERVERS}servers_microversions.",
        f"{_SERVERS}servers_negative.ServersNegativeTestJSON.test_rebuild_",
    ),
    "servers are not resized yet": (
        f"{_ADMIN}servers_negative.ServersAdminNegativeTestJSON.test_resize_",
        f"{_SERVERS}delete_server.DeleteServersTestJSON.test_delete_server_while_in_verify_resize_state",
        f"{_SERVERS}disk_config.ServerDiskConfigTestJSON.test_resize_",
        f"{_SERVERS}server_actions.ServerActionsTestJSON.test_resize_",
        f"{_SERVERS}server_actions.ServerActionsTestOtherB.test_resize_",
        f"{_SERVERS}servers_negative.ServersNegativeTestJSON.test_resize_",
    ),
    "servers are not paused, suspended, shelved, restored, force-deleted or reset yet": (
        f"{_ADMIN}delete_server.DeleteServersAdminTestJSON.test_delete_server_while_in_error_state",
        *(
            f"{_ADMIN}servers.ServersAdminTestJSON.test_{name}"
            for name in ("list_servers_filter_by_error_status", "reset_state_server", "inject_network_info")
        ),
        *(
            f"{_ADMIN}servers_negative.ServersAdminNegativeTestJSON.test_{name}"
            for name in ("reset_state_server_nonexistent_server", "restore_server_invalid_state")
        ),
        *(
            f"{_SERVERS}delete_server.DeleteServersTestJSON.test_delete_server_while_in_{state}_state"
            for state in ("pause", "shelved", "suspended")
        ),
        *(f"{_SERVERS}server_actions.ServerActionsTestJSON.test_{name}" for name in ("pause_", "suspend_")),
        f"{_SERVERS}server_actions.ServerActionsTestOtherB.test_shelve_",
        *(
            f"{_SERVERS}servers_negative.ServersNegativeTestJSON.test_{name}_"
            for name in ("pause", "unpause", "suspend", "resume", "shelve", "unshelve", "restore", "force_delete")
        ),
    ),
    "no images are made of servers yet": (
        f"{_SERVERS}server_actions.ServerActionsTestOtherB.test_create_backup",
        f"{_SERVERS}server_actions.ServersAaction247Test.",
    ),
    "servers are not rescued yet": (f"{_SERVERS}server_rescue",),
    "consoles and what they said are not served yet": (
        f"{_ADMIN}spice.",
        f"{_SERVERS}novnc.",
        f"{_SERVERS}server_actions.ServerActionsTestJSON.test_get_console_output",
        f"{_SERVERS}server_actions.ServerActionsTestOtherB.test_get_",
        f"{_SERVERS}servers_negative.ServersNegativeTestJSON.test_get_console_output_",
    ),
    "passwords of guests are not kept or changed yet": (
        f"{_SERVERS}server_actions.ServerActionsTestJSON.test_change_server_password",
        f"{_SERVERS}server_password.",
    ),
    "files are not put into guests: their quota is 0": (f"{_SERVERS}server_personality.",),
    "it logs in to a guest, and the nodes here are simulated": (
        f"{_ADMIN}create_server.",
        f"{_SERVERS}create_server.",
        f"{_SERVERS}device_tagging.",
    ),
    "certificates of images are not checked": (f"{_SERVERS}servers.ServerShowV263Test.",),
    "the extensions that are listed are those that are served; os-hosts is not": ("compute.test_extensions.",),
    "Nova's v2.0 is not served, and not listed": ("compute.test_versions.TestVersions.test_list_api_versions",),
}


def reason(name: str) -> str:
    """Why a test is left out, "" for none."""
    found = {start: why for why, starts in LEFT_OUT.items() for start in starts if name.startswith(start)}
    return found[max(found, key=len)] if found else ""


def dealt(names: Sequence[str], lanes: int) -> list[list[str]]:
    """Names of tests by lanes, the classes whole, those with the most tests first."""
    classes = [list(found) for _, found in groupby(sorted(names), lambda name: name.rpartition(".")[0])]
    found: list[list[str]] = [[] for _ in range(lanes)]
    for each in sorted(classes, key=len, reverse=True):
        min(found, key=len).extend(each)
    return found
