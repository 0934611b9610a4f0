"""Queries of what lists nothing: refused where Nova refuses them, in its words, at every microversion.

Nothing here needs a cluster; its first use installs Nova, which is too slow for the unit tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE
from dicot.compute.flavor import EXTRA_SPEC, FLAVORS
from dicot.compute.keypair import KEYPAIRS
from dicot.compute.kinds import KEYPAIR
from dicot.faults import Fault
from dicot.web.call import Reply
from dicot.web.dialect import Version
from tests.bench import USER, Workbench
from tests.oracle.nova import oracle

from .server.served import Served, id_of
from .test_flavor import SMALL
from .test_lists_live import keypair

ONLY_ON = "sandbox"
Asked = Mapping[str, Sequence[str]]
QUERIES: tuple[Asked, ...] = ({"x": ["1"]}, {"user_id": [USER]}, {"limit": ["x"]}, {"_x": ["1"]}, {"name": ["("]})


class QueryTests(Served):
    def compare(self, method: str, path: str, version: Version, query: Asked, refused: Fault | None) -> None:
        expected = oracle().accepts(method, path, version, query=query)["refused"]
        self.assertEqual(refused and refused.message, expected, f"{method} {path} {query} at {version}")

    def test_of_servers(self) -> None:
        self.place(name="web1")
        id = id_of("web1")
        for version in oracle().versions():
            for url, more in (("", {}), ("/ips", {}), ("/ips/<label>", {"label": "private"})):
                for query in QUERIES:
                    refused = None
                    try:
                        self.ask("GET", f"/servers/<id>{url}", id=id, version=version, query=query, **more)
                    except Fault as fault:
                        refused = fault
                    path = f"/servers/{id}{url.replace('<label>', 'private')}"
                    self.compare("GET", path, version, query, refused)

    def test_of_flavors_and_keypairs(self) -> None:
        flavors, specs = (Workbench(each, {CLUSTER_INSTANCETYPE: [SMALL]}) for each in (FLAVORS, EXTRA_SPEC))
        keypairs = Workbench(KEYPAIRS, {KEYPAIR: [keypair("mine", USER)]})
        places: tuple[tuple[Workbench, str, str, dict[str, Any]], ...] = (
            (flavors, "GET", "/flavors/<id>", {"id": "2"}),
            (specs, "GET", "/flavors/<id>/os-extra_specs", {"id": "2"}),
            (specs, "GET", "/flavors/<id>/os-extra_specs/<key>", {"id": "2", "key": "hw:x"}),
            (keypairs, "GET", "/os-keypairs/<name>", {"name": "mine"}),
            (keypairs, "DELETE", "/os-keypairs/<name>", {"name": "mine"}),
        )
        for version in oracle().versions():
            for bench, method, url, names in places:
                path = url
                for name, value in names.items():
                    path = path.replace(f"<{name}>", value)
                for query in QUERIES:
                    refused = refusal(bench.ask(method, url, version=version, query=query, **names))
                    self.compare(method, path, version, query, refused)


def refusal(asked: Deferred[Reply]) -> Fault | None:
    """The fault that an operation ended with."""
    failed: list[Fault] = []

    def keep(failure: Failure) -> None:
        assert isinstance(failure.value, Fault)
        failed.append(failure.value)

    asked.addErrback(keep)
    return failed[0] if failed else None
