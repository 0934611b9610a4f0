"""What a sandbox keeps when its process is killed."""

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from tests.cluster.control import UNREACHABLE
from tests.cluster.sandbox import SandboxCluster

ONLY_ON = "sandbox"
MAPS = "/api/v1/namespaces/default/configmaps"


class DurableTests(TestCase):
    timeout = 120.0

    async def setUp(self) -> None:  # type: ignore[override]
        self.cluster = await SandboxCluster.start(reactor, Path(self.mktemp()).resolve())
        self.addCleanup(lambda: Deferred.fromCoroutine(self.cluster.stop()))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.cluster.control.close()))

    async def test_what_was_acknowledged_survives(self) -> None:
        acknowledged: dict[str, str] = {}

        async def write(name: str) -> None:
            try:
                made = await self.cluster.control.change("POST", MAPS, {"metadata": {"name": name}})
            except UNREACHABLE:
                return
            acknowledged[name] = made["metadata"]["resourceVersion"]
            if len(acknowledged) == 20:
                killed.append(Deferred.fromCoroutine(self.cluster.restart()))

        killed: list[Deferred[None]] = []
        await gatherResults(
            [Deferred.fromCoroutine(write(f"m-{number}")) for number in range(60)], consumeErrors=True
        )
        await killed[0]
        self.assertGreaterEqual(len(acknowledged), 20)
        found = (await self.cluster.control.get(MAPS))["items"]
        kept = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in found}
        self.assertEqual(acknowledged.items() - kept.items(), set())
        newest = max(int(version) for version in kept.values())
        made = await self.cluster.control.change("POST", MAPS, {"metadata": {"name": "after"}})
        self.assertGreater(int(made["metadata"]["resourceVersion"]), newest)

    async def test_versions_from_before_are_gone(self) -> None:
        before = (await self.cluster.control.get(MAPS))["metadata"]["resourceVersion"]
        await self.cluster.control.change("POST", MAPS, {"metadata": {"name": "one"}})
        await self.cluster.restart()
        answer = await self.cluster.control.ask("GET", f"{MAPS}?watch=1&timeoutSeconds=1&resourceVersion={before}")
        event = answer.document
        self.assertEqual(
            (event["type"], event["object"]["code"], event["object"]["reason"]), ("ERROR", 410, "Expired")
        )
