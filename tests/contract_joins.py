"""A third node, which takes what the first two cannot.

It runs on the real programs, whose nodes are simulated anew with one more until the test ends, and on a sandbox of
its own, which is started again with one more.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from dicot.sandbox.nodes.machines import DEFAULT, Machine, machines
from tests.cluster.control import SOON, Control
from tests.cluster.furniture import furnish
from tests.cluster.launch import RealCluster
from tests.cluster.objects import Document, named
from tests.cluster.ports import free_port
from tests.cluster.sandbox import SandboxCluster
from tests.cluster.shared import DEFINITIONS, SHARED, is_sandbox
from tests.contract_odds import phase
from tests.length import TIMEOUT
from tests.live.seen.objects import KUBEVIRT, SUBRESOURCES, conditions, machine, printable

NODES = "zone-1,zone-2,zone-7:96:512Gi"
LARGE = "80"
"""CPUs that the first two do not have."""


def pod(name: str, **requests: str) -> Document:
    containers = [{"name": "c", "image": "none", "resources": {"requests": requests}}]
    return named("Pod", name, None, spec={"containers": containers, "automountServiceAccountToken": False})


class JoinTests(TestCase):
    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        self.third: Machine = machines(NODES)[2]
        self.cluster = await self.cluster_of_two()
        access = self.cluster.access
        self.control = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.close()))
        self.namespace = f"joins-{uuid4().hex[:8]}"
        self.core = f"/api/v1/namespaces/{self.namespace}"
        await self.control.change("POST", "/api/v1/namespaces", named("Namespace", self.namespace))
        account = f"{self.core}/serviceaccounts/default"
        await self.control.until(SOON, "the account of new pods", lambda: self.control.answers(account))

    async def cluster_of_two(self) -> RealCluster | SandboxCluster:
        if not is_sandbox():
            cluster = await SHARED.cluster(reactor)
            await furnish(cluster)
            return cluster
        self.folder = Path(tempfile.mkdtemp(prefix="dicot-joins-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.listen = ("--listen", str(free_port()))
        return await self.sandbox(DEFAULT)

    async def sandbox(self, nodes: str) -> SandboxCluster:
        """One that goes on where an earlier one stopped, with these nodes."""
        options = (*self.listen, "--nodes", nodes)
        cluster = await SandboxCluster.start(reactor, self.folder / "cluster", (DEFINITIONS,), options)
        self.addCleanup(lambda: Deferred.fromCoroutine(cluster.stop()))
        await furnish(cluster, nodes)
        return cluster

    async def grow(self) -> None:
        """A third node joins."""
        if isinstance(self.cluster, RealCluster):
            self.addCleanup(lambda: Deferred.fromCoroutine(self.shrink()))
            await furnish(self.cluster, NODES)
        else:
            await self.control.close()
            await self.cluster.stop()
            self.cluster = await self.sandbox(NODES)

    async def shrink(self) -> None:
        """It leaves, and with it all that was there: others do not know it."""
        assert isinstance(self.cluster, RealCluster)
        await self.control.change("DELETE", self.core)
        await self.control.until(SOON, "the namespace to vanish", self.is_gone)
        await furnish(self.cluster)
        for path in (
            f"/api/v1/nodes/{self.third.name}",
            f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self.third.name}",
            f"/api/v1/namespaces/kubevirt/pods/virt-handler-{self.third.name}?gracePeriodSeconds=0",
        ):
            await self.control.change("DELETE", path, also=(404,))

    async def is_gone(self) -> bool:
        return (await self.control.ask("GET", self.core)).status == 404

    async def test_a_third_node_takes_what_two_cannot(self) -> None:
        await self.control.change("POST", f"{self.core}/pods", pod("large", cpu=LARGE))
        path = f"{self.core}/pods/large"
        waits = await self.control.becomes(path, "refused", lambda found: "PodScheduled" in conditions(found))
        refused = conditions(waits)["PodScheduled"]
        self.assertEqual(refused["reason"], "Unschedulable")
        self.assertIn("2 Insufficient cpu", refused["message"])
        await self.grow()
        large = await self.control.becomes(path, "Running", lambda found: phase(found) == "Running")
        self.assertEqual(large["spec"]["nodeName"], self.third.name)
        node = await self.control.get(f"/api/v1/nodes/{self.third.name}")
        self.assertEqual(node["metadata"]["labels"]["topology.kubernetes.io/zone"], "zone-7")
        offered = node["status"]["allocatable"]
        self.assertEqual((offered["cpu"], offered["memory"]), ("96", "512Gi"))
        await self.runs_there()

    async def runs_there(self) -> None:
        """Fails unless a guest runs in the third node's zone, and is reached there."""
        zone = {"nodeSelector": {"topology.kubernetes.io/zone": "zone-7"}}
        at = f"namespaces/{self.namespace}"
        await self.control.change("POST", f"{KUBEVIRT}/{at}/virtualmachines", machine("m", inner=zone))
        path = f"{KUBEVIRT}/{at}/virtualmachines/m"
        await self.control.becomes(path, "Running", lambda found: printable(found) == "Running")
        guest = f"{at}/virtualmachineinstances/m"
        found = await self.control.becomes(
            f"{KUBEVIRT}/{guest}", "ready", lambda vmi: conditions(vmi).get("Ready", {}).get("status") == "True"
        )
        self.assertEqual(found["status"]["nodeName"], self.third.name)
        answer = await self.control.ask("PUT", f"{SUBRESOURCES}/{guest}/pause", {})
        self.assertEqual(answer.status, 200, answer.content)
        await self.control.becomes(path, "Paused", lambda found: printable(found) == "Paused")
