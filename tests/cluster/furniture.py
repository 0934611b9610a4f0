"""What a cluster for trials has beside its control planes: nodes, storage, flavors and public images."""

from __future__ import annotations

import sys
from pathlib import Path

from dicot.names import IMAGES_NAMESPACE
from tests.cluster.control import Document
from tests.cluster.launch import RealCluster
from tests.cluster.sandbox import SandboxCluster

ROOT = Path(__file__).parents[2]
NODE_OBJECTS = "/api/v1/nodes"
IMAGE_DISKS = f"/apis/cdi.kubevirt.io/v1beta1/namespaces/{IMAGES_NAMESPACE}/datavolumes"
PATIENCE = 60.0


async def furnish(cluster: RealCluster | SandboxCluster) -> None:
    """Wait until there are nodes that are ready and images that are imported; the sandbox has its own."""
    if isinstance(cluster, RealCluster):
        cluster.steps.begin()
        _animate(cluster)

    async def ready() -> bool:
        nodes = (await cluster.control.get(NODE_OBJECTS))["items"]
        return bool(nodes) and all(_is_ready(node) for node in nodes)

    async def imported() -> bool:
        disks = (await cluster.control.get(IMAGE_DISKS))["items"]
        return bool(disks) and all(disk.get("status", {}).get("phase") == "Succeeded" for disk in disks)

    await cluster.control.until(PATIENCE, "the nodes", ready)
    await cluster.control.until(PATIENCE, "the public images", imported)
    if isinstance(cluster, RealCluster):
        cluster.steps.done("nodes and images")
    await cluster.control.close()


def _animate(cluster: RealCluster) -> None:
    """Simulate nodes, which plant the seeds."""
    command = [sys.executable, "-m", "dicot.sandbox.nodes", "--seeds", "--kubeconfig", str(cluster.kubeconfig)]
    node = cluster.access.node
    if node is not None:
        command += ["--door", str(node.port), node.certificate, node.key, node.authority]
        command += ["--dns", str(node.dns), "--data", str(cluster.files.folder / "contents")]
    cluster.run("nodes", command, {"PYTHONPATH": str(ROOT)})


def _is_ready(node: Document) -> bool:
    conditions = node.get("status", {}).get("conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
