"""Backup by ``kubectl get -o yaml``, and restore into a new cluster: the same ids, passwords and keys."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from dicot.names import ID, SYSTEM_NAMESPACE
from tests.cluster.commands import run
from tests.cluster.control import SOON, Control
from tests.cluster.installed import ROOT, apply_manifests, kubectl, write_login
from tests.cluster.sandbox import SandboxCluster
from tests.cluster.shared import DEFINITIONS
from tests.live.case import LiveCase, image_id, new_server
from tests.live.daemon import Daemon, Ground
from tests.live.wire import logged_in

SERVERS, KEYS = "/compute/v2.1/servers", "/compute/v2.1/os-keypairs"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
IDENTITY = ("users", "domains", "roles.identity.dicot.io", "impliedroles", "roleassignments", "nameclaims")
OWN = (*IDENTITY, "namespacerecords", "keypairs.compute.dicot.io")


class RestoreTests(LiveCase):
    """A server with a key, out of the shared cluster into a sandbox that has nothing."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="dicot-restore-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.mark = uuid4().hex[:8]

    async def test_ids_are_the_same_in_a_new_cluster(self) -> None:
        server = await self.made()
        text = await self.backup(server)
        other = await self.new_cluster()
        await self.restored(other, text)
        daemon = await self.daemon_on(other)
        demo = await logged_in(reactor, daemon.url, "demo", self.daemon.ground.passwords["demo"])
        self.assertEqual((demo.project, demo.user), (self.demo.project, self.demo.user))
        shown = await demo.ask("GET", f"{SERVERS}/{server}")
        self.assertEqual((shown.code, shown.document["server"]["name"]), (200, f"kept-{self.mark}"), str(shown))
        self.assertEqual(shown.document["server"]["metadata"], {"kept": "yes"})
        key = await demo.ask("GET", f"{KEYS}/kept-{self.mark}")
        self.assertEqual(key.document["keypair"]["public_key"], PUBLIC_KEY)
        old = await self.demo.at(daemon.url).ask("GET", f"{SERVERS}/{server}")
        self.assertEqual(old.code, 200, "the keys of tokens came along")
        await self.goes_whole(demo, other, server)

    async def made(self) -> str:
        key = {"keypair": {"name": f"kept-{self.mark}", "public_key": PUBLIC_KEY}}
        self.assertEqual((await self.demo.ask("POST", KEYS, key)).code // 100, 2)
        self.addCleanup(self.forget, f"{KEYS}/kept-{self.mark}")
        body = new_server(
            f"kept-{self.mark}",
            await image_id(self.demo, "cirros-live"),
            key_name=f"kept-{self.mark}",
            metadata={"kept": "yes"},
        )
        answer = await self.demo.ask("POST", SERVERS, body)
        self.assertEqual(answer.code, 202, answer)
        server = str(answer.document["server"]["id"])
        self.addCleanup(self.forget, f"{SERVERS}/{server}")

        async def adopted() -> bool:
            """The server's port and its two Secrets are its own: the backup is not of a half-made one."""
            owned = await self.owned(self.cluster, server)
            return len(owned) == 3 and all(owned.values())

        await self.cluster.until(SOON, "the server to be whole", adopted)
        return server

    def forget(self, path: str) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.demo.ask("DELETE", path))

    async def owned(self, cluster: Control, server: str) -> dict[str, bool]:
        """The port and the Secret of a server, and whether each has an owner."""
        found: dict[str, bool] = {}
        for path in ("/apis/network.dicot.io/v1/namespaces/demo/ports", "/api/v1/namespaces/demo/secrets"):
            listed = await cluster.get(f"{path}?labelSelector=dicot.io/server-id%3D{server}")
            found |= {
                each["metadata"]["name"]: bool(each["metadata"].get("ownerReferences")) for each in listed["items"]
            }
        return found

    async def backup(self, server: str) -> str:
        """What docs/operate.md names, of one project and one server of it."""

        async def told(*words: str) -> str:
            return (await run(reactor, [*kubectl(self.daemon.ground.access), "get", "-o", "yaml", *words])).checked()

        own = ("-n", SYSTEM_NAMESPACE)
        secrets = (
            await run(reactor, [*kubectl(self.daemon.ground.access), *own, "get", "secrets", "-o", "name"])
        ).checked()
        parts = [
            await told("namespace", "demo"),
            await told(*own, ",".join(OWN)),
            await told(*own, *secrets.split()),
            await told("-n", "demo", "virtualmachines.kubevirt.io", "-l", f"{ID}={server}"),
            await told("-n", "demo", "ports.network.dicot.io,secrets", "-l", f"dicot.io/server-id={server}"),
        ]
        return "---\n".join(parts)

    async def new_cluster(self) -> SandboxCluster:
        cluster = await SandboxCluster.start(reactor, self.folder / "cluster", (DEFINITIONS,))
        self.addCleanup(lambda: Deferred.fromCoroutine(cluster.stop()))
        self.addCleanup(lambda: Deferred.fromCoroutine(cluster.control.close()))
        await apply_manifests(cluster.control)
        return cluster

    async def restored(self, cluster: SandboxCluster, text: str) -> None:
        command = [sys.executable, "-m", "dicot.command", "restore", "--kubeconfig", str(cluster.kubeconfig)]
        finished = await run(reactor, command, {"PYTHONPATH": str(ROOT)}, text=text)
        self.assertEqual(finished.code, 0, str(finished))
        self.assertIn("namespace demo: recorded for project", finished.output)

    async def daemon_on(self, cluster: SandboxCluster) -> Daemon:
        kubeconfig = self.folder / "kubeconfig"
        await write_login(cluster.control, cluster.kubeconfig, kubeconfig)
        ground = Ground(cluster.access, kubeconfig, self.daemon.ground.passwords, self.folder)
        daemon = Daemon(reactor, ground, self.folder)
        self.addCleanup(lambda: Deferred.fromCoroutine(daemon.kill()))
        await daemon.start()
        return daemon

    async def goes_whole(self, demo: Any, cluster: SandboxCluster, server: str) -> None:
        """What belonged to the server still does: it goes with it."""
        self.assertEqual(set((await self.owned(cluster.control, server)).values()), {True})
        self.assertEqual((await demo.ask("DELETE", f"{SERVERS}/{server}")).code, 204)

        async def gone() -> bool:
            return not await self.owned(cluster.control, server)

        await cluster.control.until(SOON, "the port and the Secret to go with their server", gone)
