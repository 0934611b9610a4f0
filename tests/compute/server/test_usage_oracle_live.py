"""Usage, held to Nova's own schemas at every version. Needs no cluster, but Nova."""

from typing import Any

from dicot.faults import BadRequest
from tests.bench import ADMIN, PROJECT
from tests.oracle.nova import oracle

from .test_usage import HOUR, NOW, URL, UsageCase, left, machine, written

ONLY_ON = "sandbox"
QUERIES: tuple[dict[str, list[str]], ...] = (
    {},
    {"start": [written(NOW - HOUR)], "end": [written(NOW)], "detailed": ["1"]},
    {"limit": ["1"]},
    {"limit": ["-1"]},
    {"limit": ["x"]},
    {"x": ["y"]},
)


class AnswerTests(UsageCase):
    def setUp(self) -> None:
        self.start(machine(1), machine(2), logs=[left(3)])

    def test_answers(self) -> None:
        period = {"start": [written(NOW - HOUR)]}
        for version in oracle().versions():
            for id in (PROJECT, ""):
                for query in (period, period | ({"limit": ["1"]} if version >= (2, 40) else {})):
                    body = self.ask(id, version, query=query, caller=ADMIN)
                    said = oracle().answers("GET", f"{URL}/{id}" if id else URL, version, body)
                    self.assertEqual((said["code"], said["declared"], said["wrong"]), (200, True, None), str(version))

    def test_queries(self) -> None:
        for minor in (1, 39, 40, 74, 75):
            for query in QUERIES:
                for id in (PROJECT, ""):
                    self.agree((2, minor), id, query)

    def agree(self, version: tuple[int, int], id: str, query: dict[str, list[str]]) -> None:
        """Refuses just what Nova refuses, in its words."""
        said = oracle().accepts("GET", f"{URL}/{id}" if id else URL, version, query=query)["refused"]
        url = f"{URL}/<id>" if id else URL
        asked = self.bench.ask("GET", url, id=id, version=version, query=query, caller=ADMIN)
        told: Any = self.successResultOf(asked.addErrback(lambda failure: failure.value))
        self.assertEqual(str(told) if isinstance(told, BadRequest) else None, said, f"{version} {id} {query}")
