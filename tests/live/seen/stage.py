"""Tests that ask the real programs themselves, one namespace for each class of them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.client import HTTPConnectionPool

from tests.cluster.access import Access
from tests.cluster.control import MERGE, SOON, Answer, Control, Sight, together
from tests.cluster.history import Event, history
from tests.cluster.objects import Document, named
from tests.cluster.shared import SHARED, VARIABLE
from tests.length import TIMEOUT

from .objects import CDI, KUBEVIRT, SUBRESOURCES, collection, printable


class Stage:
    """The namespace of the class whose tests run, with its cast; the one of the class before is deleted."""

    def __init__(self) -> None:
        self._class: type[SeenTestCase] | None = None
        self._awaits_end = False
        self.namespace = ""
        self.since = ""

    async def enter(self, case: type[SeenTestCase], access: Access, control: Control) -> None:
        """See that the namespace is the class's own and that its cast has been made."""
        if self._class is case:
            return
        await self._leave(control)
        self.namespace = f"seen-{uuid4().hex[:8]}"
        # A cluster that was started for the run takes all with it.
        if os.environ.get(VARIABLE) and not self._awaits_end:
            self._awaits_end = True
            reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(self._end(access)))
        made = await control.change("POST", "/api/v1/namespaces", named("Namespace", self.namespace))
        self.since = made["metadata"]["resourceVersion"]
        account = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default"
        await control.until(SOON, "the account of new pods", lambda: control.answers(account))
        await together(self._make(control, each) for each in case.CAST)
        self._class = case

    async def _make(self, control: Control, document: Document) -> None:
        """Make an object; virt-api may have ended by itself, and is started again."""
        path = collection(document, self.namespace)

        async def taken() -> bool:
            await control.change("POST", path, document, also=(409,))
            return True

        await control.until(SOON, f"an answer to POST {path}", taken)

    async def _leave(self, control: Control) -> None:
        if self.namespace:
            await control.change("DELETE", f"/api/v1/namespaces/{self.namespace}")
        self._class, self.namespace = None, ""

    async def _end(self, access: Access) -> None:
        control = Control(reactor, access.server, access.authority, access.admin)
        await self._leave(control)
        await control.close()


STAGE = Stage()


class SeenTestCase(TestCase):
    """What every test here needs. ``CAST`` is made before the first test of the class, and plays for all of them."""

    timeout = TIMEOUT
    CAST: Sequence[Document] = ()
    _once: ClassVar[str] = ""

    async def setUp(self) -> None:  # type: ignore[override]
        self.access = await SHARED.furnished(reactor)
        self.control = Control(reactor, self.access.server, self.access.authority, self.access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.close()))
        self.pool = HTTPConnectionPool(reactor)
        self.addCleanup(self.pool.closeCachedConnections)
        await STAGE.enter(type(self), self.access, self.control)
        self.namespace = STAGE.namespace
        self.core = f"/api/v1/namespaces/{self.namespace}"
        self.machines = f"{KUBEVIRT}/namespaces/{self.namespace}/virtualmachines"
        self.guests = f"{KUBEVIRT}/namespaces/{self.namespace}/virtualmachineinstances"
        self.volumes = f"{CDI}/namespaces/{self.namespace}/datavolumes"

    async def once(self, *steps: Callable[[], Awaitable[object]]) -> None:
        """Steps that the first test of a class takes, for all of them."""
        if type(self)._once != self.namespace:
            type(self)._once = self.namespace
            for step in steps:
                await step()

    async def make(self, *documents: Document) -> None:
        """Objects in the namespace."""
        for each in documents:
            await self.control.change("POST", collection(each, self.namespace), each)

    async def offer(self, document: Document, query: str = "") -> Answer:
        """What is answered to an object that may be refused."""
        return await self.control.ask("POST", collection(document, self.namespace) + query, document)

    async def change(self, path: str, patch: Document) -> Document:
        """A merge patch that must be taken."""
        return await self.control.change("PATCH", path, patch, MERGE)

    async def machine(self, name: str) -> Document:
        return await self.control.get(f"{self.machines}/{name}")

    async def becomes(self, path: str, what: str, seen: Sight) -> Document:
        """See Control."""
        return await self.control.becomes(path, what, seen)

    async def shows(self, name: str, *words: str) -> Document:
        """Wait until a machine's printableStatus is one of the words."""
        return await self.becomes(f"{self.machines}/{name}", " or ".join(words), lambda vm: printable(vm) in words)

    async def holds(self, name: str, what: str, seen: Sight) -> Document:
        """Wait until a machine shows something."""
        return await self.becomes(f"{self.machines}/{name}", what, seen)

    async def vanishes(self, path: str) -> None:
        """Wait until there is nothing at a path."""

        async def absent() -> bool:
            return (await self.control.ask("GET", path)).status == 404

        await self.control.until(SOON, f"{path} to vanish", absent)

    async def tell(self, name: str, action: str, body: Document | None = None) -> Answer:
        """Start, stop, restart a machine, or whatever else virt-api does to it."""
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachines/{name}/{action}"
        return await self.control.ask("PUT", path, body or {})

    async def told(self, name: str, action: str) -> None:
        """As ``tell``, again and again until it is accepted."""

        async def accepted() -> bool:
            return (await self.tell(name, action)).status == 202

        await self.control.until(SOON, f"{action} {name}", accepted)

    async def story(self, collection: str, name: str = "") -> list[Event]:
        """All that has happened there, to one object or to any, since the namespace was made."""
        return await history(self.control, collection, STAGE.since, name)

    def refused(self, answer: Answer, status: int, text: str) -> None:
        """Fails unless an answer is that refusal."""
        self.assertEqual(answer.status, status, answer.content)
        self.assertIn(text, answer.document["message"])
