"""What the cluster's own controllers make of nodes: ready, silent for too long, back again; and of the Pods on them.

It runs on the real programs and on the sandbox. The test plays kubelet on two nodes of its own.

Differences that are meant: the sandbox writes no Events.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from dicot.moments import precise, stamp
from tests.cluster.objects import Document, named
from tests.live.seen.contract import ContractTestCase

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MERGE = "application/merge-patch+json"
SILENT = 90.0
"""Seconds in which a node of which nothing is heard is shown so: 50, and some rounds."""
UNREACHABLE, NOT_READY = "node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"


def stays(seconds: int) -> list[Document]:
    """How long a Pod stays on a node that is lost."""
    return [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
        for key in (NOT_READY, UNREACHABLE)
    ]


def taints(node: Document) -> set[tuple[str, str]]:
    return {(each["key"], each["effect"]) for each in node["spec"].get("taints", ())}


def said(found: Document) -> Mapping[str, tuple[str, str, str]]:
    """Status, reason and message of the conditions."""
    return {
        each["type"]: (each["status"], each.get("reason", ""), each.get("message", ""))
        for each in found.get("status", {}).get("conditions", ())
    }


class NodeTests(ContractTestCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.dead, self.alive = f"dead-{self.namespace}", f"alive-{self.namespace}"
        for name in (self.dead, self.alive):
            node = named("Node", name, spec={"unschedulable": True})
            node["metadata"]["labels"] = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
            await self.control.change("POST", "/api/v1/nodes", node)
            self.forget(f"/api/v1/nodes/{name}")
            await self.post(name)
        renewing = LoopingCall(lambda: Deferred.fromCoroutine(self.renew(self.alive)))
        self.forget(f"{LEASES}/{self.alive}")
        self.addCleanup(renewing.stop)
        renewing.start(5.0)

    async def post(self, name: str) -> None:
        """A kubelet's whole status."""
        now = stamp(reactor.seconds())
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
        conditions = [ready | {"lastHeartbeatTime": now, "lastTransitionTime": now}]
        path = f"/api/v1/nodes/{name}/status"
        await self.control.change("PATCH", path, {"status": {"conditions": conditions}}, MERGE)

    async def renew(self, name: str) -> None:
        """A kubelet's Lease."""
        spec: Document = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": precise(reactor.seconds())}
        answer = await self.control.ask("PATCH", f"{LEASES}/{name}", {"spec": spec}, MERGE)
        if answer.status == 404:
            lease = named("Lease", name, "kube-node-lease", "coordination.k8s.io/v1", spec=spec)
            await self.control.change("POST", LEASES, lease)

    async def pod(self, name: str, seconds: int) -> None:
        """One that runs on the node that will be lost."""
        containers = [{"name": "c", "image": "none"}]
        spec: Document = {"nodeName": self.dead, "containers": containers, "tolerations": stays(seconds)}
        spec |= {"automountServiceAccountToken": False}
        await self.control.change("POST", f"{self.core}/pods", named("Pod", name, None, spec=spec))
        moment = {"lastTransitionTime": stamp(reactor.seconds())}
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", **moment}]}
        await self.change(f"{self.core}/pods/{name}/status", {"status": ready})
        self.forget(f"{self.core}/pods/{name}?gracePeriodSeconds=0")

    async def test_a_node_that_falls_silent_and_is_back(self) -> None:
        path = f"/api/v1/nodes/{self.dead}"
        cordoned = {("node.kubernetes.io/unschedulable", "NoSchedule")}
        found = await self.becomes(path, "free of taints", lambda node: taints(node) == cordoned)
        labels = found["metadata"]["labels"]
        self.assertEqual((labels["beta.kubernetes.io/os"], labels["beta.kubernetes.io/arch"]), ("linux", "amd64"))
        account = f"{self.core}/serviceaccounts/default"
        await self.control.until(60.0, "the account of new pods", lambda: self.control.answers(account))
        for name, seconds in (("stays", 300), ("hurries", 1)):
            await self.pod(name, seconds)
        gone = {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}

        async def lost() -> bool:
            return taints(await self.control.get(path)) == cordoned | gone

        await self.control.until(SILENT, "a node that is lost", lost)
        found = await self.control.get(path)
        stopped = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        never = ("Unknown", "NodeStatusNeverUpdated", "Kubelet never posted node status.")
        kinds = ("MemoryPressure", "DiskPressure", "PIDPressure")
        self.assertEqual(said(found), {"Ready": stopped, **dict.fromkeys(kinds, never)})
        self.assertTrue(all(each["timeAdded"] for each in found["spec"]["taints"] if each["key"] == UNREACHABLE))
        pod = f"{self.core}/pods/stays"
        await self.becomes(pod, "not ready", lambda each: said(each)["Ready"][0] == "False")
        going = await self.becomes(
            f"{self.core}/pods/hurries", "deleted", lambda each: "deletionTimestamp" in each["metadata"]
        )
        self.assertEqual(
            said(going)["DisruptionTarget"],
            ("True", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
        )
        self.assertEqual(going["metadata"]["deletionGracePeriodSeconds"], 30)
        self.assertNotIn("deletionTimestamp", (await self.control.get(pod))["metadata"])
        other = await self.control.get(f"/api/v1/nodes/{self.alive}")
        self.assertEqual((said(other)["Ready"][0], taints(other)), ("True", cordoned))
        await self.post(self.dead)
        await self.becomes(path, "free of taints", lambda node: taints(node) == cordoned)
