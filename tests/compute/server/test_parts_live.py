"""Metadata, tags, locks and actions held to what Nova itself takes and gives, at every microversion.

Nothing here needs a cluster; the oracle is too slow for the unit tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dicot.cloud.resource import Bench
from dicot.compute.server import instance_actions, locking, metadata, tags
from dicot.faults import BadRequest, Fault
from dicot.kube.kind import Row
from dicot.web.call import Reply
from dicot.web.dialect import Version
from tests.oracle.nova import oracle

from .objects import PROJECT, USER
from .served import ACTION, Served
from .world import ADMIN, MEMBER, payload

ONLY_ON = "sandbox"
STOPPED = {"action": "stop", "user": USER, "project": PROJECT, "start": "2026-11-21T12:00:02.5Z"}
NOTED = {
    "dicot.io/metadata": '{"a": "1"}',
    "dicot.io/tags": '["a"]',
    "dicot.io/request-id": "req-1",
    "dicot.io/action-req-2": json.dumps(STOPPED),
}
TEXTS: tuple[Any, ...] = ("", "1", "x" * 255, "x" * 256, "a\nb", "é", 1, True, None, [], {})
STRANGE: tuple[Any, ...] = ([], "a", 1, {}, {"colour": "red"})
KEYS = ("a", "", "a b", "a:b", "a/b", "é", "k" * 255, "k" * 256)
PLACES: dict[tuple[str, str], tuple[str, Version]] = {
    ("POST", "/servers/<id>/metadata"): ("", (2, 1)),
    ("PUT", "/servers/<id>/metadata"): ("", (2, 1)),
    ("PUT", "/servers/<id>/metadata/<key>"): ("a", (2, 1)),
    ("PUT", "/servers/<id>/tags"): ("", (2, 26)),
    ("PUT", "/servers/<id>/tags/<tag>"): ("a", (2, 26)),
}


def bodies(method: str, url: str) -> Iterator[Any]:
    """Right ones and wrong ones."""
    yield from STRANGE
    if "metadata" in url:
        name = "meta" if "<key>" in url else "metadata"
        yield from ({name: value} for value in (None, *STRANGE, {"a": "1", "b": "2"}))
        yield from ({name: {"a": text}} for text in TEXTS)
        yield from ({name: {key: "1"}} for key in KEYS)
        yield {name: {"a": "1"}, "colour": "red"}
    elif "<tag>" not in url:
        yield from ({"tags": value} for value in (None, *STRANGE, ["a", "a"], ["a", "b"]))
        yield from ({"tags": [text]} for text in (*TEXTS, "x" * 60, "x" * 61, "a,b", "a/b"))
        yield from ({"tags": [str(number) for number in range(count)]} for count in (50, 51))
        yield {"tags": [], "colour": "red"}


LOCKS: tuple[Any, ...] = (None, "", [], 1, {}, {"colour": "red"}, *({"locked_reason": text} for text in TEXTS))
QUERIES: tuple[dict[str, list[str]], ...] = (
    {},
    {"limit": ["1"]},
    {"limit": ["-1"]},
    {"limit": ["a"]},
    {"limit": ["1", "2"]},
    {"marker": ["req-1"]},
    {"changes-since": ["2026-11-21T00:00:00Z"]},
    {"changes-since": ["soon"]},
    {"changes-before": ["2036-11-21T00:00:00Z"]},
    {"changes-before": ["soon"]},
    {"colour": ["red"]},
)


EDGES = frozenset((1, 26, 57, 58, 65, 66, 72, 73, 74, 75, 101, 102, 104))
"""The last minor versions before, and the first with, another schema of a request."""


class PartCase(Served):
    @staticmethod
    def register(bench: Bench) -> None:
        for part in (metadata, tags, locking, instance_actions):
            part.routes(bench)

    def setUp(self) -> None:
        super().setUp()
        self.row: Row = self.place(**NOTED)

    def versions(self, since: Version = (2, 1)) -> list[Version]:
        return [version for version in oracle().versions() if version >= since]

    def edges(self, since: Version = (2, 1)) -> list[Version]:
        return [version for version in self.versions(since) if version[1] in EDGES]

    def path(self, url: str, last: str) -> str:
        for name in ("<key>", "<tag>", "<request_id>"):
            url = url.replace(name, last)
        return url.replace("<id>", self.row.id)

    def done(self, method: str, url: str, last: str, body: Any = None, **more: Any) -> Reply:
        names = {"id": self.row.id, "key": last, "tag": last, "request_id": last}
        return self.ask(method, url, body, **names, **more)

    def refusal(self, *asked: Any, **more: Any) -> str | None:
        try:
            self.done(*asked, **more)
        except BadRequest as fault:
            return fault.message
        except Fault:
            pass
        return None


class RequestTests(PartCase):
    def test_bodies(self) -> None:
        for (method, url), (last, since) in PLACES.items():
            path = self.path(url, last)
            for version in self.edges(since):
                for body in bodies(method, url):
                    said = oracle().accepts(method, path, version, body=body)
                    own = self.refusal(method, url, last, body, version=version)
                    own = None if own == "Request body and URI mismatch" else own
                    self.assertEqual((own, True), (said["refused"], said["served"]), f"{version} {method} {body}")

    def test_locks(self) -> None:
        path = self.path(ACTION, "")
        for version in self.edges():
            for key in ("lock", "unlock"):
                for value in LOCKS:
                    said = oracle().accepts("POST", path, version, body={key: value})
                    own = self.refusal(key, ACTION, "", value, version=version)
                    self.assertEqual(own, said["refused"], f"{version} {key} {value}")

    def test_queries(self) -> None:
        for url, last, since in (
            ("/servers/<id>/metadata", "", (2, 1)),
            ("/servers/<id>/metadata/<key>", "a", (2, 1)),
            ("/servers/<id>/tags", "", (2, 26)),
            ("/servers/<id>/tags/<tag>", "a", (2, 26)),
            ("/servers/<id>/os-instance-actions", "", (2, 1)),
            ("/servers/<id>/os-instance-actions/<request_id>", "req-1", (2, 1)),
        ):
            path = self.path(url, last)
            for version in self.edges(since):
                for query in QUERIES:
                    said = oracle().accepts("GET", path, version, query=query)
                    own = self.refusal("GET", url, last, version=version, query=query)
                    self.assertEqual(own, said["refused"], f"{version} {path} {query}")


class AnswerTests(PartCase):
    def test_answers(self) -> None:
        for method, url, last, body, since in (
            ("GET", "/servers/<id>/metadata", "", None, (2, 1)),
            ("GET", "/servers/<id>/metadata/<key>", "a", None, (2, 1)),
            ("POST", "/servers/<id>/metadata", "", {"metadata": {"b": "2"}}, (2, 1)),
            ("PUT", "/servers/<id>/metadata", "", {"metadata": {"b": "2"}}, (2, 1)),
            ("PUT", "/servers/<id>/metadata/<key>", "a", {"meta": {"a": "2"}}, (2, 1)),
            ("DELETE", "/servers/<id>/metadata/<key>", "a", None, (2, 1)),
            ("GET", "/servers/<id>/tags", "", None, (2, 26)),
            ("GET", "/servers/<id>/tags/<tag>", "a", None, (2, 26)),
            ("PUT", "/servers/<id>/tags", "", {"tags": ["b"]}, (2, 26)),
            ("DELETE", "/servers/<id>/tags", "", None, (2, 26)),
            ("DELETE", "/servers/<id>/tags/<tag>", "a", None, (2, 26)),
            ("GET", "/servers/<id>/os-instance-actions", "", None, (2, 1)),
            ("GET", "/servers/<id>/os-instance-actions/<request_id>", "req-2", None, (2, 1)),
        ):
            path = self.path(url, last)
            for version in self.versions(since):
                for who in (MEMBER, ADMIN):
                    reply = self.done(method, url, last, body, version=version, who=who)
                    answer = None if reply.body is None else payload(reply)
                    said = oracle().answers(method, path, version, answer)
                    self.assertEqual((said["wrong"], said["code"]), (None, reply.code), f"{version} {path}")

    def test_a_page_of_actions(self) -> None:
        url = "/servers/<id>/os-instance-actions"
        for version in self.versions((2, 58)):
            reply = payload(self.done("GET", url, "", version=version, query={"limit": ["1"]}))
            self.assertIn("links", reply)
            self.assertIsNone(oracle().answers("GET", self.path(url, ""), version, reply)["wrong"])

    def test_versions_before_there_were_tags(self) -> None:
        for version in ((2, 1), (2, 25)):
            self.assertFalse(oracle().accepts("GET", self.path("/servers/<id>/tags", ""), version)["served"])
