"""What CDI does with DataVolumes: import, blank, clone in and across namespaces, what it refuses, and the settings.

It runs on the real programs and on the sandbox. What they do is recorded in ``tests/sandbox/cdi/recorded``.

Differences that are meant: the sandbox makes no Secrets with certificates for clones, since nobody connects to their
workers; a claim that waits does not repeat its last Event in its annotations. Uploads of archives, clones of claims
without a size, the sources s3, gcs, imageio and vddk, DataImportCrons and claims that are adopted are 501.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred

from tests.cluster.control import SOON, Overdue
from tests.cluster.differences import differences
from tests.cluster.objects import Document, named
from tests.cluster.releases import claim_before, release
from tests.cluster.shared import is_sandbox
from tests.live.seen.objects import CDI, binding, from_source, volume
from tests.live.seen.person import Person, account
from tests.live.seen.stage import STAGE, SeenTestCase
from tests.sandbox.cdi import lives, offers
from tests.sandbox.cdi.lives import LIVES
from tests.sandbox.cdi.watcher import Watcher
from tests.sandbox.snapshots import takes
from tests.sandbox.snapshots.watcher import GROUP

LATE = 2 * SOON
"""Seconds in which also that is written which the real programs write behind everything else."""
QUOTA = "volumes"
RBAC_VERSION = "rbac.authorization.k8s.io/v1"
MAKING = {"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes"], "verbs": ["create"]}
GIBIBYTE = "1Gi"
FALLBACK = "cdi.kubevirt.io/cloneFallbackReason"


class Case(SeenTestCase):
    """A class that makes all volumes once."""

    _stories: dict[str, list[Document]] = {}

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.watcher = Watcher(self.control, self.namespace, STAGE.since, self._stories)
        self.maxDiff = None


class LifeTests(Case):
    async def setUp(self) -> None:  # type: ignore[override]
        """The volumes are made once, for all tests here."""
        await super().setUp()
        await self.once(self.watcher.make, self.watcher.settled)
        self.recorded = json.loads(lives.RECORDED.read_text())

    async def test_lives_go_as_recorded(self) -> None:
        """Volumes, claims and workers are as a whole what they were on the real programs."""
        found, here = await self.watcher.told(), await release(self.control)
        wrong: dict[str, Any] = {}
        for life in LIVES:
            mine, theirs = found[life.name], self.recorded["lives"][life.name]
            mine["claim"] = claim_before(here, mine.get("claim", {}))
            for part in theirs:
                if part != "phases" and mine.get(part) != theirs[part]:
                    wrong[f"{life.name}: {part}"] = differences(mine.get(part), theirs[part])
        self.assertEqual(wrong, {})

    async def test_what_happens_is_told(self) -> None:
        """By Events, sooner or later, and by none that were not told on the real programs.

        Those lose some that tell of a volume's state when much happens at once: each time that of others.
        """
        recorded = self.recorded["events"]
        awaited = [(name, each) for name, events in recorded.items() for each in events if lives.is_surely_told(each)]
        found: dict[str, list[list[str]]] = {}

        of_volumes = [(name, each) for name, each in awaited if each[0] == "DataVolume"]
        may_lose = 0 if is_sandbox() else len(of_volumes) // 2

        async def all_told() -> bool:
            found.update(await self.watcher.events())
            return len(untold(awaited)) == len(untold(of_volumes)) <= may_lose

        def untold(events: Collection[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
            return [(name, each) for name, each in events if each not in found.get(name, ())]

        try:
            await self.control.until(LATE, "all Events", all_told)
        except Overdue as error:
            raise Overdue(f"{error}; not told: {untold(awaited)}") from None
        strange = {name: [each for each in told if each not in recorded[name]] for name, told in found.items()}
        self.assertEqual({name: events for name, events in strange.items() if events}, {})

    async def test_phases_come_in_their_order(self) -> None:
        """None comes twice, and each life ends in its own."""
        found = await self.watcher.told()
        for life in LIVES:
            phases = found[life.name]["phases"]
            self.assertTrue(lives.is_ordered(phases, life.order), (life.name, phases))
            self.assertEqual((phases[0], phases[-1]), ("", life.end), life.name)

    async def test_sources_say_what_they_are(self) -> None:
        """DataSources over claims, over nothing and over each other."""
        found, recorded = await self.watcher.sources(), self.recorded["sources"]
        wrong = {name: differences(found[name], recorded[name]) for name in recorded if found[name] != recorded[name]}
        self.assertEqual(wrong, {})

    async def test_a_class_has_its_profile(self) -> None:
        """Made and removed with it, and its share of overhead is in CDIConfig."""
        found, recorded = await self.watcher.profile(), self.recorded["settings"]
        self.assertEqual(differences(found, recorded), {})

    async def test_a_class_with_snapshots_says_so(self) -> None:
        """Its profile names the class of these, and clones by them where a driver can."""
        found = (await self.control.get(f"{CDI}/storageprofiles/standard"))["status"]
        said = (found["provisioner"], found.get("snapshotClass"), found["cloneStrategy"])
        self.assertEqual(said, ("disk.sandbox.dicot.io", "standard", "snapshot"))

    async def test_offers_are_answered_as_recorded(self) -> None:
        """What is wrong with a DataVolume is said in CDI's words."""
        found, recorded = await self.watcher.refusals(), json.loads(offers.RECORDED.read_text())
        wrong = {name: (found[name], recorded[name]) for name in recorded if found[name] != recorded[name]}
        self.assertEqual(wrong, {})

    async def test_a_spec_stays_as_it_is(self) -> None:
        """Any change is 422; labels and annotations may be written."""
        path = f"{self.volumes}/imported"
        patch = {"spec": {"contentType": "archive"}}
        answer = await self.control.ask("PATCH", path, patch, "application/merge-patch+json")
        self.refused(answer, 422, "Cannot update DataVolume Spec")
        changed = await self.change(path, {"metadata": {"labels": {"example.org/more": "kept"}}})
        self.assertEqual(changed["metadata"]["labels"]["example.org/more"], "kept")
        await self.change(path, {"metadata": {"labels": {"example.org/more": None}}})

    async def test_a_claim_of_somebody_else_is_not_taken(self) -> None:
        claim = named("PersistentVolumeClaim", "taken", spec={"accessModes": ["ReadWriteOnce"]})
        claim["spec"]["resources"] = {"requests": {"storage": GIBIBYTE}}
        await self.make(claim)
        answer = await self.offer(volume("taken", from_source({"blank": {}})))
        self.refused(answer, 422, f"Destination PVC {self.namespace}/taken already exists")

    async def test_a_clone_is_refused_to_who_may_not(self) -> None:
        """422, with the account and the source's namespace; a claim with a forged request is not filled."""
        person = await self._maker()
        wish = from_source({"pvc": {"name": "cirros", "namespace": "dicot-images"}})
        answer = await person.ask("POST", self.volumes, volume("refused", wish))
        self.assertEqual(answer.status, 422, answer.content)
        who = account(self.namespace, "maker")
        text = f"User {who} has insufficient permissions in clone source namespace dicot-images"
        cause = {"reason": "FieldValueInvalid", "message": text, "field": "spec.source.PVC.namespace"}
        self.assertEqual(answer.document["details"], {"causes": [cause]})
        within = from_source({"pvc": {"name": "imported", "namespace": self.namespace}})
        taken = await person.ask("POST", f"{self.volumes}?dryRun=All", volume("allowed", within))
        self.assertEqual(taken.status, 201, taken.content)

    async def _maker(self) -> Person:
        """The administrator in the name of an account that may make volumes here."""
        rule = {"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes"], "verbs": ["create", "get"]}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maker"}
        subject = {"kind": "ServiceAccount", "name": "maker", "namespace": self.namespace}
        version = "rbac.authorization.k8s.io/v1"
        await self.make(
            named("ServiceAccount", "maker"),
            named("Role", "maker", None, version, rules=[rule]),
            named("RoleBinding", "maker", None, version, roleRef=reference, subjects=[subject]),
        )
        user = {"Impersonate-User": account(self.namespace, "maker")}
        person = Person(self.pool, self.access, self.access.admin, user)

        async def allowed() -> bool:
            return (await person.ask("GET", f"{self.volumes}/nothing")).status == 404

        await self.control.until(SOON, "the right to make volumes", allowed)
        return person


class EndTests(SeenTestCase):
    CAST = (
        volume("running", from_source({"http": {"url": "http://images.sandbox.invalid/x"}}), lives.FAULT),
        named("ResourceQuota", QUOTA, spec={"hard": {"persistentvolumeclaims": "2"}}),
        volume("filled", from_source({"blank": {}})),
    )

    async def test_a_volume_takes_all_with_it(self) -> None:
        """In the middle of its import: the claim and the importer go, and the volume behind them."""
        await self.becomes(f"{self.volumes}/running", "at work", _is_running)
        claim = await self.control.get(f"{self.core}/persistentvolumeclaims/running")
        await self.control.change("DELETE", f"{self.volumes}/running")
        for path in (f"{self.core}/pods/importer-running", f"{self.core}/persistentvolumeclaims/running"):
            await self.vanishes(path)
        await self.vanishes(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}")

    async def test_a_quota_is_told_of(self) -> None:
        """A volume whose claim a quota refuses is Pending, and says which."""
        await self.becomes(
            f"{self.core}/resourcequotas/{QUOTA}", "counted", lambda found: "hard" in found.get("status", {})
        )
        await self.becomes(f"{self.volumes}/filled", "filled", lambda found: _phase(found) == "Succeeded")
        await self.change(f"{self.core}/resourcequotas/{QUOTA}", {"spec": {"hard": {"persistentvolumeclaims": "1"}}})
        await self.becomes(
            f"{self.core}/resourcequotas/{QUOTA}",
            "less",
            lambda found: found["status"]["hard"]["persistentvolumeclaims"] == "1",
        )
        await self.make(volume("over", from_source({"blank": {}})))
        found = await self.becomes(f"{self.volumes}/over", "refused", lambda found: bool(found.get("status")))
        bound = next(each for each in found["status"]["conditions"] if each["type"] == "Bound")
        self.assertEqual((_phase(found), bound["status"], bound["reason"]), ("Pending", "False", "ErrExceededQuota"))
        text = f'persistentvolumeclaims "over" is forbidden: exceeded quota: {QUOTA}, requested:'
        self.assertIn(f"{text} persistentvolumeclaims=1", bound["message"])


class StrategyTests(SeenTestCase):
    async def test_a_class_that_clones_by_its_driver(self) -> None:
        """Its profile says so, and it is copied all the same: no CSIDriver stands behind it."""
        name, classes = f"cloning-{self.namespace}", "/apis/storage.k8s.io/v1/storageclasses"
        made = named("StorageClass", name, None, "storage.k8s.io/v1", provisioner="disk.sandbox.dicot.io")
        await self.control.change("POST", classes, made)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.ask("DELETE", f"{classes}/{name}")))
        profile = f"{CDI}/storageprofiles/{name}"
        await self.becomes_there(profile)
        await self.change(profile, {"spec": {"cloneStrategy": "csi-clone"}})
        await self.becomes(profile, "csi-clone", lambda found: found["status"]["cloneStrategy"] == "csi-clone")
        await self.make(takes.claim("motive", "8Mi"))
        source = {"pvc": {"name": "motive", "namespace": self.namespace}}
        wish = from_source(source, "8Mi", storageClassName=name, accessModes=["ReadWriteOnce"])
        await self.make(volume("copy", wish))
        path = f"{self.core}/persistentvolumeclaims/copy"
        await self.becomes_there(path)
        found = await self.becomes(path, "explained", lambda found: FALLBACK in found["metadata"]["annotations"])
        notes = found["metadata"]["annotations"]
        self.assertEqual(notes[FALLBACK], "In tree storage class does not support snapshot/clone")
        self.assertEqual(notes["cdi.kubevirt.io/cloneType"], "copy")
        self.assertEqual(notes["k8s.io/CloneRequest"], f"{self.namespace}/motive")
        copy = await self.becomes(
            f"{self.volumes}/copy",
            "marked",
            lambda found: "cdi.kubevirt.io/cloneType" in found["metadata"]["annotations"],
        )
        self.assertEqual(copy["metadata"]["annotations"]["cdi.kubevirt.io/storage.usePopulator"], "false")

    async def becomes_there(self, path: str) -> None:
        """Wait until there is something at a path."""
        await self.control.until(SOON, path, lambda: self.control.answers(path))


class SnapshotTests(SeenTestCase):
    async def setUp(self) -> None:  # type: ignore[override]
        """A snapshot in a namespace of its own."""
        await super().setUp()
        self.far = f"{self.namespace}-far-{uuid4().hex[:4]}"
        await self.control.change("POST", "/api/v1/namespaces", named("Namespace", self.far))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.ask("DELETE", f"/api/v1/namespaces/{self.far}")))
        self.claims = f"/api/v1/namespaces/{self.far}/persistentvolumeclaims"
        snapshots = f"{GROUP}/namespaces/{self.far}/volumesnapshots"
        await self.control.change("POST", self.claims, takes.claim("motive"))
        await self.control.change("POST", snapshots, takes.snapshot("photo", "motive"))
        await self.becomes(
            f"{snapshots}/photo", "ready", lambda found: bool(found.get("status", {}).get("readyToUse"))
        )
        self.wish = from_source({"snapshot": {"name": "photo", "namespace": self.far}})

    async def test_it_is_cloned_across(self) -> None:
        """By way of a claim beside it, which goes."""
        await self.make(volume("across", self.wish))
        await self.becomes(f"{self.volumes}/across", "cloned", lambda found: _phase(found) == "Succeeded")

        async def alone() -> bool:
            found = (await self.control.get(self.claims))["items"]
            return [each["metadata"]["name"] for each in found] == ["motive"]

        await self.control.until(SOON, "the claim beside it to go", alone)

    async def test_it_is_refused_to_who_may_not(self) -> None:
        """Unless it may clone from there."""
        await self.make(
            named("Role", "maker", None, RBAC_VERSION, rules=[MAKING]),
            binding("maker", "Role", "maker", self.namespace, "maker"),
        )
        user = {"Impersonate-User": account(self.namespace, "maker")}
        person = Person(self.pool, self.access, self.access.admin, user)
        text = f"User {account(self.namespace, 'maker')} has insufficient permissions in clone source namespace"
        found: list[str] = []

        async def refused() -> bool:
            answer = await person.ask("POST", f"{self.volumes}?dryRun=All", volume("made", self.wish))
            found[:] = [answer.document.get("message", "")]
            return f"{text} {self.far}" in found[0]

        await self.control.until(SOON, "the refusal of CDI", refused)
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.far}"
        source = {"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes/source"], "verbs": ["create"]}
        await self.control.change(
            "POST", f"{path}/roles", named("Role", "source", None, RBAC_VERSION, rules=[source])
        )
        allowed = binding("source", "Role", "source", self.namespace, "maker")
        await self.control.change("POST", f"{path}/rolebindings", allowed)

        async def taken() -> bool:
            return (await person.ask("POST", f"{self.volumes}?dryRun=All", volume("made", self.wish))).status == 201

        await self.control.until(SOON, "the right to clone", taken)


def _phase(found: Document) -> str:
    phase: str = found.get("status", {}).get("phase", "")
    return phase


def _is_running(found: Document) -> bool:
    return _phase(found) == "ImportInProgress"
