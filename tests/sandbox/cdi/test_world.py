"""What CDI's controllers do about each object."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Denied
from dicot.kube.kind import Manifest
from dicot.sandbox.cdi import names
from dicot.sandbox.cdi.kinds.claims import CLAIMS, PODS, SERVICES
from dicot.sandbox.cdi.kinds.classes import CDIS, CONFIGS
from dicot.sandbox.cdi.kinds.volumes import SOURCES, VOLUMES
from dicot.sandbox.cdi.tokens import API_SERVER, CONTROLLER, Grant
from dicot.sandbox.snapshots.kinds import SNAPSHOT_CLASSES, SNAPSHOTS
from dicot.sandbox.steps import REST, Create, Patch, Remove, Rewrite, Tell

from .things import NOW, TOKENS, Stage, manifest

OURS = {names.USE_POPULATOR: "false"}
HTTP: Manifest = {"source": {"http": {"url": "http://x/y"}}}
SIZED: Manifest = {"storage": {"resources": {"requests": {"storage": "1Gi"}}}}
OWNED = {"ownerReferences": [{"uid": "uid-v", "kind": "DataVolume", "name": "v", "controller": True}]}


def claim(name: str = "v", phase: str = "Bound", **more: Any) -> Manifest:
    size = {"resources": {"requests": {"storage": "1138166334"}}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "standard", **size}
    return manifest(name, **{"spec": spec, "status": {"phase": phase}, "meta": OWNED, **more})


def pod(name: str, component: str, owner: str, phase: str, state: Manifest | None = None, **more: Any) -> Manifest:
    labels = {names.COMPONENT: component}
    owners = [{"uid": owner, "kind": "PersistentVolumeClaim", "name": owner.removeprefix("uid-"), "controller": True}]
    statuses = [{"ready": phase == "Running", "restartCount": 0, "state": state or {phase.lower(): {}}}]
    meta = {"ownerReferences": owners} if owner else {}
    return manifest(name, labels=labels, meta=meta, status={"phase": phase, "containerStatuses": statuses}, **more)


class VolumeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()

    def volume(self, spec: Manifest, **more: Any) -> None:
        self.stage.put(VOLUMES, manifest("v", spec={**SIZED, **spec}, **{"notes": OURS, **more}))

    def test_it_is_marked_then_claimed(self) -> None:
        self.volume(HTTP, notes={"mine": "x"})
        (mark,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(mark, Patch)
        self.assertEqual(mark.body["metadata"]["annotations"], OURS)
        self.volume(HTTP, notes={"mine": "x", **OURS}, labels={"own": "y"})
        (made,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(made, Create)
        notes, labels = made.body["metadata"]["annotations"], made.body["metadata"]["labels"]
        self.assertEqual((notes["mine"], notes[names.ENDPOINT], notes[names.SOURCE]), ("x", "http://x/y", "http"))
        self.assertEqual((labels["own"], labels["app"]), ("y", "containerized-data-importer"))

    def test_a_quota_is_told_of(self) -> None:
        self.volume(HTTP)
        (made,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(made, Create) and made.refused is not None
        for message, reason in (("exceeded quota: q", "ErrExceededQuota"), ("no", "NotFound")):
            status, *_ = made.refused(Denied(403, "Forbidden", message))
            assert isinstance(status, Patch)
            self.assertEqual(status.body["status"]["phase"], "Pending")
            self.assertEqual(status.body["status"]["conditions"][0]["reason"], reason)

    def test_without_a_class_it_says_why(self) -> None:
        self.volume({**HTTP, "storage": {**SIZED["storage"], "storageClassName": "missing"}})
        status, *told = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["conditions"][0]["reason"], "ErrClaimNotValid")
        self.assertTrue(all(isinstance(each, Tell) for each in told))

    def test_its_phase_follows_the_claim(self) -> None:
        self.volume(HTTP, status={"phase": "Pending"})
        started = {names.IMPORT_POD: "importer-v"}
        for notes, phase, wanted in (
            ({}, "Pending", None),
            ({}, "Bound", "PVCBound"),
            (started, "Bound", "ImportScheduled"),
            ({**started, names.POD_PHASE: "Running"}, "Bound", "ImportInProgress"),
            ({**started, names.POD_PHASE: "Succeeded"}, "Bound", "Succeeded"),
            (started, "Lost", "Failed"),
        ):
            self.stage.put(CLAIMS, claim(phase=phase, notes=notes))
            status = self.stage.decide(VOLUMES, "v").steps[0]
            assert isinstance(status, Patch)
            self.assertEqual(status.body["status"].get("phase"), wanted)

    def test_a_claim_of_another_is_left_alone(self) -> None:
        self.volume(HTTP)
        self.stage.put(CLAIMS, claim(meta={}))
        self.assertEqual([type(each) for each in self.stage.decide(VOLUMES, "v").steps], [Tell])

    def test_a_clone_across_needs_a_token(self) -> None:
        spec = {"source": {"pvc": {"namespace": "images", "name": "s"}}}
        self.volume(spec)
        (pending, *_) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(pending, Patch)
        self.assertEqual(pending.body["status"]["phase"], "Pending")
        short = TOKENS.grant(Grant("images", "s", "n", "v"), API_SERVER, NOW)
        self.volume(spec, notes={**OURS, names.CLONE_TOKEN: short})
        (extended,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(extended, Patch)
        token = extended.body["metadata"]["annotations"][names.EXTENDED_TOKEN]
        self.assertEqual(TOKENS.read(token, CONTROLLER, NOW), Grant("images", "s", "n", "v", "uid-v"))

    def test_a_snapshot_is_put_into_a_claim_first(self) -> None:
        """Which is cloned then, and goes once that is done."""
        photo: Manifest = {"status": {"readyToUse": True, "restoreSize": "1Gi"}}
        photo["spec"] = {"volumeSnapshotClassName": "k"}
        self.stage.put(SNAPSHOT_CLASSES, manifest("k", namespace="") | {"driver": "sandbox.dicot.io/disk"})
        spec = {"source": {"snapshot": {"namespace": "n", "name": "s"}}, "storage": {}}
        self.volume(spec)
        status = self.stage.decide(VOLUMES, "v").steps[0]
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["conditions"][0]["reason"], "CloneWithoutSource")
        self.stage.put(SNAPSHOTS, manifest("s", **photo))
        (near,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(near, Create)
        self.assertEqual(near.body["spec"]["dataSource"]["name"], "s")
        self.assertEqual(near.body["spec"]["resources"]["requests"], {"storage": "1Gi"})
        name = near.body["metadata"]["name"]
        self.stage.put(CLAIMS, manifest(name))
        (made,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(made, Create)
        self.assertEqual(made.body["metadata"]["annotations"][names.CLONE_REQUEST], f"n/{name}")
        self.volume(spec, status={"phase": "Succeeded"})
        (gone,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(gone, Remove)
        self.assertEqual(gone.at.name, name)

    def test_a_snapshot_that_cannot_be_cloned(self) -> None:
        for status, more, text in (
            ({}, {}, "no status on source snapshot yet"),
            ({"error": {"message": "broken"}}, {}, "snapshot in error state with msg: broken"),
            ({"readyToUse": True}, {}, "does not have volume snap class populated, can't clone"),
            ({"readyToUse": True}, {"volumeSnapshotClassName": "k"}, "snapshot has no restore size"),
            ({"restoreSize": "2Gi"}, {"volumeSnapshotClassName": "k"}, "storage size is smaller than the source"),
        ):
            self.stage = Stage()
            known: Manifest = {"spec": more} | ({"status": status} if status else {})
            self.stage.put(SNAPSHOTS, manifest("s") | known)
            self.volume({"source": {"snapshot": {"namespace": "n", "name": "s"}}})
            said = self.stage.decide(VOLUMES, "v").steps[0]
            assert isinstance(said, Patch)
            self.assertIn(text, said.body["status"]["conditions"][0]["message"])

    def test_a_clone_waits_for_its_source(self) -> None:
        self.volume({"source": {"pvc": {"namespace": "n", "name": "s"}}})
        status = self.stage.decide(VOLUMES, "v").steps[0]
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["conditions"][0]["reason"], "CloneWithoutSource")
        self.stage.put(CLAIMS, claim("s", meta={}))
        (made,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(made, Create)
        self.assertEqual(made.body["metadata"]["annotations"][names.CLONE_REQUEST], "n/s")

    def test_an_upload_is_followed(self) -> None:
        """Ready once its server can be asked; nobody counts how far it is."""
        self.volume({"source": {"upload": {}}})
        (made,) = self.stage.decide(VOLUMES, "v").steps
        assert isinstance(made, Create)
        self.assertEqual(made.body["metadata"]["annotations"][names.UPLOAD_REQUEST], "")
        self.volume({"source": {"upload": {}}}, status={"phase": "Pending"})
        asked = {names.UPLOAD_REQUEST: ""}
        for notes, wanted, told in (
            ({}, "UploadScheduled", []),
            ({names.POD_PHASE: "Pending"}, "UploadScheduled", ["UploadScheduled"]),
            ({names.POD_PHASE: "Running", names.POD_READY: "false"}, "UploadScheduled", []),
            ({names.POD_PHASE: "Running", names.POD_READY: "true"}, "UploadReady", ["UploadReady"]),
            ({names.POD_PHASE: "Succeeded"}, "Succeeded", ["UploadSucceeded"]),
        ):
            self.stage.put(CLAIMS, claim(notes={**asked, **notes}))
            status, *rest = self.stage.decide(VOLUMES, "v").steps
            assert isinstance(status, Patch)
            found = status.body["status"]
            self.assertEqual((found["phase"], found["progress"]), (wanted, "N/A"))
            reasons = [each.body["reason"] for each in rest if isinstance(each, Tell)]
            self.assertEqual([each for each in reasons if each.startswith("Upload")], told)

    def test_nothing_is_done_about_others(self) -> None:
        self.volume({"source": {"s3": {"url": "https://x/y"}}})
        self.assertEqual(self.stage.decide(VOLUMES, "v"), REST)
        self.volume(HTTP, meta={"deletionTimestamp": "2027-01-15T08:00:00Z"})
        self.assertEqual(self.stage.decide(VOLUMES, "v"), REST)
        self.assertEqual(self.stage.decide(VOLUMES, "nobody"), REST)


class ClaimTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()

    def test_an_importer_is_named_then_made(self) -> None:
        self.stage.put(CLAIMS, claim(notes={names.SOURCE: "registry", names.ENDPOINT: "docker://x"}))
        (named,) = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(named, Patch)
        notes = named.body["metadata"]["annotations"]
        self.assertEqual(notes, {names.IMPORT_POD: "importer-v", names.REQUIRES_SCRATCH: "true"})
        self.stage.put(CLAIMS, claim(notes={names.SOURCE: "registry", names.ENDPOINT: "docker://x", **notes}))
        (made,) = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(made, Create) and made.refused is not None
        self.assertEqual(made.body["metadata"]["name"], "importer-v")
        _, said = made.refused(Denied(403, "Forbidden", "exceeded quota: q"))
        assert isinstance(said, Patch)
        self.assertEqual(said.body["metadata"]["annotations"][f"{names.RUNNING}.reason"], "ErrExceededQuota")

    def test_an_importer_is_followed_to_its_end(self) -> None:
        notes = {names.SOURCE: "none", names.IMPORT_POD: "importer-v"}
        self.stage.put(CLAIMS, claim(notes=notes))
        ended = {"terminated": {"exitCode": 0, "reason": "Completed", "message": "{}"}}
        self.stage.put(PODS, pod("importer-v", names.IMPORTER, "uid-v", "Succeeded", ended))
        said, told = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(said, Patch) and isinstance(told, Tell)
        self.assertEqual(said.body["metadata"]["annotations"][names.POD_PHASE], "Succeeded")
        self.assertEqual(told.body["message"], "Import Successful")
        self.stage.put(CLAIMS, claim(notes={**notes, **said.body["metadata"]["annotations"]}))
        (gone,) = self.stage.decide(CLAIMS, "v").steps
        self.assertEqual((type(gone), gone.at.name), (Remove, "importer-v"))

    def test_a_failure_is_told_and_counted(self) -> None:
        self.stage.put(CLAIMS, claim(notes={names.SOURCE: "none", names.IMPORT_POD: "importer-v"}))
        failed = pod(
            "importer-v", names.IMPORTER, "uid-v", "Running", {"terminated": {"exitCode": 1, "message": "no"}}
        )
        failed["status"]["containerStatuses"][0]["restartCount"] = 3
        self.stage.put(PODS, failed)
        told, said = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(said, Patch) and isinstance(told, Tell)
        notes = said.body["metadata"]["annotations"]
        self.assertEqual((notes[names.POD_RESTARTS], notes[names.RUNNING]), ("3", "false"))

    def test_an_upload_server_is_named_made_and_certified(self) -> None:
        """With a scratch space and a Service; a claim that shall be cloned into as well gets none."""
        asked = {names.UPLOAD_REQUEST: ""}
        self.stage.put(CLAIMS, claim(notes={**asked, names.CLONE_REQUEST: "n/s"}))
        self.assertEqual(self.stage.decide(CLAIMS, "v"), REST)
        self.stage.put(CLAIMS, claim(notes=asked))
        (named,) = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(named, Patch)
        notes = named.body["metadata"]["annotations"]
        self.assertEqual(notes, {names.UPLOAD_POD: "cdi-upload-v"})
        self.stage.put(CLAIMS, claim(notes={**asked, **notes}))
        (made,) = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(made, Create)
        (container,) = made.body["spec"]["containers"]
        self.assertIn({"name": "CLIENT_NAME", "value": names.PROXY}, container["env"])
        self.stage.put(PODS, pod("cdi-upload-v", names.UPLOAD_SERVER, "uid-v", "Pending"))
        secret, scratch, service = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(secret, Create) and isinstance(scratch, Create) and isinstance(service, Create)
        self.assertEqual(sorted(secret.body["data"]), ["ca.crt", "tls.crt", "tls.key"])
        self.assertEqual(
            [each.body["metadata"]["name"] for each in (secret, scratch, service)],
            ["cdi-upload-v", "v-scratch", "cdi-upload-v"],
        )

    def test_an_upload_server_is_followed_to_its_end(self) -> None:
        asked = {names.UPLOAD_REQUEST: "", names.UPLOAD_POD: "cdi-upload-v"}
        self.stage.put(CLAIMS, claim(notes=asked))
        self.stage.put(CLAIMS, claim("v-scratch", meta={}))
        self.stage.put(SERVICES, manifest("cdi-upload-v"))
        said = '{"preallocationApplied":false,"message":"Upload Complete"}'
        ended = {"terminated": {"exitCode": 0, "reason": "Completed", "message": said}}
        self.stage.put(PODS, pod("cdi-upload-v", names.UPLOAD_SERVER, "uid-v", "Succeeded", ended))
        done, told = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(done, Patch) and isinstance(told, Tell)
        notes = done.body["metadata"]["annotations"]
        self.assertEqual(
            (notes[names.POD_PHASE], notes[f"{names.RUNNING}.message"]), ("Succeeded", "Upload Complete")
        )
        self.assertEqual((told.body["reason"], told.body["message"]), ("UploadSucceeded", "Upload Successful"))
        self.stage.put(CLAIMS, claim(notes={**asked, **notes}))
        self.assertEqual(
            [(type(each), each.at.plural) for each in self.stage.decide(CLAIMS, "v").steps],
            [(Remove, "services"), (Remove, "pods")],
        )

    def test_nobody_clones_by_a_forged_request(self) -> None:
        """Anybody may write the annotation; the source Pod needs CDI's word."""
        notes = {names.CLONE_REQUEST: "images/s", names.POD_READY: "true", names.CLONE_SOURCE_POD: "uid-v-source-pod"}
        notes |= {names.POD_PHASE: "Running", names.UPLOAD_CLIENT: "images/s-n/v", names.UPLOAD_POD: "cdi-upload-v"}
        notes |= {names.RUNNING: "true", f"{names.RUNNING}.message": "", f"{names.RUNNING}.reason": "Pod is running"}
        notes[names.POD_RESTARTS] = "0"
        self.stage.put(CLAIMS, claim("s", namespace="images", meta={}))
        self.stage.put(PODS, pod("cdi-upload-v", names.UPLOAD_SERVER, "uid-v", "Running"))
        self.stage.put(SERVICES, manifest("cdi-upload-v"))
        for token in ({}, {names.EXTENDED_TOKEN: TOKENS.grant(Grant("images", "s", "n", "other"), CONTROLLER, NOW)}):
            self.stage.put(CLAIMS, claim(notes={**notes, **token}))
            self.assertEqual(self.stage.decide(CLAIMS, "v"), REST)
        right = TOKENS.grant(Grant("images", "s", "n", "v", "uid-v"), CONTROLLER, NOW)
        self.stage.put(CLAIMS, claim(notes={**notes, names.EXTENDED_TOKEN: right}))
        (made,) = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(made, Create)
        self.assertEqual((made.at.namespace, made.body["metadata"]["name"]), ("images", "uid-v-source-pod"))

    def test_a_clone_that_is_done_lets_its_claim_go(self) -> None:
        notes = {names.CLONE_REQUEST: "n/s", names.POD_PHASE: "Succeeded", names.CLONE_OF: "true"}
        self.stage.put(CLAIMS, claim(notes=notes, meta={"finalizers": [names.CLONE_FINALIZER]}))
        (freed,) = self.stage.decide(CLAIMS, "v").steps
        assert isinstance(freed, Rewrite)
        changed = freed.change({"metadata": {"uid": "uid-v", "finalizers": ["x", names.CLONE_FINALIZER]}})
        assert changed is not None
        self.assertEqual(changed["metadata"]["finalizers"], ["x"])


class SettingTests(SynchronousTestCase):
    def test_the_configuration_follows_cdis_own_object(self) -> None:
        """Only where that says so; what its spec says of uploads, its status says too."""
        stage = Stage()
        wished = {"uploadProxyURLOverride": "127.0.0.1:1"}
        stage.concerned.clear()
        stage.put(CDIS, manifest("cdi", "", spec={"config": wished}))
        self.assertEqual(stage.concerned, {("cdiconfigs", names.CONFIG)})
        (status,) = stage.decide(CONFIGS, names.CONFIG, "").steps
        assert isinstance(status, Patch)
        self.assertNotIn("uploadProxyURL", status.body["status"])
        stage.put(CDIS, manifest("cdi", "", spec={"config": wished}, notes={names.CONFIG_AUTHORITY: ""}))
        (written,) = stage.decide(CONFIGS, names.CONFIG, "").steps
        assert isinstance(written, Rewrite)
        self.assertEqual(written.change({"spec": {"preallocation": True}}), {"spec": wished})
        stage.put(CONFIGS, manifest(names.CONFIG, "", spec=wished))
        (status,) = stage.decide(CONFIGS, names.CONFIG, "").steps
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["uploadProxyURL"], "127.0.0.1:1")


class SourceTests(SynchronousTestCase):
    def test_it_is_ready_once_its_volume_is(self) -> None:
        stage = Stage()
        stage.put(SOURCES, manifest("d", spec={"source": {"pvc": {"name": "v", "namespace": "n"}}}))
        for phase, status, reason in (
            (None, "False", "NotFound"),
            ("ImportInProgress", "False", "ImportInProgress"),
            ("Succeeded", "True", "Ready"),
        ):
            if phase is not None:
                stage.put(VOLUMES, manifest("v", spec={**SIZED, **HTTP}, status={"phase": phase}))
            (said,) = stage.decide(SOURCES, "d").steps
            assert isinstance(said, Patch)
            ready = said.body["status"]["conditions"][0]
            self.assertEqual((ready["status"], ready["reason"]), (status, reason))

    def test_who_is_concerned_is_decided_again(self) -> None:
        """A source's claim by what is cloned from it, a worker's Pod by its claim in another namespace."""
        stage = Stage()
        stage.put(VOLUMES, manifest("v", spec={**SIZED, "source": {"pvc": {"namespace": "images", "name": "s"}}}))
        stage.put(CLAIMS, claim("c", notes={names.CLONE_REQUEST: "images/s"}))
        stage.concerned.clear()
        stage.put(CLAIMS, claim("s", namespace="images", meta={}))
        self.assertLessEqual({("datavolumes", "v"), ("persistentvolumeclaims", "c")}, stage.concerned)
        stage.concerned.clear()
        sender = pod(
            "uid-c-source-pod", names.CLONE_SENDER, "", "Running", namespace="images", notes={names.TARGET: "n/c"}
        )
        stage.put(PODS, sender)
        self.assertIn(("persistentvolumeclaims", "c"), stage.concerned)
