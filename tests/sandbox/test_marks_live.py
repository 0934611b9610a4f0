"""Steps of the node side that fail on purpose: the next ones of their kind, by a switch that a test sets."""

from __future__ import annotations

from collections import Counter

from twisted.internet.defer import Deferred

from tests.cluster.objects import Document
from tests.sandbox.arena import FAULTS
from tests.sandbox.test_nodes_live import CDI, CONTAINER_DISK, LiveNodes, machine

ONLY_ON = "sandbox"
PULLING = ("ErrImagePull", "ImagePullBackOff")
LAUNCHERS = {"verbs": ["create"], "resource": "pods", "name": "virt-launcher-*"}


class MarkTests(LiveNodes):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", FAULTS)))

    async def set(self, effect: Document, match: Document, times: int = 0) -> str:
        """A switch for what is made in the test's namespace."""
        rule = {"effect": effect, "match": {"namespace": self.namespace, **match}, "times": times}
        return str((await self.control.change("POST", FAULTS, rule))["id"])

    async def make(self, *names: str) -> None:
        for name in names:
            await self.control.change("POST", self.machines, machine(name, {"containerDisk": CONTAINER_DISK}))

    async def statuses(self) -> Counter[str]:
        """How many machines show what."""
        machines = (await self.control.get(self.machines))["items"]
        return Counter(each.get("status", {}).get("printableStatus", "") for each in machines)

    async def shown(self, wanted: dict[str, int]) -> None:
        async def seen() -> bool:
            return await self.statuses() == wanted

        await self.control.until(60, str(wanted), seen)

    async def test_the_next_two_of_three_launchers_get_no_node(self) -> None:
        await self.set({"mark": "unschedulable"}, LAUNCHERS, times=2)
        await self.make("m1", "m2", "m3")
        await self.shown({"ErrorUnschedulable": 2, "Running": 1})

    async def test_the_next_image_is_not_pulled(self) -> None:
        await self.set({"mark": "image-pull"}, LAUNCHERS, times=1)
        await self.make("m1")
        await self.status("m1", *PULLING)
        await self.make("m2")
        await self.status("m2", "Running")

    async def test_the_next_guest_ends_at_once_and_the_one_after_it_runs(self) -> None:
        id = await self.set({"mark": "crash-loop"}, {"resource": "virtualmachineinstances"}, times=1)
        await self.make("m1")
        await self.status("m1", "CrashLoopBackOff")
        await self.status("m1", "Running")
        self.assertEqual((await self.control.get(f"{FAULTS}/{id}"))["fired"], 1)

    async def test_a_quota_is_full_until_it_is_not(self) -> None:
        full = {"code": 403, "reason": "Forbidden", "message": "exceeded quota: pods"}
        id = await self.set({"refuse": full}, LAUNCHERS)
        await self.make("m1")
        await self.control.becomes(
            f"{self.machines}/m1", "refused", lambda vm: "FailedCreate" in str(vm.get("status"))
        )
        await self.control.change("DELETE", f"{FAULTS}/{id}")
        await self.status("m1", "Running")

    async def test_the_next_import_fails_again_and_again(self) -> None:
        await self.set({"mark": "import"}, {"resource": "persistentvolumeclaims"}, times=1)
        source = {"http": {"url": "http://images.sandbox.invalid/disk.qcow2"}}
        spec = {"source": source, "storage": {"resources": {"requests": {"storage": "1Gi"}}}}
        for name in ("first", "second"):
            body = {"apiVersion": CDI.removeprefix("/apis/"), "kind": "DataVolume", "metadata": {"name": name}}
            await self.control.change("POST", self.volumes, {**body, "spec": spec})
            if name == "first":
                await self.control.becomes(f"{self.volumes}/first", "restarts", _restarts)
        await self.control.becomes(f"{self.volumes}/second", "whole", lambda dv: _phase(dv) == "Succeeded")
        self.assertEqual(_phase(await self.control.get(f"{self.volumes}/first")), "ImportInProgress")


def _phase(volume: Document) -> str:
    return str(volume.get("status", {}).get("phase"))


def _restarts(volume: Document) -> bool:
    return int(volume.get("status", {}).get("restartCount", 0)) >= 2
