"""Server groups: shown, listed, made, removed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.quota import RESOURCE_QUOTA
from dicot.cloud.plan import Create, Delete
from dicot.compute.server_group import SERVER_GROUP, SERVER_GROUPS
from dicot.faults import BadRequest, Forbidden, NotFound
from dicot.kube.errors import OverQuota
from dicot.web.call import Pieces
from tests.bench import ADMIN, MEMBER, PROJECT, USER, Workbench

MADE = "0d3c7a52-3c39-4c7f-8f2e-6b0f6a1c2222"
FIRST, SECOND = "0d3c7a52-3c39-4c7f-8f2e-000000000001", "0d3c7a52-3c39-4c7f-8f2e-000000000002"
SERVER = "6e6b7f53-0b0e-4bd8-9c4c-2f31d0f1a111"
URL = "/os-server-groups"


def group(id: str, created: str = "2026-11-21T10:00:00Z", **spec: Any) -> dict[str, Any]:
    meta = {"name": f"g-{id[-1]}", "namespace": "demo", "uid": id, "creationTimestamp": created}
    return {
        "metadata": meta | {"labels": {"dicot.io/id": id}},
        "spec": {"name": "apart", "policy": "anti-affinity", "userId": USER, **spec},
    }


def member(name: str, id: str, of: str) -> dict[str, Any]:
    labels = {"dicot.io/id": id, "dicot.io/server-group": of}
    return {
        "metadata": {"name": name, "namespace": "demo", "uid": name, "labels": labels},
        "spec": {"template": {"spec": {"domain": {}}}},
    }


def bench(
    groups: Sequence[Mapping[str, Any]] = (), members: Sequence[Any] = (), quotas: Sequence[Any] = ()
) -> Workbench:
    return Workbench(SERVER_GROUPS, {SERVER_GROUP: groups, VM: members, RESOURCE_QUOTA: quotas})


def content(body: object) -> Any:
    return msgspec.json.decode(body.joined()) if isinstance(body, Pieces) else body


class ReadTests(SynchronousTestCase):
    def setUp(self) -> None:
        second = group(SECOND, "2026-11-21T09:00:00Z", maxServerPerHost=3, name="three")
        self.bench = bench([group(FIRST), second], [member("web", SERVER, FIRST)])

    def listed(self, version: tuple[int, int] = (2, 64), **asked: Any) -> Any:
        reply = self.successResultOf(self.bench.ask("GET", URL, version=version, **asked))
        return content(reply.body)["server_groups"]

    def shown(self, id: str, version: tuple[int, int] = (2, 64), **asked: Any) -> Any:
        reply = self.successResultOf(self.bench.ask("GET", f"{URL}/<id>", id=id, version=version, **asked))
        return content(reply.body)["server_group"]

    def test_steps(self) -> None:
        first = {"id": FIRST, "name": "apart", "members": [SERVER], "policies": ["anti-affinity"], "metadata": {}}
        self.assertEqual(self.shown(FIRST, (2, 12)), first)
        self.assertEqual(self.shown(FIRST, (2, 63)), first | {"project_id": PROJECT, "user_id": USER})
        self.assertEqual(
            self.shown(FIRST),
            {
                "id": FIRST,
                "name": "apart",
                "members": [SERVER],
                "policy": "anti-affinity",
                "rules": {},
                "project_id": PROJECT,
                "user_id": USER,
            },
        )

    def test_rules(self) -> None:
        self.assertEqual(self.shown(SECOND)["rules"], {"max_server_per_host": 3})

    def test_members_come_and_go(self) -> None:
        self.bench.ground.tell(VM, "MODIFIED", member("db", SECOND, SECOND))
        self.assertEqual(self.shown(SECOND)["members"], [SECOND])
        self.bench.ground.tell(VM, "DELETED", member("db", SECOND, SECOND))
        self.assertEqual(self.shown(SECOND)["members"], [])

    def test_the_oldest_is_listed_first(self) -> None:
        self.assertEqual([each["id"] for each in self.listed()], [SECOND, FIRST])

    def test_pages(self) -> None:
        for query, ids in (
            ({"limit": ["1"]}, [SECOND]),
            ({"offset": ["1"]}, [FIRST]),
            ({"limit": ["1"], "offset": ["1"]}, [FIRST]),
            ({"limit": ["0"]}, [SECOND, FIRST]),
            ({"offset": ["9" * 50]}, []),
        ):
            self.assertEqual([each["id"] for each in self.listed(query=query)], ids, str(query))
        self.failureResultOf(self.bench.ask("GET", URL, query={"limit": ["-1"]}), BadRequest)

    def test_all_projects_are_for_admins_and_others_see_their_own(self) -> None:
        query = {"all_projects": ["1"]}
        admin, other = (replace(who, project="8" * 32, namespace="else") for who in (ADMIN, MEMBER))
        self.assertEqual(len(self.listed(query=query, caller=admin)), 2)
        self.assertEqual(self.listed(caller=admin), [])
        self.assertEqual(self.listed(query=query, caller=other), [])
        self.assertEqual(len(self.listed(query=query)), 2)

    def test_one_that_is_not_there(self) -> None:
        for id in (MADE, "apart"):
            refused = self.failureResultOf(self.bench.ask("GET", f"{URL}/<id>", id=id), NotFound)
            self.assertEqual(str(refused.value), f"Instance group {id} could not be found.")

    def test_unknown_parameters(self) -> None:
        query = {"x": ["y"]}
        self.listed((2, 74), query=query)
        self.failureResultOf(self.bench.ask("GET", URL, query=query, version=(2, 75)), BadRequest)
        self.shown(FIRST, (2, 101), query=query)
        asked = self.bench.ask("GET", f"{URL}/<id>", id=FIRST, query=query, version=(2, 102))
        self.failureResultOf(asked, BadRequest)


class WriteTests(SynchronousTestCase):
    def make(self, on: Workbench, version: tuple[int, int] = (2, 64), **said: Any) -> Any:
        reply = self.successResultOf(on.ask("POST", URL, version=version, body={"server_group": said}))
        self.assertEqual(reply.code, 200)
        return content(reply.body)["server_group"]

    def refused(self, version: tuple[int, int] = (2, 64), **said: Any) -> str:
        asked = bench().ask("POST", URL, version=version, body={"server_group": said})
        return str(self.failureResultOf(asked, BadRequest).value)

    def test_create(self) -> None:
        on = bench()
        made = self.make(on, name="apart", policy="anti-affinity", rules={"max_server_per_host": "2"})
        self.assertEqual((made["id"], made["rules"], made["members"]), (MADE, {"max_server_per_host": 2}, []))
        [plan] = on.writer.applied
        assert isinstance(plan.commit, Create)
        self.assertEqual(
            plan.commit.body,
            {
                "apiVersion": "compute.dicot.io/v1",
                "kind": "ServerGroup",
                "metadata": {
                    "name": "apart-0d3c7a52",
                    "namespace": "demo",
                    "labels": {"dicot.io/id": MADE},
                },
                "spec": {
                    "formatVersion": 1,
                    "name": "apart",
                    "policy": "anti-affinity",
                    "maxServerPerHost": 2,
                    "userId": USER,
                },
            },
        )

    def test_create_in_the_older_form(self) -> None:
        made = self.make(bench(), (2, 15), name="near", policies=["soft-affinity"])
        self.assertEqual((made["policies"], made["metadata"]), (["soft-affinity"], {}))

    def test_soft_policies_came_with_2_15(self) -> None:
        self.assertIn("is not one of", self.refused((2, 14), name="near", policies=["soft-affinity"]))

    def test_rules_are_for_anti_affinity(self) -> None:
        told = self.refused(name="near", policy="affinity", rules={"max_server_per_host": 2})
        self.assertEqual(told, "Only anti-affinity policy supports rules.")
        self.make(bench(), name="near", policy="affinity", rules={})

    def test_the_quota_is_reserved(self) -> None:
        on = bench([group(FIRST), group(SECOND)])
        self.make(on, name="apart", policy="affinity")
        reserve = on.writer.applied[0].reserve
        assert reserve is not None
        self.assertEqual(
            (reserve.amounts, reserve.used, reserve.limits),
            ({"server_groups": 1}, {"server_groups": 2}, {"server_groups": 10}),
        )
        self.assertEqual(str(reserve.refuse(reserve.used)), "Quota exceeded, too many server groups.")

    def test_a_project_may_have_no_limit(self) -> None:
        meta = {"name": "dicot", "namespace": "demo", "uid": "q"}
        on = bench(quotas=[{"metadata": meta | {"annotations": {"dicot.io/quota": '{"server_groups": -1}'}}}])
        self.make(on, name="apart", policy="affinity")
        self.assertIsNone(on.writer.applied[0].reserve)

    def test_a_quota_of_the_cluster(self) -> None:
        on = bench()
        on.writer.refuse = [OverQuota(403, "Forbidden", "exceeded quota: team")]
        body = {"server_group": {"name": "apart", "policy": "affinity"}}
        refused = self.failureResultOf(on.ask("POST", URL, version=(2, 64), body=body), Forbidden)
        self.assertEqual(str(refused.value), "Quota exceeded, too many server groups.")

    def test_delete(self) -> None:
        on = bench([group(FIRST)])
        self.assertEqual(self.successResultOf(on.ask("DELETE", f"{URL}/<id>", id=FIRST)).code, 204)
        [plan] = on.writer.applied
        self.assertEqual(plan.commit, Delete(SERVER_GROUP, "demo", "g-1", FIRST))

    def test_delete_of_what_is_not_there(self) -> None:
        for id in (MADE, "apart"):
            self.failureResultOf(bench().ask("DELETE", f"{URL}/<id>", id=id), NotFound)

    def test_groups_of_others_are_out_of_reach(self) -> None:
        elsewhere = replace(MEMBER, project="8" * 32, namespace="else")
        self.failureResultOf(bench([group(FIRST)]).ask("DELETE", f"{URL}/<id>", id=FIRST, caller=elsewhere), NotFound)
