"""What tests of definitions share: objects that an API server takes, refuses, and does not let change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.cluster.control import Answer, Control
from tests.cluster.objects import Document, named
from tests.cluster.shared import SHARED
from tests.length import TIMEOUT


class DefinitionsCase(TestCase):
    """A namespace of its own. Objects are given as plural, kind and spec; ``group`` has the version."""

    timeout = TIMEOUT
    group = ""

    async def setUp(self) -> None:  # type: ignore[override]
        access = await SHARED.access(reactor)
        self.control = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.close()))
        self.namespace = f"definitions-{uuid4().hex[:8]}"
        home = f"/api/v1/namespaces/{self.namespace}"
        await self.control.change("POST", "/api/v1/namespaces", named("Namespace", self.namespace))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", home, also=(404, 409))))

    async def create(self, plural: str, kind: str, spec: Document, *, dry: bool = True) -> Answer:
        path = f"/apis/{self.group}/namespaces/{self.namespace}/{plural}?fieldValidation=Strict"
        sent = {"apiVersion": self.group, "kind": kind, "metadata": {"name": "one"}, "spec": spec}
        return await self.control.ask("POST", path + ("&dryRun=All" if dry else ""), sent)

    async def take(self, good: Iterable[tuple[str, str, Document]]) -> None:
        """Fails unless each of these may be made."""
        for plural, kind, spec in good:
            answer = await self.create(plural, kind, spec)
            self.assertEqual(answer.status, 201, answer.document)
            self.assertEqual(answer.document["spec"]["formatVersion"], 1)

    async def refuse(self, bad: Iterable[tuple[str, str, Document]]) -> None:
        """Fails unless none of these may be made."""
        for plural, kind, spec in bad:
            answer = await self.create(plural, kind, spec)
            self.assertIn(answer.status, (400, 422), (kind, spec, answer.document))

    async def keep(self, changed: Iterable[tuple[str, str, Document, Document]]) -> None:
        """Fails unless each of these stays as it was made, while what is the same may be written again."""
        for plural, kind, spec, change in changed:
            made = await self.create(plural, kind, spec, dry=False)
            self.assertEqual(made.status, 201, made.document)
            path = f"/apis/{self.group}/namespaces/{self.namespace}/{plural}/one"
            whole: dict[str, Any] = {**made.document, "spec": {**made.document["spec"], **change}}
            answer = await self.control.ask("PUT", path, whole)
            self.assertEqual(answer.status, 422, answer.document)
            same = await self.control.ask("PUT", path, made.document)
            self.assertEqual(same.status, 200, same.document)
