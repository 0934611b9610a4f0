"""A namespace of its own on a cluster, for who records what the real programs do there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.cluster.access import Access
from tests.cluster.control import Control, Document
from tests.cluster.objects import named

NAMESPACES = "/api/v1/namespaces"


@asynccontextmanager
async def recording(reactor: Any, kubeconfig: Path) -> AsyncIterator[tuple[Control, Document]]:
    """The administrator, and the namespace as it was made; it is deleted in the end."""
    access = Access.read(kubeconfig)
    control = Control(reactor, access.server, access.authority, access.admin)
    made = await control.change("POST", NAMESPACES, named("Namespace", f"record-{uuid4().hex[:8]}"))
    try:
        yield control, made
    finally:
        await control.change("DELETE", f"{NAMESPACES}/{made['metadata']['name']}")
        await control.close()
