"""What becomes of groups of snapshots: taken at one moment, refused by what they are of, restored, kept, deleted.

It runs on the real programs and on the sandbox. What they do is recorded in
``tests/sandbox/snapshots/groups/recorded``.

Differences that are meant: none.
"""

from __future__ import annotations

import json
from typing import Any

from dicot.moments import seconds
from dicot.sandbox.marks import DELAY
from tests.cluster.control import SOON, Overdue
from tests.cluster.objects import Document
from tests.contract_bytes import IMMEDIATE
from tests.contract_bytes import Case as Carrying
from tests.contract_snapshots import BEING_DELETED as MEMBER_BEING_DELETED
from tests.contract_snapshots import Case as Single
from tests.live.seen.carrier import Noise
from tests.live.seen.objects import conditions, from_source, volume
from tests.sandbox.placing import placed
from tests.sandbox.snapshots import takes as single
from tests.sandbox.snapshots.groups import takes
from tests.sandbox.snapshots.groups.takes import claim, class_of, content, given, group, handles, of
from tests.sandbox.snapshots.groups.watcher import Watcher, owners
from tests.sandbox.snapshots.takes import restored
from tests.sandbox.snapshots.watcher import GROUP, GROUPED

BEING_DELETED = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted"
BOUND = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection"
GONE_WITH_IT = (
    "is not allowed as it belongs to group snapshot {group}. Deleting the group snapshot will trigger the deletion "
    "of all the individual volume snapshots that are part of the group."
)
SLOW = 3.0
SIZES = {"data-motive": 3_000_017, "logs-motive": 1_000_003}


class Case(Single):
    """What the classes below share."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.grouped = Watcher(self.control, self.namespace)
        self.groups, self.group_contents = self.grouped.groups, self.grouped.contents

    async def together(self, document: Document) -> Document:
        """A group, once it is ready."""
        made = await self.post(self.groups, document)
        return await self.is_ready(f"{self.groups}/{made['metadata']['name']}")

    async def is_ready(self, path: str) -> Document:
        """A group or a snapshot, once it is."""
        return await self.becomes(path, "ready", lambda found: bool(found.get("status", {}).get("readyToUse")))

    async def members(self, name: str) -> dict[str, Document]:
        """The snapshots of a group by what they are of, once all that are there are ready."""
        found: dict[str, Document] = {}

        async def seen() -> bool:
            everything = (await self.control.get(self.snapshots))["items"]
            found.clear()
            found.update({source_of(each): each for each in everything if name in owners(each)})
            return bool(found) and all(each.get("status", {}).get("readyToUse") for each in found.values())

        await self.control.until(SOON, f"the members of {name}", seen)
        return found

    async def vanish(self, *paths: str) -> None:
        """Wait until there is nothing at all of these."""
        for path in paths:
            await self.vanishes(path)


class TakeTests(Case):
    async def setUp(self) -> None:  # type: ignore[override]
        """They are taken once, for all tests here."""
        await super().setUp()
        await self.once(self.grouped.make, self.grouped.settled)
        self.recorded = json.loads(takes.RECORDED.read_text())

    async def test_they_are_taken_as_recorded(self) -> None:
        """Groups, their contents and their members are as a whole what they were on the real programs."""
        wrong: dict[str, Any] = {}

        async def same() -> bool:
            wrong.clear()
            wrong.update(differences(await self.grouped.told(), self.recorded["takes"]))
            return not wrong

        try:
            await self.control.until(SOON, "all as recorded", same)
        except Overdue:
            self.assertEqual(wrong, {})

    async def test_what_happens_is_told(self) -> None:
        """By the same Events."""
        recorded = self.recorded["events"]
        found: dict[str, list[list[str]]] = {}

        async def all_told() -> bool:
            found.update(await self.grouped.events())
            return all(each in found[name] for name, events in recorded.items() for each in events)

        try:
            await self.control.until(SOON, "all Events", all_told)
        except Overdue:
            self.assertEqual(found, recorded)
        strange = {name: [each for each in told if each not in recorded[name]] for name, told in found.items()}
        self.assertEqual({name: events for name, events in strange.items() if events}, {})
        await self.grouped.clear()


def source_of(snapshot: Document) -> str:
    """The claim that a snapshot is of, or the content that it stands for."""
    source = snapshot["spec"]["source"]
    return str(source.get("persistentVolumeClaimName") or source["volumeSnapshotContentName"])


def differences(found: Document, recorded: Document) -> dict[str, Any]:
    """What is not as it was, and how it was."""
    return {
        f"{name}: {part}": (found[name].get(part), theirs.get(part))
        for name, theirs in recorded.items()
        for part in {*theirs, *found[name]}
        if found[name].get(part) != theirs.get(part)
    }


class DeedTests(Case):
    async def test_a_member_does_not_go_alone(self) -> None:
        """It only says that it shall, until its group goes; then all of it does."""
        for name in ("one", "two"):
            await self.bound(claim(name, "firm"))
        taken = await self.together(group("firm", of("firm")))
        members = await self.members("firm")
        self.assertEqual(set(members), {"one", "two"})
        name = members["one"]["metadata"]["name"]
        await self.control.change("DELETE", f"{self.snapshots}/{name}")
        text = await self.event(name, "SnapshotDeletePending")
        whole = GONE_WITH_IT.format(group=f"{self.namespace}/firm")
        self.assertEqual(text, f"deletion of the individual volume snapshot {self.namespace}/{name} {whole}")
        self.assertIn("deletionTimestamp", (await self.control.get(f"{self.snapshots}/{name}"))["metadata"])
        contents = [each["status"]["boundVolumeSnapshotContentName"] for each in members.values()]
        for each in contents:
            self.assertNotIn("deletionTimestamp", (await self.control.get(f"{self.contents}/{each}"))["metadata"])
        await self.control.change("DELETE", f"{self.groups}/firm")
        bound = taken["status"]["boundVolumeGroupSnapshotContentName"]
        await self.vanish(f"{self.groups}/firm", f"{self.group_contents}/{bound}")
        await self.vanish(*(f"{self.snapshots}/{each['metadata']['name']}" for each in members.values()))
        await self.vanish(*(f"{self.contents}/{each}" for each in contents))

    async def test_claims_are_not_held(self) -> None:
        """What a group was taken of may go, and is restored from its members."""
        await self.bound(claim("lost", "lost"))
        await self.together(group("of-lost", of("lost")))
        [member] = (await self.members("of-lost")).values()
        await self.control.change("DELETE", f"{self.claims}/lost")
        await self.vanishes(f"{self.claims}/lost")
        await self.bound(restored("found", member["metadata"]["name"]))

    async def test_a_group_stays_while_a_member_is_restored(self) -> None:
        """A claim too small for it waits, and until that claim is gone the group is not deleted."""
        await self.bound(claim("large", "large", "2Gi"))
        await self.together(group("of-large", of("large")))
        [member] = (await self.members("of-large")).values()
        name = member["metadata"]["name"]
        await self.post(self.claims, restored("small", name))
        await self.event("small", "ProvisioningFailed")
        await self.control.change("DELETE", f"{self.groups}/of-large")
        text = await self.event("of-large", "SnapshotDeletePending")
        whose = f"belonging to VolumeGroupSnapshot {self.namespace}/of-large"
        self.assertEqual(text, f"Snapshot {self.namespace}/{name} {whose} is being used to restore a PVC")
        self.assertNotIn("deletionTimestamp", (await self.control.get(f"{self.snapshots}/{name}"))["metadata"])
        await self.control.change("DELETE", f"{self.claims}/small")
        await self.vanish(f"{self.groups}/of-large", f"{self.snapshots}/{name}")

    async def test_a_content_does_not_go_alone(self) -> None:
        """It only says that it shall, until its group goes."""
        await self.bound(claim("long", "long"))
        taken = await self.together(group("of-long", of("long")))
        path = f"{self.group_contents}/{taken['status']['boundVolumeGroupSnapshotContentName']}"
        await self.control.change("DELETE", path)
        found = await self.control.get(path)
        self.assertIn("deletionTimestamp", found["metadata"])
        self.assertEqual(found["metadata"]["finalizers"], [BOUND])
        self.assertTrue((await self.control.get(f"{self.groups}/of-long"))["status"]["readyToUse"])
        await self.control.change("DELETE", f"{self.groups}/of-long")
        await self.vanish(f"{self.groups}/of-long", path)

    async def test_what_is_kept_is_had_again(self) -> None:
        """Contents outlive their group, and what they stand for is had again by contents that name it."""
        await self.post_everywhere(class_of("keeps-groups-NAMESPACE", "Retain"))
        await self.bound(claim("dear", "dear"))
        taken = await self.together(group("of-dear", of("dear"), "keeps-groups-NAMESPACE"))
        [member] = (await self.members("of-dear")).values()
        path = f"{self.group_contents}/{taken['status']['boundVolumeGroupSnapshotContentName']}"
        part = f"{self.contents}/{member['status']['boundVolumeSnapshotContentName']}"
        await self.control.change("DELETE", f"{self.groups}/of-dear")
        await self.vanish(f"{self.groups}/of-dear", f"{self.snapshots}/{member['metadata']['name']}")
        left, part_left = await self.control.get(path), await self.control.get(part)
        self.assertEqual(left["metadata"]["annotations"], {BEING_DELETED: "yes"})
        self.assertEqual(part_left["metadata"]["annotations"][MEMBER_BEING_DELETED], "yes")
        for each in (path, part):
            await self.control.change("DELETE", each)
        await self.vanish(path, part)
        group_handle, handle = left["status"]["volumeGroupSnapshotHandle"], part_left["status"]["snapshotHandle"]
        source = handles(group_handle, [handle])
        await self.post_everywhere(content("dear-groups-NAMESPACE", "had-again", source, "Delete"))
        await self.together(given("had-again", "dear-groups-NAMESPACE"))
        await self.given_member("one", "had-again", handle)
        await self.bound(restored("dear-again", "one"))

    async def given_member(self, name: str, group: str, handle: str) -> None:
        """A snapshot of what the driver took with a group, once it says of which."""
        await self.post_everywhere(single.content(f"{name}-NAMESPACE", name, handle, "Delete"))
        await self.taken(single.given(name, f"{name}-NAMESPACE"))
        found = await self.becomes(f"{self.snapshots}/{name}", "owned", lambda found: group in owners(found))
        self.assertEqual(found["status"]["volumeGroupSnapshotName"], group)

    async def test_members_that_were_there(self) -> None:
        """Snapshots that stand for what the driver took together become members of that group, and go with it."""
        source = handles(f"{takes.HANDLE}-old", [f"{takes.HANDLE}-old-0-1073741824"])
        await self.post_everywhere(content("old-groups-NAMESPACE", "old", source, "Delete"))
        await self.together(given("old", "old-groups-NAMESPACE"))
        await self.given_member("part", "old", f"{takes.HANDLE}-old-0-1073741824")
        await self.control.change("DELETE", f"{self.snapshots}/part")
        text = await self.event("part", "SnapshotDeletePending")
        self.assertIn(GONE_WITH_IT.format(group=f"{self.namespace}/old"), text)
        await self.control.change("DELETE", f"{self.groups}/old")
        name = f"old-groups-{self.namespace}"
        await self.vanish(f"{self.groups}/old", f"{self.group_contents}/{name}")
        await self.vanish(f"{self.snapshots}/part", f"{self.contents}/part-{self.namespace}")

    async def test_a_member_of_a_group_that_nobody_knows(self) -> None:
        """It is not ready until there is a content of the group."""
        handle = f"{takes.HANDLE}-new-0-1073741824"
        await self.post_everywhere(single.content("early-NAMESPACE", "early", handle))
        await self.post(self.snapshots, single.given("early", "early-NAMESPACE"))
        where = f"VolumeSnapshot [{self.namespace}/early]"
        why = f"updateSnapshotStatus: cannot find the group snapshot for {where}, will not update snapshot status"
        text = f"Snapshot status update failed, {why}"
        await self.becomes(
            f"{self.snapshots}/early",
            "wrong",
            lambda found: found.get("status", {}).get("error", {}).get("message") == text,
        )
        self.assertEqual(await self.event("early", "SnapshotStatusUpdateFailed"), text)
        source = handles(f"{takes.HANDLE}-new", [handle])
        await self.post_everywhere(content("new-groups-NAMESPACE", "new", source))
        await self.together(given("new", "new-groups-NAMESPACE"))
        found = await self.is_ready(f"{self.snapshots}/early")
        self.assertEqual(found["status"]["volumeGroupSnapshotName"], "new")
        self.assertNotIn("error", found["status"])

    async def test_what_comes_late_is_taken(self) -> None:
        """A group without claims is wrong until there are some; those that come later still do not belong to it."""
        await self.post(self.groups, group("early", of("late"), single.STORAGE))
        path = f"{self.groups}/early"
        await self.becomes(path, "wrong", lambda found: "error" in found.get("status", {}))
        await self.bound(claim("late", "late"))
        self.assertNotIn("error", (await self.is_ready(path))["status"])
        await self.bound(claim("later", "late"))
        self.assertEqual(set(await self.members("early")), {"late"})

    async def test_what_takes_its_time(self) -> None:
        """A group is not ready before the storage has taken it."""
        await self.bound(claim("slow", "slow"))
        found = await self.together(group("of-slow", of("slow"), notes={DELAY: str(SLOW)}))
        begun, taken = found["metadata"]["creationTimestamp"], found["status"]["creationTime"]
        self.assertGreaterEqual(seconds(taken) - seconds(begun), SLOW)

    async def test_a_class_that_comes_late(self) -> None:
        await self.bound(claim("classed", "classed"))
        await self.post(self.groups, group("early-classed", of("classed"), "late-groups-NAMESPACE"))
        path = f"{self.groups}/early-classed"
        await self.becomes(path, "wrong", lambda found: "error" in found.get("status", {}))
        await self.post_everywhere(class_of("late-groups-NAMESPACE", "Delete"))
        self.assertNotIn("error", (await self.is_ready(path))["status"])


class RuleTests(Case):
    """What the definitions refuse, in the API server's words."""

    async def test_what_is_no_group(self) -> None:
        both, neither, empty = (group("wrong", of("db")) for _ in range(3))
        both["spec"]["source"]["volumeGroupSnapshotContentName"] = "x"
        neither["spec"]["source"] = {}
        empty["spec"]["volumeGroupSnapshotClassName"] = ""
        one = "exactly one of selector and volumeGroupSnapshotContentName must be set"
        for wrong, text in (
            (both, one),
            (neither, one),
            (empty, "volumeGroupSnapshotClassName must not be the empty string when set"),
        ):
            self.refused(await self.control.ask("POST", self.groups, wrong), 422, text)

    async def test_what_is_no_content(self) -> None:
        one = "exactly one of volumeHandles and groupSnapshotHandles must be set"
        both = content("wrong", "x", {"volumeHandles": ["v"], **handles()})
        homeless, other = content("wrong", "x"), content("wrong", "x", policy="Keep")
        del homeless["spec"]["volumeGroupSnapshotRef"]["namespace"]
        for wrong, text in (
            (both, one),
            (homeless, "both volumeGroupSnapshotRef.name and volumeGroupSnapshotRef.namespace must be set"),
            (other, 'Unsupported value: "Keep": supported values: "Delete", "Retain"'),
        ):
            self.refused(await self.control.ask("POST", self.group_contents, wrong), 422, text)

    async def test_a_group_stays_what_it_is(self) -> None:
        await self.post(self.groups, group("fixed", of("nobody"), single.STORAGE))
        await self.post(self.groups, given("stands", "nothing-NAMESPACE"))
        for name, source, text in (
            ("fixed", {"selector": {"matchLabels": {"app": "other"}}}, "selector is immutable"),
            ("fixed", {"selector": None}, "selector is required once set"),
            ("stands", {"volumeGroupSnapshotContentName": "other"}, "volumeGroupSnapshotContentName is immutable"),
        ):
            answer = await self.patched(f"{self.groups}/{name}", {"spec": {"source": source}})
            self.refused(answer, 422, text)

    async def test_a_content_stays_what_it_is(self) -> None:
        await self.post_everywhere(content("fixed-groups-NAMESPACE", "nobody", {"volumeHandles": ["v"]}))
        await self.post_everywhere(content("given-fixed-groups-NAMESPACE", "nobody", handles()))
        fixed, given_one = f"fixed-groups-{self.namespace}", f"given-fixed-groups-{self.namespace}"
        for name, spec, text in (
            (fixed, {"source": {"volumeHandles": ["w"]}}, "volumeHandles is immutable"),
            (fixed, {"driver": "other"}, "driver is immutable once set"),
            (fixed, {"volumeGroupSnapshotRef": {"name": "y"}}, "volumeGroupSnapshotRef.namespace are immutable"),
            (given_one, {"source": handles("other")}, "groupSnapshotHandles is immutable"),
            (given_one, {"source": {"groupSnapshotHandles": None}}, "groupSnapshotHandles is required once set"),
        ):
            self.refused(await self.patched(f"{self.group_contents}/{name}", {"spec": spec}), 422, text)

    async def test_a_class_stays_what_it_is(self) -> None:
        made = class_of("fixed-groups-NAMESPACE", "Delete")
        await self.post_everywhere({**made, "parameters": {"a": "b"}})
        path = f"{GROUPED}/volumegroupsnapshotclasses/fixed-groups-{self.namespace}"
        for change, text in (
            ({"driver": "other"}, "driver is immutable once set"),
            ({"deletionPolicy": "Retain"}, "deletionPolicy is immutable once set"),
            ({"parameters": {"a": "c"}}, "parameters are immutable once set"),
        ):
            self.refused(await self.patched(path, change), 422, text)

    async def patched(self, path: str, change: Document) -> Any:
        """The answer to a merge patch."""
        return await self.control.ask("PATCH", path, placed(change, self.namespace), "application/merge-patch+json")

    async def test_what_is_served(self) -> None:
        """In three versions, of which the oldest is going to go."""
        found = await self.control.get(GROUPED)
        kinds = {each["kind"]: each["shortNames"] for each in found["resources"] if "/" not in each["name"]}
        self.assertEqual(
            kinds,
            {
                "VolumeGroupSnapshot": ["vgs"],
                "VolumeGroupSnapshotClass": ["vgsclass", "vgsclasses"],
                "VolumeGroupSnapshotContent": ["vgsc", "vgscs"],
            },
        )
        root = GROUPED.rpartition("/")[0]
        versions = (await self.control.get(root))["versions"]
        self.assertEqual([each["version"] for each in versions], ["v1", "v1beta2", "v1beta1"])
        await self.post(self.groups, group("seen", of("nobody"), single.STORAGE))
        for each in ("v1beta2", "v1beta1"):
            old = await self.control.get(f"{root}/{each}/namespaces/{self.namespace}/volumegroupsnapshots/seen")
            self.assertEqual(old["apiVersion"], f"groupsnapshot.storage.k8s.io/{each}")
            self.assertEqual(old["spec"]["source"], {"selector": {"matchLabels": {"app": "nobody"}}})


class ByteTests(Carrying):
    async def test_bytes_of_a_moment(self) -> None:
        """Claims that are made of members hold what was there, also once that is gone."""
        noises = {name: Noise(size) for name, size in SIZES.items()}
        address = self.serve()
        for name, noise in noises.items():
            noise.write(self.folder / name)
            await self.make(volume(name, from_source({"http": {"url": f"{address}/{name}"}}, "8Mi"), IMMEDIATE))
        claims = f"{self.core}/persistentvolumeclaims"
        for name in noises:
            await self.filled(name)
            await self.change(f"{claims}/{name}", {"metadata": {"labels": {"moment": "one"}}})
        groups = f"{GROUPED}/namespaces/{self.namespace}/volumegroupsnapshots"
        await self.control.change("POST", groups, group("moment", {"moment": "one"}))
        members = await self.members(len(noises))
        for name in noises:
            await self.control.change("DELETE", f"{self.volumes}/{name}")
        for name, member in members.items():
            again = restored(f"again-{name}", member["metadata"]["name"], member["status"]["restoreSize"])
            await self.control.change("POST", claims, again)
        for name, noise in noises.items():
            path = f"{claims}/again-{name}"
            await self.becomes(path, "Bound", lambda found: found["status"]["phase"] == "Bound")
            await self.gives(f"again-{name}", noise, SIZES[name])
        await self.is_not_copied(members["data-motive"]["metadata"]["name"])

    async def is_not_copied(self, member: str) -> None:
        """CDI makes volumes of snapshots that name a class, which no member does."""
        photo = {"snapshot": {"name": member, "namespace": self.namespace}}
        await self.make(volume("copied", from_source(photo, "16Mi"), IMMEDIATE))
        text = f"snapshot {member}/{self.namespace} does not have volume snap class populated, can't clone"
        await self.becomes(
            f"{self.volumes}/copied",
            "refused",
            lambda found: text in conditions(found).get("Bound", {}).get("message", ""),
        )

    async def members(self, count: int) -> dict[str, Document]:
        """So many snapshots by their claims, once they are ready."""
        found: dict[str, Document] = {}

        async def seen() -> bool:
            everything = (await self.control.get(f"{GROUP}/namespaces/{self.namespace}/volumesnapshots"))["items"]
            ready = [each for each in everything if each.get("status", {}).get("readyToUse")]
            found.update({source_of(each): each for each in ready})
            return len(found) == count

        await self.control.until(SOON, "all members", seen)
        return found
