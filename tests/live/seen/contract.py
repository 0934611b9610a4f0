"""What suites about rights and the cluster's own controllers share: people, roles, and answers that come late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.cluster.control import SOON, Answer, Control
from tests.cluster.objects import Document

from .objects import binding, role
from .person import Person, account
from .stage import SeenTestCase


def review(kind: str, **spec: object) -> Document:
    group = "authentication" if kind in ("TokenReview", "TokenRequest", "SelfSubjectReview") else "authorization"
    return {"apiVersion": f"{group}.k8s.io/v1", "kind": kind, "spec": spec}


def rule(verbs: str, resources: str, group: str = "", *names: str) -> Document:
    said: Document = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {**said, "resourceNames": list(names)} if names else said


def told(answer: Answer) -> str:
    """Code and message of a refusal."""
    document = answer.document
    return f"{answer.status} {document.get('reason', '')}: {document.get('message', '')}"


class ContractTestCase(SeenTestCase):
    """What the classes below share."""

    def control_of(self, token: str) -> Control:
        control = Control(reactor, self.access.server, self.access.authority, token)
        self.addCleanup(lambda: Deferred.fromCoroutine(control.close()))
        return control

    async def token(self, name: str = "default", **spec: object) -> str:
        path = f"{self.core}/serviceaccounts/{name}/token"
        answer = await self.control.change("POST", path, review("TokenRequest", **spec))
        token: str = answer["status"]["token"]
        return token

    async def person(self, name: str = "default") -> Person:
        return Person(self.pool, self.access, await self.token(name))

    def admin(self, headers: Mapping[str, str]) -> Person:
        return Person(self.pool, self.access, self.access.admin, headers)

    async def grant(self, name: str, *rules: Document) -> None:
        made = f"{name}-{uuid4().hex[:8]}"
        await self.make(role(made, *rules), binding(made, "Role", made, self.namespace, name))

    async def until(self, ask: Callable[[], Deferred[Answer]], fits: Callable[[Answer], bool]) -> Answer:
        """The first answer that fits: what decides learns a little later."""
        found: list[Answer] = []

        async def seen() -> bool:
            found[:] = [await ask()]
            return fits(found[0])

        await self.control.until(SOON, "an answer", seen)
        return found[0]

    def name_of(self, name: str = "default") -> str:
        return account(self.namespace, name)

    def forget(self, path: str) -> None:
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.ask("DELETE", path)))
