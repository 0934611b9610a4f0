"""First boot, log-in, revocation and rotation at a real API server, by two replicas."""

import os
import random
from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults, maybeDeferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from dicot.caller import Caller
from dicot.cloud.callers.keys import TOKEN_KEYS
from dicot.cloud.reading.projects import Projects
from dicot.cloud.tenancy.bootstrap import Bootstrap
from dicot.cloud.tenancy.calls import WATCHED
from dicot.cloud.writing.claims import Claims
from dicot.cloud.writing.cluster import Cluster
from dicot.config import Config
from dicot.faults import Unauthorized
from dicot.identity.boot import admin_password, first_boot
from dicot.identity.founding import Founding
from dicot.identity.furnish import Surroundings, furnished
from dicot.identity.login import logged_in
from dicot.identity.names import CLAIMED
from dicot.identity.request import log_in
from dicot.identity.service import service
from dicot.kube.agent import watch_agent
from dicot.kube.client import HttpKube
from dicot.kube.credentials import load
from dicot.kube.kind import Kind
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Store
from dicot.names import ACCOUNTS_NAMESPACE, SYSTEM_NAMESPACE
from tests.cluster.control import Control
from tests.cluster.objects import named
from tests.cluster.shared import SHARED
from tests.length import TIMEOUT

from .counter import HERE, Threads, by_password

KINDS = (*(kind for kind in WATCHED if kind.group in ("", "identity.dicot.io")), TOKEN_KEYS)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CONFIG = Config()


class Replica:
    """The parts of a daemon that identity needs, with watches of their own."""

    def __init__(self, kubeconfig: str) -> None:
        clock: Any = reactor
        credentials = load(kubeconfig, "", clock)
        # No connection may outlive the test, as those of ``call_agent`` would.
        agent = Agent(clock, credentials.tls, pool=HTTPConnectionPool(clock, persistent=False))
        self.kube = HttpKube(agent, credentials, clock)
        self.stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind) for kind in KINDS}
        origin = Origin(watch_agent(clock, credentials.tls), credentials, DeferredSemaphore(2))
        self.reflectors = [Reflector(store, origin, clock, random.random) for store in self.stores.values()]
        self.projects = Projects(self.stores)
        self.desk, self.gate = furnished(
            Surroundings(
                config=CONFIG,
                services=(service(CONFIG),),
                kube=self.kube,
                stores=self.stores,
                projects=self.projects,
                now=clock.seconds,
                clock=clock.seconds,
                age=lambda: 0.0,
                sleep=lambda seconds: deferLater(clock, seconds),
                run=Threads(),
                hasher=QUICK,
            )
        )
        cluster = Cluster(self.kube, self.stores, clock)
        claims = Claims(cluster, CLAIMED)
        self.founding = Founding(
            self.kube,
            self.desk.passwords,
            Bootstrap(cluster, {}),
            lambda claim: claims.take(claim, clock.seconds() + 15.0),
            clock.seconds,
        )

    async def start(self) -> None:
        for each in self.reflectors:
            each.start()
        await gatherResults([store.synced() for store in self.stores.values()])

    async def boot(self) -> bool:
        await self.desk.ring.ensure()
        return await first_boot(self.founding, self.kube, CONFIG.admin_secret, os.urandom)

    async def stop(self) -> None:
        await gatherResults([each.stop() for each in self.reflectors])

    def counts(self, token: str) -> bool:
        try:
            return isinstance(self.gate.identify(token), Caller)
        except Unauthorized:
            return False


class LiveIdentityTests(TestCase):
    """What only the real thing can show."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        access = await SHARED.access(reactor)
        control = Control(reactor, access.server, access.authority, access.admin)
        for name in (SYSTEM_NAMESPACE, ACCOUNTS_NAMESPACE):
            await control.change("POST", "/api/v1/namespaces", named("Namespace", name), also=(409,))
        await control.close()
        self.replicas = [Replica(str(access.kubeconfig)) for _ in range(2)]
        for replica in self.replicas:
            self.addCleanup(_stopped, replica)
        for replica in self.replicas:
            await replica.start()

    async def becomes(self, seen: Callable[[], bool]) -> None:
        """Waits until something is so, at most 10 s."""
        for _ in range(200):
            if seen():
                return
            await deferLater(reactor, 0.05)
        self.fail("it did not become so")

    async def test_two_boot_at_once_and_tokens_hold_at_both(self) -> None:
        one, other = self.replicas
        await gatherResults([maybeDeferred(_started, replica) for replica in self.replicas])
        self.assertFalse(await one.boot())
        await self.becomes(
            lambda: all(len(list(replica.desk.directory._projects.all())) for replica in self.replicas)
        )
        password = await admin_password(one.kube, CONFIG.admin_secret, os.urandom)
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        standing, token = await logged_in(one.desk, log_in(by_password("admin", password, scope)), HERE)
        self.assertEqual([role.name for role in standing.roles], ["admin", "manager", "member", "reader"])
        await self.becomes(lambda: other.counts(token))
        await self.check_revocation(token)

    async def check_revocation(self, token: str) -> None:
        one, other = self.replicas
        standing = one.desk.standings.shown(token)
        assert standing is not None
        await one.desk.revocations.revoke(standing.token, standing.user)
        self.assertFalse(one.counts(token))
        await self.becomes(lambda: not other.counts(token))


def _started(replica: Replica) -> Deferred[bool]:
    return Deferred.fromCoroutine(replica.boot())


def _stopped(replica: Replica) -> Deferred[None]:
    return Deferred.fromCoroutine(replica.stop())
