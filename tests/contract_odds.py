"""How often nodes fail and how long they take, set by a test.

It runs on the real programs and on the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random

from twisted.internet.defer import Deferred

from dicot.sandbox.nodes.odds import MET
from tests.cluster.objects import Document, named
from tests.live.seen.objects import conditions, from_source, is_known, machine, odds_map, volume
from tests.live.seen.stage import SeenTestCase
from tests.sandbox.snapshots.takes import claim, snapshot
from tests.sandbox.snapshots.watcher import GROUP

CHANCE, SEED = 0.5, 8
COUNT = 6
PULLING = ("ErrImagePull", "ImagePullBackOff")
TRIED_AGAIN = 2
DELAY = 3.0
SLOW = ("pods", "virtualmachineinstances", "persistentvolumeclaims", "volumesnapshots")


def met(names: Iterable[str]) -> set[str]:
    """Those whom a chance of a half meets, made one after the other."""
    dice = Random(SEED)
    return {name for name in names if dice.random() < CHANCE}


def waiting(pod: Document) -> str:
    """Why a Pod's container waits, "" where it does not."""
    [status] = pod["status"].get("containerStatuses") or [{}]
    reason: str = status.get("state", {}).get("waiting", {}).get("reason", "")
    return reason


def restarts(found: Document) -> int:
    count: int = found.get("status", {}).get("restartCount", 0)
    return count


def phase(found: Document) -> str:
    return str(found.get("status", {}).get("phase", ""))


class Case(SeenTestCase):
    """What needs odds."""

    async def odds(self, at: str, /, namespace: str = "", **data: str) -> str:
        """Odds that hold until the test ends; where they are."""
        collection = f"/api/v1/namespaces/{namespace or self.namespace}/configmaps"
        await self.control.change("POST", collection, odds_map(at, **data))
        path = f"{collection}/{at}"
        self.addCleanup(self.removed, path)
        await self.becomes(path, "known", is_known)
        return path

    def removed(self, path: str) -> Deferred[Document]:
        return Deferred.fromCoroutine(self.control.change("DELETE", path, also=(404,)))

    async def counted(self, path: str, number: int | str) -> None:
        await self.becomes(path, f"{number} met", lambda found: found["metadata"]["annotations"][MET] == str(number))


class OddsTests(Case):
    NAMES = [f"n{number}" for number in range(COUNT)]

    async def even(self, mark: str, prefix: str) -> str:
        """A mark for half of what has such a name."""
        return await self.odds(mark, mark=mark, name=f"{prefix}*", chance=str(CHANCE), seed=str(SEED))

    async def pods(self, names: Iterable[str]) -> None:
        for name in names:
            spec = {"containers": [{"name": "c", "image": "none"}], "automountServiceAccountToken": False}
            await self.make(named("Pod", name, None, spec=spec))
            self.addCleanup(self.removed, f"{self.core}/pods/{name}?gracePeriodSeconds=0")

    @property
    def shots(self) -> str:
        return f"{GROUP}/namespaces/{self.namespace}/volumesnapshots"

    async def snapshots(self, of: str, *names: str) -> None:
        """Of a claim of their own."""
        claims = f"{self.core}/persistentvolumeclaims"
        await self.control.change("POST", claims, claim(of))
        await self.becomes(f"{claims}/{of}", "Bound", lambda found: phase(found) == "Bound")
        for name in names:
            await self.control.change("POST", self.shots, snapshot(name, of))

    async def all_become(self, collection: str, looks: dict[str, Callable[[Document], bool]]) -> None:
        """Wait until each object looks as its name says."""

        def fits(found: Document) -> bool:
            items = {item["metadata"]["name"]: item for item in found["items"]}
            return all(look(items[name]) for name, look in looks.items())

        await self.becomes(collection, "as the odds have it", fits)

    async def test_images_that_are_not_pulled(self) -> None:
        path = await self.even("image-pull", "pull-")
        names = [f"pull-{name}" for name in self.NAMES]
        await self.pods(names)
        await self.counted(path, len(met(names)))
        await self.all_become(
            f"{self.core}/pods",
            {
                name: (lambda pod: waiting(pod) in PULLING)
                if name in met(names)
                else (lambda pod: phase(pod) == "Running")
                for name in names
            },
        )

    async def test_pods_that_no_node_takes(self) -> None:
        await self.even("unschedulable", "lost-")
        names = [f"lost-{name}" for name in self.NAMES]
        await self.pods(names)
        await self.all_become(
            f"{self.core}/pods",
            {
                name: (lambda pod: conditions(pod).get("PodScheduled", {}).get("status") == "False")
                if name in met(names)
                else (lambda pod: phase(pod) == "Running")
                for name in names
            },
        )

    async def test_volumes_that_are_not_filled(self) -> None:
        """For one reason or the other, again and again; the others are. Which are met depends on CDI's own order."""
        marks = ("import", "full-disk")
        for mark in marks:
            await self.even(mark, f"{mark}-")
        names = {mark: [f"{mark}-{name}" for name in self.NAMES] for mark in marks}
        url = {"http": {"url": "http://images.sandbox.invalid/disk.img"}}
        for name in (*names["import"], *names["full-disk"]):
            await self.make(volume(name, from_source(url)))

        def fits(found: Document) -> bool:
            items = {item["metadata"]["name"]: item for item in found["items"]}
            failing = [sum(restarts(items[name]) >= TRIED_AGAIN for name in names[mark]) for mark in marks]
            filled = sum(phase(items[name]) == "Succeeded" for mark in marks for name in names[mark])
            return failing == [len(met(names[mark])) for mark in marks] and filled == 2 * COUNT - sum(failing)

        await self.becomes(self.volumes, "as the odds have it", fits)

    async def test_snapshots_that_are_not_taken(self) -> None:
        """The others are."""
        path = await self.even("snapshot", "taken-")
        names = [f"taken-{name}" for name in self.NAMES]
        await self.snapshots("shot", *names)
        await self.counted(path, len(met(names)))
        await self.all_become(
            self.shots,
            {
                name: (
                    lambda found: "there is no room" in found.get("status", {}).get("error", {}).get("message", "")
                )
                if name in met(names)
                else (lambda found: found.get("status", {}).get("readyToUse") is True)
                for name in names
            },
        )

    async def test_a_guest_that_fails_twice_and_runs(self) -> None:
        path = await self.odds("crash-loop", mark="crash-loop", name="loops", times="2")
        await self.make(machine("loops"))
        await self.shows("loops", "CrashLoopBackOff")
        await self.shows("loops", "Running")
        await self.counted(path, 2)

    async def test_what_takes_its_time(self) -> None:
        for number, resource in enumerate(SLOW):
            await self.odds(f"slow-{number}", resource=resource, delay=str(DELAY), name="*slow*")
        await self.pods(("slow-pod",))
        url = {"http": {"url": "http://images.sandbox.invalid/disk.img"}}
        await self.make(machine("slow-guest"), volume("slow-volume", from_source(url)))
        pod = await self.becomes(f"{self.core}/pods/slow-pod", "Running", lambda pod: phase(pod) == "Running")
        self.assertGreaterEqual(_seconds(pod["metadata"]["creationTimestamp"], pod["status"]["startTime"]), DELAY)
        await self.shows("slow-guest", "Running")
        guest = await self.control.get(f"{self.guests}/slow-guest")
        moments = {each["phase"]: each for each in guest["status"]["phaseTransitionTimestamps"]}
        launchers = f"{self.core}/pods?labelSelector=kubevirt.io/created-by={guest['metadata']['uid']}"
        [launcher] = (await self.control.get(launchers))["items"]
        took = _seconds(launcher["status"]["startTime"], moments["Running"]["phaseTransitionTimestamp"])
        self.assertGreaterEqual(took, DELAY)
        volume_ = await self.becomes(
            f"{self.volumes}/slow-volume", "filled", lambda found: phase(found) == "Succeeded"
        )
        running = conditions(volume_)["Running"]["lastTransitionTime"]
        self.assertGreaterEqual(_seconds(volume_["metadata"]["creationTimestamp"], running), DELAY)
        await self.snapshots("quick", "slow-shot")
        shot = await self.becomes(
            f"{self.shots}/slow-shot", "ready", lambda found: bool(found.get("status", {}).get("readyToUse"))
        )
        self.assertGreaterEqual(
            _seconds(shot["metadata"]["creationTimestamp"], shot["status"]["creationTime"]), DELAY
        )


def _seconds(begin: str, end: str) -> float:
    """From one moment to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
