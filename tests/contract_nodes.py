"""What the cluster's own controllers make of nodes: ready, silent for too long, back again; and of the Pods on them.
What the nodes' scheduler makes of Pods that do not fit.

It runs on the real programs and on the sandbox. The tests play kubelet on nodes of their own.

Differences that are meant: the sandbox writes no Events.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

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


class Kubelet(ContractTestCase):
    """Registers nodes, and keeps them alive or not."""

    async def register(self, name: str, labels: Document, **spec: object) -> None:
        """A node that nobody else knows of."""
        node = named("Node", name, spec=spec)
        node["metadata"]["labels"] = labels
        await self.control.change("POST", "/api/v1/nodes", node)
        self.forget(f"/api/v1/nodes/{name}")
        await self.post(name)

    def keep_alive(self, name: str) -> None:
        """Renew its Lease until the test ends."""
        renewing = LoopingCall(lambda: Deferred.fromCoroutine(self.renew(name)))
        self.forget(f"{LEASES}/{name}")
        self.addCleanup(renewing.stop)
        renewing.start(5.0)

    async def post(self, name: str, **more: object) -> None:
        """A kubelet's whole status."""
        now = stamp(reactor.seconds())
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
        conditions = [ready | {"lastHeartbeatTime": now, "lastTransitionTime": now}]
        path = f"/api/v1/nodes/{name}/status"
        await self.control.change("PATCH", path, {"status": {"conditions": conditions, **more}}, MERGE)

    async def renew(self, name: str) -> None:
        """A kubelet's Lease."""
        spec: Document = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": precise(reactor.seconds())}
        answer = await self.control.ask("PATCH", f"{LEASES}/{name}", {"spec": spec}, MERGE)
        if answer.status == 404:
            lease = named("Lease", name, "kube-node-lease", "coordination.k8s.io/v1", spec=spec)
            await self.control.change("POST", LEASES, lease)


class NodeTests(Kubelet):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.dead, self.alive = f"dead-{self.namespace}", f"alive-{self.namespace}"
        for name in (self.dead, self.alive):
            await self.register(
                name, {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}, unschedulable=True
            )
        self.keep_alive(self.alive)

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
        await self.becomes(path, "free of taints", lambda node: taints(node) == cordoned)
        old = {"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64"}
        await self.becomes(path, "labelled", lambda node: old.items() <= node["metadata"]["labels"].items())
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


class CapacityTests(Kubelet):
    """Two small nodes for Pods of this namespace alone. Nothing runs there: it is enough that a Pod has a node."""

    BIG, SMALL = {"cpu": "4", "memory": "4Gi", "pods": "3", "example.org/gpu": "1"}, {"cpu": "2", "memory": "1Gi"}

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        account = f"{self.core}/serviceaccounts/default"
        await self.control.until(60.0, "the account of new pods", lambda: self.control.answers(account))
        self.big, self.small = f"big-{self.namespace}", f"small-{self.namespace}"
        for name, offered in ((self.big, self.BIG), (self.small, {"pods": "3", **self.SMALL})):
            await self.register(name, {"only": self.namespace})
            await self.post(name, capacity=offered, allocatable=offered)
            self.keep_alive(name)
            await self.becomes(f"/api/v1/nodes/{name}", "free of taints", lambda node: not taints(node))
        self.others = len((await self.control.get("/api/v1/nodes"))["items"]) - 2

    async def asks(self, name: str, **requests: str) -> None:
        """A Pod that asks for so much."""
        asked = {each.replace("gpu", "example.org/gpu"): number for each, number in requests.items()}
        containers = [{"name": "c", "image": "none", "resources": {"requests": asked, "limits": asked}}]
        spec: Document = {"containers": containers, "nodeSelector": {"only": self.namespace}}
        spec |= {"automountServiceAccountToken": False}
        await self.control.change("POST", f"{self.core}/pods", named("Pod", name, None, spec=spec))
        self.forget(f"{self.core}/pods/{name}?gracePeriodSeconds=0")

    async def goes(self, name: str, node: str) -> None:
        """Fails unless a Pod gets that node."""
        found = await self.becomes(f"{self.core}/pods/{name}", "bound", lambda pod: "nodeName" in pod["spec"])
        self.assertEqual(found["spec"]["nodeName"], node)
        self.assertEqual(said(found)["PodScheduled"], ("True", "", ""))

    async def waits(self, name: str, *why: str, victims: int = 0) -> None:
        """Fails unless a Pod is refused like that, by our two nodes; ``victims`` of them are full of other Pods."""
        total = self.others + 2
        reasons = sorted((*why, f"{self.others} node(s) didn't match Pod's node affinity/selector"))
        helpless = [f"{total - victims} Preemption is not helpful for scheduling"]
        if victims:
            helpless.append(f"{victims} No preemption victims found for incoming pod")
        message = (
            f"0/{total} nodes are available: {', '.join(reasons)}. no new claims to deallocate, preemption: "
            f"0/{total} nodes are available: {', '.join(sorted(helpless))}."
        )
        found = await self.becomes(f"{self.core}/pods/{name}", "refused", lambda pod: "PodScheduled" in said(pod))
        self.assertEqual(said(found)["PodScheduled"], ("False", "Unschedulable", message))
        self.assertEqual((found["status"]["phase"], "nodeName" in found["spec"]), ("Pending", False))

    async def avoided(self) -> None:
        """Wait until the scheduler, who hears of nodes and of Pods apart, gives nothing to the big node any more."""

        async def seen() -> bool:
            name = f"probe-{uuid4().hex[:6]}"
            await self.asks(name, gpu="1")
            found = await self.becomes(f"{self.core}/pods/{name}", "judged", lambda pod: "PodScheduled" in said(pod))
            await self.leaves(name)
            return said(found)["PodScheduled"][0] == "False"

        await self.control.until(60.0, "a node that is avoided", seen)

    async def leaves(self, name: str) -> None:
        await self.control.change("DELETE", f"{self.core}/pods/{name}?gracePeriodSeconds=0")

    async def test_what_does_not_fit_waits_for_room(self) -> None:
        await self.asks("first", cpu="3", memory="1Gi")
        await self.goes("first", self.big)
        await self.asks("second", cpu="1500m", memory="1Gi")
        await self.goes("second", self.small)
        await self.asks("late", cpu="2", memory="512Mi")
        await self.waits("late", "2 Insufficient cpu", "1 Insufficient memory", victims=2)
        await self.leaves("first")
        await self.goes("late", self.big)

    async def test_what_fits_nowhere_waits_for_a_larger_node(self) -> None:
        await self.asks("wide", gpu="2")
        await self.waits("wide", "2 Insufficient example.org/gpu")
        more = {"capacity": {"example.org/gpu": "2"}, "allocatable": {"example.org/gpu": "2"}}
        await self.control.change("PATCH", f"/api/v1/nodes/{self.small}/status", {"status": more}, MERGE)
        await self.goes("wide", self.small)

    async def test_pods_are_counted(self) -> None:
        await self.change(f"/api/v1/nodes/{self.big}", {"spec": {"unschedulable": True}})
        await self.avoided()
        for name in ("a", "b", "c"):
            await self.asks(name, cpu="100m")
            await self.goes(name, self.small)
        await self.asks("d", cpu="100m")
        await self.waits("d", "1 Too many pods", "1 node(s) were unschedulable", victims=1)
        await self.change(f"/api/v1/nodes/{self.big}", {"spec": {"unschedulable": None}})
        await self.goes("d", self.big)
