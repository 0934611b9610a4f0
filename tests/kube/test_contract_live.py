"""The contract of Kube, on the real API server."""

from pathlib import Path

import yaml
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.client import Agent, HTTPConnectionPool

from dicot.cloud.cluster import Cluster
from dicot.cloud.kinds.identity import NAMESPACE
from dicot.kube.client import HttpKube, place
from dicot.kube.credentials import Credentials, Fixed
from dicot.kube.trust import Pem, Tls
from tests.cloud.living import CRD, established
from tests.cluster.shared import DEFINITIONS, SHARED, TIMEOUT

from . import contract_changes, contract_kube
from .contract_case import CUSTOM, KubeCase


async def connected(case: KubeCase) -> HttpKube:
    """A client of the shared cluster, as its administrator."""
    access = await SHARED.access(reactor)
    tls = Tls(Pem(access.authority))
    credentials = Credentials(access.server, tls, Fixed({"Authorization": f"Bearer {access.admin}"}))
    pool = HTTPConnectionPool(reactor)
    case.addCleanup(pool.closeCachedConnections)
    return HttpKube(Agent(reactor, tls, pool=pool), credentials, reactor)


async def begin(case: KubeCase) -> None:
    """The custom kind is installed, and the test gets a client of its own and a namespace."""
    admin = await connected(case)
    definition = yaml.safe_load((Path(DEFINITIONS) / f"{CUSTOM.resource}.yaml").read_text())
    cluster = Cluster(admin, {}, reactor)
    await cluster.ensure(CRD, definition)
    await established(cluster, CUSTOM.resource)
    case.kube = await connected(case)
    await case.begin()
    case.addCleanup(lambda: Deferred.fromCoroutine(admin.delete(place(NAMESPACE, "", case.space))))


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
