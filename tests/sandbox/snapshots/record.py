"""``python -m tests.sandbox.snapshots.record KUBECONFIG``: what the real snapshot controller does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.sandbox.recording import recording

from . import takes
from .watcher import Watcher

UNTOLD = 20.0
"""Seconds after which all Events have been told."""


async def record(reactor: Any, kubeconfig: Path) -> None:
    """Take everything in a namespace of its own, which is deleted."""
    async with recording(reactor, kubeconfig) as (control, made):
        watcher = Watcher(control, made["metadata"]["name"])
        try:
            await watcher.make()
            await watcher.settled()
            await deferLater(reactor, UNTOLD)
            found = {"takes": await watcher.told(), "held": await watcher.held(), "events": await watcher.events()}
            takes.RECORDED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        finally:
            await watcher.clear()


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(record(reactor, Path(sys.argv[1]))))
