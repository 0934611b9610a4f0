"""The contract of Kube, on the one in memory."""

from typing import Any

from twisted.internet.task import Clock

from dicot.kube.store import Store

from . import contract_changes, contract_kube, contract_watches
from .fake import FakeKube


def cluster(clock: Clock) -> FakeKube:
    """A cluster as the contract expects it: one kind is not served, and administrators may do everything."""
    kube = FakeKube(clock)
    kube.absent.add(contract_kube.NO_KIND.resource)
    kube.review = lambda spec: "system:masters" in spec["groups"]
    return kube


class FakeKubeTests(contract_kube.KubeContract):
    """Objects, lists and the time in memory."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.clock = Clock()
        self.kube = cluster(self.clock)
        await self.begin()

    async def pause(self) -> None:
        self.clock.advance(0.1)


class FakeChangeTests(contract_changes.ChangeContract):
    """Patches and deletes in memory."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.clock = Clock()
        self.kube = cluster(self.clock)
        await self.begin()

    async def pause(self) -> None:
        self.clock.advance(0.1)


class FakeWatchTests(contract_watches.WatchContract):
    """Watches in memory."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.clock = Clock()
        self.fake = self.kube = cluster(self.clock)
        await self.begin()

    async def pause(self) -> None:
        self.clock.advance(0.1)

    async def watched(self, store: Store[Any]) -> None:
        self.fake.watch(store)
