"""All of Dicot over a Kubernetes in memory: from bytes of HTTP to stores and back, on a Clock, without a socket."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from argon2 import PasswordHasher
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from dicot.assembly import Registrar, Watches, writes
from dicot.cloud.callers.keys import TOKEN_KEYS
from dicot.cloud.features import Probe
from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, NODE
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from dicot.cloud.reading.cache import Cache
from dicot.cloud.reading.fragments import Allowance
from dicot.cloud.reading.projects import Projects
from dicot.cloud.reading.resolver import Resolver
from dicot.cloud.reading.slices import Slices
from dicot.cloud.tenancy.calls import kinds
from dicot.config import QUOTA_DEFAULTS, Config
from dicot.identity.boot import first_boot
from dicot.identity.founding import Founding
from dicot.identity.furnish import Surroundings, furnished
from dicot.identity.seed import Person, seed
from dicot.kube.kind import Kind, Manifest
from dicot.kube.store import Store
from dicot.names import IMAGES_NAMESPACE, SYSTEM_NAMESPACE
from dicot.served import resources, services
from dicot.web.access import Record
from dicot.web.site import build_site
from tests.compute.server.objects import claim_object, disk_object, flavor_object, image_object, node_object
from tests.kube.fake import FakeKube
from tests.web.wire import Response, Wire, written

T = TypeVar("T")
PASSWORD = "a password of nobody"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ROOMY = Config(quota=MappingProxyType(dict.fromkeys(QUOTA_DEFAULTS, -1)))
_SECONDS = 120


class Whole:
    """A replica that is up: user admin of project admin, and a member in each of some projects, of the same name.

    ``aside`` are the seconds of work that threads would have done.
    """

    def __init__(self, projects: Sequence[str], config: Config = ROOMY) -> None:
        self.config = config
        self.clock = Clock()
        self.clock.advance(time.time())
        self.kube = FakeKube(self.clock, birth=0.0)
        self.kube.hear()
        watched = dict.fromkeys((*kinds(resources(config)), TOKEN_KEYS))
        self.stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind) for kind in watched}
        self.records: list[Record] = []
        self.aside = 0.0
        self._assemble()
        for feed in self.feeds:
            feed.start()
        for store in self.stores.values():
            self.kube.watch(store)
        self._found(projects)

    def _assemble(self) -> None:
        config, clock, kube = self.config, self.clock, self.kube
        projects = Projects(self.stores)
        cache = Cache(self.stores, projects, config, clock, Slices(clock), Allowance(), time.time)
        self.watches = Watches(self.stores, (), cache, Resolver(cache, kube), projects, Probe(kube, clock))
        self.writes = writes(clock, config, kube, self.watches, "whole")
        surroundings = Surroundings(
            config=config,
            services=services(config),
            kube=kube,
            stores=self.stores,
            projects=projects,
            now=time.time,
            clock=clock.seconds,
            age=lambda: 0.0,
            sleep=lambda seconds: succeed(None),
            run=self._at_once,
            hasher=CHEAP,
        )
        self.desk, gate = furnished(surroundings)
        registrar = Registrar(self.watches, self.writes, self.desk, self._at_once)  # type: ignore[arg-type]
        self.apis = tuple(registrar.api(service, gate) for service in services(config))
        self.feeds = tuple(registrar.feeds)
        self.site = build_site(self.apis, {}, config.public_url, clock, self.records.append)

    def _at_once(self, work: Callable[[], Any]) -> Awaitable[Any]:
        """Does what a thread would do."""
        began = time.thread_time()
        try:
            return succeed(work())
        finally:
            self.aside += time.thread_time() - began

    def _found(self, projects: Sequence[str]) -> None:
        claims = self.writes.claims
        founding = Founding(
            self.kube,
            self.desk.passwords,
            self.writes.bootstrap,
            lambda claim: claims.take(claim, self.clock.seconds() + 15.0),
            time.time,
        )
        people = [Person(name, PASSWORD, name, "member") for name in projects]
        self.finish(self.desk.ring.ensure())
        secret = {"metadata": {"name": self.config.admin_secret, "namespace": SYSTEM_NAMESPACE}}
        password = base64.b64encode(PASSWORD.encode()).decode()
        self.kube.put({"apiVersion": "v1", "kind": "Secret", **secret, "data": {"password": password}})
        self.finish(first_boot(founding, self.kube, self.config.admin_secret, os.urandom))
        self.finish(seed(founding, people))
        self.finish(self.writes.bootstrap.images(IMAGES_NAMESPACE))

    def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of a work, in as much time as that takes."""
        done: list[T] = []
        failed: list[BaseException] = []
        Deferred.fromCoroutine(work).addCallbacks(done.append, lambda failure: failed.append(failure.value))
        for _ in range(_SECONDS * 10):
            if done or failed:
                break
            self.clock.advance(0.1)
        if failed:
            raise failed[0]
        return done[0]

    def wire(self) -> Wire:
        """A connection."""
        return Wire(self.site)

    def token(self, user: str) -> str:
        """A user's token for the project of the same name."""
        domain = {"id": "default"}
        identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": domain}}}
        identity["password"]["user"]["password"] = PASSWORD  # type: ignore[index]
        body = {"auth": {"identity": identity, "scope": {"project": {"name": user, "domain": domain}}}}
        answer = self.ask("POST", "/identity/v3/auth/tokens", body)
        assert answer.code == 201, answer
        return answer.headers["x-subject-token"]

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        """One request on a connection of its own, and its answer, in as much time as that takes."""
        wire = self.wire()
        wire.send(written(method, path, body, **headers))
        for _ in range(_SECONDS * 10):
            if wire.transport.value():
                break
            self.clock.advance(0.1)
        found = wire.response_to(method)
        wire.leave()
        return found

    def put(self, kind: Kind[Any], body: Manifest) -> None:
        """An object that somebody else made."""
        self.kube.put({"apiVersion": kind.api_version, "kind": kind.singular, **body})

    def furnish(self) -> None:
        """A flavor, an image of everybody's, two nodes."""
        self.put(CLUSTER_INSTANCETYPE, flavor_object())
        self.put(DATA_SOURCE, image_object())
        self.put(DATA_VOLUME, disk_object())
        self.put(PVC, claim_object())
        for name in ("node-1", "node-2"):
            self.put(NODE, node_object(name, "zone-1"))
