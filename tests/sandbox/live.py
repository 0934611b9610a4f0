"""A node side for the cluster that live tests share: one for all of them, in a process of its own."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from dicot.names import IMAGES_NAMESPACE
from dicot.sandbox.nodes.machines import HEARTBEAT, HEARTBEAT_PERIOD, TWO
from dicot.sandbox.seed import IMAGES
from tests.cluster.access import Access
from tests.cluster.control import Control
from tests.cluster.programs import Program

ROOT = Path(__file__).parents[2]
START_WITHIN = 60.0


class Animation:
    """Nodes and seeds, where the cluster has none yet."""

    def __init__(self) -> None:
        self._program: Program | None = None

    async def animate(self, reactor: Any, access: Access, control: Control) -> None:
        """See that the cluster lives; what was started for it ends with the run."""
        if self._program is None and not await _lives(control):
            folder = Path(tempfile.mkdtemp(prefix="dicot-nodes-"))
            self._program = _program(access, reactor, folder)
            self._program.start()
            reactor.addSystemEventTrigger("before", "shutdown", self._program.kill)
            reactor.addSystemEventTrigger("after", "shutdown", shutil.rmtree, folder)
        await control.until(START_WITHIN, "the images", lambda: _has_images(control))


def _program(access: Access, reactor: Any, folder: Path) -> Program:
    python = ["/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable]
    command = [*python, "-m", "dicot.sandbox.nodes", "--kubeconfig", str(access.kubeconfig), "--seeds"]
    if access.node is not None:
        node = access.node
        command += ["--door", str(node.port), node.certificate, node.key, node.authority]
    return Program(reactor, "nodes", command, folder / "log")


async def _lives(control: Control) -> bool:
    """Whether somebody else animates the cluster."""
    answer = await control.ask("GET", f"/api/v1/nodes/{TWO[0].name}")
    if not answer.ok:
        return False
    beat = answer.document["metadata"].get("annotations", {}).get(HEARTBEAT, "1970-01-01T00:00:00Z")
    return time.time() - datetime.fromisoformat(beat).timestamp() < 2 * HEARTBEAT_PERIOD


async def _has_images(control: Control) -> bool:
    volumes = await control.get(f"/apis/cdi.kubevirt.io/v1beta1/namespaces/{IMAGES_NAMESPACE}/datavolumes")
    phases = {each["metadata"]["name"]: each.get("status", {}).get("phase") for each in volumes["items"]}
    return all(phases.get(image.name) == "Succeeded" for image in IMAGES)


ANIMATION = Animation()
