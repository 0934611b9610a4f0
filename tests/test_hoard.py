"""What clients make up is not kept: long texts, each another one, do not fill the memory (G9)."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.compute.bodies.values import A
from tests.web.wire import written
from tests.whole import Whole

COMPUTE, IDENTITY = "/compute/v2.1", "/identity/v3"
FIRST, TEXTS = 3, 24
"""Texts that are sent before it is measured, and after."""
LONG = 4_000
"""Characters of a text."""
KEPT = TEXTS * LONG // 3
"""Bytes that may be left of all of them: nothing that counts them is as long as they are."""
Asks = Callable[[str], bytes]


def texts(count: int, mark: str) -> Iterator[str]:
    """Each another one from its beginning on."""
    return (f"{mark}{number:04}".ljust(LONG, "x") for number in range(count))


def server(**fields: object) -> dict[str, object]:
    """The body that asks for one."""
    return {"server": {"name": "a", "flavorRef": "1", "imageRef": A, **fields}}


def log_in(user: Mapping[str, object]) -> bytes:
    """Anybody's request for a token."""
    identity = {"methods": ["password"], "password": {"user": {"password": "p", **user}}}
    return written("POST", f"{IDENTITY}/auth/tokens", {"auth": {"identity": identity}})


class HoardTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.whole = Whole(["demo"])
        self.whole.furnish()
        self.token = self.whole.token("demo")
        # What is there before is not looked through each time: beside all other tests it is a lot.
        gc.collect()
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

    def written(self, method: str, path: str, body: object = None, **headers: str) -> bytes:
        return written(method, path, body, token=self.token, **headers)

    def kept(self, asks: Asks) -> int:
        """Bytes that are left of many texts."""
        self.send(asks(text) for text in texts(FIRST, "first"))
        before = self.memory()
        self.send(asks(text) for text in texts(TEXTS, "then"))
        return self.memory() - before

    def send(self, requests: Iterator[bytes]) -> None:
        for data in requests:
            wire = self.whole.wire()
            wire.send(data)
            while not wire.transport.value():
                self.whole.clock.advance(0.1)
            wire.leave()

    def memory(self) -> int:
        """Bytes that are in use without what the tests' own Kubernetes and log note."""
        self.whole.kube.calls.clear()
        self.whole.kube.asked.clear()
        self.whole.records.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    def check(self, places: Mapping[str, Asks]) -> None:
        kept = {place: self.kept(asks) for place, asks in places.items()}
        self.assertEqual({place: size for place, size in kept.items() if size > KEPT}, {})

    def test_nothing_of_heads(self) -> None:
        def named(text: str) -> bytes:
            return b"GET / HTTP/1.1\r\nHost: a\r\nTE: a\r\n" + text.encode() + b": a\r\n\r\n"

        def spoken(service: str) -> Asks:
            return lambda text: self.written("GET", path, OpenStack_API_Version=f"{text} 1.1, {service} 2.90")

        path = f"{COMPUTE}/servers"
        self.check(
            {
                "the name of a header": named,
                "a version": spoken("compute"),
                "a version for another service": spoken("volume"),
                "Nova's version": lambda text: self.written("GET", path, X_OpenStack_Nova_API_Version=f"{text},2.1"),
                "a token": lambda text: written("GET", path, token=text),
                "the kind of answer": lambda text: self.written("GET", path, Accept=text),
                "an id of requests": lambda text: self.written("GET", path, X_OpenStack_Request_Id=text),
                "where it comes from": lambda text: self.written("GET", path, X_Forwarded_For=text),
            }
        )

    def test_nothing_of_targets(self) -> None:
        def queried(path: str, key: str) -> Asks:
            return lambda text: self.written("GET", f"{path}?{key}={text}")

        paths = (f"{COMPUTE}/servers", f"{COMPUTE}/flavors", "/image/v2/images", "/network/v2.0/ports")
        keys = ("name", "marker", "status", "id", "limit", "all_tenants", "other")
        self.check(
            {
                "a path": lambda text: self.written("GET", f"/{text}"),
                "the id of a server": lambda text: self.written("GET", f"{COMPUTE}/servers/{text}"),
                "the id of a user": lambda text: self.written("GET", f"{IDENTITY}/users/{text}"),
                "the name of a parameter": lambda text: self.written("GET", f"{COMPUTE}/servers?{text}=a"),
                **{f"{key} of {path}": queried(path, key) for path in paths for key in keys},
            }
        )

    def test_nothing_of_bodies(self) -> None:
        def created(key: str) -> Asks:
            return lambda text: self.written("POST", f"{COMPUTE}/servers", server(**{key: text}))

        def named(user: Callable[[str], dict[str, Any]]) -> Asks:
            return lambda text: log_in(user(text))

        self.check(
            {
                **{f"{key} of a server": created(key) for key in ("name", "flavorRef", "imageRef", "key_name")},
                "an action": lambda text: self.written("POST", f"{COMPUTE}/servers/{A}/action", {text: None}),
                "a user's id": named(lambda text: {"id": text}),
                "a user's name": named(lambda text: {"name": text, "domain": {"id": "default"}}),
                "a domain's id": named(lambda text: {"name": "a", "domain": {"id": text}}),
                "a domain's name": named(lambda text: {"name": "a", "domain": {"name": text}}),
                "a password": named(lambda text: {"id": "a", "password": text}),
            }
        )
