"""What a cluster for trials has beside its control planes: nodes, storage, flavors and public images."""

from __future__ import annotations

import sys
from pathlib import Path

from dicot.names import IMAGES_NAMESPACE
from dicot.sandbox.nodes.machines import DEFAULT, machines
from tests.cluster.control import Document
from tests.cluster.launch import RealCluster
from tests.cluster.sandbox import SandboxCluster

ROOT = Path(__file__).parents[2]
NODES = "nodes"
NODE_OBJECTS = "/api/v1/nodes"
IMAGE_DISKS = f"/apis/cdi.kubevirt.io/v1beta1/namespaces/{IMAGES_NAMESPACE}/datavolumes"
PATIENCE = 60.0


async def furnish(cluster: RealCluster | SandboxCluster, nodes: str = DEFAULT) -> None:
    """Wait until these nodes are ready and images are imported; the sandbox was started with such of its own."""
    if isinstance(cluster, RealCluster):
        cluster.steps.begin()
        await animate(cluster, nodes)
    wanted = {machine.name for machine in machines(nodes)}

    async def ready() -> bool:
        found = (await cluster.control.get(NODE_OBJECTS))["items"]
        return wanted <= {node["metadata"]["name"] for node in found if _is_ready(node)}

    async def imported() -> bool:
        disks = (await cluster.control.get(IMAGE_DISKS))["items"]
        return bool(disks) and all(disk.get("status", {}).get("phase") == "Succeeded" for disk in disks)

    await cluster.control.until(PATIENCE, "the nodes", ready)
    await cluster.control.until(PATIENCE, "the public images", imported)
    if isinstance(cluster, RealCluster):
        cluster.steps.done("nodes and images")
    await cluster.control.close()


async def animate(cluster: RealCluster, nodes: str) -> None:
    """Simulate these nodes and no others any longer, and plant the seeds."""
    await cluster.end(NODES)
    command = [sys.executable, "-m", "dicot.sandbox.nodes", "--seeds", "--kubeconfig", str(cluster.kubeconfig)]
    command += ["--nodes", nodes]
    node = cluster.access.node
    if node is not None:
        command += ["--door", str(node.port), node.certificate, node.key, node.authority]
        command += ["--dns", str(node.dns), "--data", str(cluster.files.folder / "contents")]
    cluster.run(NODES, command, {"PYTHONPATH": str(ROOT)})


def _is_ready(node: Document) -> bool:
    conditions = node.get("status", {}).get("conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
