"""The contract of Kube, on the real API server."""

import random
from pathlib import Path
from typing import Any

import yaml
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.web.client import Agent, HTTPConnectionPool

from dicot.cloud.kinds.identity import NAMESPACE
from dicot.cloud.writing.cluster import Cluster
from dicot.kube.address import place
from dicot.kube.agent import watch_agent
from dicot.kube.client import HttpKube
from dicot.kube.credentials import Credentials, Fixed
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Store
from dicot.kube.trust import Pem, Tls
from tests.cloud.living import CRD, established
from tests.cluster.shared import DEFINITIONS, SHARED
from tests.length import TIMEOUT

from . import contract_changes, contract_kube, contract_watches
from .contract_case import CUSTOM, KubeCase


async def account() -> Credentials:
    """The shared cluster's administrator."""
    access = await SHARED.access(reactor)
    token = {"Authorization": f"Bearer {access.admin}"}
    return Credentials(access.server, Tls(Pem(access.authority)), Fixed(token))


async def connected(case: KubeCase) -> HttpKube:
    """A client of the shared cluster."""
    credentials = await account()
    pool = HTTPConnectionPool(reactor)
    case.addCleanup(pool.closeCachedConnections)
    return HttpKube(Agent(reactor, credentials.tls, pool=pool), credentials, reactor)


async def begin(case: KubeCase) -> None:
    """The custom kind is installed, and the test gets a client of its own and a namespace."""
    admin = await connected(case)
    definition = yaml.safe_load((Path(DEFINITIONS) / f"{CUSTOM.resource}.yaml").read_text())
    cluster = Cluster(admin, {}, reactor)
    await cluster.ensure(CRD, definition)
    await established(cluster, CUSTOM.resource)
    case.kube = await connected(case)
    await case.begin()

    async def clear() -> None:
        for space in case.spaces:
            await admin.delete(place(NAMESPACE, "", space))

    case.addCleanup(lambda: Deferred.fromCoroutine(clear()))


class HttpKubeTests(contract_kube.KubeContract):
    """Objects, lists and the time of a real cluster."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        await begin(self)

    async def pause(self) -> None:
        await deferLater(reactor, 0.1)


class HttpChangeTests(contract_changes.ChangeContract):
    """Patches and deletes on a real cluster."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        await begin(self)

    async def pause(self) -> None:
        await deferLater(reactor, 0.1)


class ReflectorTests(contract_watches.WatchContract):
    """Watches of a real cluster."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        await begin(self)

    async def pause(self) -> None:
        await deferLater(reactor, 0.1)

    async def watched(self, store: Store[Any]) -> None:
        credentials = await account()
        origin = Origin(watch_agent(reactor, credentials.tls), credentials, DeferredSemaphore(2))
        reflector = Reflector(store, origin, reactor, random.random)
        self.addCleanup(reflector.stop)
        reflector.start()
        await store.synced()
