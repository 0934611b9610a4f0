"""A cloud as Tempest wants it described: its people, and what of OpenStack is served there."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from configparser import RawConfigParser
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from dicot.network.extension import EXTENSIONS
from tests.cluster.certificates import write_secret
from tests.live.daemon import Daemon
from tests.live.people import make

OTHER = "alt_member"
"""What Tempest's accounts call a member of another project."""
ROLES: Mapping[str, str] = {"member": "", "reader": "", "manager": "", OTHER: "-alt", "admin": "-admin"}
"""Roles of the people that a class of tests may ask for, and the end of the name of the project they are in."""
NETWORK = "private"
PATIENCE = 120
"""Seconds for what Tempest waits for, looking each second."""
ABSENT = {
    "service_available": ("cinder", "swift", "horizon"),
    "compute-feature-enabled": (
        *("resize", "pause", "shelve", "suspend", "cold_migration", "live_migration", "rescue", "snapshot"),
        *("console_output", "interface_attach", "change_password", "metadata_service", "ide_bus"),
        *("volume_backed_live_migration", "attach_encrypted_volume", "swap_volume", "volume_multiattach"),
    ),
    "image-feature-enabled": ("import_image",),
    "network-feature-enabled": ("floating_ips",),
    "identity-feature-enabled": ("trust", "application_credentials", "access_rules", "security_compliance"),
    "validation": ("run_validation",),
    "auth": ("use_dynamic_credentials", "create_isolated_networks"),
}
"""What Tempest shall not ask for, since Dicot does not serve it yet."""


async def described(reactor: Any, daemon: Daemon, folder: Path, lanes: int, things: Mapping[str, str]) -> None:
    """Make people for so many classes at a time, and write tempest.conf.

    ``things`` are ids: image_ref, image_ref_alt, flavor_ref and flavor_ref_alt.
    """
    people = list(crowd(f"tempest-{secrets.token_hex(2)}", lanes))
    wanted = [{**each, "role": each["role"].removeprefix("alt_")} for each in people]
    await make(reactor, daemon.ground.kubeconfig, wanted)
    write_secret(folder / "accounts.yaml", yaml.safe_dump([account(each) for each in people]).encode())
    [admin] = [each for each in people if each["role"] == "admin"][:1]
    with (folder / "tempest.conf").open("w") as file:
        configuration(daemon.url, folder, things, admin).write(file)


def crowd(prefix: str, lanes: int) -> Iterable[Mapping[str, str]]:
    """One of each role for each lane. Others come first: whoever wants any account takes the first that is free."""
    for role, lane in product(sorted(ROLES, key=lambda role: role != OTHER), range(lanes)):
        name = f"{prefix}-{lane}"
        yield {
            "name": f"{name}-{role}",
            "password": secrets.token_urlsafe(12),
            "project": f"{name}{ROLES[role]}",
            "role": role,
        }


def account(person: Mapping[str, str]) -> Mapping[str, Any]:
    """An entry of accounts.yaml."""
    found = {
        "username": person["name"],
        "password": person["password"],
        "project_name": person["project"],
        "domain_name": "Default",
        "roles": [person["role"]],
        "resources": {"network": NETWORK},
    }
    return found | ({"types": ["admin"]} if person["role"] == "admin" else {})


def configuration(url: str, folder: Path, things: Mapping[str, str], admin: Mapping[str, str]) -> RawConfigParser:
    """tempest.conf."""
    found = RawConfigParser()
    found.read_dict({section: dict.fromkeys(names, "false") for section, names in ABSENT.items()})
    more: Mapping[str, Mapping[str, Any]] = {
        "DEFAULT": {"log_dir": folder, "log_file": "tempest.log"},
        "oslo_concurrency": {"lock_path": folder / "locks"},
        "auth": {
            "test_accounts_file": folder / "accounts.yaml",
            "admin_username": admin["name"],
            "admin_password": admin["password"],
            "admin_project_name": admin["project"],
            "admin_domain_name": "Default",
        },
        "identity": {
            "uri_v3": f"{url}/identity/v3",
            "uri": f"{url}/identity",
            "auth_version": "v3",
            "region": "RegionOne",
            "v3_endpoint_type": "public",
        },
        "compute": {
            **things,
            "max_microversion": "latest",
            "fixed_network_name": NETWORK,
            "build_timeout": PATIENCE,
            "build_interval": 1,
            "min_compute_nodes": 2,
        },
        "compute-feature-enabled": {"personality": "true", "scheduler_enabled_filters": "all"},
        "network": {"project_network_cidr": "10.100.0.0/16", "shared_physical_network": "true"},
        "network-feature-enabled": {"api_extensions": ",".join(alias for alias, *_ in EXTENSIONS)},
        "enforce_scope": {"nova": "true"},
    }
    for section, values in more.items():
        found.read_dict({section: {key: str(value) for key, value in values.items()}})
    return found
