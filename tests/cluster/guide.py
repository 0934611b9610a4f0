"""What a person is told once a cluster, or Dicot on it, answers: lines to paste."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

JOURNEY = (
    "openstack flavor list",
    "openstack image list",
    "openstack server create --flavor m1.small --image debian-13 --network private --wait web1",
    "openstack server list --long",
    "openstack server stop web1",
    "openstack server delete --wait web1",
)
LOOK = ("openstack flavor list", "openstack image list", "openstack network list", "openstack server list")
"""The same for a cluster whose flavors and images nobody here knows."""
INSTALL = "pip install python-openstackclient"


def served(
    url: str, clouds: Path, cloud: str, openstack: Path | None, log: Path, lines: Sequence[str] = JOURNEY
) -> list[str]:
    """How to speak with Dicot. ``openstack`` is where the command lies, None where it could not be installed."""
    command = [f"# {INSTALL}"] if openstack is None else [f"alias openstack={_word(openstack)}"]
    return [
        "",
        f"# Dicot serves {url}, and shows how it fares at {url}/status. In another shell:",
        "",
        f"export OS_CLIENT_CONFIG_FILE={_word(clouds)} OS_CLOUD={cloud}",
        *command,
        *lines,
        "",
        *([] if cloud == "dicot-admin" else ["# OS_CLOUD=dicot-admin is the administrator."]),
        f"# What Dicot says: {log}. Ctrl-C ends everything.",
    ]


def cluster(kubeconfig: Path, kubectl: str, tenant: Path | None = None) -> list[str]:
    """How to speak with the cluster. ``tenant`` is the kubeconfig of somebody of project demo."""
    word = _word(kubectl)
    return [
        "",
        "# The cluster, as Kubernetes sees it:",
        "",
        f"export KUBECONFIG={_word(kubeconfig)}",
        *([] if word == "kubectl" else [f"alias kubectl={word}"]),
        "kubectl get vm,vmi,dv,pvc,keypairs.compute.dicot.io -A",
        *([] if tenant is None else [f"# What a tenant sees of it: KUBECONFIG={_word(tenant)}"]),
    ]


def without_dicot(twistd: Path, settings: Path, clouds: Path) -> list[str]:
    """How to start Dicot on a cluster that was started alone."""
    return [
        "",
        "# Dicot on it, and what openstack reads then:",
        "",
        f"{_word(twistd)} --nodaemon --pidfile= dicot --config {_word(settings)}",
        f"export OS_CLIENT_CONFIG_FILE={_word(clouds)} OS_CLOUD=dicot",
        "",
        "# Ctrl-C ends the cluster.",
    ]


def not_installed(kubeconfig: Path, commands: Sequence[str]) -> str:
    """What is to be done to a cluster before Dicot can serve it."""
    lines = [f"{kubeconfig}: the cluster lacks what Dicot needs. What installs it:", *commands]
    return "\n    ".join(lines)


def _word(text: object) -> str:
    return shlex.quote(str(text))
