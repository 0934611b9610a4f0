"""Servers for which the nodes have no room: built until it is clear that there is none, and running once there is."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from dicot.names import ID
from tests.cluster.control import SOON, Control
from tests.cluster.users import VIRT_HANDLER
from tests.live.case import LiveCase, image_id, new_server

SERVERS = "/compute/v2.1/servers"
QUOTAS = "/api/v1/namespaces/demo/resourcequotas"
INSTANCES = "/apis/kubevirt.io/v1/namespaces/demo/virtualmachineinstances"
INSTANCETYPES = "/apis/instancetype.kubevirt.io/v1beta1/virtualmachineclusterinstancetypes"
JSON_PATCH = "application/json-patch+json"
ALMOST_A_NODE = 200
"""GiB of memory: a node has 256."""
RAM = 100 * ALMOST_A_NODE << 10
"""MiB that the project may have."""
LONG_AGO = "2026-01-01T00:00:00Z"


class CapacityTests(LiveCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.flavor = f"half-{uuid4().hex[:6]}"
        metadata = {
            "name": self.flavor,
            "annotations": {"dicot.io/flavor-spec": json.dumps({"id": self.flavor, "disk": 1})},
        }
        spec = {"cpu": {"guest": 1}, "memory": {"guest": f"{ALMOST_A_NODE}Gi"}}
        version = "instancetype.kubevirt.io/v1beta1"
        made = {
            "apiVersion": version,
            "kind": "VirtualMachineClusterInstancetype",
            "metadata": metadata,
            "spec": spec,
        }
        await self.cluster.apply(INSTANCETYPES, made)
        self.forget(f"{INSTANCETYPES}/{self.flavor}")
        roomy = {"name": "dicot", "annotations": {"dicot.io/quota": json.dumps({"ram": RAM})}}
        await self.cluster.apply(QUOTAS, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": roomy, "spec": {}})
        self.forget(f"{QUOTAS}/dicot")
        self.image = await image_id(self.demo, "cirros-live")
        await self.cluster.until(SOON, "the flavor and the quota to be known", self.is_known)

    def forget(self, path: str) -> None:
        self.addCleanup(lambda: Deferred.fromCoroutine(self.cluster.change("DELETE", path, also=(404,))))

    async def is_known(self) -> bool:
        """Whether Dicot has seen the flavor and the quota."""
        flavor = await self.demo.ask("GET", f"/compute/v2.1/flavors/{self.flavor}")
        quota = await self.demo.ask("GET", f"/compute/v2.1/os-quota-sets/{self.demo.project}")
        return bool(flavor.code == 200 and quota.document["quota_set"]["ram"] == RAM)

    async def create(self, name: str) -> str:
        """The id of a server that almost fills a node."""
        answer = await self.demo.ask("POST", SERVERS, new_server(name, self.image, flavorRef=self.flavor))
        self.assertEqual(answer.code, 202, str(answer))
        id = str(answer.document["server"]["id"])
        self.addCleanup(lambda: Deferred.fromCoroutine(self.delete(id)))
        return id

    async def delete(self, id: str) -> None:
        await self.demo.ask("DELETE", f"{SERVERS}/{id}")

    async def shown(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.demo.ask("GET", f"{SERVERS}/{id}")).document["server"]
        return found

    async def becomes(self, id: str, status: str, task: str | None = None) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        async def seen() -> bool:
            found[:] = [await self.shown(id)]
            return (found[0]["status"], found[0]["OS-EXT-STS:task_state"]) == (status, task)

        await self.cluster.until(SOON, f"{id} to be {status}", seen)
        return found[0]

    async def homeless(self, id: str) -> dict[str, Any]:
        """The instance of a server, once the scheduler has found no node for it."""
        found: list[dict[str, Any]] = []

        async def seen() -> bool:
            found[:] = (await self.cluster.get(f"{INSTANCES}?labelSelector={ID}={id}"))["items"]
            return any(each["type"] == "PodScheduled" for each in _conditions(found))

        await self.cluster.until(SOON, f"{id} to find no node", seen)
        return found[0]

    async def has_waited_long(self, instance: dict[str, Any]) -> None:
        """Let an instance say that it has found no node for months; only virt-handler may write that."""
        access = self.daemon.ground.access
        handler = Control(reactor, access.server, access.authority, access.tokens.get(VIRT_HANDLER, access.admin))
        self.addCleanup(lambda: Deferred.fromCoroutine(handler.close()))
        path = f"{INSTANCES}/{instance['metadata']['name']}"

        async def written() -> bool:
            conditions = _conditions([await handler.get(path)])
            place = next(at for at, each in enumerate(conditions) if each["type"] == "PodScheduled")
            at = f"/status/conditions/{place}"
            patch = [
                {"op": "test", "path": f"{at}/type", "value": "PodScheduled"},
                {"op": "replace", "path": f"{at}/lastTransitionTime", "value": LONG_AGO},
            ]
            return (await handler.ask("PATCH", path, patch, JSON_PATCH)).ok

        await self.cluster.until(SOON, "an older condition", written)

    async def test_a_server_waits_for_room(self) -> None:
        mark = uuid4().hex[:6]
        first, second = await self.create(f"first-{mark}"), await self.create(f"second-{mark}")
        for each in (first, second):
            await self.becomes(each, "ACTIVE")
        third = await self.create(f"third-{mark}")
        instance = await self.homeless(third)
        told = next(each for each in _conditions([instance]) if each["type"] == "PodScheduled")
        self.assertIn("nodes are available: 2 Insufficient memory.", told["message"])
        waiting = await self.becomes(third, "BUILD", "scheduling")
        self.assertNotIn("fault", waiting)
        await self.has_waited_long(instance)
        failed = await self.becomes(third, "ERROR")
        fault = failed["fault"]
        self.assertEqual(
            (fault["code"], fault["message"], fault["created"]),
            (500, "No valid host was found. There are not enough hosts available.", LONG_AGO),
        )
        self.assertNotIn("details", fault)
        await self.delete(first)
        running = await self.becomes(third, "ACTIVE")
        self.assertNotIn("fault", running)


def _conditions(instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for found in instances for each in found.get("status", {}).get("conditions") or ()]
