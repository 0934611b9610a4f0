"""The contract of Kube, on the one in memory."""

from twisted.internet.task import Clock

from dicot.kube.client import Kube

from . import contract_changes, contract_kube
from .fake import FakeKube


def cluster(clock: Clock) -> Kube:
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
