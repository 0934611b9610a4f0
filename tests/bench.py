"""What a resource's routes are made with, for tests that call operations without HTTP."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from dicot.caller import ANONYMOUS, Caller
from dicot.cloud.plan import Create, Plan
from dicot.cloud.resource import Bench, Resource
from dicot.config import Config
from dicot.kube.kind import Kind, Row
from dicot.web.call import NEVER, Bodies, Call, Operation, Reply
from dicot.web.dialect import Version

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


class KnownObjects:
    """Fulfils ``cloud.resource.Known`` over literal objects."""

    def __init__(self, caller: Caller, config: Config, objects: Mapping[Kind[Any], Iterable[Row]]) -> None:
        self.caller = caller
        self.config = config
        self._objects = {kind: tuple(rows) for kind, rows in objects.items()}

    def _seen(self, kind: Kind[Any]) -> list[tuple[Row, Any]]:
        spaces = {"", self.caller.namespace, kind.namespace, "dicot-images"}
        return [(row, kind.read(row)) for row in self._objects.get(kind, ()) if row.namespace in spaces]

    def find(self, kind: Kind[Any], id: str) -> tuple[Row, Any] | None:
        return next((pair for pair in self._seen(kind) if pair[0].id == id), None)

    def named(self, kind: Kind[Any], name: str, namespace: str | None = None) -> tuple[Row, Any] | None:
        space = namespace if namespace is not None else kind.namespace or self.caller.namespace
        return next((pair for pair in self._seen(kind) if (pair[0].namespace, pair[0].name) == (space, name)), None)

    def linked(self, kind: Kind[Any], value: str) -> tuple[tuple[Row, Any], ...]:
        return tuple(
            (row, body) for row, body in self._seen(kind) if f"{row.namespace}/{value}" in kind.links(row, body)
        )

    def rows(self, kind: Kind[Any]) -> Iterable[tuple[Row, Any]]:
        return self._seen(kind)

    def project(self, namespace: str) -> str:
        return PROJECT if namespace == "demo" else ""

    def project_ids(self) -> Mapping[str, str]:
        return {PROJECT: "demo"}


class PlansKept:
    """Fulfils ``cloud.resource.Writing``: keeps plans, and answers with the object that the commit would make."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []

    async def apply(self, caller: Caller, request_id: str, derive: Callable[[], Plan]) -> Row | None:
        plan = derive()
        self.plans.append(plan)
        if isinstance(plan.commit, Create):
            return plan.commit.kind.decode(msgspec.json.encode(plan.commit.body))
        return None

    async def apply_many(
        self, caller: Caller, request_id: str, derive: Callable[[], tuple[Plan, ...]], least: int
    ) -> tuple[str, ...]:
        plans = derive()
        self.plans.extend(plans)
        return tuple(plan.id for plan in plans)


class Operations:
    """Fulfils ``web.call.Routes``: keeps operations by method and path, and calls them as Api would."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], tuple[Operation[Any], str | None, Bodies[Any]]] = {}

    def get(
        self,
        url: str,
        policy: str | None,
        *,
        hot: bool = False,
        since: Version = (0, 0),
        until: Version = NEVER,
    ) -> Callable[[Operation[None]], Operation[None]]:
        return self.write("GET", url, policy, since=since, until=until)

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
        def keep(operation: Operation[Any]) -> Operation[Any]:
            self.found[(method, url)] = (operation, policy, bodies)
            return operation

        return keep

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
        return self.write(f"POST {key}", url, policy, bodies, since=since, until=until)


class Workbench:
    """One resource over literal objects, whose operations tests call."""

    def __init__(
        self,
        resource: Resource,
        objects: Mapping[Kind[Any], Sequence[Mapping[str, Any]]],
        config: Config | None = None,
    ) -> None:
        rows = {kind: [kind.decode(msgspec.json.encode(body)) for body in bodies] for kind, bodies in objects.items()}
        self.config = config or Config()
        self.writer = PlansKept()
        self.operations = Operations()
        resource.register(
            Bench(
                routes=self.operations,
                reader=None,  # type: ignore[arg-type]  # these resources have no shelf
                writer=self.writer,
                known=lambda caller: KnownObjects(caller, self.config, rows),
                verify=_nothing,
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
        operation, _, bodies = self.operations.found[(method, url)]

        async def called() -> Reply:
            decode = next((decode for since, decode in reversed(bodies) if since <= version), None)
            content = decode(body) if decode else None
            reply = operation(Call(caller, version, names, query or {}, {}, content, "req-1"))
            return await reply if isinstance(reply, Awaitable) else reply

        return Deferred.fromCoroutine(called())


async def _nothing(kind: Kind[Any], caller: Caller, id: str) -> bool:
    return False
