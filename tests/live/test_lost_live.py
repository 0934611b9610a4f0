"""A server whose node is lost: nobody knows what it does until the node is back."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from dicot.sandbox.marks import FAULT, LOST
from tests.cluster.control import Document
from tests.live.case import LiveCase, image_id, new_server

SERVERS = "/compute/v2.1/servers"
MERGE = "application/merge-patch+json"
SILENT = 100.0
"""Seconds in which kube-controller-manager gives a node up: 50, and some rounds."""


class LostTests(LiveCase):
    async def server(self, id: str) -> Document:
        found: Document = (await self.admin.ask("GET", f"{SERVERS}/{id}")).document["server"]
        return found

    async def becomes(self, id: str, status: str, within: float) -> Document:
        """Wait until a server shows it."""
        found: list[Document] = []

        async def shown() -> bool:
            found[:] = [await self.server(id)]
            return bool(found[0]["status"] == status)

        await self.cluster.until(within, f"{status} of {id}", shown)
        return found[0]

    async def mark(self, node: str, fault: str | None) -> None:
        body = {"metadata": {"annotations": {FAULT: fault}}}
        await self.cluster.change("PATCH", f"/api/v1/nodes/{node}", body, MERGE)

    async def test_it_is_unknown_until_its_node_is_back(self) -> None:
        image = await image_id(self.demo, "cirros-live")
        made = await self.demo.ask("POST", SERVERS, new_server("lost", image))
        id = made.document["server"]["id"]
        self.addCleanup(lambda: Deferred.fromCoroutine(self.demo.ask("DELETE", f"{SERVERS}/{id}")))
        node = (await self.becomes(id, "ACTIVE", 60.0))["OS-EXT-SRV-ATTR:host"]
        self.addCleanup(lambda: Deferred.fromCoroutine(self.mark(node, None)))
        await self.mark(node, LOST)
        lost = await self.becomes(id, "UNKNOWN", SILENT)
        shown = ("OS-EXT-SRV-ATTR:host", "host_status", "OS-EXT-STS:power_state", "OS-EXT-STS:task_state")
        self.assertEqual([lost[key] for key in shown], [node, "UNKNOWN", 0, None])
        stopping = await self.demo.ask("POST", f"{SERVERS}/{id}/action", {"os-stop": None})
        self.refused("compute", stopping, 409, f"Cannot 'stop' instance {id}")
        await self.mark(node, None)
        await self.becomes(id, "ACTIVE", 60.0)
