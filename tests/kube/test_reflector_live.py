"""Reflectors at a real API server: what the scripted one cannot prove."""

import json
from io import BytesIO
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import FileBodyProducer, readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from dicot.kube.agent import watch_agent
from dicot.kube.audit import Audit
from dicot.kube.course import RETRY_UNAVAILABLE, Course
from dicot.kube.initial import Initial
from dicot.kube.kind import Kind
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin, Source
from dicot.kube.store import Change, Store
from dicot.kube.trust import Pem, Tls
from tests.cluster.access import Access
from tests.cluster.control import MERGE, Control
from tests.cluster.installed import token_request
from tests.cluster.shared import SHARED, on_real_programs
from tests.length import TIMEOUT

from .scripted import Land
from .things import Thing, homes

SOON = 90.0
RBAC = "rbac.authorization.k8s.io"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Document = dict[str, Any]


def definition(plural: str, group: str) -> Document:
    """A CRD of things that keeps whatever it is given."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": plural[:-1], "kind": "Thing", "listKind": "ThingList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


@implementer(IAgent)
class Recording:
    """An agent that writes down what was asked and answered."""

    def __init__(self, agent: IAgent) -> None:
        self.codes: list[int] = []
        self.uris: list[str] = []
        self.headers: list[Headers] = []
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> "Deferred[IResponse]":
        self.uris.append(uri.decode())
        self.headers.append(headers or Headers())
        answer: Deferred[IResponse] = self._agent.request(method, uri, headers, bodyProducer)
        return answer.addCallback(self._note)

    def _note(self, response: IResponse) -> IResponse:
        self.codes.append(response.code)
        return response


class Account:
    """Somebody who has a token."""

    def __init__(self, server: str, token: str) -> None:
        self.server = server
        self._token = token

    async def authorize(self, stale: bool = False) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


class Impatient:
    """The reactor's time, but for the minute that is waited for a kind that is not served."""

    def __init__(self, clock: Any) -> None:
        self.seconds = clock.seconds
        self.getDelayedCalls = clock.getDelayedCalls
        self._clock = clock

    def callLater(self, delay: float, *call: Any, **named: Any) -> IDelayedCall:
        made: IDelayedCall = self._clock.callLater(1.0 if delay == RETRY_UNAVAILABLE else delay, *call, **named)
        return made


class LiveTestCase(TestCase):
    """A kind of its own at a real server."""

    timeout = TIMEOUT
    optional = False

    async def access(self) -> Access:
        """The server."""
        return await SHARED.access(reactor)

    async def setUp(self) -> None:  # type: ignore[override]
        access = await self.access()
        self.control = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.close()))
        self.group = f"g{uuid4().hex[:8]}.example.io"
        self.kind = Kind(self.group, "v1", "things", "Thing", Thing, links=homes, optional=True)
        self.things = f"/apis/{self.group}/v1/namespaces/default/things"
        self.agent = Recording(watch_agent(reactor, Tls(Pem(access.authority))))
        self.clock: Any = Impatient(reactor)
        self.origin = Origin(self.agent, Account(access.server, access.admin), DeferredSemaphore(2))
        self.store = Store(self.kind)
        self.told: list[Change] = []
        self.store.listen(self.told.extend)
        await self.define()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.undefine()))

    async def define(self) -> None:
        """Install the CRD, and wait until it is served."""
        await self.control.change("POST", DEFINITIONS, definition("things", self.group))
        await self.control.until(SOON, "the kind", lambda: self.control.answers(self.things))

    async def undefine(self) -> None:
        """Remove the CRD, and wait until it is not served any more."""
        path = f"{DEFINITIONS}/things.{self.group}"
        await self.control.change("DELETE", path, also=(404,))

        async def gone() -> bool:
            return (await self.control.ask("GET", path)).status == 404

        await self.control.until(SOON, "the end of the kind", gone)

    def reflect(self) -> Reflector:
        """Keep the store, until the test is over."""
        reflector = Reflector(self.store, self.origin, self.clock, lambda: 0.0)
        reflector.start()
        self.addCleanup(reflector.stop)
        return reflector

    async def create(self, name: str, namespace: str = "default", **spec: Any) -> str:
        """A thing; answers the version that its creation has."""
        path = f"/apis/{self.group}/v1/namespaces/{namespace}/things"
        made = await self.control.change("POST", path, self.thing(name, **spec))
        version: str = made["metadata"]["resourceVersion"]
        return version

    async def delete(self, name: str) -> None:
        await self.control.change("DELETE", f"{self.things}/{name}")

    def thing(self, name: str, **spec: Any) -> Document:
        return {"apiVersion": f"{self.group}/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}

    async def until(self, what: str, seen: Any, seconds: float = SOON) -> None:
        """Wait until ``seen()``."""
        end = self.clock.seconds() + seconds
        while not seen():
            self.assertLess(self.clock.seconds(), end, f"waited for {what}")
            await deferLater(self.clock, 0.05)

    def names(self) -> list[str]:
        return sorted(row.name for row in self.store.rows())


class SharedServerTests(LiveTestCase):
    """At a server that others use too."""

    async def test_rules_01_and_02_objects_are_streamed_and_then_followed(self) -> None:
        await self.create("before", size=1)
        reflector = self.reflect()
        await self.store.synced()
        self.assertEqual(self.names(), ["before"])
        version = await self.create("after", size=2)
        await self.store.reached(version)
        self.assertEqual(self.names(), ["after", "before"])
        await self.delete("before")
        await self.until("the deletion", lambda: self.names() == ["after"])
        health = reflector.health()
        self.assertEqual((health.fallbacks, health.relists, health.cuts, health.state), (0, 0, 0, "watching"))
        self.assertEqual(len(self.agent.uris), 1)

    async def test_rules_05_to_09_plain_lists(self) -> None:
        for number in range(7):
            await self.create(f"n{number}", size=number)
        for newest in (False, True):
            store = Store(self.kind)
            course = Course(self.kind, store.tally, self.clock, lambda: 0.0)
            course.newest = newest
            initial = Initial(store, store.whole, Source(self.kind, self.origin, self.clock), course, self.clock)
            await initial.listed()
            self.assertEqual((len(store), store.is_synced), (7, True))

    async def test_rule_27_a_kind_that_goes_and_comes_back(self) -> None:
        reflector = self.reflect()
        await self.store.synced()
        await self.store.reached(await self.create("one"))
        await self.undefine()
        await self.until("not served", lambda: reflector.health().state == "not served")
        self.assertEqual((self.names(), self.store.is_synced), ([], True))
        await self.define()
        await self.until("served again", lambda: reflector.health().state == "watching")
        await self.store.reached(await self.create("two"))
        self.assertEqual(self.names(), ["two"])

    async def test_rule_27_a_kind_that_was_never_there_counts_as_empty(self) -> None:
        await self.undefine()
        reflector = self.reflect()
        await self.store.synced()
        self.assertEqual((len(self.store), reflector.health().state), (0, "not served"))

    async def test_rule_33_each_write_is_awaited(self) -> None:
        self.reflect()
        await self.store.synced()
        for number in range(20):
            await self.store.reached(await self.create(f"n{number}"))
            self.assertIsNotNone(self.store.one("default", f"n{number}"))

    async def test_rule_36_the_audit_finds_what_is_missing(self) -> None:
        self.reflect()
        await self.store.synced()
        for name in "abc":
            await self.store.reached(await self.create(name))
        found: list[str] = []
        await self.audit(found)
        self.assertEqual(found, [])
        row = self.store.one("default", "b")
        assert row is not None
        # As if an event had been lost: the grave of a forgotten object is closed by the next event of its own.
        self.store.forget("default", "b", row.uid)
        gone = {"type": "DELETED", "object": {"metadata": {"uid": row.uid, "resourceVersion": "1"}}}
        self.store.apply([json.dumps(gone).encode()])
        await self.audit(found)
        self.assertEqual(found, ["differs"])

    async def audit(self, found: list[str]) -> None:
        """Compare now."""
        audit = Audit(
            self.store, self.store.whole, Source(self.kind, self.origin, self.clock), self.origin.turns, self.clock
        )
        before = len(self.agent.codes)
        self.assertTrue(audit.is_due())
        audit.begin(lambda: found.append("differs"))
        await self.until("the audit", audit.is_due)
        self.assertEqual(self.agent.codes[before:], [200])

    async def test_an_object_nested_as_deep_as_the_server_accepts(self) -> None:
        on_real_programs("the sandbox accepts nothing that deep")
        self.reflect()
        await self.store.synced()
        await self.create_deep("deep", 9_900)
        await self.store.reached(await self.create("flat"))
        self.assertIn("flat", self.names())
        again = Store(self.kind)
        course = Course(self.kind, again.tally, self.clock, lambda: 0.0)
        await Initial(again, again.whole, Source(self.kind, self.origin, self.clock), course, self.clock).listed()
        self.assertIn("flat", [row.name for row in again.rows()])

    async def create_deep(self, name: str, depth: int) -> None:
        """A thing with so many lists in each other; Python's json would not write it."""
        body = json.dumps(self.thing(name, deep="HERE")).replace('"HERE"', "[" * depth + "]" * depth)
        headers = Headers({"Content-Type": ["application/json"]})
        for key, value in (await self.origin.credential.authorize()).items():
            headers.setRawHeaders(key, [value])
        uri = f"{self.origin.credential.server}{self.things}".encode()
        response = await self.agent.request(b"POST", uri, headers, FileBodyProducer(BytesIO(body.encode())))
        self.assertEqual((response.code, len(await readBody(response)) > depth), (201, True))


class ScatteredTests(LiveTestCase):
    """An account that has rights in two namespaces and nowhere else."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        access = await self.access()
        mark = uuid4().hex[:8]
        self.red, self.blue = f"red-{mark}", f"blue-{mark}"
        for name in (self.red, self.blue):
            await self.control.change("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
            self.addCleanup(self.control.change, "DELETE", f"/api/v1/namespaces/{name}", also=(404, 409))
        accounts = f"/api/v1/namespaces/{self.red}/serviceaccounts"
        await self.control.change("POST", accounts, {"metadata": {"name": "watcher"}})
        self.subject = {"kind": "ServiceAccount", "name": "watcher", "namespace": self.red}
        token = (await self.control.change("POST", f"{accounts}/watcher/token", token_request()))["status"]["token"]
        self.origin = Origin(self.agent, Account(access.server, token), DeferredSemaphore(2))
        for name in (self.red, self.blue):
            await self.grant(f"namespaces/{name}/", "Role")

    async def grant(self, inside: str, kind: str) -> None:
        """Let the account watch things, in a namespace or everywhere."""
        name = f"watch-{self.group}"
        rule = {"apiGroups": [self.group], "resources": ["things"], "verbs": ["list", "watch"]}
        role = {"apiGroup": RBAC, "kind": kind, "name": name}
        binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [self.subject]}
        for plural, body in (
            (f"{kind}s", {"metadata": {"name": name}, "rules": [rule]}),
            (f"{kind}Bindings", binding),
        ):
            path = f"/apis/{RBAC}/v1/{inside}{plural.lower()}"
            await self.control.change("POST", path, body)
            if not inside:
                self.addCleanup(self.control.change, "DELETE", f"{path}/{name}")

    async def test_rule_38_a_namespace_that_is_deleted(self) -> None:
        land = Land(self.red, self.blue)
        reflector = Reflector(self.store, self.origin, self.clock, lambda: 0.0, land)
        reflector.start()
        self.addCleanup(reflector.stop)
        await self.create("one", self.red)
        await self.create("two", self.blue)
        await self.until("both", lambda: self.names() == ["one", "two"])
        await self.control.change("DELETE", f"/api/v1/namespaces/{self.blue}")
        await self.until("the end of its objects", lambda: self.names() == ["one"])
        land.become(self.red)
        await self.store.reached(await self.create("three", self.red), self.red)
        health = reflector.health()
        self.assertEqual((health.namespaces, health.state, self.names()), (1, "watching", ["one", "three"]))

    async def test_rule_38_each_namespace_and_then_all(self) -> None:
        land = Land(self.red, self.blue)
        await self.create("one", self.red)
        await self.create("two", self.blue)
        await self.create("hidden")
        reflector = Reflector(self.store, self.origin, self.clock, lambda: 0.0, land)
        reflector.start()
        self.addCleanup(reflector.stop)
        await self.store.synced()
        self.assertEqual((self.names(), reflector.health().namespaces), (["one", "two"], 2))
        version = await self.create("three", self.blue)
        await self.store.reached(version, self.blue)
        self.assertEqual(self.names(), ["one", "three", "two"])
        land.become(self.red)
        self.assertEqual(self.names(), ["one"])
        land.become(self.red, self.blue)
        await self.until("the other namespace", lambda: self.names() == ["one", "three", "two"])
        self.told.clear()
        await self.grant("", "ClusterRole")
        await self.until("the watch of all", lambda: reflector.health().namespaces == 0)
        self.assertEqual([change.new and change.new.name for change in self.told], ["hidden"])
        await self.store.reached(await self.create("four", self.blue), self.blue)
        self.assertEqual(self.names(), ["four", "hidden", "one", "three", "two"])
        self.assertEqual(reflector.health().state, "watching")


class OwnServerTests(LiveTestCase):
    """At a server that dies."""

    async def access(self) -> Access:
        self.cluster = await SHARED.cluster(reactor)
        return self.cluster.access

    async def test_rules_25_and_26_a_restart_in_mid_stream(self) -> None:
        reflector = self.reflect()
        await self.store.synced()
        for number in range(5):
            await self.store.reached(await self.create(f"n{number}", size=number))
        self.told.clear()
        await self.cluster.kill_apiserver()
        await self.until("the cut", lambda: self.store.tally.cuts > 0)
        self.assertEqual(len(self.names()), 5)
        await self.cluster.start_apiserver()
        version = await self.create("after")
        await self.store.reached(version).addTimeout(120, self.clock)
        self.assertEqual([change.new and change.new.name for change in self.told], ["after"])
        self.assertEqual(len(self.store), 6)
        await self.until("the watch", lambda: reflector.health().state == "watching")

    async def test_rules_16_and_17_a_version_that_is_gone(self) -> None:
        reflector = self.reflect()
        await self.store.synced()
        await self.store.reached(await self.create("one"))
        # The revision moves on by what is not ours, so that ours is compacted away.
        for number in range(30):
            labels = {"metadata": {"labels": {"number": str(number)}}}
            await self.control.change("PATCH", "/api/v1/namespaces/default", labels, MERGE)
        await self.cluster.compact()
        self.told.clear()
        await self.cluster.restart_apiserver()
        await self.until("the relist", lambda: self.store.tally.relists > 0, 120)
        self.assertGreater(self.store.tally.gone, 0)
        await self.store.reached(await self.create("two")).addTimeout(60, self.clock)
        self.assertEqual([change.new and change.new.name for change in self.told], ["two"])
        self.assertEqual(self.names(), ["one", "two"])
        await self.until("the watch", lambda: reflector.health().state == "watching")

    async def test_rule_26_storage_that_initialises(self) -> None:
        """For some seconds after a start the server may have no watch cache yet, and say 429 or 503."""
        await self.cluster.restart_apiserver()
        self.reflect()
        await self.store.synced().addTimeout(120, self.clock)
        self.assertEqual(self.store.tally.fallbacks, 0)
        self.assertLessEqual(set(self.agent.codes), {200, 429, 503})
