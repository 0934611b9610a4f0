"""``python -m tests.sandbox.cdi.record KUBECONFIG``: what the real CDI does, for its contract."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.sandbox.recording import recording

from . import lives, offers
from .watcher import Watcher

UNTOLD = 120.0
"""Seconds after which all Events have been told: the real programs write them behind everything else."""


async def record(reactor: Any, kubeconfig: Path) -> None:
    """Make everything in a namespace of its own, which is deleted."""
    async with recording(reactor, kubeconfig) as (control, made):
        watcher = Watcher(control, made["metadata"]["name"], made["metadata"]["resourceVersion"])
        await watcher.make()
        await watcher.settled()
        _write(offers.RECORDED, await watcher.refusals())
        settings = await watcher.profile()
        told = {"lives": await watcher.told(), "sources": await watcher.sources(), "settings": settings}
        await deferLater(reactor, UNTOLD)
        told["events"] = await watcher.events()
        _write(lives.RECORDED, told)


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(record(reactor, Path(sys.argv[1]))))
