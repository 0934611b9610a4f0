"""``kubectl apply -k etc/kubernetes`` where the restricted Pod Security level is enforced."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from dicot.names import SYSTEM_NAMESPACE
from tests.cluster.commands import Finished, run
from tests.cluster.control import SOON
from tests.cluster.installed import ROOT, kubectl
from tests.cluster.objects import Document
from tests.live.case import LiveCase, image_id, new_server

ONLY_ON = "real"
FOLDER = str(ROOT / "etc" / "kubernetes")
PODS = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods?dryRun=All"
RUNS = ("deployment/dicot", "service/dicot", "poddisruptionbudget/dicot", "networkpolicy/dicot")
"""What the tests' clusters, which run Dicot elsewhere, are not to keep."""
SERVERS = "/compute/v2.1/servers"


class InstallTests(LiveCase):
    async def kubectl(self, *words: str) -> Finished:
        return await run(reactor, [*kubectl(self.daemon.ground.access), *words])

    async def clear(self) -> None:
        names = (await self.kubectl("-n", SYSTEM_NAMESPACE, "get", "configmaps", "-o", "name")).checked().split()
        ours = [name for name in names if name.startswith("configmap/dicot-")]
        (await self.kubectl("-n", SYSTEM_NAMESPACE, "delete", "--ignore-not-found", *RUNS, *ours)).checked()

    async def test_it_is_applied_and_dicot_works_with_what_it_gives(self) -> None:
        self.addCleanup(lambda: Deferred.fromCoroutine(self.clear()))
        rehearsed = await self.kubectl(
            "apply", "-k", FOLDER, "--server-side", "--force-conflicts", "--dry-run=server"
        )
        self.assertEqual(rehearsed.code, 0, str(rehearsed))
        self.assertNotIn("PodSecurity", rehearsed.errors)
        applied = await self.kubectl("apply", "-k", FOLDER)
        self.assertEqual(applied.code, 0, str(applied))
        self.assertNotIn("PodSecurity", applied.errors)
        for each in RUNS:
            self.assertIn(f"{each.partition('/')[0]}", applied.output)
        deployment = json.loads((await self.kubectl("-n", SYSTEM_NAMESPACE, "get", RUNS[0], "-o", "json")).checked())
        self.assertEqual(deployment["spec"]["replicas"], 2)
        await self.check_pod(deployment["spec"]["template"])
        await self.check_journey()

    async def check_pod(self, template: Document) -> None:
        """Its Pods are admitted at the restricted level, which is in force."""
        pod: Any = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "dicot-x", "labels": template["metadata"]["labels"]},
            "spec": template["spec"],
        }
        admitted = await self.cluster.ask("POST", PODS, pod)
        self.assertEqual(admitted.status, 201, admitted.content)
        [container] = pod["spec"]["containers"]
        loose = {**container, "securityContext": {"privileged": True}}
        refused = await self.cluster.ask("POST", PODS, {**pod, "spec": {**pod["spec"], "containers": [loose]}})
        self.assertEqual(refused.status, 403, refused.content)
        self.assertIn('violates PodSecurity "restricted', refused.document["message"])

    async def check_journey(self) -> None:
        """Dicot, which has the token of that ServiceAccount, makes a server run and go."""
        name = f"installed-{uuid4().hex[:8]}"
        made = await self.demo.ask("POST", SERVERS, new_server(name, await image_id(self.demo, "cirros-live")))
        self.assertEqual(made.code, 202, made)
        path = f"{SERVERS}/{made.document['server']['id']}"

        async def active() -> bool:
            return bool((await self.demo.ask("GET", path)).document["server"]["status"] == "ACTIVE")

        async def gone() -> bool:
            return (await self.demo.ask("GET", path)).code == 404

        await self.cluster.until(SOON, "the server to run", active)
        self.assertEqual((await self.demo.ask("DELETE", path)).code, 204)
        await self.cluster.until(SOON, "the server to go", gone)
