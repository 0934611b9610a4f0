"""A cluster that somebody else runs: whether Dicot can serve it, and how Dicot logs in there."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from dicot.kube.address import Place
from dicot.kube.agent import call_agent
from dicot.kube.client import HttpKube, Kube
from dicot.kube.credentials import load
from dicot.kube.errors import Missing
from dicot.names import SYSTEM_NAMESPACE
from tests.cluster.certificates import write_secret
from tests.cluster.installed import ADMIN, DEMO, decoded, own_kubeconfig, token_request
from tests.cluster.shared import DEFINITIONS

THEIRS = {
    "virtualmachines.kubevirt.io": "KubeVirt: https://kubevirt.io/user-guide/cluster_admin/installation/",
    "datavolumes.cdi.kubevirt.io": "CDI: https://kubevirt.io/user-guide/storage/containerized_data_importer/",
}
"""Definitions by which other programs are known, and what is said of one that is missing."""


def reach(reactor: Any, kubeconfig: Path) -> Kube:
    """The cluster as its kubeconfig's user. Raises Unusable."""
    credentials = load(str(kubeconfig), "", reactor)
    return HttpKube(call_agent(reactor, credentials.tls), credentials, reactor)


async def lacking(kube: Kube, kubeconfig: Path, dicot: Path) -> list[str]:
    """The commands that are still to be given, none where all is there. Raises errors of kube."""
    config = f"kubectl --kubeconfig {shlex.quote(str(kubeconfig))}"
    ours = [file.stem for file in sorted(DEFINITIONS.glob("*.yaml"))]
    commands = [text for name, text in THEIRS.items() if await _missing(kube, [_definition(name)])]
    if await _missing(kube, map(_definition, ours)):
        commands.append(f"{config} apply -f {shlex.quote(str(DEFINITIONS))}")
    if await _missing(kube, [_account()]):
        commands.append(f"{shlex.quote(str(dicot))} manifests | {config} apply -f -")
    return commands


async def write_own_login(kube: Kube, kubeconfig: Path, path: Path) -> None:
    """A kubeconfig in which Dicot has its own account and no other rights. Raises errors of kube."""
    answer = await kube.create(_account("token"), token_request())
    token = msgspec.json.decode(answer)["status"]["token"]
    write_secret(path, own_kubeconfig(kubeconfig, token).encode())


async def passwords(kube: Kube) -> dict[str, str]:
    """The passwords of those people who are there. Raises errors of kube."""
    found = {}
    for user, secret in (("admin", ADMIN), ("demo", DEMO)):
        try:
            answer = await kube.read(Place("", "v1", "secrets", SYSTEM_NAMESPACE, secret))
        except Missing:
            continue
        found[user] = decoded(json.loads(answer))
    return found


async def _missing(kube: Kube, places: Iterable[Place]) -> bool:
    try:
        for at in places:
            await kube.read(at)
    except Missing:
        return True
    return False


def _definition(name: str) -> Place:
    return Place("apiextensions.k8s.io", "v1", "customresourcedefinitions", "", name)


def _account(subresource: str = "") -> Place:
    return Place("", "v1", "serviceaccounts", SYSTEM_NAMESPACE, "dicot", subresource)
