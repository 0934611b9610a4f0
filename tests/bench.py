"""What a resource's routes are made with, for tests that call operations without HTTP."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from dicot.caller import ANONYMOUS, Caller
from dicot.cloud.plan import Create, Plan
from dicot.cloud.reading.feed import Feed
from dicot.cloud.reading.reader import Reader
from dicot.cloud.reading.resolver import Resolver
from dicot.cloud.resource import Bench, Resource
from dicot.cloud.tenancy.calls import read
from dicot.config import Config
from dicot.kube.kind import Kind, Row
from dicot.web.call import NEVER, Bodies, Call, Operation, Reply
from dicot.web.dialect import Version
from tests.cloud.ground import Ground
from tests.kube.fake import FakeKube

PROJECT = "1" * 32
USER = "2" * 32
MEMBER = replace(
    ANONYMOUS,
    user=USER,
    user_name="demo",
    project=PROJECT,
    project_name="demo",
    namespace="demo",
    roles=frozenset({"member", "reader"}),
    personas=frozenset({"member", "reader", "any"}),
    role_account="member",
)
ADMIN = replace(
    MEMBER,
    user="3" * 32,
    roles=frozenset({"admin", "manager", "member", "reader"}),
    personas=frozenset({"admin", "manager", "member", "reader", "any"}),
    admin=True,
    role_account="admin",
)


class Plans:
    """Fulfils ``cloud.resource.Writing``: keeps plans, and answers with the object that the commit would make.

    ``refuse`` are refusals to meet, which a plan translates; ``committed`` the ids that came about of many.
    """

    def __init__(self) -> None:
        self.applied: list[Plan] = []
        self.refuse: list[Exception] = []
        self.committed: list[str] | None = None

    async def apply(self, caller: Caller, request_id: str, derive: Callable[[], Plan]) -> Row | None:
        plan = derive()
        self.applied.append(plan)
        if self.refuse:
            error = self.refuse.pop(0)
            raise plan.refusals[type(error)](error)
        if isinstance(plan.commit, Create):
            return plan.commit.kind.decode(msgspec.json.encode(plan.commit.body))
        return None

    async def apply_many(
        self, caller: Caller, request_id: str, derive: Callable[[], tuple[Plan, ...]], least: int
    ) -> tuple[str, ...]:
        plans = derive()
        self.applied += plans
        return tuple(plan.id for plan in plans) if self.committed is None else tuple(self.committed)


class Operations:
    """Fulfils ``web.call.Routes``: operations by method (or an action's key) and URL."""

    def __init__(self) -> None:
        self.operations: dict[tuple[str, str], tuple[Operation[Any], Bodies[Any], str | None]] = {}

    def get(
        self, url: str, policy: str | None, *, since: Version = (0, 0), until: Version = NEVER
    ) -> Callable[[Operation[None]], Operation[None]]:
        return self._kept(("GET", url), (), policy)

    def write(
        self,
        method: str,
        url: str,
        policy: str | None,
        bodies: Bodies[Any] = (),
        *,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[Any]], Operation[Any]]:
        return self._kept((method, url), bodies, policy)

    def action(
        self,
        url: str,
        key: str,
        policy: str,
        bodies: Bodies[Any],
        *,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[Any]], Operation[Any]]:
        return self._kept((key, url), bodies, policy)

    def _kept(
        self, key: tuple[str, str], bodies: Bodies[Any], policy: str | None
    ) -> Callable[[Operation[Any]], Operation[Any]]:
        def keep(operation: Operation[Any]) -> Operation[Any]:
            self.operations[key] = (operation, bodies, policy)
            return operation

        return keep


class Workbench:
    """One resource over literal objects, whose operations tests call."""

    def __init__(
        self,
        resource: Resource,
        objects: Mapping[Kind[Any], Sequence[Mapping[str, Any]]],
        config: Config | None = None,
        others: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """``others`` are further projects, ids by namespace."""
        self.config = config or Config()
        self.writer = Plans()
        self.routes = Operations()
        ground = Ground({*objects, *read(resource)})
        ground.sync()
        feed = Feed(resource, ground.cache)
        feed.start()
        for kind, bodies in objects.items():
            ground.stores[kind].replace([msgspec.json.encode(body) for body in bodies], "1")
        for namespace, id in {"demo": PROJECT, **others}.items():
            ground.project(namespace, id)
        ground.clock.advance(0)
        self.ground = ground
        self.kube = FakeKube(ground.clock)
        resolver = Resolver(replace(ground.cache, config=self.config), self.kube)
        resource.register(
            Bench(
                routes=self.routes,
                reader=Reader(feed, ground.cache, resolver.verify),
                writer=self.writer,
                known=resolver.known,
                verify=resolver.verify,
                seek=resolver.seek,
                new_id=lambda: "0d3c7a52-3c39-4c7f-8f2e-6b0f6a1c2222",
                now=lambda: 1_795_000_000.0,
                config=self.config,
            )
        )

    def ask(
        self,
        method: str,
        url: str,
        *,
        caller: Caller = MEMBER,
        version: Version = (2, 1),
        body: object = None,
        query: Mapping[str, Sequence[str]] | None = None,
        **names: str,
    ) -> "Deferred[Reply]":
        """What an operation answers; its failure is the Fault."""
        operation, bodies, _ = self.routes.operations[(method, url)]

        async def called() -> Reply:
            decode = next((decode for since, decode in reversed(bodies) if since <= version), None)
            content = decode(body) if decode else None
            reply = operation(Call(caller, version, names, query or {}, {}, content, "req-1"))
            return await reply if isinstance(reply, Awaitable) else reply

        return Deferred.fromCoroutine(called())
