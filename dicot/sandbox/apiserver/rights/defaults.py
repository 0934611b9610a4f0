"""The roles and bindings that a cluster with KubeVirt and CDI has from the start: facts recorded from a real one.

Roles that are aggregated carry no rules here: the controller gathers them.
"""

from __future__ import annotations

import json
from importlib.resources import files

from dicot.kube.kind import Manifest

NAMES = frozenset(
    {
        "admin",
        "cdi.kubevirt.io:admin",
        "cdi.kubevirt.io:config-reader",
        "cdi.kubevirt.io:edit",
        "cdi.kubevirt.io:view",
        "cluster-admin",
        "edit",
        "extension-apiserver-authentication-reader",
        "instancetype.kubevirt.io:view",
        "kubevirt.io:admin",
        "kubevirt.io:default",
        "kubevirt.io:edit",
        "kubevirt.io:migrate",
        "kubevirt.io:view",
        "system:aggregate-to-admin",
        "system:aggregate-to-edit",
        "system:aggregate-to-view",
        "system:auth-delegator",
        "system:basic-user",
        "system:discovery",
        "system:public-info-viewer",
        "system:service-account-issuer-discovery",
        "view",
    }
)
"""Those that somebody may rely on who is no part of Kubernetes, KubeVirt or CDI itself."""


def defaults() -> list[Manifest]:
    """All of them."""
    recorded: list[Manifest] = json.loads(files(__package__).joinpath("defaults.json").read_text())
    return recorded
