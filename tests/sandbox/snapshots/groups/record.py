"""``python -m tests.sandbox.snapshots.groups.record KUBECONFIG``: what the real snapshot controller does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.cluster.access import Access
from tests.cluster.control import Control
from tests.cluster.objects import named
from tests.sandbox.snapshots.record import UNTOLD

from . import takes
from .watcher import Watcher


async def record(reactor: Any, kubeconfig: Path) -> None:
    """Take everything in a namespace of its own, which is deleted."""
    access = Access.read(kubeconfig)
    control = Control(reactor, access.server, access.authority, access.admin)
    namespace = f"record-{uuid4().hex[:8]}"
    await control.change("POST", "/api/v1/namespaces", named("Namespace", namespace))
    watcher = Watcher(control, namespace)
    try:
        await watcher.make()
        await watcher.settled()
        await deferLater(reactor, UNTOLD)
        found = {"takes": await watcher.told(), "events": await watcher.events()}
        takes.RECORDED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    finally:
        await control.change("DELETE", f"/api/v1/namespaces/{namespace}")
        await watcher.clear()
        await control.close()


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(record(reactor, Path(sys.argv[1]))))
