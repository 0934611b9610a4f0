"""Monitoring of the real daemon: what it tells of itself, of its fellow, and of the cluster."""

from __future__ import annotations

import re

import yaml
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from dicot.cloud.chores.presence import RENEWAL
from tests.cluster.control import Control, Document
from tests.cluster.installed import ROOT
from tests.length import TIMEOUT
from tests.live.daemon import DAEMON, Daemon
from tests.live.estate import LEASES

PATIENCE = 60.0


class StatusTests(TestCase):
    timeout = TIMEOUT

    def front(self, url: str) -> Control:
        front = Control(reactor, url)
        self.addCleanup(lambda: Deferred.fromCoroutine(front.close()))
        return front

    async def status(self, daemon: Daemon) -> Document:
        return await self.front(daemon.probes).get("/status")

    async def test_a_ready_daemon_has_seen_the_cluster(self) -> None:
        found = await self.status(await DAEMON.shared(reactor, self))
        self.assertEqual((found["ready"], found["failing"]), (True, []))
        states = {each["name"]: each["state"] for each in found["findings"]}
        for part in ("Kubernetes", "KubeVirt", "CDI", "Default StorageClass"):
            self.assertEqual(states[part], "found", part)
        self.assertEqual({each["state"] for each in found["kinds"]}, {"watching"})
        counts = {each["kind"]: each["count"] for each in found["kinds"]}
        self.assertEqual(counts["virtualmachineclusterinstancetypes.instancetype.kubevirt.io"], 4)

    async def test_replicas_know_each_other_and_kubernetes_shows_them(self) -> None:
        shared = await DAEMON.shared(reactor, self)
        own = await DAEMON.own(reactor, self)
        names = {(await self.status(daemon))["replica"]["name"] for daemon in (shared, own)}
        self.assertEqual(len(names), 2)
        front = self.front(shared.probes)

        async def heard() -> bool:
            listed = (await front.get("/status"))["replicas"]
            return names <= {each["name"] for each in listed if each["silent"] < RENEWAL}

        await front.until(PATIENCE, "both replicas", heard)
        # Again, later than one renewal: each was renewed, not only made.
        await deferLater(reactor, RENEWAL)
        await front.until(PATIENCE, "both replicas once more", heard)
        access = shared.ground.access
        control = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(control.close()))
        leases = {each["metadata"]["name"] for each in (await control.get(LEASES))["items"]}
        self.assertLessEqual({f"dicot-replica-{name}" for name in names}, leases)
        await own.kill("TERM")
        leases = {each["metadata"]["name"] for each in (await control.get(LEASES))["items"]}
        mine = (await self.status(shared))["replica"]["name"]
        self.assertNotIn(f"dicot-replica-{(names - {mine}).pop()}", leases)

    async def test_requests_are_counted_by_route(self) -> None:
        daemon = await DAEMON.shared(reactor, self)
        await self.front(daemon.url).ask("GET", "/compute/v2.1/servers/anything")
        text = (await self.front(daemon.probes).ask("GET", "/metrics")).content.decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        wanted = {"service": "compute", "method": "GET", "route": "/servers/<id>", "status": "401"}
        counted = [each.value for each in samples if each.name == "dicot_requests_total" and each.labels == wanted]
        self.assertGreaterEqual(sum(counted), 1)
        self.assertNotIn("anything", text)

    async def test_alerts_ask_for_figures_that_it_tells(self) -> None:
        daemon = await DAEMON.shared(reactor, self)
        text = (await self.front(daemon.probes).ask("GET", "/metrics")).content.decode()
        told = {family.name for family in text_string_to_metric_families(text)}
        rules = yaml.safe_load((ROOT / "etc" / "kubernetes" / "examples" / "alerts.yaml").read_text())["spec"][
            "groups"
        ]
        asked = {
            name for group in rules for rule in group["rules"] for name in re.findall(r"dicot_\w+", rule["expr"])
        }
        self.assertGreater(len(asked), 5)
        self.assertLessEqual({name.removesuffix("_total").removesuffix("_bucket") for name in asked}, told)

    async def test_it_is_kept_from_the_listeners_of_the_api(self) -> None:
        daemon = await DAEMON.shared(reactor, self)
        for path in ("/status", "/metrics"):
            self.assertEqual((await self.front(daemon.url).ask("GET", path)).status, 404, path)
        self.assertEqual((await self.front(daemon.url).ask("GET", "/healthz")).status, 200)
