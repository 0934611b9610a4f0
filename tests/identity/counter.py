"""Identity's operations over a small cloud, asked as ``Api`` asks them, without HTTP."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from argon2 import PasswordHasher
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater

from dicot.caller import ANONYMOUS, Caller
from dicot.cloud.callers.tokens import Scope
from dicot.cloud.kinds.storage import SECRET
from dicot.cloud.resource import Bench
from dicot.config import Config
from dicot.identity.furnish import Surroundings, furnished
from dicot.identity.password import secret
from dicot.identity.service import service
from dicot.kube.address import place
from dicot.names import SYSTEM_NAMESPACE
from dicot.web.call import Call, Reply, Routes
from dicot.web.dialect import UNVERSIONED

from ..bench import Operations
from ..cloud.town import Dice, Town, hex_id, now_of

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CONFIG = Config(public_url="https://cloud.example:5000", region="North")
URL = "https://cloud.example:5000/identity/v3"
HERE = "192.0.2.1"


class Threads:
    """Does at once what a thread would do, and counts it."""

    def __init__(self) -> None:
        self.jobs = 0

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        self.jobs += 1
        return succeed(work())


class Counter:
    """A daemon's identity service. Users' passwords are their names and "-secret"."""

    def __init__(self) -> None:
        self.town = Town()
        self.threads = Threads()
        replica = self.town.one
        self.service = service(CONFIG)
        self.desk, self.gate = furnished(
            Surroundings(
                config=CONFIG,
                services=(self.service,),
                kube=self.town.kube,
                stores=replica.stores,
                projects=self.town.land,
                now=self.town.clock.seconds,
                clock=self.town.clock.seconds,
                age=lambda: replica.age,
                sleep=lambda seconds: deferLater(self.town.clock, seconds),
                run=self.threads,
                random=Dice("counter"),
                hasher=HASHER,
            )
        )
        self.routes = Operations()
        for resource in self.service.resources:
            resource.register(self.bench(self.routes))

    def bench(self, routes: Routes) -> Bench:
        def absent(*args: Any) -> Any:
            raise AssertionError("identity has no use for it")

        return Bench(
            routes=routes,
            reader=absent,  # type: ignore[arg-type]
            writer=absent,  # type: ignore[arg-type]
            known=absent,
            verify=absent,
            new_id=absent,
            now=self.town.clock.seconds,
            config=CONFIG,
            tools={"identity": self.desk},
        )

    def user(self, name: str, **spec: Any) -> str:
        """A user with a password."""
        body = secret(hex_id(name), HASHER.hash(f"{name}-secret"))
        now_of(self.town.kube.create(place(SECRET, SYSTEM_NAMESPACE), body))
        return self.town.user(name, **spec)

    def token(self, user: str, scope: Scope) -> str:
        """A token of a user, whether or not it would be issued."""
        fresh = self.desk.tokens.fresh(hex_id(user), scope, frozenset(("password",)), 0, self.town.clock.seconds())
        return self.desk.tokens.write(fresh)

    def ask(
        self,
        method: str,
        url: str,
        token: str = "",
        *,
        names: Mapping[str, str] | None = None,
        query: Mapping[str, Sequence[str]] | None = None,
        subject: str = "",
        body: object = None,
    ) -> Reply:
        """The answer, or the Fault, of an operation that has to wait for nothing."""
        return now_of(self.asking(method, url, token, names=names, query=query, subject=subject, body=body))

    async def asking(
        self,
        method: str,
        url: str,
        token: str = "",
        *,
        names: Mapping[str, str] | None = None,
        query: Mapping[str, Sequence[str]] | None = None,
        subject: str = "",
        body: object = None,
    ) -> Reply:
        operation, bodies, policy = self.routes.operations[method, url]
        caller = ANONYMOUS
        if policy is not None:
            found = self.gate.identify(token)
            caller = found if isinstance(found, Caller) else await found
            self.gate.permit(caller, policy)
        decoded = bodies[-1][1](body) if bodies else None
        headers = {"x-subject-token": subject} if subject else {}
        reply = operation(Call(caller, UNVERSIONED, names or {}, query or {}, headers, decoded, "req-1"))
        return await reply if inspect.isawaitable(reply) else reply

    def log_in(self, body: object, **query: Sequence[str]) -> Reply:
        """POST /auth/tokens."""
        return self.ask("POST", "/auth/tokens", body=body, query=query)


def by_password(name: str, password: str | None = None, scope: object = None, domain: str = "default") -> Any:
    """The body of a log-in by name."""
    user: dict[str, Any] = {"name": name, "domain": {"id": domain}, "password": password or f"{name}-secret"}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    return {"auth": auth | ({} if scope is None else {"scope": scope})}


def by_token(text: str, scope: object = None) -> Any:
    """The body of a log-in by an earlier token."""
    auth: dict[str, Any] = {"identity": {"methods": ["token"], "token": {"id": text}}}
    return {"auth": auth | ({} if scope is None else {"scope": scope})}
