"""What the tests of journeys share: a person's tools, names of their own, and the traces a server leaves."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from dicot.cloud.writing.ledger import KEPT
from tests.length import TIMEOUT
from tests.live.case import kubernetes, put_forward
from tests.live.clients import Kubectl, Openstack, openstack, until
from tests.live.daemon import DAEMON, Daemon

DEMO = ("-n", "demo")
FORGOTTEN = 2 * KEPT
TRACES = "vm,vmi,pod,dv,pvc,secret,ports.network.dicot.io,controllerrevision"


class JourneyCase(TestCase):
    """User demo at the shared daemon, and kubectl; what a test leaves behind after a failure is removed."""

    timeout = TIMEOUT
    daemon: Daemon
    cli: Openstack
    kubectl: Kubectl

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = await DAEMON.shared(reactor, self)
        self.cli = await openstack(reactor, self.daemon)
        self.kubectl = Kubectl(reactor, self.daemon)
        self.tag = uuid4().hex[:6]
        self.addCleanup(lambda: Deferred.fromCoroutine(self.clean()))

    async def clean(self) -> None:
        """Servers and ports of this test's names, where it has not deleted them itself."""
        for name in await self.names("vm,ports.network.dicot.io"):
            await self.kubectl.delete(*DEMO, name)

    async def names(self, kinds: str) -> list[str]:
        """Objects of this test in project demo, as kubectl names them."""
        found = (await self.kubectl.text("get", kinds, *DEMO, "-o", "name")).split()
        return [name for name in found if self.tag in name]

    async def assert_gone(self) -> None:
        """Nothing of this test's servers is left in the project."""

        async def gone() -> bool:
            return not await self.names(TRACES)

        await until(reactor, f"the end of all that is named {self.tag}", gone)

    async def assert_forgotten(self, id: str) -> None:
        """No Ledger names a server; for a minute one may, so that every replica counts it but once."""

        async def forgotten() -> bool:
            ledgers = await self.kubectl.objects("ledgers.identity.dicot.io", "-n", "dicot-system")
            return not any(id in str(ledger["spec"]["entries"]) for ledger in ledgers)

        await put_forward(kubernetes(self, self.daemon.ground.access), KEPT)
        await until(reactor, f"the Ledger without {id}", forgotten, FORGOTTEN)

    async def instance(self) -> Any:
        """The one VirtualMachineInstance of this test."""
        found = await self.kubectl.objects("vmi", *DEMO)
        [one] = [each for each in found if self.tag in each["metadata"]["name"]]
        return one
