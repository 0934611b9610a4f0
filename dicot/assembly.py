"""The daemon put together: from credentials to routes, each part given what it stands on."""

import os
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.python.threadpool import ThreadPool

from .cloud.callers.gate import TokenGate
from .cloud.callers.keys import TOKEN_KEYS
from .cloud.chores.expiry import Expiry
from .cloud.chores.grants import Grants
from .cloud.chores.judgement import Judge
from .cloud.chores.launch import Launches
from .cloud.chores.lease import Lease
from .cloud.chores.naming import Names
from .cloud.chores.presence import Presence, replica_name
from .cloud.chores.steward import Steward
from .cloud.chores.tenure import Tenures
from .cloud.features import Probe
from .cloud.kinds.identity import REVOCATION
from .cloud.kinds.storage import STORAGE_CLASS
from .cloud.reading.cache import Cache
from .cloud.reading.feed import Feed
from .cloud.reading.fragments import Allowance
from .cloud.reading.projects import Projects
from .cloud.reading.reader import Reader
from .cloud.reading.resolver import SHARED, Resolver
from .cloud.reading.slices import Slices
from .cloud.reading.territory import Territory
from .cloud.resource import Bench, Resource
from .cloud.service import Service
from .cloud.tenancy.bootstrap import Bootstrap
from .cloud.tenancy.calls import kinds, read, tenant_rights
from .cloud.threads import Crew
from .cloud.writing.claims import Claims, claimed
from .cloud.writing.cluster import Cluster
from .cloud.writing.crash import CrashPoints
from .cloud.writing.events import Events
from .cloud.writing.ledger import Ledger
from .cloud.writing.writer import Writer
from .compute.kinds import SERVER_LOG
from .config import Config
from .identity.chores import chores
from .identity.desk import TOOL, Desk
from .identity.founding import Founding
from .identity.furnish import Surroundings, furnished
from .kube.agent import call_agent, watch_agent
from .kube.client import HttpKube, Kube
from .kube.complaints import Complaints
from .kube.credentials import Credentials
from .kube.kind import Kind
from .kube.reflector import Reflector
from .kube.source import Origin
from .kube.store import Store
from .served import resources, services
from .web.api import Api

Stores = Mapping[Kind[Any], Store[Any]]
INITIAL_LISTS = 2
"""First lists of a cluster that run at a time: they cost its API server most (priority and fairness)."""
THREADS = 2


@dataclass(frozen=True)
class Watches:
    """The stores, what fills them, and what is made of them."""

    stores: Stores
    reflectors: tuple[Reflector, ...]
    cache: Cache
    resolver: Resolver
    projects: Projects
    probe: Probe

    def age(self, of: tuple[Kind[Any], ...]) -> Callable[[], float]:
        """Tells the seconds since the quietest of these kinds was last heard; each request asks, so it looks at
        nothing else. Nothing counts as heard before every list is whole, also of other kinds: what is missing there
        may only be still to come."""
        missing = list(self.stores.values())
        reflectors = tuple(each for each in self.reflectors if each.store.kind in of)

        def age() -> float:
            while missing and missing[-1].is_synced:
                del missing[-1]
            if missing:
                return inf
            longest = 0.0
            for each in reflectors:
                found = each.byte_age
                if found is None:
                    return inf
                if found > longest:
                    longest = found
            return longest

        return age


@dataclass(frozen=True)
class Writes:
    """What changes the cluster."""

    cluster: Cluster
    ledger: Ledger
    claims: Claims
    events: Events
    writer: Writer
    bootstrap: Bootstrap


@dataclass(frozen=True)
class Parts:
    """The whole daemon, not started."""

    config: Config
    kube: Kube
    watches: Watches
    writes: Writes
    desk: Desk
    founding: Founding
    feeds: tuple[Feed, ...]
    apis: tuple[Api, ...]
    steward: Steward
    presence: Presence
    pool: ThreadPool

    def checks(self) -> Mapping[str, bool]:
        """What must hold for requests to be taken: every kind known, and keys for tokens."""
        found = {f"watch {store.kind.resource}": store.is_synced for store in self.watches.stores.values()}
        return found | {"token keys": self.desk.ring.ready}


def client(reactor: Any, credentials: Credentials, checkpoint: Callable[[str], None] | None = None) -> Kube:
    """Calls to Kubernetes; ``checkpoint`` is told of each, where tests end the process."""
    kube = HttpKube(call_agent(reactor, credentials.tls), credentials, reactor)
    return kube if checkpoint is None else CrashPoints(kube, checkpoint)


def territories(projects: Projects, served: Iterable[Resource]) -> Callable[[Kind[Any]], Territory | None]:
    """Where a kind is watched, if not everywhere; None for one that has no namespace, or one of its own."""
    own, wide = Territory(projects, with_images=False), Territory(projects, with_images=True)
    of_images = {*SHARED, *(kind for resource in served if resource.scope == "images" for kind in read(resource))}

    def territory(kind: Kind[Any]) -> Territory | None:
        if not kind.namespaced or kind.namespace is not None:
            return None
        return wide if kind in of_images else own

    return territory


def watches(reactor: Any, config: Config, credentials: Credentials, kube: Kube) -> Watches:
    """A store and a reflector for every kind that any resource reads."""
    watched = dict.fromkeys((*kinds(resources(config)), TOKEN_KEYS))
    complaints = Complaints(reactor.seconds)
    stores = {kind: Store(kind, complaints) for kind in watched}
    origin = Origin(watch_agent(reactor, credentials.tls), credentials, DeferredSemaphore(INITIAL_LISTS))
    projects = Projects(stores)
    everywhere = territories(projects, resources(config))
    reflectors = tuple(
        Reflector(store, origin, reactor, random.random, everywhere(kind)) for kind, store in stores.items()
    )
    cache = Cache(stores, projects, config, reactor, Slices(reactor), Allowance(), time.time, complaints=complaints)
    probe = Probe(kube, reactor)
    stores[STORAGE_CLASS].listen(lambda _: probe.hint())
    return Watches(stores, reflectors, cache, Resolver(cache, kube), projects, probe)


def writes(reactor: Any, config: Config, kube: Kube, seen: Watches, replica: str) -> Writes:
    """The one way in which anything is written."""
    cluster = Cluster(kube, seen.stores, reactor)
    ledger, claims = Ledger(cluster), Claims(cluster, claimed(resources(config)))
    events = Events(kube, reactor, cluster.time, replica)
    writer = Writer(cluster, ledger, claims, events, seen.projects.of)
    return Writes(cluster, ledger, claims, events, writer, Bootstrap(cluster, tenant_rights(resources(config))))


def identity(
    reactor: Any, config: Config, seen: Watches, made: Writes, crew: Crew
) -> tuple[Desk, TokenGate, Founding]:
    """Tokens, passwords and the policy of all services."""
    watched = tuple(kind for kind in seen.stores if kind.group == "identity.dicot.io")
    desk, gate = furnished(
        Surroundings(
            config=config,
            services=services(config),
            kube=made.cluster.kube,
            stores=seen.stores,
            projects=seen.projects,
            now=time.time,
            clock=reactor.seconds,
            age=seen.age(watched),
            sleep=lambda seconds: deferLater(reactor, seconds),
            run=crew,
        )
    )
    founding = Founding(
        made.cluster.kube,
        desk.passwords,
        made.bootstrap,
        lambda claim: made.claims.take(claim, reactor.seconds() + 15.0),
        time.time,
    )
    return desk, gate, founding


def stewardship(reactor: Any, config: Config, seen: Watches, made: Writes, desk: Desk, replica: str) -> Steward:
    """The housework that one replica does for all."""
    project_of = seen.projects.of
    return Steward(
        Lease(made.cluster, replica),
        (
            Judge(made.cluster, made.ledger),
            Launches(made.cluster, project_of),
            Tenures(made.cluster, made.claims, claimed(resources(config))),
            Names(made.cluster, made.claims, claimed(resources(config))),
            Grants(made.cluster, seen.projects.image_namespaces),
            Expiry(made.cluster, (REVOCATION, SERVER_LOG)),
            *chores(desk, config.token_life),
        ),
        reactor,
    )


class Registrar:
    """Registers the operations of services on their routes."""

    def __init__(self, seen: Watches, made: Writes, desk: Desk, crew: Crew) -> None:
        self._seen = seen
        self._made = made
        self._desk = desk
        self._crew = crew
        self.feeds: list[Feed] = []

    def api(self, service: Service, gate: TokenGate) -> Api:
        """The routes of a service."""
        api = Api(service.dialect, gate)
        for resource in service.resources:
            resource.register(self._bench(api, resource))
        return api

    def _bench(self, api: Api, resource: Resource) -> Bench:
        feed = Feed(resource, self._seen.cache)
        if resource.sources:
            self.feeds.append(feed)
        for tallied in resource.tallies:
            self._seen.cache.tally(tallied)
        return Bench(
            routes=api,
            reader=Reader(feed, self._seen.cache, self._seen.resolver.verify),
            writer=self._made.writer,
            known=self._seen.resolver.known,
            verify=self._seen.resolver.verify,
            seek=self._seen.resolver.seek,
            new_id=lambda: str(uuid.uuid4()),
            now=time.time,
            config=self._seen.cache.config,
            in_thread=self._crew,
            tools={TOOL: self._desk, "features": self._seen.probe},
        )


def assembled(
    reactor: Any, config: Config, credentials: Credentials, checkpoint: Callable[[str], None] | None = None
) -> Parts:
    """Everything, from a configuration and credentials; nothing is asked of the cluster yet."""
    kube = client(reactor, credentials, checkpoint)
    seen = watches(reactor, config, credentials, kube)
    replica = replica_name(os.uname().nodename, uuid.uuid4().hex)
    made = writes(reactor, config, kube, seen, replica)
    pool = ThreadPool(0, THREADS, "dicot")
    crew = Crew(reactor, pool)
    desk, gate, founding = identity(reactor, config, seen, made, crew)
    registrar = Registrar(seen, made, desk, crew)
    apis = tuple(registrar.api(service, gate) for service in services(config))
    return Parts(
        config=config,
        kube=kube,
        watches=seen,
        writes=made,
        desk=desk,
        founding=founding,
        feeds=tuple(registrar.feeds),
        apis=apis,
        steward=stewardship(reactor, config, seen, made, desk, replica),
        presence=Presence(made.cluster, replica, reactor),
        pool=pool,
    )
