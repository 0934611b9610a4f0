"""Limits and quota sets, held to Nova's own schemas at every version. Needs no cluster, but Nova."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.cloud.kinds.quota import RESOURCE_QUOTA
from dicot.cloud.resource import Resource
from dicot.compute.limit import LIMITS
from dicot.compute.quota_set import QUOTA_SETS
from dicot.faults import BadRequest
from dicot.kube.kind import Kind
from tests.bench import PROJECT, Workbench
from tests.compute.test_quota import machine, quota
from tests.oracle.nova import oracle

ONLY_ON = "sandbox"


class AnswerTests(SynchronousTestCase):
    def hold(self, resource: Resource, url: str) -> None:
        objects: dict[Kind[Any], list[dict[str, Any]]] = {
            VM: [machine("a")],
            VMI: [],
            RESOURCE_QUOTA: [quota("dicot", '{"cores": -1}')],
        }
        bench = Workbench(resource, objects)
        for version in oracle().versions():
            reply = self.successResultOf(bench.ask("GET", url, id=PROJECT, version=version))
            said: dict[str, Any] = oracle().answers("GET", url.replace("<id>", PROJECT), version, reply.body)
            self.assertEqual((said["code"], said["declared"], said["wrong"]), (reply.code, True, None), str(version))

    def test_limits(self) -> None:
        self.hold(LIMITS, "/limits")

    def test_quota_sets(self) -> None:
        for part in ("", "/defaults", "/detail"):
            self.hold(QUOTA_SETS, f"/os-quota-sets/<id>{part}")

    def test_queries(self) -> None:
        for minor in (1, 74, 75, 104):
            for query in ({}, {"user_id": ["a"]}, {"x": ["y"]}):
                bench = Workbench(QUOTA_SETS, {VM: [], VMI: [], RESOURCE_QUOTA: []})
                for part in ("", "/defaults", "/detail"):
                    url = f"/os-quota-sets/<id>{part}"
                    asked = bench.ask("GET", url, id=PROJECT, version=(2, minor), query=query)
                    answer = self.successResultOf(asked.addErrback(lambda failure: failure.value))
                    said = oracle().accepts("GET", url.replace("<id>", PROJECT), (2, minor), query=query)["refused"]
                    told = str(answer) if isinstance(answer, BadRequest) else None
                    self.assertEqual(told, said, f"{minor} {query} {part}")
