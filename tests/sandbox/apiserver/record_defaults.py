"""Records a real cluster's own roles and bindings: python -m tests.sandbox.apiserver.record_defaults KUBECONFIG."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from dicot.sandbox.apiserver.rights import defaults
from tests.cluster.access import Access
from tests.cluster.control import Control
from tests.cluster.objects import Document

RBAC = "/apis/rbac.authorization.k8s.io/v1"
KINDS = {
    "clusterroles": "ClusterRole",
    "clusterrolebindings": "ClusterRoleBinding",
    "roles": "Role",
    "rolebindings": "RoleBinding",
}
FILE = Path(defaults.__file__).with_name("defaults.json")


def reduced(kind: str, found: Document) -> Document:
    """A fact: what the cluster's administrator did not make and time does not change."""
    metadata = {
        key: found["metadata"][key]
        for key in ("name", "namespace", "labels", "annotations")
        if key in found["metadata"]
    }
    kept = {key: value for key, value in found.items() if key != "metadata"}
    if "aggregationRule" in kept:
        kept.pop("rules", None)
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, **kept}


async def record(reactor: Any, path: Path) -> None:
    access = Access.read(path)
    control = Control(reactor, access.server, access.authority, access.admin)
    facts: list[Document] = []
    for plural, kind in KINDS.items():
        listed = await control.get(f"{RBAC}/{plural}")
        facts += [reduced(kind, each) for each in listed["items"] if each["metadata"]["name"] in defaults.NAMES]
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in facts)
    FILE.write_text(f"[\n{lines}\n]\n")
    await control.close()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(record(reactor, Path(sys.argv[1]))))
