"""What the sandbox's switches of faults do to real clients: HttpKube's calls and a Reflector's watch."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from dicot.cloud.kinds.storage import SECRET
from dicot.kube import errors
from dicot.kube.address import place
from dicot.kube.agent import watch_agent
from dicot.kube.kind import Manifest
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Store
from dicot.names import IMAGES_NAMESPACE
from tests.cluster.control import SOON, Control
from tests.cluster.shared import SHARED
from tests.kube.contract_case import KubeCase
from tests.kube.test_contract_live import account, connected
from tests.length import TIMEOUT
from tests.live.case import kubernetes, put_forward
from tests.sandbox.arena import FAULTS

ONLY_ON = "sandbox"


class SwitchCase(KubeCase):
    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        cluster = await SHARED.sandbox(reactor)
        access = cluster.access
        self.admin = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.cleared()))
        self.kube = await connected(self)
        await self.begin()

    async def cleared(self) -> None:
        await self.admin.change("DELETE", FAULTS)
        await self.admin.close()

    async def set(self, effect: Manifest, *verbs: str, times: int = 0) -> str:
        """A switch for Secrets of the test's own namespace."""
        match = {"verbs": verbs, "resource": "secrets", "namespace": self.space}
        made = await self.admin.change("POST", FAULTS, {"effect": effect, "match": match, "times": times})
        return str(made["id"])

    async def make(self, name: str, within: float = 5.0) -> None:
        body: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        await self.kube.create(place(SECRET, self.space), body, within=within)

    async def has(self, name: str) -> bool:
        answer = await self.admin.ask("GET", f"/api/v1/namespaces/{self.space}/secrets/{name}")
        return answer.status == 200


class CallTests(SwitchCase):
    async def test_writes_that_end_in_doubt(self) -> None:
        """Whether they were carried out is the switch's to say."""
        cases: tuple[tuple[Manifest, bool], ...] = (
            ({"lose": "request"}, False),
            ({"lose": "answer"}, True),
            ({"cut": 5}, True),
            ({"before": 3}, False),
            ({"after": 3}, True),
        )
        for place_, (effect, done) in enumerate(cases):
            await self.set(effect, "create", times=1)
            with self.assertRaises(errors.Doubtful, msg=str(effect)):
                await self.make(f"n{place_}", within=1.0)
            self.assertEqual(await self.has(f"n{place_}"), done, str(effect))

    async def test_reads_are_asked_again(self) -> None:
        await self.make("one")
        effects: tuple[Manifest, ...] = (
            {"lose": "request"},
            {"lose": "answer"},
            {"cut": 5},
            {"refuse": {"code": 503}},
        )
        for effect in effects:
            id = await self.set(effect, "get", times=1)
            await self.kube.read(place(SECRET, self.space, "one"))
            self.assertEqual((await self.admin.get(f"{FAULTS}/{id}"))["fired"], 1, str(effect))

    async def test_refusals_are_what_they_say(self) -> None:
        cases: tuple[tuple[int, str, type[Exception]], ...] = (
            (409, "Conflict", errors.Conflict),
            (403, "Forbidden", errors.Denied),
            (404, "NotFound", errors.Missing),
        )
        for code, reason, kind in cases:
            await self.set({"refuse": {"code": code, "reason": reason}}, "create", times=1)
            with self.assertRaises(kind):
                await self.make("one")
        self.assertFalse(await self.has("one"))

    async def test_who_is_told_to_wait_waits(self) -> None:
        told = {"code": 429, "reason": "TooManyRequests", "retryAfter": 1}
        await self.set({"refuse": told}, "create", times=1)
        began = reactor.seconds()
        await self.make("one")
        self.assertGreaterEqual(reactor.seconds() - began, 1)

    async def test_what_is_done_twice_exists_once(self) -> None:
        await self.set({"twice": True}, "create", times=1)
        with self.assertRaises(errors.Exists):
            await self.make("one")
        self.assertTrue(await self.has("one"))


class WatchTests(SwitchCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.store: Store[Any] = Store(SECRET)
        credentials = await account()
        origin = Origin(watch_agent(reactor, credentials.tls), credentials, DeferredSemaphore(2))
        reflector = Reflector(self.store, origin, reactor, random.random)
        self.addCleanup(reflector.stop)
        reflector.start()
        await self.store.synced()

    async def set_watch(self, effect: Manifest, name: str = "", times: int = 0) -> str:
        match = {"resource": "secrets", "verbs": ["watch"], **({"name": name} if name else {})}
        made = await self.admin.change("POST", FAULTS, {"effect": effect, "match": match, "times": times})
        return str(made["id"])

    def seen(self) -> list[str]:
        return sorted(row.name for row in self.store.rows() if row.namespace == self.space)

    async def until_seen(self, *names: str) -> None:
        async def all_there() -> bool:
            return self.seen() == sorted(names)

        await self.admin.until(SOON, f"{names} to be seen", all_there)

    async def test_what_is_held_comes_later(self) -> None:
        id = await self.set_watch({"hold": True})
        await self.make("one")
        await deferLater(reactor, 0.3)
        self.assertEqual(self.seen(), [])
        await self.admin.change("DELETE", f"{FAULTS}/{id}")
        await self.until_seen("one")

    async def test_a_watch_that_is_cut_off_or_refused_goes_on(self) -> None:
        gone = {"code": 410, "reason": "Expired"}
        effects: tuple[Manifest, ...] = ({"lose": "answer"}, {"cut": 100}, {"error": gone}, {"refuse": gone})
        names = []
        for place_, effect in enumerate(effects):
            await self.set_watch(effect, times=1)
            names.append(f"n{place_}")
            await self.make(names[-1])
            await self.until_seen(*names)

    async def test_events_are_lost_or_come_twice(self) -> None:
        await self.set_watch({"events": "lost"}, "lost")
        await self.set_watch({"events": "doubled"}, "twice")
        for name in ("lost", "twice", "last"):
            await self.make(name)
        await self.until_seen("twice", "last")
        self.assertTrue(await self.has("lost"))


class ClockTests(TestCase):
    timeout = TIMEOUT

    async def test_the_whole_cluster_is_ahead(self) -> None:
        """What the API server signs is good at once for the controllers, which would otherwise wait for its time."""
        admin = kubernetes(self, await SHARED.furnished(reactor))
        await put_forward(admin, 3600)
        source = {"kind": "DataSource", "name": "debian-13", "namespace": IMAGES_NAMESPACE}
        name, volumes = f"ahead-{uuid4().hex[:8]}", "/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datavolumes"
        body = {
            "apiVersion": "cdi.kubevirt.io/v1beta1",
            "kind": "DataVolume",
            "metadata": {"name": name},
            "spec": {"sourceRef": source, "storage": {"resources": {"requests": {"storage": "20Gi"}}}},
        }
        await admin.change("POST", volumes, body)

        async def copied() -> bool:
            found = await admin.get(f"{volumes}/{name}")
            return bool(found.get("status", {}).get("phase") == "Succeeded")

        await admin.until(SOON, "the copy of a volume", copied)
