"""What becomes of VolumeSnapshots: taken, refused by what they are of, restored, kept, deleted.

It runs on the real programs and on the sandbox. What they do is recorded in ``tests/sandbox/snapshots/recorded``.

Differences that are meant: none. Groups of snapshots have a contract of their own.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred

from tests.cluster.control import SOON, Overdue
from tests.cluster.objects import Document
from tests.contract_bytes import IMMEDIATE
from tests.contract_bytes import Case as Carrying
from tests.live.seen.carrier import Noise
from tests.live.seen.objects import from_source, volume
from tests.live.seen.stage import SeenTestCase
from tests.sandbox.placing import placed
from tests.sandbox.snapshots import takes
from tests.sandbox.snapshots.takes import claim, content, given, restored, snapshot
from tests.sandbox.snapshots.watcher import GROUP, PLACES, Watcher

BEING_DELETED = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted"
SIZE = 3_000_017
BOUND = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"


class Case(SeenTestCase):
    """What the classes below share."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.watcher = Watcher(self.control, self.namespace)
        self.snapshots, self.claims = self.watcher.snapshots, self.watcher.claims
        self.contents = self.watcher.contents
        self.maxDiff = None

    async def post(self, path: str, document: Document) -> Document:
        return await self.control.change("POST", path, placed(document, self.namespace))

    async def post_everywhere(self, document: Document) -> None:
        """What has no namespace, and goes after the test."""
        made = placed(document, self.namespace)
        path = PLACES[made["kind"]]
        self.addCleanup(
            lambda: Deferred.fromCoroutine(self.control.ask("DELETE", f"{path}/{made['metadata']['name']}"))
        )
        await self.control.change("POST", path, made)

    async def bound(self, document: Document) -> Document:
        """A claim, once it has its volume."""
        made = await self.post(self.claims, document)
        path = f"{self.claims}/{made['metadata']['name']}"
        return await self.becomes(path, "Bound", lambda found: found["status"]["phase"] == "Bound")

    async def taken(self, document: Document) -> Document:
        """A snapshot, once it is ready."""
        made = await self.post(self.snapshots, document)
        path = f"{self.snapshots}/{made['metadata']['name']}"
        return await self.becomes(path, "ready", lambda found: bool(found.get("status", {}).get("readyToUse")))

    async def event(self, name: str, reason: str) -> str:
        """The message of an Event, once there is one."""
        found: list[str] = []

        async def seen() -> bool:
            events = (await self.control.get(f"{self.core}/events"))["items"]
            found[:] = [
                each["message"]
                for each in events
                if (each["involvedObject"]["name"], each["reason"]) == (name, reason)
            ]
            return bool(found)

        await self.control.until(SOON, f"{reason} of {name}", seen)
        return found[0]


class TakeTests(Case):
    async def setUp(self) -> None:  # type: ignore[override]
        """They are taken once, for all tests here."""
        await super().setUp()
        await self.once(self.watcher.make, self.watcher.settled)
        self.recorded = json.loads(takes.RECORDED.read_text())

    async def test_they_are_taken_as_recorded(self) -> None:
        """Snapshots and contents are as a whole what they were on the real programs."""
        found = await self.watcher.told()
        wrong: dict[str, Any] = {}
        for name, theirs in self.recorded["takes"].items():
            for part in {*theirs, *found[name]}:
                if found[name].get(part) != theirs.get(part):
                    wrong[f"{name}: {part}"] = (found[name].get(part), theirs.get(part))
        self.assertEqual(wrong, {})

    async def test_claims_are_held_as_recorded(self) -> None:
        """While a snapshot of theirs is not ready."""
        found: dict[str, list[str]] = {}

        async def seen() -> bool:
            found.update(await self.watcher.held())
            return bool(found == self.recorded["held"])

        try:
            await self.control.until(SOON, "claims to be let go of", seen)
        except Overdue:
            self.assertEqual(found, self.recorded["held"])

    async def test_what_happens_is_told(self) -> None:
        """By the same Events."""
        recorded = self.recorded["events"]
        found: dict[str, list[list[str]]] = {}

        async def all_told() -> bool:
            found.update(await self.watcher.events())
            return all(each in found[name] for name, events in recorded.items() for each in events)

        await self.control.until(SOON, "all Events", all_told)
        strange = {name: [each for each in told if each not in recorded[name]] for name, told in found.items()}
        self.assertEqual({name: events for name, events in strange.items() if events}, {})
        await self.watcher.clear()


class DeedTests(Case):
    async def test_what_a_snapshot_holds_is_restored(self) -> None:
        """Into a claim at least as large, also once what it was taken of is gone."""
        await self.bound(claim("lost"))
        await self.taken(snapshot("of-lost", "lost"))
        await self.control.change("DELETE", f"{self.claims}/lost")
        await self.vanishes(f"{self.claims}/lost")
        found = await self.bound(restored("found", "of-lost", "2Gi"))
        source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "of-lost"}
        self.assertEqual((found["spec"]["dataSource"], found["spec"]["dataSourceRef"]), (source, source))
        self.assertEqual(found["status"]["capacity"], {"storage": "2Gi"})
        reference = restored("referred", "of-lost")
        reference["spec"]["dataSourceRef"] = reference["spec"].pop("dataSource")
        self.assertEqual((await self.bound(reference))["spec"]["dataSource"], source)
        snapped = await self.control.get(f"{self.snapshots}/of-lost")
        self.assertTrue(snapped["status"]["readyToUse"])

    async def test_a_snapshot_stays_while_it_is_restored(self) -> None:
        """A claim too small for it waits, and until that claim is gone the snapshot is not deleted."""
        await self.bound(claim("large", "2Gi"))
        await self.taken(snapshot("of-large", "large"))
        await self.post(self.claims, restored("small", "of-large"))
        text = await self.event("small", "ProvisioningFailed")
        self.assertIn("requested volume size 1073741824 is less than the size 2147483648", text)
        await self.control.change("DELETE", f"{self.snapshots}/of-large")
        text = await self.event("of-large", "SnapshotDeletePending")
        self.assertEqual(text, "Snapshot is being used to restore a PVC")
        await self.control.change("DELETE", f"{self.claims}/small")
        await self.vanishes(f"{self.snapshots}/of-large")

    async def test_a_mode_is_not_changed_unasked(self) -> None:
        """A file system does not become a block device by way of a snapshot, unless its content allows it."""
        await self.bound(claim("files"))
        found = await self.taken(snapshot("of-files", "files"))
        await self.post(self.claims, restored("blocks", "of-files", volumeMode="Block"))
        text = await self.event("blocks", "ProvisioningFailed")
        self.assertIn(f"requested volume {self.namespace}/blocks modifies the mode of the source volume", text)
        bound = found["status"]["boundVolumeSnapshotContentName"]
        note = {"snapshot.storage.kubernetes.io/allow-volume-mode-change": "true"}
        await self.change(f"{self.contents}/{bound}", {"metadata": {"annotations": note}})
        await self.becomes(f"{self.claims}/blocks", "Bound", lambda found: found["status"]["phase"] == "Bound")

    async def test_a_content_goes_with_its_snapshot(self) -> None:
        await self.bound(claim("short"))
        bound = (await self.taken(snapshot("of-short", "short")))["status"]["boundVolumeSnapshotContentName"]
        await self.control.change("DELETE", f"{self.snapshots}/of-short")
        await self.vanishes(f"{self.snapshots}/of-short")
        await self.vanishes(f"{self.contents}/{bound}")

    async def test_a_content_does_not_go_alone(self) -> None:
        """It only says that it shall, until its snapshot goes."""
        await self.bound(claim("long"))
        bound = (await self.taken(snapshot("of-long", "long")))["status"]["boundVolumeSnapshotContentName"]
        await self.control.change("DELETE", f"{self.contents}/{bound}")
        found = await self.control.get(f"{self.contents}/{bound}")
        self.assertIn("deletionTimestamp", found["metadata"])
        self.assertEqual(found["metadata"]["finalizers"], [BOUND])
        self.assertTrue((await self.control.get(f"{self.snapshots}/of-long"))["status"]["readyToUse"])
        await self.control.change("DELETE", f"{self.snapshots}/of-long")
        await self.vanishes(f"{self.snapshots}/of-long")
        await self.vanishes(f"{self.contents}/{bound}")

    async def test_a_content_that_is_kept(self) -> None:
        """It outlives its snapshot, and what it stands for is had again by a content that names it."""
        await self.post_everywhere(takes.class_of("keeps-NAMESPACE", "Retain"))
        await self.bound(claim("dear"))
        found = await self.taken(placed(snapshot("of-dear", "dear", "keeps-NAMESPACE"), self.namespace))
        bound = found["status"]["boundVolumeSnapshotContentName"]
        await self.control.change("DELETE", f"{self.snapshots}/of-dear")
        await self.vanishes(f"{self.snapshots}/of-dear")
        left = await self.control.get(f"{self.contents}/{bound}")
        self.assertEqual(left["metadata"]["annotations"], {BEING_DELETED: "yes"})
        handle = left["status"]["snapshotHandle"]
        await self.control.change("DELETE", f"{self.contents}/{bound}")
        await self.vanishes(f"{self.contents}/{bound}")
        await self.post_everywhere(content("dear-NAMESPACE", "had-again", handle))
        again = await self.taken(given("had-again", "dear-NAMESPACE"))
        self.assertEqual(again["status"]["restoreSize"], "1Gi")
        await self.bound(restored("dear-again", "had-again"))

    async def test_a_claim_waits_for_its_snapshot(self) -> None:
        """Deleted while a snapshot of it is being taken, it goes only once that is over."""
        await self.bound(claim("busy"))
        await self.post(self.snapshots, snapshot("stuck", "busy", notes=takes.FAULT))
        await self.becomes(f"{self.snapshots}/stuck", "wrong", lambda found: "error" in found.get("status", {}))
        await self.control.change("DELETE", f"{self.claims}/busy")
        held = (await self.control.get(f"{self.claims}/busy"))["metadata"]["finalizers"]
        self.assertIn("snapshot.storage.kubernetes.io/pvc-as-source-protection", held)
        await self.control.change("DELETE", f"{self.snapshots}/stuck")
        await self.vanishes(f"{self.snapshots}/stuck")
        await self.vanishes(f"{self.claims}/busy")

    async def test_what_comes_late_is_taken(self) -> None:
        """A snapshot whose claim is not there yet is wrong until it is."""
        await self.post(self.snapshots, snapshot("early", "late", takes.STORAGE))
        await self.becomes(f"{self.snapshots}/early", "wrong", lambda found: "error" in found.get("status", {}))
        await self.bound(claim("late"))
        found = await self.becomes(
            f"{self.snapshots}/early", "ready", lambda found: bool(found["status"].get("readyToUse"))
        )
        self.assertNotIn("error", found["status"])

    async def test_what_is_no_snapshot_is_refused(self) -> None:
        """By the definition, in the API server's words."""
        both = snapshot("wrong", "data")
        both["spec"]["source"]["volumeSnapshotContentName"] = "x"
        neither = snapshot("wrong", "data")
        neither["spec"]["source"] = {}
        empty = snapshot("wrong", "data")
        empty["spec"]["volumeSnapshotClassName"] = ""
        answers = [await self.control.ask("POST", self.snapshots, each) for each in (both, neither, empty)]
        self.assertEqual([each.status for each in answers], [422, 422, 422])
        for each, text in zip(
            answers,
            (
                "exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set",
                "exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set",
                "volumeSnapshotClassName must not be the empty string when set",
            ),
            strict=True,
        ):
            self.assertIn(text, each.document["message"])
        await self.post(self.snapshots, snapshot("firm", "nothing"))
        patch = {"spec": {"source": {"persistentVolumeClaimName": "other"}}}
        answer = await self.control.ask("PATCH", f"{self.snapshots}/firm", patch, "application/merge-patch+json")
        self.assertEqual(answer.status, 422, answer.content)
        self.assertIn("persistentVolumeClaimName is immutable", answer.document["message"])


class ByteTests(Carrying):
    async def test_bytes_of_a_moment(self) -> None:
        """A claim and a volume that are made of a snapshot hold what was there, also once that is gone."""
        noise = Noise(SIZE)
        noise.write(self.folder / "raw")
        source = {"http": {"url": f"{self.serve()}/raw"}}
        await self.make(volume("motive", from_source(source, "8Mi"), IMMEDIATE))
        await self.filled("motive")
        snapshots = f"{GROUP}/namespaces/{self.namespace}/volumesnapshots"
        await self.control.change("POST", snapshots, snapshot("moment", "motive"))
        found = await self.becomes(
            f"{snapshots}/moment", "ready", lambda found: bool(found.get("status", {}).get("readyToUse"))
        )
        await self.control.change("DELETE", f"{self.volumes}/motive")
        again = restored("again", "moment", found["status"]["restoreSize"])
        await self.control.change("POST", f"{self.core}/persistentvolumeclaims", again)
        photo = {"snapshot": {"name": "moment", "namespace": self.namespace}}
        await self.make(volume("copied", from_source(photo, "16Mi"), IMMEDIATE))
        await self.filled("copied")
        for name in ("again", "copied"):
            await self.becomes(
                f"{self.core}/persistentvolumeclaims/{name}",
                "Bound",
                lambda found: found["status"]["phase"] == "Bound",
            )
            await self.gives(name, noise, SIZE)


class ServedTests(Case):
    async def test_what_is_served(self) -> None:
        """Snapshots in v1."""
        found = await self.control.get(GROUP)
        kinds = {each["kind"] for each in found["resources"] if "/" not in each["name"]}
        self.assertEqual(kinds, {"VolumeSnapshot", "VolumeSnapshotContent", "VolumeSnapshotClass"})
