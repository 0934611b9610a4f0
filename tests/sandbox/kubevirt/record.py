"""``python -m tests.sandbox.kubevirt.record KUBECONFIG``: what the real virt-api answers, for its contract."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet import task
from twisted.internet.defer import Deferred

from tests.cluster.access import Access
from tests.cluster.control import Control
from tests.cluster.objects import named

from . import admissions


async def record(reactor: Any, kubeconfig: Path) -> None:
    """Offer everything in a namespace of its own, which is deleted."""
    access = Access.read(kubeconfig)
    control = Control(reactor, access.server, access.authority, access.admin)
    namespace = f"record-{uuid4().hex[:8]}"
    await control.change("POST", "/api/v1/namespaces", named("Namespace", namespace))
    answers = {}
    for name, document in admissions.every():
        answer = await control.ask("POST", admissions.path(document, namespace), document)
        answers[name] = admissions.kept(answer, namespace)
    admissions.write(answers)
    await control.change("DELETE", f"/api/v1/namespaces/{namespace}")
    await control.close()


if __name__ == "__main__":
    task.react(lambda reactor: Deferred.fromCoroutine(record(reactor, Path(sys.argv[1]))))
