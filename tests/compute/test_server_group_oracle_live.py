"""Server groups, held to Nova's own schemas at every version. Needs no cluster, but Nova."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.faults import BadRequest
from tests.oracle.nova import Version, oracle

from .test_server_group import FIRST, SERVER, URL, bench, content, group, member

ONLY_ON = "sandbox"
BODIES: tuple[Any, ...] = (
    {"name": "a", "policies": ["affinity"]},
    {"name": "a", "policies": ["soft-affinity"]},
    {"name": "a", "policies": []},
    {"name": "a", "policies": ["affinity", "anti-affinity"]},
    {"name": "a", "policies": ["affinity", "affinity"]},
    {"name": "a", "policies": ["legacy"]},
    {"name": "a", "policies": "affinity"},
    {"name": "a", "policies": ["affinity"], "rules": {}},
    {"name": " a", "policies": ["affinity"]},
    {"name": "", "policies": ["affinity"]},
    {"policies": ["affinity"]},
    {"name": "a"},
    {"name": "a", "policy": "anti-affinity"},
    {"name": "a", "policy": "legacy"},
    {"name": "a", "policy": ["affinity"]},
    {"name": "a", "policy": "anti-affinity", "rules": {"max_server_per_host": 2}},
    {"name": "a", "policy": "anti-affinity", "rules": {"max_server_per_host": "2"}},
    {"name": "a", "policy": "anti-affinity", "rules": {"max_server_per_host": 0}},
    {"name": "a", "policy": "anti-affinity", "rules": {"max_server_per_host": "two"}},
    {"name": "a", "policy": "anti-affinity", "rules": {"least_server_per_host": 2}},
    {"name": "a", "policy": "anti-affinity", "rules": None},
    {"name": "a", "policy": "anti-affinity", "project_id": "p"},
    None,
)
QUERIES: tuple[dict[str, list[str]], ...] = (
    {},
    {"all_projects": ["1"], "limit": ["1"], "offset": ["0"]},
    {"limit": ["-1"]},
    {"limit": ["x"]},
    {"offset": ["-1"]},
    {"x": ["y"]},
)


class AnswerTests(SynchronousTestCase):
    def hold(self, method: str, url: str, version: Version, reply: Any) -> None:
        path = url.replace("<id>", FIRST)
        said = oracle().answers(method, path, version, content(reply.body))
        self.assertEqual((said["code"], said["declared"], said["wrong"]), (reply.code, True, None), str(version))

    def test_answers(self) -> None:
        for version in oracle().versions():
            on = bench([group(FIRST, maxServerPerHost=2)], [member("web", SERVER, FIRST)])
            said: Any = {"policy": "affinity"} if version >= (2, 64) else {"policies": ["affinity"]}
            body = {"server_group": {"name": "near", **said}}
            for method, url in (("GET", URL), ("GET", f"{URL}/<id>"), ("POST", URL), ("DELETE", f"{URL}/<id>")):
                asked = on.ask(method, url, id=FIRST, version=version, body=body if method == "POST" else None)
                self.hold(method, url, version, self.successResultOf(asked))

    def test_bodies(self) -> None:
        for minor in (1, 14, 15, 63, 64, 104):
            for said in BODIES:
                body = {"server_group": said}
                self.agree("POST", URL, (2, minor), body=body)

    def test_queries(self) -> None:
        for minor in (1, 74, 75, 101, 102):
            for query in QUERIES:
                self.agree("GET", URL, (2, minor), query=query)
                self.agree("GET", f"{URL}/<id>", (2, minor), query=query)

    def agree(self, method: str, url: str, version: Version, **asked: Any) -> None:
        """Refuses just what Nova refuses, in its words."""
        said = oracle().accepts(method, url.replace("<id>", FIRST), version, **asked)["refused"]
        answer = bench([group(FIRST)]).ask(method, url, id=FIRST, version=version, **asked)
        told = self.successResultOf(answer.addErrback(lambda failure: failure.value))
        self.assertEqual(str(told) if isinstance(told, BadRequest) else None, said, f"{version} {asked}")
