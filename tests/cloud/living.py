"""A replica of what writes, on a real cluster: CRDs and manifests installed, watches running, as Dicot's account."""

import random
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import uuid4

import msgspec
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from dicot import served
from dicot.caller import Caller
from dicot.cloud.kinds.access import Bare
from dicot.cloud.kinds.identity import LEDGER, NAME_CLAIM, NAMESPACE, NAMESPACE_RECORD, USER
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.reading.projects import Projects
from dicot.cloud.resource import Resource
from dicot.cloud.tenancy.bootstrap import Bootstrap, NewProject
from dicot.cloud.tenancy.calls import tenant_rights
from dicot.cloud.tenancy.manifests import manifests
from dicot.cloud.writing.claims import Claims, claimed
from dicot.cloud.writing.cluster import Cluster
from dicot.cloud.writing.events import Events
from dicot.cloud.writing.ledger import Ledger
from dicot.cloud.writing.writer import Writer
from dicot.config import Config
from dicot.kube.address import Place
from dicot.kube.agent import watch_agent
from dicot.kube.client import HttpKube
from dicot.kube.credentials import Credentials, Fixed
from dicot.kube.kind import Kind, Manifest
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Store
from dicot.kube.trust import Pem, Tls
from tests.cluster.installation import definitions_in
from tests.cluster.shared import DEFINITIONS, SHARED
from tests.length import TIMEOUT

from .site import caller

CRD = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", Bare, namespaced=False
)
WATCHED: tuple[Kind[Any], ...] = (VM, PORT, SECURITY_GROUP, LEDGER, NAME_CLAIM, USER, NAMESPACE, NAMESPACE_RECORD)


def resources() -> list[Resource]:
    """Every resource that is served: what is installed for them is what Dicot has, and no more."""
    return list(served.resources(Config()))


def plural_of(kind: str) -> str:
    """The plural of a kind that manifests hold."""
    return "validatingadmissionpolicies" if kind.endswith("Policy") else f"{kind.lower()}s"


class Watches:
    """One replica: its caches, and what writes."""

    def __init__(self, kube: HttpKube, origin: Origin, reactor: IReactorTime) -> None:
        self.stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind) for kind in WATCHED}
        self.cluster = Cluster(kube, self.stores, reactor)
        self.projects = Projects(self.stores)
        self.ledger = Ledger(self.cluster)
        self.claims = Claims(self.cluster, claimed(resources()))
        self.events = Events(self.cluster.kube, self.cluster.clock, self.cluster.time, "living")
        self.writer = Writer(self.cluster, self.ledger, self.claims, self.events, self.projects.of)
        self._reflectors = [Reflector(store, origin, reactor, random.random) for store in self.stores.values()]

    async def start(self) -> None:
        """Watches, until all is known."""
        for reflector in self._reflectors:
            reflector.start()
        await gatherResults([store.synced() for store in self.stores.values()])

    async def stop(self) -> None:
        """No watch any more, and no write."""
        await self.writer.drain(30)
        self.ledger.stop()
        await gatherResults([reflector.stop() for reflector in self._reflectors])


class LivingTestCase(TestCase):
    """A project of its own on the cluster, and a replica."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.access = await SHARED.access(reactor)
        self.admin = self.kube(self.access.admin)
        await install(Cluster(self.admin, {}, self.reactor))
        self.token = await self.own_token()
        self.own = self.kube(self.token)
        self.replica = await self.another()
        self.project = uuid4().hex
        made = NewProject(self.project, "Living", namespace=f"living-{self.project[:8]}")
        rights = tenant_rights(resources())
        self.space = await Bootstrap(self.replica.cluster, rights).project(made)
        self.addCleanup(
            lambda: Deferred.fromCoroutine(self.admin.delete(Place("", "v1", "namespaces", "", self.space)))
        )
        self.caller: Caller = caller(project=self.project, namespace=self.space)

    def credentials(self, token: str) -> Credentials:
        tls = Tls(Pem(self.access.authority))
        return Credentials(self.access.server, tls, Fixed({"Authorization": f"Bearer {token}"}))

    def kube(self, token: str) -> HttpKube:
        """A client with somebody's token."""
        credentials = self.credentials(token)
        pool = HTTPConnectionPool(self.reactor)
        self.addCleanup(pool.closeCachedConnections)
        return HttpKube(Agent(self.reactor, credentials.tls, pool=pool), credentials, self.reactor)

    async def own_token(self) -> str:
        """A token of Dicot's own account: what it may not do shows here."""
        at = Place("", "v1", "serviceaccounts", "dicot-system", "dicot", "token")
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        found: str = msgspec.json.decode(await self.admin.create(at, body))["status"]["token"]
        return found

    async def another(self) -> Watches:
        """A further replica."""
        credentials = self.credentials(self.token)
        origin = Origin(watch_agent(self.reactor, credentials.tls), credentials, DeferredSemaphore(2))
        watches = Watches(self.kube(self.token), origin, self.reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(watches.stop()))
        await watches.start()
        return watches

    async def pause(self, seconds: float) -> None:
        """The cluster's own time."""
        await deferLater(self.reactor, seconds)


async def install(cluster: Cluster) -> None:
    """CRDs and manifests, as an administrator applies them."""
    for body in definitions():
        await cluster.ensure(CRD, body)
        await established(cluster, body["metadata"]["name"])
    for body in manifests(resources()):
        group, _, version = body["apiVersion"].rpartition("/")
        await cluster.ensure(Kind(group, version, plural_of(body["kind"]), body["kind"], Bare), body)


@cache
def definitions() -> Sequence[Manifest]:
    """Dicot's CRDs: a cluster needs less time for them than YAML does."""
    return definitions_in([DEFINITIONS])


async def established(cluster: Cluster, name: str) -> None:
    """Until objects of a definition are taken."""
    while True:
        answer = await cluster.kube.read(Place(CRD.group, CRD.version, CRD.plural, "", name))
        conditions = msgspec.json.decode(answer).get("status", {}).get("conditions", [])
        if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
            return
        await deferLater(cluster.clock, 0.2)
